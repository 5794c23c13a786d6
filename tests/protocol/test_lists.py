"""`tools/list`: the host's definitions as they are, and what `_meta` may be called."""

import re

import orjson
import pytest

from mcp_gateway.protocol.results import LIST_REVISION, META_PREFIX
from tests.conformance.fixtures import DIALECT
from tests.protocol.support import LEGACY, MODERN, FakeHost, parsed, request, send, send_modern

LABEL = r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
PREFIXED_KEY = re.compile(rf"({LABEL}(?:\.{LABEL})*)/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Rich(FakeHost):
    """Lists a tool whose schema uses what 2020-12 has."""

    def list_tools_json(self):
        return orjson.dumps([{"name": "rich", "inputSchema": DIALECT}])


async def listed(version):
    if version == MODERN:
        return parsed(await send_modern("tools/list", host=Rich()))["result"]
    return parsed(await send(request("tools/list"), {"MCP-Protocol-Version": version}, Rich()))["result"]


@pytest.mark.requirement("tools.schema-intact")
@pytest.mark.parametrize("version", [MODERN, *LEGACY])
async def test_schema_arrives_with_every_keyword(version):
    assert (await listed(version))["tools"] == [{"name": "rich", "inputSchema": DIALECT}]


@pytest.mark.requirement("meta.own-keys")
@pytest.mark.parametrize("version", [MODERN, *LEGACY])
async def test_our_keys_in_meta_are_well_formed_and_under_no_reserved_prefix(version):
    ours = (await listed(version))["_meta"].keys() - {"io.modelcontextprotocol/serverInfo"}
    assert ours == {META_PREFIX + LIST_REVISION}
    for key in ours:
        prefix = PREFIXED_KEY.fullmatch(key)
        assert prefix
        assert not {"modelcontextprotocol", "mcp"} & set(prefix[1].split(".")[1:2])
