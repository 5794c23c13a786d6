"""Which JSON-RPC error codes there are at all."""

import ast
from pathlib import Path

import pytest

import mcp_gateway
from mcp_gateway.protocol import errors

JSON_RPC = {-32700, -32600, -32601, -32602, -32603}
MCP = {-32020, -32021, -32022}
RESERVED = range(-32768, -31999)


def numbers(path):
    """Every negative number in a file that could be such a code."""
    tree = ast.parse(path.read_text())
    return {
        -node.operand.value
        for node in ast.walk(tree)
        if isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and isinstance(node.operand.value, int)
        and node.operand.value > 30_000
    }


@pytest.mark.requirement("errors.reserved", "errors.own")
def test_codes_are_those_of_the_specifications_or_outside_what_they_reserve():
    package = Path(mcp_gateway.__file__).parent
    found = {code for path in package.rglob("*.py") for code in numbers(path)}
    named = {code for code in vars(errors).values() if isinstance(code, int)}
    assert named & set(RESERVED) == JSON_RPC | MCP
    ours = {code for code in found if code not in RESERVED}
    assert ours
    assert found - ours == JSON_RPC | MCP
