"""First contacts of clients in use, over a socket and byte for byte as raw HTTP/1.1.

Methods, bodies, order of requests and MCP headers are what was seen of these clients; where nobody noted how a header
is spelt, or which stands first, it is as the client's HTTP library does it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from richpanel_sim.app import create_app
from richpanel_sim.state import SimulatorState
from tests.support.asgi import serving
from tests.support.catalog import EVERY_TOOL
from tests.support.gateways import running_gateway, settings_for
from tests.support.raw_http import Answer, Connection, connection

KEY = "rp_key_of_openings_0001"
CALL = b'"name":"list_all_richpanel_conversations","arguments":{"limit":1}'

# The SDK of TypeScript 1.x on Node's fetch; the MCP headers of a client come behind the first two.
NODE = ("host: gateway.example", "connection: keep-alive", "content-type: application/json")
NODE_ENDS = ("accept-language: *", "sec-fetch-mode: cors", "user-agent: node", "accept-encoding: gzip, deflate")
BOTH = "accept: application/json, text/event-stream"
EVENTS = "accept: text/event-stream"
PYTHON = (
    "Host: gateway.example",
    "Accept: application/json, text/event-stream",
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
    "Content-Type: application/json",
)


@dataclass
class Wire:
    """One client's connection to one server."""

    to: Connection
    token: str

    async def post(self, headers: tuple[str, ...], body: bytes) -> Answer:
        return await self._ask("POST", f"/mcp/{self.token}", (*headers, f"content-length: {len(body)}"), body)

    async def get(self, headers: tuple[str, ...], path: str | None = None) -> Answer:
        return await self._ask("GET", path or f"/mcp/{self.token}", headers)

    async def _ask(self, method: str, path: str, headers: tuple[str, ...], body: bytes = b"") -> Answer:
        head = "\r\n".join((f"{method} {path} HTTP/1.1", *headers, "", ""))
        answer = await self.to.ask(head.encode() + body)
        # Whatever a client opens with: nothing breaks, nothing is to be remembered, nothing leads elsewhere.
        assert answer.status < 500
        assert not 300 <= answer.status < 400
        assert not {name for name, _ in answer.headers} & {"mcp-session-id", "location"}
        return answer


@pytest.fixture(scope="module")
async def token(stores) -> AsyncIterator[tuple[str, str]]:
    async with serving(create_app(SimulatorState({KEY: "shop"}))) as upstream:
        settings = settings_for(stores, richpanel_url=f"{upstream}/v1", allowed_hosts="")
        async with running_gateway(settings) as gateway:
            yield gateway.url, (await gateway.server(api_key=KEY)).token


@pytest.fixture
async def wire(token) -> AsyncIterator[Wire]:
    url, secret = token
    async with connection(url) as to:
        yield Wire(to, secret)


def result_of(answer: Answer, request_id):
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.json["jsonrpc"] == "2.0"
    assert answer.json["id"] == request_id
    return answer.json["result"]


def agreed(answer: Answer, request_id) -> str:
    """The version `initialize` agreed on."""
    result = result_of(answer, request_id)
    assert result["capabilities"] == {"tools": {}}
    assert result["serverInfo"]["name"] == "richpanel-mcp-gateway"
    return str(result["protocolVersion"])


def accepted(answer: Answer) -> bool:
    return (answer.status, answer.body) == (202, b"")


def lists_all_tools(answer: Answer, request_id) -> bool:
    return [tool["name"] for tool in result_of(answer, request_id)["tools"]] == EVERY_TOOL


def has_called(answer: Answer, request_id) -> bool:
    result = result_of(answer, request_id)
    return result["isError"] is False and len(result["structuredContent"]["result"]) == 1


def refused_get(answer: Answer) -> bool:
    return (answer.status, answer.header("allow")) == (405, "POST")


CHATGPT = (*PYTHON, "User-Agent: openai-mcp/1.0.0")
CHATGPT_META = b"""{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
"io.modelcontextprotocol/clientInfo":{"name":"openai-mcp","version":"1.0.0"},
"io.modelcontextprotocol/clientCapabilities":{"experimental":{"openai/visibility":{"enabled":true}},
"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}%b}"""


