"""A small believable shop, the same on every start but for its dates: 60 conversations, 25 orders, a directory.

``shop.yaml`` holds the words; this module turns them into the shapes of the wire. Tenants get the same shop under
their own ids.
"""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from richpanel_sim.messages import to_comment, to_source, to_ticket_id
from richpanel_sim.seed_orders import seed_orders
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import OrderKey, Tenant, to_wire_time

_CONVERSATIONS = 60
_LAST_NUMBER = 84920
_IMPORTED = 12
_PAST_CHANNELS = ("email", "email", "email", "messenger", "email", "whatsapp", "instagram", "email", "phone", "email")


@cache
def load_shop() -> Mapping[str, Any]:
    """The words of ``shop.yaml``, read once; nobody changes them."""
    shop: Mapping[str, Any] = yaml.safe_load(resources.files("richpanel_sim").joinpath("shop.yaml").read_text("utf-8"))
    return shop


def seed_tenant(name: str, now: datetime) -> Tenant:
    """The shop as account ``name``, with its newest conversation opened minutes before ``now``."""
    tenant = Tenant(organization_id=name, app_client_id=f"{name}0")
    shop = load_shop()
    _seed_directory(tenant, shop, now)
    orders = seed_orders(shop, name, now)
    tenant.orders.update({(tenant.app_client_id, order["orderId"]): order for order in orders})
    _seed_customers(tenant, shop)
    tenant.imported_up_to = _LAST_NUMBER - _CONVERSATIONS + _IMPORTED
    writer = _ConversationWriter(tenant, shop, list(tenant.orders), now)
    for age, story in enumerate([*shop["open"], *_past_stories(shop, orders, name)]):
        writer.write(story, _LAST_NUMBER - age)
    return tenant


def _seed_directory(tenant: Tenant, shop: Mapping[str, Any], now: datetime) -> None:
    stamp = to_wire_time(now - timedelta(days=400))
    made = {"organization_id": tenant.organization_id, "created_at": stamp, "updated_at": stamp}
    ident = _identifier(tenant.organization_id)
    tenant.users = [
        {"id": ident("user", user["key"]), **{k: user[k] for k in ("name", "email", "role")}} for user in shop["users"]
    ]
    tenant.teams = [{"id": ident("team", team), "name": team, **made} for team in shop["teams"]]
    tenant.tags = [
        {"id": ident("tag", tag), "name": tag, "description": text, **made} for tag, text in shop["tags"].items()
    ]
    tenant.channels = [
        {
            "id": ident("channel", kind),
            "type": kind,
            "business_brand_name": shop["brand"],
            "created_at": stamp,
            "updated_at": stamp,
        }
        for kind in shop["channels"]
    ]


def _seed_customers(tenant: Tenant, shop: Mapping[str, Any]) -> None:
    ident = _identifier(tenant.organization_id)
    for place, customer in enumerate(shop["customers"]):
        tenant.customers[ident("customer", customer["first"])] = {
            "id": ident("customer", customer["first"]),
            "uid": f"c-{1001 + place}",
            "appClientId": tenant.app_client_id,
            "name": f"{customer['first']} {customer['last']}",
            **{name: customer[name] for name in ("email", "phone", "city", "state")},
            "country": "US",
        }


def _identifier(tenant: str) -> Any:
    return lambda kind, key: str(uuid.uuid5(uuid.NAMESPACE_URL, f"sim:{tenant}:{kind}:{key}"))


