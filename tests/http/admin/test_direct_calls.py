"""Tool calls over plain REST: the statuses of the contract, the scopes, and one request upstream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.procedure import Steps
from mcp_gateway.catalog.run import Run
from mcp_gateway.catalog.tool import Catalog
from mcp_gateway.kit import ids
from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.services.untrusted_text import DATA_NOT_ORDERS
from tests.support.gateways import Gateway, running_gateway, settings_for
from tests.support.peers import Peer, Script, always, answer, once_then_close
from tests.support.problems import problem

LIST = "list_all_richpanel_conversations"
UPDATE = "update_a_richpanel_conversation_by_id"
TICKETS = b'{"ticket": [{"id": "a"}]}'
REPORT = "create_a_richpanel_report_query"
METRICS = {"start_date": "2026-01-01", "end_date": "2026-01-01", "metrics": ["csat_score"]}
CHANGE = {"id": "a", "status": "CLOSED"}


@contextlib.asynccontextmanager
async def gateway_to(stores, script: Script, **settings: Any) -> AsyncIterator[tuple[Gateway, Peer, str, str]]:
    """A gateway, what stands for Richpanel, and a tenant with an account."""
    async with (
        Peer(script) as peer,
        running_gateway(settings_for(stores, richpanel_url=peer.url, **settings)) as gateway,
    ):
        tenant_id = await gateway.tenant()
        yield gateway, peer, tenant_id, await gateway.account(tenant_id)


def path(account_id: str, tool: str) -> str:
    return f"/integrated-account/{account_id}/tools/{tool}"


def replied(status: str, body: bytes = b'{"message": "no"}', *headers: str) -> Script:
    return always(answer(body, *headers, status=status))


async def test_success_is_the_structured_result(stores):
    headers = ("x-ratelimit-limit: 50", "x-ratelimit-remaining: 49")
    async with gateway_to(stores, replied("200 OK", TICKETS, *headers)) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, LIST), {"limit": 5})
        assert response.status_code == 200
        assert response.json() == {"notice": DATA_NOT_ORDERS, "result": [{"id": "a"}], "next_cursor": None}
        assert response.headers["ratelimit-remaining"] == "49"
        assert len(peer.exchanges) == 1


@pytest.mark.parametrize(
    ("upstream", "status", "kind"),
    [
        ("400 Bad Request", 400, "upstream_rejected"),
        ("404 Not Found", 404, "not_found"),
        ("402 Payment Required", 402, "upstream_rejected"),
        ("409 Conflict", 409, "upstream_rejected"),
        ("410 Gone", 410, "upstream_rejected"),
        ("413 Too Large", 413, "upstream_rejected"),
        ("422 Unprocessable", 422, "upstream_rejected"),
        ("429 Too Many", 429, "rate_limited"),
        ("401 Unauthorized", 502, "upstream_auth"),
        ("403 Forbidden", 502, "upstream_auth"),
        ("407 Proxy", 502, "upstream_rejected"),
        ("302 Found", 502, "upstream_bad_response"),
        ("304 Not Modified", 502, "upstream_bad_response"),
        ("500 Oops", 502, "upstream_error"),
        ("503 Later", 502, "upstream_error"),
        ("504 Too Slow", 502, "upstream_error"),
    ],
)
async def test_refusal_has_the_status_of_the_contract_and_is_sent_once(stores, upstream, status, kind):
    async with gateway_to(stores, replied(upstream)) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, LIST), {})
        assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
        assert "www-authenticate" not in response.headers
        assert len(peer.exchanges) == 1


async def test_429_tells_the_wait_in_header_and_body(stores):
    async with gateway_to(stores, replied("429 Too Many", b"{}", "retry-after: 7")) as (gateway, _, _, account):
        response = await gateway.admin("POST", path(account, LIST), {})
        assert response.headers["retry-after"] == "7"
        assert response.json()["error"]["retry_after_seconds"] == 7


async def test_403_with_nothing_left_is_429_with_its_wait(stores):
    used_up = ("x-ratelimit-limit: 50", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 9")
    async with gateway_to(stores, replied("403 Forbidden", b"{}", *used_up)) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, LIST), {})
        assert (response.status_code, response.headers["retry-after"]) == (429, "9")
        assert response.json()["error"]["type"] == "rate_limited"
        assert len(peer.exchanges) == 1


@pytest.mark.parametrize(
    ("upstream", "status", "kind"),
    [
        ("400 Bad Request", 400, "upstream_rejected"),
        ("429 Too Many", 429, "rate_limited"),
        ("500 Oops", 502, "upstream_error"),
        ("502 Bad Gateway", 504, "outcome_unknown"),
        ("504 Too Slow", 504, "outcome_unknown"),
    ],
)
async def test_write_that_may_have_happened_is_504_and_one_that_was_refused_is_not(stores, upstream, status, kind):
    async with gateway_to(stores, replied(upstream)) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, UPDATE), CHANGE)
        assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
        assert len(peer.exchanges) == 1


async def test_refused_connection_is_502_also_for_a_write(stores):
    async with running_gateway(settings_for(stores, richpanel_url="http://127.0.0.1:9/v1")) as gateway:
        account = await gateway.account(await gateway.tenant())
        response = await gateway.admin("POST", path(account, UPDATE), CHANGE)
        assert (response.status_code, response.json()["error"]["type"]) == (502, "upstream_unreachable")


async def test_look_up_by_number_that_fails_is_its_own_status_and_nothing_is_written(stores):
    async with gateway_to(stores, replied("404 Not Found")) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, UPDATE), {**CHANGE, "id": "1348"})
        assert (response.status_code, response.json()["error"]["type"]) == (404, "not_found")
        assert peer.targets == [b"/tickets/number/1348"]


@pytest.mark.parametrize(
    ("tool", "arguments", "kind"), [(LIST, {}, "upstream_timeout"), (UPDATE, CHANGE, "outcome_unknown")]
)
async def test_time_out_and_unknown_outcome_are_504(stores, tool, arguments, kind):
    async def silent(exchange):
        await exchange.gone()
        return False

    async with gateway_to(stores, silent, upstream_timeout_seconds=0.3) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, tool), arguments)
        assert (response.status_code, response.json()["error"]["type"]) == (504, kind)
        assert len(peer.exchanges) == 1


async def test_broken_answer_is_502(stores):
    async with gateway_to(stores, once_then_close(b"nonsense\r\n\r\n")) as (gateway, _, _, account):
        response = await gateway.admin("POST", path(account, LIST), {})
        assert (response.status_code, response.json()["error"]["type"]) == (502, "upstream_bad_response")


async def test_arguments_that_do_not_fit_are_422_and_nothing_is_sent(stores):
    async with gateway_to(stores, replied("200 OK", TICKETS)) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, LIST), {"limit": 0})
        assert (response.status_code, response.json()["error"]["type"]) == (422, "invalid_arguments")
        bodies: list[Any] = [[], "x", None]
        for body in bodies:
            problem(await gateway.admin("POST", path(account, LIST), body), 422, "invalid_input")
        assert peer.exchanges == []


async def test_unknown_tool_and_foreign_account_are_404(stores):
    async with gateway_to(stores, replied("200 OK", TICKETS)) as (gateway, peer, _, account):
        stranger = await gateway.api_token(await gateway.tenant())
        problem(await gateway.admin("POST", path(account, "never_there"), {}), 404, "not_found")
        problem(await gateway.admin("POST", path(account, LIST), {}, key=stranger), 404, "not_found")
        problem(await gateway.admin("POST", path(ids.new_id(ids.ACCOUNT), LIST), {}), 404, "not_found")
        problem(await gateway.client.post(gateway.url + path(account, LIST), json={}), 401, "unauthenticated")
        assert peer.exchanges == []


@pytest.mark.parametrize(
    ("scopes", "tool", "arguments", "status"),
    [
        (["read"], LIST, {}, 200),
        (["write"], LIST, {}, 403),
        (["write"], UPDATE, CHANGE, 200),
        (["read"], UPDATE, CHANGE, 403),
        # A method of the group `write` by its name, and a read by what it does.
        (["read"], REPORT, METRICS, 200),
        (["write"], REPORT, METRICS, 403),
        (["tokens", "logs"], LIST, {}, 403),
    ],
)
async def test_reading_tools_need_read_and_the_others_write(stores, scopes, tool, arguments, status):
    async with gateway_to(stores, replied("200 OK", b'{"ticket": [{"id": "a"}]}')) as (gateway, _, tenant_id, account):
        key = await gateway.api_token(tenant_id, scopes=scopes)
        response = await gateway.admin("POST", path(account, tool), arguments, key=key)
        assert response.status_code == status


async def test_cursor_of_a_server_is_none_over_rest(stores):
    page = b'{"ticket": [{"id": "a"}], "next_page": "https://x.example/?page=2"}'
    async with gateway_to(stores, replied("200 OK", page)) as (gateway, _, tenant_id, account):
        server = await gateway.server(tenant_id=tenant_id, account_id=account)
        of_server = (await gateway.call(server.token, LIST, {"limit": 1}))["structuredContent"]["next_cursor"]
        of_account = (await gateway.admin("POST", path(account, LIST), {"limit": 1})).json()["next_cursor"]
        statuses = [
            (await gateway.admin("POST", path(account, LIST), {"next_cursor": cursor})).status_code
            for cursor in (of_account, of_server)
        ]
        assert statuses == [200, 422]


@pytest.mark.parametrize(
    ("tool", "arguments", "body", "status", "kind"),
    [
        ("get_single_richpanel_conversation_by_id", {"id": "a"}, b"{}", 404, "not_found"),
        ("get_single_richpanel_conversation_by_id", {"id": "a"}, b'{"ticket": {}}', 404, "not_found"),
        (LIST, {}, b'{"error": {"message": "No such tag."}}', 422, "upstream_rejected"),
        (UPDATE, CHANGE, b'{"error": {"message": "No such tag."}}', 422, "upstream_rejected"),
    ],
)
async def test_refusal_that_upstream_tells_in_a_200_is_the_callers_to_mend(stores, tool, arguments, body, status, kind):
    async with gateway_to(stores, replied("200 OK", body)) as (gateway, peer, _, account):
        response = await gateway.admin("POST", path(account, tool), arguments)
        assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
        assert len(peer.exchanges) == 1


@pytest.mark.parametrize("upstream", ["200 OK", "404 Not Found"])
async def test_what_was_looked_up_or_repaired_is_told_beside_the_result_or_the_error(stores, upstream):
    async with gateway_to(stores, replied(upstream, b'{"ticket": {"id": "a"}}')) as (gateway, _, tenant_id, account):
        tool, arguments = "get_single_richpanel_conversation_by_id", {"id": 1348, "fields": None}
        response = await gateway.admin("POST", path(account, tool), arguments)
        server = await gateway.server(tenant_id=tenant_id, account_id=account)
        over_mcp = await gateway.call(server.token, tool, arguments)
        told = {name: value for name, value in over_mcp["_meta"].items() if name.startswith("richpanel-mcp-gateway/")}
        assert response.json() == {**over_mcp["structuredContent"], "_meta": told}
        assert {name.partition("/")[2] for name in told} == {"resolved", "repaired"}


@pytest.mark.parametrize("nothing", [{}, {"verify": True}, {"customer_profile": {}}, {"assignee_id": None}])
async def test_update_that_would_change_nothing_is_refused_and_nothing_is_sent(stores, nothing):
    async with gateway_to(stores, replied("200 OK", b'{"ticket": {}}')) as (gateway, peer, _, account):
        for conversation in ("a", "1348"):
            response = await gateway.admin("POST", path(account, UPDATE), {"id": conversation, **nothing})
            error = response.json()["error"]
            assert (response.status_code, error["type"]) == (422, "invalid_arguments")
            assert "Nothing would change" in error["message"]
            assert ("unassigned" in error["message"]) is ("assignee_id" in nothing)
        assert peer.exchanges == []


async def test_null_beside_a_change_is_told_to_have_changed_nothing(stores):
    async with gateway_to(stores, replied("200 OK", b'{"ticket": {}}')) as (gateway, peer, _, account):
        arguments = {**CHANGE, "assignee_id": None, "subject": None}
        answer = (await gateway.admin("POST", path(account, UPDATE), arguments)).json()
        assert "these stay as they are: subject, assignee_id" in answer["notice"]
        assert [exchange.body for exchange in peer.exchanges] == [b'{"ticket":{"status":"CLOSED"}}']


class Breaking:
    """A way of carrying a tool out that breaks off behind some of its requests."""

    most_requests = 2

    def __init__(self, *requests: UpstreamRequest) -> None:
        self.requests = requests

    def steps(self, _arguments: Mapping[str, Any], _run: Run) -> Steps:
        for request in self.requests:
            yield (request,)
        raise RuntimeError("broken on purpose")


LOOK_UP = UpstreamRequest("GET", "/tickets/number/1348")
WRITE = UpstreamRequest("PUT", "/tickets/a", b"{}", is_write=True)


@pytest.mark.parametrize(
    ("requests", "status", "kind", "words"),
    [
        ([LOOK_UP], 502, "upstream_bad_response", "Nothing was changed"),
        ([WRITE], 504, "outcome_unknown", "may or may not have been made"),
        ([LOOK_UP, WRITE], 504, "outcome_unknown", "may or may not have been made"),
        # A second write never leaves; the first one did.
        ([WRITE, WRITE], 504, "outcome_unknown", "may or may not have been made"),
        # What cannot be put on the wire was not sent.
        ([replace(WRITE, target="no-slash")], 500, "internal", "could not be sent"),
        ([LOOK_UP, replace(WRITE, target="no-slash")], 500, "internal", "could not be sent"),
    ],
)
async def test_only_a_write_that_left_may_have_been_made(stores, requests, status, kind, words):
    richpanel = load_catalog().integrations["richpanel"]
    broken = {**richpanel.by_name, UPDATE: replace(richpanel.by_name[UPDATE], procedure=Breaking(*requests))}
    integration = replace(richpanel, tools=tuple(broken.values()), by_name=broken)
    async with (
        Peer(replied("200 OK", b'{"ticket": {"id": "a"}}')) as peer,
        running_gateway(
            settings_for(stores, richpanel_url=peer.url), catalog=Catalog({"richpanel": integration})
        ) as gw,
    ):
        response = await gw.admin("POST", path(await gw.account(await gw.tenant()), UPDATE), CHANGE)
        assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
        assert words in response.json()["error"]["message"]
        assert sum(exchange.raw.startswith(b"PUT ") for exchange in peer.exchanges) <= 1


async def test_many_at_once_are_each_sent_once(stores):
    # Each call reads its account; with fewer connections a slow machine makes some wait too long for one.
    async with gateway_to(stores, replied("200 OK", TICKETS), database_pool_size=25) as (gateway, peer, _, account):
        answers = await asyncio.gather(*(gateway.admin("POST", path(account, LIST), {}) for _ in range(50)))
        assert {one.status_code for one in answers} == {200}
        assert len(peer.exchanges) == 50
