"""What the simulator is asked to show a switch; each probe is named after its switch."""

import base64
from dataclasses import replace
from typing import Any

import httpx

from richpanel_sim.clock import ManualClock
from richpanel_sim.state import SimulatorState
from richpanel_sim.tenants import Tenant
from tests.simulator.support import TENANT, connect, ticket_path

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
