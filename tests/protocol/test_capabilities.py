"""A tool that relies on what the client can do is called only for clients that said so."""

import pytest

from mcp_gateway.protocol.host import OfferedTool
from tests.protocol.support import META, FakeHost, error_of, modern_headers, parsed, request, send

CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
NEEDS_SAMPLING = OfferedTool(required_capabilities={"sampling": {}})
CALL = {"name": "get_order", "arguments": {}}


async def call(capabilities, host):
    message = request("tools/call", {**CALL, "_meta": {**META, CAPABILITIES: capabilities}})
    return await send(message, modern_headers("tools/call", "get_order"), host)


@pytest.mark.requirement("errors.capability", "meta.undeclared")
@pytest.mark.parametrize("capabilities", [{}, {"elicitation": {}}, {"sampling": None}, {"sampling": True}])
async def test_undeclared_capability_is_400_and_names_what_is_missing(capabilities):
    host = FakeHost(offered={"get_order": NEEDS_SAMPLING})
    reply = await call(capabilities, host)
    assert error_of(reply) == (400, -32021)
    assert parsed(reply)["error"]["data"] == {"requiredCapabilities": {"sampling": {}}}
    assert host.calls == []


async def test_declared_capability_lets_the_call_through():
    host = FakeHost(offered={"get_order": NEEDS_SAMPLING})
    assert (await call({"sampling": {}, "roots": {}}, host)).status == 200


@pytest.mark.requirement("meta.undeclared")
async def test_client_of_the_handshake_era_is_told_why_it_cannot_call():
    host = FakeHost(offered={"get_order": NEEDS_SAMPLING})
    reply = await send(request("tools/call", CALL), host=host)
    assert error_of(reply) == (200, -32602)
    assert "sampling" in parsed(reply)["error"]["message"]
    assert host.calls == []