def _past_stories(shop: Mapping[str, Any], orders: list[JsonObject], seed: str) -> list[JsonObject]:
    """Older conversations, newest first, in the form ``open`` has in the file; nearly all of them closed."""
    dice = random.Random(f"{seed}:past")  # noqa: S311 - repeatable, and nothing secret hangs on it
    stories, hours = [], 30.0
    for index in range(_CONVERSATIONS - len(shop["open"])):
        hours += dice.uniform(4, 21)
        topic = shop["past"][index % len(shop["past"])]
        back = dice.randrange(7, len(orders)) + 1
        order = orders[-back]
        agent = dice.choice(["grace", "tomas", "priya"])
        words = {"order": order["orderName"], "item": f"the {order['items'][0]['name']}"}
        stories.append(
            {
                "channel": _PAST_CHANNELS[index % len(_PAST_CHANNELS)],
                "customer": order["firstName"],
                "hours": round(hours, 2),
                "order": back if "{order}" in topic["subject"] or dice.random() < 0.4 else None,  # noqa: PLR2004 - a share
                "subject": topic["subject"],
                "tags": topic["tags"],
                "status": "OPEN" if index % 9 == 8 else "CLOSED",  # noqa: PLR2004 - every ninth
                "agent": agent,
                "score": dice.choice(["Neutral", "Bad", "Terrible", None, None, None]),
                "messages": [[("customer", agent)[turn % 2], text] for turn, text in enumerate(topic["says"])],
                "words": words,
            }
        )
    return stories


class _ConversationWriter:
    """Puts stories into a tenant as tickets, each linked to its order where it has one."""

    def __init__(self, tenant: Tenant, shop: Mapping[str, Any], orders: list[OrderKey], now: datetime) -> None:
        self._tenant, self._shop, self._orders, self._now = tenant, shop, orders, now
        self._customers = {customer["first"]: customer for customer in shop["customers"]}
        self._ident = _identifier(tenant.organization_id)

    def write(self, story: JsonObject, number: int) -> None:
        """Add the ticket called ``number`` that tells ``story``."""
        customer, channel = self._customers[story["customer"]], story["channel"]
        key = self._orders[-story["order"]] if story.get("order") else None
        order_name = self._tenant.orders[key]["orderName"] if key else ""
        words = {"order": order_name, "first": customer["first"], "number": customer["phone"], **story.get("words", {})}
        comments = self._comments(story, number, words)
        ident = to_ticket_id(channel, self._tenant.organization_id, number, customer["phone"])
        source = to_source(channel, customer, self._shop)
        self._tenant.tickets[ident] = {
            "id": ident,
            "conversation_no": number,
            "organization_id": self._tenant.organization_id,
            "app_client_id": self._tenant.app_client_id,
            "status": story.get("status", "OPEN"),
            "priority": "LOW",
            "subject": story["subject"].format(**words),
            "assignee_id": self._ident("user", story["agent"]) if "agent" in story else "unassigned",
            "recipient": self._shop["mailbox"] if "email" in channel else self._shop["phone"],
            "created_at": comments[0]["created_at"],
            "updated_at": comments[-1]["created_at"],
            "first_response_time": next((c["created_at"] for c in comments if c["is_operator"] and c["public"]), None),
            "tags": list(story["tags"]),
            "customFields": {},
            "satisfaction_rating": {"score": story["score"], "comment": ""} if story.get("score") else None,
            "customer_profile": {
                "firstName": customer["first"],
                "lastName": customer["last"],
                "email": customer["email"],
                "phone": customer["phone"],
            },
            "via": {"channel": channel, "source": source},
            "comments": comments,
            "url": f"https://app.richpanel.com/conversations?viewConversation={self._ident('view', number)}",
            "cookieId": None,
            "scenario_id": None,
            "scenario_name": None,
            "scenarioId": None,
            "scenarioName": None,
        }
        if key:
            self._tenant.order_links[ident] = key

    def _comments(self, story: JsonObject, number: int, words: Mapping[str, str]) -> list[JsonObject]:
        opened = self._now - timedelta(hours=story["hours"])
        # The whole thread fits into half of the time since it was opened, so that nothing lies in the future.
        step = timedelta(hours=story["hours"] / 2 / len(story["messages"]))
        return [
            to_comment(
                ident=self._ident("comment", f"{number}.{turn}"),
                author=self._author(who, story["customer"]),
                who=who,
                text=text.format(**words),
                channel=story["channel"],
                at=to_wire_time(opened + turn * step),
            )
            for turn, (who, text) in enumerate(story["messages"])
        ]

    def _author(self, who: str, customer: str) -> str:
        if who == "operator":
            return "operator"
        if who == "customer":
            return str(self._ident("customer", customer))
        return str(self._ident("user", who.removeprefix("note:")))
