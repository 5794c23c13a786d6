"""Every switch, in each of its values, does what it says.

A probe asks the simulator and gives what it saw; ``SEEN`` says what that is for each value.
"""

import base64
from dataclasses import replace
from typing import Any

import httpx
import pytest

from richpanel_sim.choices import Number
from richpanel_sim.clock import ManualClock
from richpanel_sim.state import SimulatorState
from richpanel_sim.switches import CHOICES, SwitchError, Switches
from richpanel_sim.tenants import Tenant
from tests.simulator.support import KEY, OTHER_KEY, TENANT, connect, ticket_path

STORE = f"{TENANT}0"
ADA = "ada.whitlock@shopper.example"
CREATE = {
    "comment": {"body": "Hi", "sender_type": "customer"},
    "via": {"channel": "email", "source": {"from": {"address": "new@shopper.example"}}},
}
ORDER = {"orderId": "n", "orderDbKey": "n", "amount": 1, "items": []}
EVENT = {
    "event": "order",
    "appClientId": STORE,
    "time": {"sentAt": 1},
    "userProperties": {"uid": "u"},
    "properties": ORDER,
}
BAD_STATUS = {"value": "closed", "msg": "Invalid value", "param": "ticket.status", "location": "body"}
NOBODY = "No conversations found with the given Id."
NOBODY_FAULT = {"msg": NOBODY, "param": "id", "location": "params"}