def chatgpt(method: str, *more: str) -> tuple[str, ...]:
    return (*CHATGPT, "MCP-Protocol-Version: 2026-07-28", f"Mcp-Method: {method}", *more)


@pytest.mark.requirement(
    "transport.post", "transport.sessions", "discover.implemented", "discover.versions", "message.same-id"
)
async def test_chatgpt_discovers_lists_and_calls(wire):
    body = b'{"jsonrpc":"2.0","id":"openai-mcp-discover","method":"server/discover","params":{"_meta":%b}}'
    found = await wire.post(chatgpt("server/discover"), body % (CHATGPT_META % b""))
    result = result_of(found, "openai-mcp-discover")
    assert result["supportedVersions"] == ["2026-07-28"]
    assert result["resultType"] == "complete"
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":%b}}' % (CHATGPT_META % b"")
    assert lists_all_tools(await wire.post(chatgpt("tools/list"), body), 1)


@pytest.mark.requirement("meta.unknown-keys")
async def test_chatgpt_calls_with_meta_and_headers_of_its_own(wire):
    vendors = b',"openai/session":"v1/abc","openai/subject":"v1/def","openai/userLocation":{"city":"Bern"}'
    body = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{%b,"_meta":%b}}' % (CALL, CHATGPT_META % vendors)
    named = ("Mcp-Name: list_all_richpanel_conversations", "x-openai-session: v1/abc", "x-openai-subject: v1/def")
    assert has_called(await wire.post(chatgpt("tools/call", *named), body), 2)


