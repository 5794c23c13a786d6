"""As many made-up conversations as are asked for: the same for the same seed but for their dates, which end now.

Only cards are made at first, a few hundred bytes each; what a conversation, an order or a customer holds is written
out when it is looked at (see ``shelves``). The mix is that of real accounts: mostly e-mail whose ids are Message-IDs
with angle brackets, social channels with ids of their own, threads of one to 875 messages, orders linked or not.
"""

import hashlib
import random
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import yaml

from richpanel_sim.crowd_threads import Talk, ThreadWriter
from richpanel_sim.messages import to_message_id, to_source, to_ticket_id
from richpanel_sim.seed import load_shop
from richpanel_sim.seed_orders import Placing, make_order
from richpanel_sim.shelves import JsonObject, Shelf
from richpanel_sim.tenants import (
    CustomerCard,
    OrderCard,
    OrderKey,
    Tenant,
    TicketCard,
    customer_card,
    order_card,
    ticket_card,
    to_wire_time,
)

DEFAULT_CONVERSATIONS = 10_000
DEFAULT_SEED = 1

_SPAN = timedelta(days=400)
_FIRST_NUMBER = 10_001
_FIRST_ORDER = 200_001
_TAGS = 140
_IMPORTED_SHARE, _OPEN_SHARE, _LINKED_SHARE, _HIGH_SHARE, _ASSIGNED_SHARE = 0.1, 0.15, 0.6, 0.1, 0.85
_SPARE_TAG_SHARE = 0.2
_LONGEST, _LONG, _USUAL = 875, 60, 8
_LONGEST_EVERY, _LONGEST_AT, _LONG_SHARE = 2500, 137, 0.02
_CHANNELS = (
    *(("email", 55), ("email_from_widget", 8), ("messenger", 8), ("instagram_message", 7), ("whatsapp", 5)),
    *(("instagram_comment", 4), ("facebook_feed_comment", 4), ("aircall", 4), ("facebook_message", 3), ("api", 2)),
)
_KINDS, _WEIGHTS = zip(*_CHANNELS, strict=True)
_SCORES = ("Neutral", "Bad", "Terrible", None, None, None)
_STAGES = ("delivered", "delivered", "delivered", "split", "refunded")


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many conversations a tenant starts with, and the seed they grow from."""

    seed: int = DEFAULT_SEED
    conversations: int = DEFAULT_CONVERSATIONS


class _Plan(NamedTuple):
    """One conversation before it is written out: everything its card needs, and the dice for the rest."""

    number: int
    channel: str
    customer: int
    order: int | None
    status: str
    agent: int | None
    opened: datetime
    turns: int
    step: timedelta
    dice: random.Random


@cache
def load_words() -> Mapping[str, Any]:
    """The words of ``crowd.yaml``, read once; nobody changes them."""
    text = resources.files("richpanel_sim").joinpath("crowd.yaml").read_text("utf-8")
    words: Mapping[str, Any] = yaml.safe_load(text)
    return words


def crowd_tenant(crowd: Crowd, name: str, now: datetime) -> Tenant:
    """Account ``name`` with its crowd, the newest conversation opened shortly before ``now``."""
    return _CrowdWriter(crowd, name, now).write()


class _CrowdWriter:
    """Makes the cards of one account, and writes out what is behind one of them."""

    def __init__(self, crowd: Crowd, name: str, now: datetime) -> None:
        self._crowd, self._name, self._now = crowd, name, now
        self._shop, self._words = load_shop(), load_words()
        self._customers = max(20, crowd.conversations // 3)
        self._orders = max(20, crowd.conversations // 2)
        self._products = list(self._shop["products"])
        self._contacts = [self._contact(customer) for customer in range(self._customers)]
        self._agents = [self._ident("user", place) for place in range(len(self._words["agents"]))]
        self._tenant = Tenant(organization_id=name, app_client_id=f"{name}0")

    def write(self) -> Tenant:
        """The account."""
        tenant = self._tenant
        self._write_directory()
        customers = {card.id: card for card in map(self._customer_card, range(self._customers))}
        tenant.customers = Shelf(customer_card, customers, self._customer_of)
        orders = {card.key: card for card in map(self._order_card, range(self._orders))}
        tenant.orders = Shelf(order_card, orders, lambda card: self._order(int(card.key[1]) - _FIRST_ORDER))
        tenant.imported_up_to = _FIRST_NUMBER - 1 + int(self._crowd.conversations * _IMPORTED_SHARE)
        cards: dict[str, TicketCard] = {}
        for index in range(self._crowd.conversations):
            plan = self._plan(index)
            card = self._ticket_card(plan)
            cards[card.id] = card
            if plan.order is not None:
                tenant.order_links[card.id] = self._order_key(plan.order)
        tenant.tickets = Shelf(ticket_card, cards, self._ticket_of)
        return tenant

    def _write_directory(self) -> None:
        tenant, words = self._tenant, self._words
        stamp = to_wire_time(self._now - _SPAN)
        made = {"organization_id": self._name, "created_at": stamp, "updated_at": stamp}
        roles = ("TENANT_ADMIN", "TENANT_AGENT_FULL", "TENANT_AGENT_FULL", "TENANT_COLLABORATOR")
        tenant.users = [
            {
                "id": self._agents[place],
                "name": agent,
                "email": f"{_letters(agent.split(' ')[0])}@fernhollow.example",
                "role": roles[place % len(roles)],
            }
            for place, agent in enumerate(words["agents"])
        ]
        tenant.teams = [{"id": self._ident("team", team), "name": team, **made} for team in words["teams"]]
        spare = [f"{words['tag_words'][n % len(words['tag_words'])]}-{n:03}" for n in range(_TAGS - 8)]
        tags = {**self._shop["tags"], **dict.fromkeys(spare, "")}
        tenant.tags = [
            {"id": self._ident("tag", t), "name": t, "description": text, **made} for t, text in tags.items()
        ]
        tenant.channels = [
            {"id": self._ident("channel", kind), "type": kind, "business_brand_name": self._shop["brand"]}
            | {"created_at": stamp, "updated_at": stamp}
            for kind in self._shop["channels"]
        ]

    def _plan(self, index: int) -> _Plan:
        """Conversation ``index``, 0 the oldest."""
        dice = self._dice("conversation", index)
        age = _SPAN * ((self._crowd.conversations - index - dice.random()) / self._crowd.conversations)
        opened = self._now - age
        is_closed = dice.random() > _OPEN_SHARE
        turns = _turns(dice, index)
        customer = int(dice.random() ** 2 * self._customers)
        return _Plan(
            _FIRST_NUMBER + index,
            dice.choices(_KINDS, _WEIGHTS)[0],
            customer,
            self._order_before(customer, opened) if dice.random() < _LINKED_SHARE else None,
            "CLOSED" if is_closed else "OPEN",
            dice.randrange(len(self._words["agents"])) if dice.random() < _ASSIGNED_SHARE else None,
            opened,
            turns,
            # The whole thread fits between its opening and now.
            min(timedelta(hours=dice.uniform(0.1, 20)), age / (turns + 1)),
            dice,
        )

    def _ticket_card(self, plan: _Plan) -> TicketCard:
        email, phone = self._contacts[plan.customer]
        last = plan.opened + plan.step * (plan.turns - 1)
        return TicketCard(
            self._ticket_id(plan, phone),
            plan.number,
            plan.status,
            to_wire_time(plan.opened),
            to_wire_time(last),
            "unassigned" if plan.agent is None else self._agents[plan.agent],
            email,
            phone,
        )

    def _ticket_of(self, card: TicketCard) -> JsonObject:
        plan = self._plan(card.number - _FIRST_NUMBER)
        customer, dice = self._customer(plan.customer), plan.dice
        channel = "email" if plan.channel == "api" else plan.channel
        topic = dice.choice(self._words["topics"])
        filling = self._filling(plan, customer)
        comments = ThreadWriter(self._words, filling, dice, channel).write(dice.choice(topic["says"]), self._talk(plan))
        is_rated = plan.status == "CLOSED" and (score := dice.choice(_SCORES)) is not None
        return {
            "id": card.id,
            "conversation_no": plan.number,
            "organization_id": self._name,
            "app_client_id": self._tenant.app_client_id,
            "status": plan.status,
            "priority": "HIGH" if dice.random() < _HIGH_SHARE else "LOW",
            "subject": topic["subject"].format_map(filling),
            "assignee_id": card.assignee_id,
            "recipient": self._shop["mailbox"] if "email" in channel else self._shop["phone"],
            "created_at": card.created_at,
            "updated_at": card.updated_at,
            "first_response_time": next((c["created_at"] for c in comments if c["is_operator"] and c["public"]), None),
            "tags": self._tags(plan, topic["tags"]),
            "customFields": {},
            "satisfaction_rating": {"score": score, "comment": ""} if is_rated else None,
            "customer_profile": {
                "firstName": customer["first"],
                "lastName": customer["last"],
                "email": customer["email"],
                "phone": customer["phone"],
            },
            "via": {"channel": channel, "source": to_source(channel, customer, self._shop)},
            "comments": comments,
            "url": f"https://app.richpanel.com/conversations?viewConversation={self._ident('view', plan.number)}",
            **dict.fromkeys(("cookieId", "scenario_id", "scenario_name", "scenarioId", "scenarioName")),
        }

    def _talk(self, plan: _Plan) -> Talk:
        return Talk(
            plan.turns,
            plan.opened,
            plan.step,
            self._ident("customer", plan.customer),
            self._agents[plan.agent or 0],
            lambda turn: self._ident("comment", f"{plan.number}.{turn}"),
        )

    def _tags(self, plan: _Plan, names: list[str]) -> list[str]:
        """Names, but ids on what was imported: both are seen in the wild."""
        spare = plan.dice.choice(self._tenant.tags)["name"]
        tags = list(dict.fromkeys([*names, spare])) if plan.dice.random() < _SPARE_TAG_SHARE else names
        is_imported = plan.number <= self._tenant.imported_up_to
        return [self._ident("tag", tag) for tag in tags] if is_imported else tags

    def _filling(self, plan: _Plan, customer: JsonObject) -> dict[str, str]:
        order = None if plan.order is None else self._order(plan.order)
        product = plan.dice.choice(self._products)
        return {
            "first": customer["first"],
            "order": order["orderName"] if order else "my order",
            "item": f"the {(order['items'][0] if order else product)['name']}",
            "number": customer["phone"],
            "agent": self._words["agents"][plan.agent or 0],
        }

    def _ticket_id(self, plan: _Plan, phone: str) -> str:
        salt = f"{self._crowd.seed}:"
        if "email" in plan.channel:
            mark = f"{salt}{self._name}:{plan.channel}:{plan.number}"
            return to_message_id(hashlib.sha256(mark.encode()).digest())
        return to_ticket_id(plan.channel, self._name, plan.number, phone, salt=salt)

    def _contact(self, customer: int) -> tuple[str, str]:
        """E-mail and phone; area code 555 is nobody's. Every seventh address has a plus sign."""
        first, last = self._full_name(customer)
        plus = "+orders" if customer % 7 == 0 else ""
        hosts = self._words["mail_hosts"]
        email = f"{_letters(first)}.{_letters(last)}{customer}{plus}@{hosts[customer % len(hosts)]}"
        return email, f"+1555{2_000_000 + customer}"

    def _full_name(self, customer: int) -> tuple[str, str]:
        first, last = self._words["first_names"], self._words["last_names"]
        place = customer * 7 + self._crowd.seed
        return first[place % len(first)], last[place // len(first) % len(last)]

    def _customer(self, customer: int) -> JsonObject:
        first, last = self._full_name(customer)
        email, phone = self._contacts[customer]
        city, state = self._words["cities"][customer % len(self._words["cities"])]
        return {"first": first, "last": last, "email": email, "phone": phone, "city": city, "state": state}

    def _customer_card(self, customer: int) -> CustomerCard:
        return CustomerCard(self._ident("customer", customer), f"c-{customer}", *self._contacts[customer])

    def _customer_of(self, card: CustomerCard) -> JsonObject:
        facts = self._customer(int(card.uid.removeprefix("c-")))
        return {
            "id": card.id,
            "uid": card.uid,
            "appClientId": self._tenant.app_client_id,
            "name": f"{facts['first']} {facts['last']}",
            **{name: facts[name] for name in ("email", "phone", "city", "state")},
            "country": "US",
        }

    def _placed(self, order: int) -> datetime:
        """When an order was placed: evenly over the whole span, 0 the oldest."""
        return self._now - _SPAN * ((self._orders - order) / self._orders)

    def _order_before(self, customer: int, moment: datetime) -> int | None:
        """The customer's newest order placed before ``moment``: orders go round the customers."""
        orders = range(customer, self._orders, self._customers)
        return next((order for order in reversed(orders) if self._placed(order) < moment), None)

    def _order_key(self, order: int) -> OrderKey:
        return self._tenant.app_client_id, str(_FIRST_ORDER + order)

    def _order_card(self, order: int) -> OrderCard:
        return order_card(self._order_key(order), self._order(order))

    def _order(self, order: int) -> JsonObject:
        dice = self._dice("order", order)
        basket = {product["id"]: dice.randint(1, 4) for product in dice.sample(self._products, dice.randint(1, 3))}
        placed = self._placed(order)
        age = self._now - placed
        stage = (
            "waiting" if age < timedelta(days=3) else "in_transit" if age < timedelta(days=8) else dice.choice(_STAGES)
        )
        placing = Placing(_FIRST_ORDER + order, self._customer(order % self._customers), basket, stage, placed)
        return make_order(self._shop, placing, self._shop["carriers"][order % 2], dice)

    def _dice(self, kind: str, index: int) -> random.Random:
        return random.Random(f"{self._crowd.seed}:{self._name}:{kind}:{index}")  # noqa: S311 - repeatable, no secret

    def _ident(self, kind: str, key: Any) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sim:{self._name}:{self._crowd.seed}:{kind}:{key}"))


def _turns(dice: random.Random, index: int) -> int:
    """How many messages: mostly a few, sometimes dozens, and now and then as many as the longest thread reported."""
    if index % _LONGEST_EVERY == _LONGEST_AT:
        return _LONGEST
    return dice.randint(_USUAL, _LONG) if dice.random() < _LONG_SHARE else dice.randint(1, _USUAL)


@cache
def _letters(name: str) -> str:
    """The ASCII letters of a name, in lower case, for an address."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalpha()) or "customer"