class Probes:
    """What can be asked; each gives something that can be compared."""

    def __init__(self, state: SimulatorState, client: httpx.AsyncClient, clock: ManualClock) -> None:
        self.state = state
        self.client = client
        self.clock = clock
        self.tenant: Tenant = state.tenants[TENANT]
        self.ticket = self.tenant.newest_open()[0]
        self.path = ticket_path(self.ticket["id"])

    async def _get(self, path: str, **query: Any) -> Any:
        return (await self.client.get(path, params=query)).json()

    async def _put(self, body: Any, *tail: str) -> httpx.Response:
        return await self.client.put(ticket_path(self.ticket["id"], *tail), json=body)

    async def _create(self, **more: Any) -> httpx.Response:
        return await self.client.post("/tickets", json={"ticket": {**CREATE, **more}})

    async def _shown(self) -> Any:
        return (await self._get(self.path))["ticket"]

    async def bad_key_status(self) -> Any:
        async with connect(self.state, "wrong") as stranger:
            return (await stranger.get("/teams")).status_code

    async def list_forbidden(self) -> Any:
        return (await self.client.get("/tickets")).status_code, (await self.client.get(self.path)).status_code

    async def _turned_away(self) -> httpx.Response:
        return [await self.client.get("/teams") for _ in range(51)][-1]

    async def retry_after_header(self) -> Any:
        return (await self._turned_away()).headers.get("retry-after")

    async def rate_limit_headers(self) -> Any:
        answer = await self.client.get("/teams")
        return [name for name in answer.headers if name.startswith("x-ratelimit")]

    async def rate_limit_reset(self) -> Any:
        return (await self.client.get("/teams")).headers.get("x-ratelimit-reset")

    async def shared_quota_noise(self) -> Any:
        answers = [await self.client.get("/teams") for _ in range(3)]
        return [(answer.status_code, answer.headers["x-ratelimit-remaining"]) for answer in answers]

    async def error_shape(self) -> Any:
        wrong = await self._put({"ticket": {"status": "closed"}})
        return wrong.json(), await self._get("/tickets/nobody"), (await self.client.get("/nowhere")).json()

    async def validation_key(self) -> Any:
        return list((await self._put({})).json())

    async def ticket_not_found_status(self) -> Any:
        read, write = await self.client.get("/tickets/x"), await self.client.put("/tickets/x", json={"ticket": {}})
        return read.status_code, write.status_code

    async def silent_ignore_unknown_fields(self) -> Any:
        answers = [
            await self._put({"ticket": {"state": "closed"}}),
            await self._put({"tags": ["vip"], "why": 1}, "add-tags"),
            await self._put({"body": "x", "author_id": "u", "public": False}, "send-message"),
            await self._create(team="x"),
            await self.client.get("/tickets", params={"limit": 5}),
            await self.client.post("/tags", json={"name": "x", "icon": "y"}),
        ]
        return {answer.status_code for answer in answers}, answers[0].json().get("error")

    async def unencoded_id_silent_noop(self) -> Any:
        # httpx leaves these characters of a path alone.
        self.tenant.tickets["a+b"] = {**self.ticket, "id": "a+b"}
        answer = await self.client.put("/tickets/a+b", json={"ticket": {"status": "CLOSED"}})
        return answer.status_code, self.tenant.tickets["a+b"]["status"]

    async def ticket_key(self) -> Any:
        return next(iter(await self._get("/tickets")))

    async def user_key(self) -> Any:
        return next(iter(await self._get("/users")))

    async def team_key(self) -> Any:
        return next(iter(await self._get("/teams")))

    async def tag_key(self) -> Any:
        return next(iter(await self._get("/tags")))

    async def channel_key(self) -> Any:
        return next(iter(await self._get("/channel")))

    async def empty_list(self) -> Any:
        return (await self._get("/tickets", status="NONE")).get("ticket")

    async def list_count(self) -> Any:
        return (await self._get("/tickets")).get("count")

    async def next_page(self) -> Any:
        page = await self._get("/tickets", page=2, per_page=20)
        return page.get("next_page", "nothing"), page.get("previous_page", "nothing")

    async def default_per_page(self) -> Any:
        return len((await self._get("/tickets"))["ticket"])

    async def oversized_page(self) -> Any:
        return (await self.client.get("/tickets", params={"per_page": 101})).status_code

    async def default_order(self) -> Any:
        return (await self._get("/tickets", per_page=1))["ticket"][0]["conversation_no"]

    async def order_parameter(self) -> Any:
        return [
            (await self._get("/tickets", per_page=1, **{name: "asc"}))["ticket"][0]["conversation_no"] == 84861
            for name in ("order", "sortOrder")
        ]

    async def _days(self, **query: Any) -> Any:
        for ident, (created, updated) in zip(
            list(self.tenant.tickets), [("01", "09"), ("05", "06"), ("06", "10")], strict=False
        ):
            times = {"created_at": f"2020-01-{created}T12:00:00.000Z", "updated_at": f"2020-01-{updated}T12:00:00.000Z"}
            self.tenant.tickets[ident].update(times)
        page = await self._get("/tickets", endDate="2021-01-01", **query)
        return sorted(ticket["created_at"][8:10] for ticket in page.get("ticket", []))

    async def start_date_on(self) -> Any:
        return await self._days(startDate="2020-01-03"), await self._days(startDate="2020-01-07", sortKey="updatedAt")

    async def end_date(self) -> Any:
        await self._days()
        page = await self._get("/tickets", endDate="2020-01-05", per_page=100)
        return len(page["ticket"])

    async def updated_at_filter(self) -> Any:
        return await self._days(updated_at="2020-01-09")

    async def directory_paging(self) -> Any:
        page = await self._get("/users", per_page=1, page=2)
        return len(page["user"]), "next_page" in page

    async def list_comments(self) -> Any:
        comments = (await self._get("/tickets"))["ticket"][0].get("comments")
        return "absent" if comments is None else "full" if comments else "empty"

    async def by_customer_envelope(self) -> Any:
        answer = await self._get(f"/tickets/email/{ADA}")
        return "array" if isinstance(answer, list) else next(iter(answer)), len(answer)

    async def by_customer_paging(self) -> Any:
        page = await self._get(f"/tickets/email/{ADA}", per_page=1)
        return len(page["ticket"]) > 1, "count" in page

    async def phone_match(self) -> Any:
        return [
            (await self.client.get(f"/customers/phone/{form}")).status_code
            for form in ("%2B15550100111", "15550100111", "%2B1%20(555)%20010-0111")
        ]

    async def number_unavailable_for_imported(self) -> Any:
        return [(await self.client.get(f"/tickets/number/{n}")).status_code for n in (84861, 84872, 84873)]

    async def operator_key(self) -> Any:
        return {"is_operator", "isOperator"} & (await self._shown())["comments"][0].keys()

    async def _thread(self) -> Any:
        for text in ("two", "three"):
            await self._put({"ticket": {"comment": {"body": text}}})
        return [comment["plain_body"][:5] for comment in (await self._shown())["comments"]]

    async def comment_order(self) -> Any:
        return await self._thread()

    async def comment_limit(self) -> Any:
        return await self._thread()

    async def tag_form(self) -> Any:
        directory = {tag["name"]: tag["id"] for tag in self.tenant.tags}
        self.ticket["tags"] = ["vip", "free"]
        shown = [tag.replace(directory["vip"], "the id of vip") for tag in (await self._shown())["tags"]]
        await self._put({"tags": shown[:1] if shown[0] == "vip" else [directory["vip"]]}, "remove-tags")
        return shown, (await self._shown())["tags"]

    async def custom_fields_form(self) -> Any:
        self.ticket["customFields"] = {"size": "M"}
        return (await self._shown())["customFields"]

    async def create_visible_after_seconds(self) -> Any:
        made = (await self._create()).json()["ticket"]
        seen = []
        for _ in range(2):
            ways = (ticket_path(made["id"]), "/tickets/number/84921", "/tickets/email/new%40shopper.example")
            seen.append([(await self._get(way)).get("ticket") is not None for way in ways])
            seen[-1].append((await self.client.put(ways[0], json={"ticket": {}})).status_code == 200)
            self.clock.advance(10)
        return seen

    async def gateway_timeout_after_create(self) -> Any:
        answer = await self._create()
        return answer.status_code, answer.json().get("message"), len(self.tenant.tickets)

    async def create_reply(self) -> Any:
        return len((await self._create()).json()["ticket"])

    async def given_id(self) -> Any:
        made = [(await self._create(id="mine")).json()["ticket"] for _ in range(2)]
        return (
            made[0]["id"] == "mine",
            len(self.tenant.tickets),
            made[0]["conversation_no"] == made[1]["conversation_no"],
        )

    async def _form(self, answer: httpx.Response) -> Any:
        return next(iter(answer.json()), "{}") if answer.content else ""

    async def update_reply(self) -> Any:
        return await self._form(await self._put({"ticket": {}}))

    async def tags_reply(self) -> Any:
        return await self._form(await self._put({"tags": ["a"]}, "add-tags"))

    async def send_message_reply(self) -> Any:
        return await self._form(await self._put({"body": "x", "author_id": "u"}, "send-message"))

    async def put_tags(self) -> Any:
        await self._put({"ticket": {"tags": ["vip"]}})
        return (await self._shown())["tags"]

    async def _honoured(self, name: str, value: Any) -> Any:
        status = (await self._put({"ticket": {name: value}})).status_code
        return status, (await self._shown()).get(name) == value

    async def put_priority(self) -> Any:
        return await self._honoured("priority", "HIGH")

    async def put_subject(self) -> Any:
        return await self._honoured("subject", "New")

    async def put_snoozed_till(self) -> Any:
        return await self._honoured("snoozed_till", "0")

    async def put_team_id(self) -> Any:
        return await self._honoured("team_id", "t-1")

    async def put_custom_fields(self) -> Any:
        return await self._honoured("customFields", {"size": "M"})

    async def snoozed_status(self) -> Any:
        await self._put({"ticket": {"snoozed_till": "0"}})
        listed = await self._get("/tickets", status="SNOOZED")
        return (await self._shown())["status"], listed["count"]

    async def default_sender_type(self) -> Any:
        await self._put({"ticket": {"comment": {"body": "x"}}})
        return (await self._shown())["comments"][-1]["is_operator"]

    async def put_comment_delivered(self) -> Any:
        whatsapp = next(t for t in self.tenant.newest_open() if t["via"]["channel"] == "whatsapp")
        comments = [{"body": "x"}, {"body": "x", "public": False}, {"body": "x", "sender_type": "customer"}]
        for ticket in (self.ticket, whatsapp):
            for comment in comments:
                await self.client.put(ticket_path(ticket["id"]), json={"ticket": {"comment": comment}})
        return [delivered["channel"] for delivered in self.tenant.outbox]

    async def tag_names(self) -> Any:
        await self._put({"tags": ["Late Parcel:EU-1"]}, "add-tags")
        return (await self._shown())["tags"][-1]

    async def author_id_required(self) -> Any:
        return (await self._put({"body": "x"}, "send-message")).status_code, len(self.tenant.outbox)

    async def attachment_form(self) -> Any:
        self.state.switches = replace(self.state.switches, file_reply="bare")
        file = (await self.client.post("/file/upload", files={"file": b"x"})).json()
        replies = [{"body": "x", "author_id": "u", "attachments": [sent]} for sent in (file["url"], file["id"], "z")]
        return [(await self._put(reply, "send-message")).status_code for reply in replies]

    async def customer_shape(self) -> Any:
        return sorted((await self.client.post("/customers", json={"customer": {"uid": "c-1001"}})).json())

    async def customer_envelope(self) -> Any:
        answer = await self._get(f"/customers/email/{ADA}")
        return min(answer), len(answer)

    async def customer_conflict(self) -> Any:
        answer = await self.client.post("/customers", json={"customer": {"uid": "other", "email": ADA}})
        return answer.status_code, list(answer.json())

    async def customer_not_found(self) -> Any:
        answer = await self.client.get("/customers/phone/0")
        return answer.status_code, answer.json() == {}

    async def order_unlinked(self) -> Any:
        lonely = next(ident for ident in self.tenant.tickets if ident not in self.tenant.order_links)
        answer = await self.client.get(ticket_path(lonely).replace("/tickets", "/order"))
        return answer.status_code, list(answer.json())

    async def order_of_unknown_conversation(self) -> Any:
        answer = await self.client.get("/order/nobody")
        return answer.status_code, list(answer.json())

    async def order_body(self) -> Any:
        return next(iter(await self._get(f"/order/{STORE}/10364")))

    async def order_not_found(self) -> Any:
        answer = await self.client.get(f"/order/{STORE}/1")
        return answer.status_code, list(answer.json())

    async def order_item_form(self) -> Any:
        return [
            (await self.client.post(f"/order/{STORE}", json={"orders": [item]})).status_code for item in (EVENT, ORDER)
        ]

    async def order_reply(self) -> Any:
        answer = (await self.client.post(f"/order/{STORE}", json={"orders": [EVENT]})).json()
        return type(answer).__name__

    async def user_envelope(self) -> Any:
        return next(iter(await self._get(f"/users/{self.tenant.users[0]['id']}")))

    async def tag_create_body(self) -> Any:
        bodies: list[Any] = [{"name": "a"}, {"tag": {"name": "b"}}]
        return [(await self.client.post("/tags", json=body)).status_code for body in bodies]

    async def tag_create_reply(self) -> Any:
        return next(iter((await self.client.post("/tags", json={"name": "a"})).json()))

    async def tag_duplicate(self) -> Any:
        answer = await self.client.post("/tags", json={"name": "vip"})
        return answer.status_code, [tag["name"] for tag in self.tenant.tags].count("vip")

    async def file_encoding(self) -> Any:
        encoded = base64.b64encode(b"hello").decode()
        multipart = await self.client.post("/file/upload", files={"file": b"hello"})
        broken = await self.client.post("/file/upload", json={"file": "?"})
        as_json = await self.client.post("/file/upload", json={"file": encoded})
        return [multipart.status_code, as_json.status_code, broken.status_code]

    async def file_reply(self) -> Any:
        answer = (await self.client.post("/file/upload", files={"file": b"x"})).json()
        return next(iter(answer)), len(answer)

    async def file_limit_bytes(self) -> Any:
        return [(await self.client.post("/file/upload", files={"file": b"x" * size})).status_code for size in (10, 11)]

    async def extra_fields(self) -> Any:
        page = await self._get("/tickets")
        profile = page["ticket"][0]["customer_profile"]
        return [name for name in (*page, *page["ticket"][0], *profile) if name == "field_of_tomorrow"]


