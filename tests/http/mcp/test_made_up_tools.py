"""What no tool of the catalog does, at the socket: progress, tools that break, and what stands on a stream."""

import contextlib
import json

import httpx
import pytest

from mcp_gateway.main import create_app
from tests.conformance.fixtures import FixtureHost, FixtureHosts
from tests.support.asgi import serving
from tests.support.gateways import MODERN, Gateway, settings_for

LEGACY_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
SECRET = "not to be told"


class BrokenHost(FixtureHost):
    async def call_tool(self, name, arguments, call):  # noqa: ARG002 - the protocol's signature
        raise RuntimeError(SECRET)


class BrokenHosts:
    def host(self, principal):  # noqa: ARG002 - the source's signature
        return BrokenHost()


@contextlib.asynccontextmanager
async def serving_tools(stores, hosts):
    """A way to call a tool of these hosts."""
    settings = settings_for(stores)
    async with serving(create_app(settings, hosts=hosts)) as url, httpx.AsyncClient(timeout=20) as client:
        server = await Gateway(url, client).server()

        async def call(tool, version, **meta):
            return await client.post(server.url, **call_of(tool, version, **meta))

        yield call


@pytest.fixture(scope="module")
async def call(stores):
    async with serving_tools(stores, FixtureHosts()) as call:
        yield call


@pytest.fixture(scope="module")
async def call_broken(stores):
    async with serving_tools(stores, BrokenHosts()) as call:
        yield call


def call_of(tool, version, **meta):
    """A call's message and headers in a revision."""
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": version}
    if version == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": tool}
        keys = {"protocolVersion": version, "clientCapabilities": {}}
        meta |= {f"io.modelcontextprotocol/{key}": value for key, value in keys.items()}
    params = {"name": tool, "arguments": {}, "_meta": meta}
    return {"json": {"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": params}, "headers": headers}


@pytest.mark.requirement(
    "transport.answer-type",
    "stream.related",
    "stream.no-requests",
    "stream.ends",
    "stream.unbuffered",
    "meta.log-level",
    "progress.asked",
    "progress.rises",
)
@pytest.mark.parametrize("version", [MODERN, *LEGACY_VERSIONS])
async def test_stream_holds_the_calls_own_progress_and_ends_with_its_answer(call, version):
    response = await call("test_tool_with_progress", version, progressToken="mine")
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-accel-buffering"] == "no"
    events = response.text.removesuffix("\n\n").split("\n\n")
    assert all(event.startswith("event: message\ndata: ") for event in events)
    *told, last = (json.loads(event.partition("data: ")[2]) for event in events)
    assert [one["params"]["progress"] for one in told] == [0, 50, 100]
    for one in told:
        assert (one["method"], one["params"]["progressToken"]) == ("notifications/progress", "mine")
        assert "id" not in one
    assert last["id"] == "c"
    assert last["result"]["content"] == [{"type": "text", "text": "done"}]


@pytest.mark.requirement("meta.log-level", "progress.asked")
@pytest.mark.parametrize("version", [MODERN, *LEGACY_VERSIONS])
@pytest.mark.parametrize("tool", ["test_tool_with_progress", "test_logging_tool", "test_streaming_elicitation"])
async def test_client_that_asked_for_nothing_gets_its_answer_alone(call, version, tool):
    response = await call(tool, version)
    assert response.headers["content-type"] == "application/json"
    assert response.json()["id"] == "c"


@pytest.mark.requirement("errors.internal", "message.error-id")
@pytest.mark.parametrize("version", [MODERN, *LEGACY_VERSIONS, "2024-11-05"])
async def test_tool_that_breaks_is_an_internal_error_with_200_that_tells_nothing(call_broken, version):
    response = await call_broken("test_simple_text", version)
    assert response.status_code == 200
    assert response.json() == {"jsonrpc": "2.0", "id": "c", "error": {"code": -32603, "message": "Internal error."}}
    assert SECRET not in response.text