async def test_chatgpt_that_falls_back_to_the_handshake_is_served_too(wire):
    hello = b"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
    "capabilities":{"experimental":{"openai/visibility":{"enabled":true}}},
    "clientInfo":{"name":"openai-mcp","version":"1.0.0"}}}"""
    assert agreed(await wire.post(CHATGPT, hello), 0) == "2025-11-25"
    later = (*CHATGPT, "MCP-Protocol-Version: 2025-11-25")
    assert accepted(await wire.post(later, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    assert lists_all_tools(await wire.post(later, b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'), 1)
    call = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{%b,"_meta":{"openai/locale":"en-US"}}}' % CALL
    assert has_called(await wire.post(later, call), 2)


@pytest.mark.parametrize(("body", "code"), [(b"", -32700), (b"{}", -32600), (b"[]", -32600)])
async def test_chatgpts_probe_without_a_method_is_a_json_rpc_error(wire, body, code):
    untyped = tuple(line for line in CHATGPT if not line.startswith("Content-Type"))
    for headers in (CHATGPT, untyped):
        answer = await wire.post(headers, body)
        # What has a body and does not say of which type is refused for that, before it is read.
        is_read = headers is CHATGPT or not body
        assert (answer.status, answer.json["error"]["code"]) == ((400, code) if is_read else (415, -32600))
        assert answer.header("www-authenticate") is None


CLAUDE = (*PYTHON, "User-Agent: Claude-User")


@pytest.mark.requirement("handshake.no-header", "transport.notification", "handshake.echo", "handshake.result")
async def test_claude_starts_anew_for_each_request_and_names_no_version_afterwards(wire):
    hello = b"""{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},
    "clientInfo":{"name":"Anthropic/ClaudeAI","version":"1.0.0"}},"jsonrpc":"2.0","id":0}"""
    for request, is_answered in (
        (b'{"method":"tools/list","params":{},"jsonrpc":"2.0","id":1}', lists_all_tools),
        (b'{"method":"tools/call","params":{%b},"jsonrpc":"2.0","id":1}' % CALL, has_called),
    ):
        assert agreed(await wire.post(CLAUDE, hello), 0) == "2025-11-25"
        assert accepted(await wire.post(CLAUDE, b'{"method":"notifications/initialized","jsonrpc":"2.0"}'))
        assert is_answered(await wire.post(CLAUDE, request), 1)


@pytest.mark.requirement("transport.get", "handshake.ping")
async def test_gemini_cli_asks_for_a_stream_and_pings_without_a_version_header(wire):
    headers = (*NODE, BOTH, *NODE_ENDS)
    hello = b"""{"method":"initialize","params":{"protocolVersion":"2025-06-18",
    "capabilities":{"roots":{"listChanged":true}},
    "clientInfo":{"name":"gemini-cli-mcp-client","version":"0.61.0"}},"jsonrpc":"2.0","id":0}"""
    assert agreed(await wire.post(headers, hello), 0) == "2025-06-18"
    assert accepted(await wire.post(headers, b'{"method":"notifications/initialized","jsonrpc":"2.0"}'))
    assert refused_get(await wire.get((*NODE[:2], EVENTS, *NODE_ENDS)))
    assert result_of(await wire.post(headers, b'{"method":"ping","jsonrpc":"2.0","id":1}'), 1) == {}
    assert lists_all_tools(await wire.post(headers, b'{"method":"tools/list","jsonrpc":"2.0","id":2}'), 2)
    call = b'{"method":"tools/call","params":{%b,"_meta":{"progressToken":3}},"jsonrpc":"2.0","id":3}' % CALL
    assert has_called(await wire.post(headers, call), 3)


@pytest.mark.requirement("handshake.2024-by-post")
async def test_copilot_studio_speaks_2024_11_05_by_post_with_ids_that_are_strings(wire):
    headers = (
        "Host: gateway.example",
        "Accept: application/json, text/event-stream",
        "x-ms-conversation-id: 3f0a",
        "Content-Type: application/json; charset=utf-8",
    )
    hello = b"""{"jsonrpc":"2.0","id":"1","method":"initialize","params":{"capabilities":{},"clientInfo":
    {"agentName":"Order agent","appId":"00000000-0000-0000-0000-000000000000","name":"mcs","version":"1.0.0"},
    "protocolVersion":"2024-11-05"}}"""
    assert agreed(await wire.post(headers, hello), "1") == "2024-11-05"
    assert accepted(await wire.post(headers, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    assert lists_all_tools(await wire.post(headers, b'{"jsonrpc":"2.0","id":"2","method":"tools/list"}'), "2")
    call = b'{"jsonrpc":"2.0","id":"3","method":"tools/call","params":{%b}}' % CALL
    assert has_called(await wire.post(headers, call), "3")


async def test_ai_sdk_asks_for_a_stream_first_and_names_the_version_with_initialize(wire):
    version = "mcp-protocol-version: 2025-11-25"
    assert refused_get(await wire.get((*NODE[:2], version, EVENTS, *NODE_ENDS)))
    hello = b"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
    "capabilities":{},"clientInfo":{"name":"ai-sdk-mcp-client","version":"1.0.0"}}}"""
    headers = (*NODE[:2], version, *NODE[2:], BOTH, *NODE_ENDS)
    assert agreed(await wire.post(headers, hello), 0) == "2025-11-25"
    assert accepted(await wire.post(headers, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    assert lists_all_tools(await wire.post(headers, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'), 1)


WELL_KNOWN = ("oauth-protected-resource", "oauth-authorization-server", "openid-configuration")


async def finds_no_oauth(wire: Wire, headers: tuple[str, ...]) -> bool:
    """Every place where a client looks for an authorization server is a plain 404 that repeats no secret."""
    paths = [f"/.well-known/{name}{place}" for name in WELL_KNOWN for place in (f"/mcp/{wire.token}", "")]
    answers = [
        await wire.get(headers, path) for path in (*paths, f"/mcp/{wire.token}/.well-known/openid-configuration")
    ]
    assert not any(wire.token in f"{answer.headers}{answer.body!r}" for answer in answers)
    return {answer.status for answer in answers} == {404}


@pytest.mark.requirement("auth.no-discovery")
async def test_codex_probes_for_oauth_finds_none_and_connects(wire):
    probe = ("mcp-protocol-version: 2024-11-05", "accept: */*", "host: gateway.example")
    refused = await wire.get(probe)
    assert refused_get(refused)
    assert refused.header("www-authenticate") is None
    assert await finds_no_oauth(wire, probe)
    hello = b"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",
    "capabilities":{"elicitation":{}},"clientInfo":{"name":"codex-mcp-client","title":"Codex","version":"0.169.0"}}}"""
    headers = ("accept: text/event-stream, application/json", "content-type: application/json", "host: gateway.example")
    assert agreed(await wire.post(headers, hello), 0) == "2025-06-18"
    later = ("mcp-protocol-version: 2025-06-18", *headers)
    assert accepted(await wire.post(later, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    assert lists_all_tools(await wire.post(later, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'), 1)


@pytest.mark.requirement("handshake.no-mcp-headers")
async def test_mcp_remote_tries_out_the_handshake_and_sends_mcp_method_on_the_old_era_too(wire):
    assert refused_get(await wire.get((*NODE[:2], EVENTS, *NODE_ENDS)))
    assert await finds_no_oauth(wire, (*NODE[:2], "mcp-protocol-version: 2025-11-25", "accept: */*", *NODE_ENDS))
    hello = b"""{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},
    "clientInfo":{"name":"%b","version":"0.0.0"}},"jsonrpc":"2.0","id":0}"""
    for name in (b"mcp-remote-fallback-test", b"claude-ai (via mcp-remote 0.15.1)"):
        first = await wire.post((*NODE, "mcp-method: initialize", BOTH, *NODE_ENDS), hello % name)
        assert agreed(first, 0) == "2025-11-25"
    later = (*NODE, "mcp-protocol-version: 2025-11-25")
    note = b'{"method":"notifications/initialized","jsonrpc":"2.0"}'
    assert accepted(await wire.post((*later, "mcp-method: notifications/initialized", BOTH, *NODE_ENDS), note))
    listed = await wire.post(
        (*later, "mcp-method: tools/list", BOTH, *NODE_ENDS), b'{"method":"tools/list","jsonrpc":"2.0","id":1}'
    )
    assert lists_all_tools(listed, 1)


async def test_vs_code_goes_on_by_post_when_its_stream_is_refused(wire):
    headers = (*NODE, "accept: text/event-stream, application/json", *NODE_ENDS)
    hello = b"""{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
    "capabilities":{"roots":{"listChanged":true},"sampling":{},"elicitation":{"form":{},"url":{}}},
    "clientInfo":{"name":"Visual Studio Code","version":"1.120.0"}}}"""
    assert agreed(await wire.post(headers, hello), 1) == "2025-11-25"
    later = (*headers, "mcp-protocol-version: 2025-11-25")
    assert refused_get(await wire.get((*NODE[:2], EVENTS, "mcp-protocol-version: 2025-11-25", *NODE_ENDS)))
    assert accepted(await wire.post(later, b'{"method":"notifications/initialized","jsonrpc":"2.0"}'))
    assert lists_all_tools(await wire.post(later, b'{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}'), 2)
    call = b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{%b,"_meta":{"progressToken":"7f3c"}}}' % CALL
    assert has_called(await wire.post(later, call), 3)


@pytest.mark.parametrize("name", [b"slack", b"grok-connectors-manager"])
async def test_slack_and_grok_speak_2025_06_18(wire, name):
    hello = b"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",
    "capabilities":{},"clientInfo":{"name":"%b","version":"1.0.0"}}}"""
    assert agreed(await wire.post(PYTHON, hello % name), 0) == "2025-06-18"
    later = (*PYTHON, "MCP-Protocol-Version: 2025-06-18")
    assert accepted(await wire.post(later, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    assert lists_all_tools(await wire.post(later, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'), 1)
    call = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{%b}}' % CALL
    assert has_called(await wire.post(later, call), 2)


async def test_discover_from_a_client_that_names_no_version_tells_it_to_fall_back(wire):
    answer = await wire.post(PYTHON, b'{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}')
    assert (answer.status, answer.json["error"]["code"]) == (200, -32601)