def _all(forms: Any) -> dict[Any, Any]:
    return dict(zip(("ticket", "message", "empty_object", "empty_body"), forms, strict=True))


FORMS = _all(("ticket", "message", "{}", ""))
ERRORS = {"error", "errors"}
GATEWAY = {"message": "Missing Authentication Token"}
NAMES = {"message": "Invalid value: ticket.status"}

SEEN: dict[str, dict[Any, Any]] = {
    "bad_key_status": {401: 401, 403: 403},
    "list_forbidden": {False: (200, 200), True: (403, 200)},
    "retry_after_header": {True: "30", False: None},
    "rate_limit_headers": {True: ["x-ratelimit-limit", "x-ratelimit-remaining"], False: []},
    "rate_limit_reset": {"absent": None, "seconds": "30", "epoch": "1795165230"},
    "shared_quota_noise": {
        0: [(200, "49"), (200, "48"), (200, "47")],
        48: [(200, "1"), (200, "0"), (429, "0")],
        50: [(429, "0")] * 3,
    },
    "error_shape": {
        "as_seen": ({"error": [BAD_STATUS]}, {"error": {"message": NOBODY}}, GATEWAY),
        "error_list": ({"error": [BAD_STATUS]}, {"error": [NOBODY_FAULT]}, GATEWAY),
        "errors_list": ({"errors": [BAD_STATUS]}, {"errors": [NOBODY_FAULT]}, GATEWAY),
        "error_message": ({"error": NAMES}, {"error": {"message": NOBODY}}, GATEWAY),
        "errors_message": ({"errors": NAMES}, {"errors": {"message": NOBODY}}, GATEWAY),
        "message": (NAMES, {"message": NOBODY}, GATEWAY),
    },
    "validation_key": {"error": ["error"], "errors": ["errors"]},
    "ticket_not_found_status": {404: (404, 404), 400: (400, 400)},
    "silent_ignore_unknown_fields": {
        True: ({200}, None),
        False: ({400}, [{**BAD_STATUS, "param": "ticket.state"}]),
    },
    "unencoded_id_silent_noop": {True: (200, "OPEN"), False: (200, "CLOSED")},
    "ticket_key": {"ticket": "ticket", "tickets": "tickets"},
    "user_key": {"user": "user", "users": "users"},
    "team_key": {"team": "team", "teams": "teams"},
    "tag_key": {"tag": "tag", "tags": "tags"},
    "channel_key": {"channels": "channels", "channel": "channel"},
    "empty_list": {"absent": None, "empty": []},
    "list_count": {True: 60, False: None},
    "next_page": {
        "url": tuple(f"http://sim.example/v1/tickets?page={page}&per_page=20" for page in (3, 1)),
        "number": (3, 1),
        "null": (None, None),
        "absent": ("nothing", "nothing"),
    },
    "default_per_page": {30: 30, 7: 7},
    "oversized_page": {"cut": 200, "refused": 400},
    "default_order": {"DESC": 84920, "ASC": 84861},
    "order_parameter": {"both": [True, True], "order": [True, False], "sortOrder": [False, True]},
    "start_date_on": {
        "sort_key": (["05", "06"], ["01", "06"]),
        "created_at": (["05", "06"], []),
        "updated_at": (["01", "05", "06"], ["01", "06"]),
    },
    "end_date": {"exclusive": 1, "inclusive": 2, "ignored": 60},
    "updated_at_filter": {"since": ["01", "06"], "that_day": ["01"]},
    "directory_paging": {True: (1, True), False: (4, False)},
    "list_comments": {"empty": "empty", "absent": "absent", "full": "full"},
    "by_customer_envelope": {"list": ("ticket", 4), "array": ("array", 4), "ticket": ("ticket", 1)},
    "by_customer_paging": {True: (False, True), False: (True, False)},
    "phone_match": {"exact": [200, 404, 404], "digits": [200, 200, 200]},
    "number_unavailable_for_imported": {False: [200, 200, 200], True: [404, 404, 200]},
    "operator_key": {"is_operator": {"is_operator"}, "isOperator": {"isOperator"}},
    "comment_order": {"oldest_first": ["Hello", "two", "three"], "newest_first": ["three", "two", "Hello"]},
    "comment_limit": {0: ["Hello", "two", "three"], 2: ["two", "three"]},
    "tag_form": {"names": (["vip", "free"], ["free"]), "ids": (["the id of vip", "free"], ["free"])},
    "custom_fields_form": {"object": {"size": "M"}, "array": [{"id": "size", "value": "M"}]},
    "create_visible_after_seconds": {0.0: [[True] * 4] * 2, 10.0: [[False] * 4, [True] * 4]},
    "gateway_timeout_after_create": {False: (200, None, 61), True: (504, "Endpoint request timed out", 61)},
    "create_reply": {"full": 24, "minimal": 2},
    "given_id": {"changed": (False, 61, True), "kept": (True, 61, True), "ignored": (False, 62, False)},
    "update_reply": FORMS,
    "tags_reply": FORMS,
    "send_message_reply": FORMS,
    "put_tags": {"replace": ["vip"], "merge": ["where-is-my-order", "vip"]},
    "put_priority": {True: (200, True), False: (200, False)},
    "put_subject": {True: (200, True), False: (200, False)},
    "put_snoozed_till": {True: (200, True), False: (200, False)},
    "put_team_id": {True: (200, True), False: (200, False)},
    "put_custom_fields": {True: (200, True), False: (200, False)},
    "snoozed_status": {"OPEN": ("OPEN", 0), "SNOOZED": ("SNOOZED", 1)},
    "default_sender_type": {"operator": True, "customer": False},
    "put_comment_delivered": {False: [], True: ["whatsapp"]},
    "tag_names": {"as_sent": "Late Parcel:EU-1", "normalised": "lateparceleu-1"},
    "author_id_required": {True: (400, 0), False: (200, 1)},
    "attachment_form": {"any": [200, 200, 200], "url": [200, 400, 400], "id": [400, 200, 400]},
    "customer_shape": {"documented": ["customer", "message"], "node": ["identity", "labels", "properties"]},
    "customer_envelope": {
        "customer": ("customer", 1),
        "customers": ("customers", 1),
        "bare": ("aov", 16),
        "node": ("identity", 3),
    },
    "customer_conflict": {status: (status, ["error"]) for status in (409, 400, 200)},
    "customer_not_found": {"404": (404, False), "empty": (200, True)},
    "order_unlinked": {
        "empty": (200, []),
        "nulls": (200, ["orderId", "appClientId"]),
        "not_found": (404, ["error"]),
    },
    "order_of_unknown_conversation": {"empty": (200, []), "not_found": (404, ["error"])},
    "order_body": {"bare": "orderId", "wrapped": "order"},
    "order_not_found": {"404": (404, ["error"]), "400": (400, ["error"]), "empty": (200, [])},
    "order_item_form": {"event": [200, 400], "properties": [400, 200], "either": [200, 200]},
    "order_reply": {"text": "str", "message": "dict"},
    "user_envelope": {"wrapped": "user", "bare": "id"},
    "tag_create_body": {"flat": [200, 400], "wrapped": [400, 200], "either": [200, 200]},
    "tag_create_reply": {"wrapped": "tag", "bare": "id"},
    "tag_duplicate": {"second": (200, 2), "existing": (200, 1), "conflict": (409, 1)},
    "file_encoding": {"multipart": [200, 400, 400], "json": [400, 200, 400], "either": [200, 200, 400]},
    "file_reply": {"bare": ("id", 7), "wrapped": ("file", 1), "list": ("files", 1), "url": ("url", 1)},
    "file_limit_bytes": {10: [200, 413], 11: [200, 200]},
    "extra_fields": {False: [], True: ["field_of_tomorrow"] * 3},
}
CASES = [(name, value, seen) for name, values in SEEN.items() for value, seen in values.items()]


@pytest.mark.parametrize(("name", "value", "seen"), CASES, ids=[f"{name}-{value}" for name, value, _ in CASES])
async def test_switch_does_what_it_says(state, client, clock, name, value, seen):
    probes = Probes(state, client, clock)
    state.switches = state.switches.altered({name: value})
    assert await getattr(probes, name)() == seen


def test_every_switch_is_tried_in_every_value():
    assert sorted(SEEN) == sorted(switch.name for switch in Switches.explain())
    for name, choices in CHOICES.items():
        if not isinstance(choices, Number):
            assert set(SEEN[name]) == set(choices.values), name


def test_every_default_but_free_numbers_is_tried():
    for name, choices in CHOICES.items():
        assert isinstance(choices, Number) or getattr(Switches(), name) in SEEN[name]


def test_every_switch_is_explained_with_a_confidence():
    for switch in Switches.explain():
        assert len(switch.meaning) > 10
        assert switch.confidence in {"DOC", "LIVE", "CLIENT", "SECOND", "INFER", "UNKNOWN"}


def test_switches_come_from_the_environment():
    environment = {"RICHPANEL_SIM_BAD_KEY_STATUS": "403", "RICHPANEL_SIM_LIST_COUNT": "off", "PATH": "/bin"}
    switches = Switches.from_environment(environment)
    assert switches == Switches(bad_key_status=403, list_count=False)


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"RICHPANEL_SIM_COLOUR": "red"}, "no switch 'colour'"), ({"RICHPANEL_SIM_COMMENT_LIMIT": "-1"}, "0 to 1000000")],
)
def test_variables_that_make_no_sense_are_refused(environment, said):
    with pytest.raises(SwitchError, match=said):
        Switches.from_environment(environment)


@pytest.mark.parametrize("value", [True, "x", 1.5, None, [1], -1, "1000001"])
def test_numbers_out_of_bounds_are_refused(value):
    with pytest.raises(SwitchError, match="comment_limit cannot be"):
        Switches().altered({"comment_limit": value})


async def test_switches_hold_for_every_tenant(state, client):
    state.switches = Switches(list_forbidden=True)
    async with connect(state, OTHER_KEY) as other:
        assert (await other.get("/tickets")).status_code == (await client.get("/tickets")).status_code == 403


async def test_ids_are_shown_for_names_of_the_directory_only(state, client):
    ticket = state.tenant_for(KEY).newest_open()[0]
    state.switches = Switches(tag_form="ids")
    await client.put(ticket_path(ticket["id"], "add-tags"), json={"tags": ["free"]})
    assert (await client.get(ticket_path(ticket["id"]))).json()["ticket"]["tags"][-1] == "free"
