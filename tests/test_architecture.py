"""What the shape of the code promises and no linter of ours checks: sizes, imports, clocks, catch-alls, open routes."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

import mcp_gateway
from mcp_gateway.http.secrets_in_path import MCP_ROUTES
from mcp_gateway.main import create_app
from tests.support.gateways import settings_for
from tests.support.problems import problem

SOURCE = Path(mcp_gateway.__file__).parent.parent
MODULES = sorted(path for name in ("mcp_gateway", "richpanel_sim") for path in (SOURCE / name).rglob("*.py"))

MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 60

CLOCK = "mcp_gateway/kit/clock.py"
CATCH_ALL = {
    # The edges, where whatever is left becomes an answer and a log line with its traceback.
    "mcp_gateway/http/edge.py",
    "mcp_gateway/http/mcp/endpoint.py",
    "mcp_gateway/http/mcp/direct.py",
    # Loops for the life of the process: one that ended by a bug would end unnoticed.
    "mcp_gateway/services/upkeep.py",
    "mcp_gateway/services/call_log.py",
    "mcp_gateway/services/last_seen.py",
    "mcp_gateway/services/quotas.py",
    "mcp_gateway/services/streams.py",
    "mcp_gateway/storage/redis_link.py",
    # After a request was sent: a bug in reading the answer must not make a write look as if it had not happened.
    "mcp_gateway/services/tool_calls.py",
}
OPEN_ROUTES = {"/livez", "/readyz", "/openapi.json", "/docs"}
"""Everything else on the admin API needs a key."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def code_lines(function: Function, source: list[str]) -> int:
    """Lines of a function without its docstring, blank lines and comments."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = set(range(first.lineno, (first.end_lineno or 0) + 1)) if is_docstring else set()
    numbers = set(range(function.lineno, (function.end_lineno or 0) + 1)) - docstring
    return sum(bool(line) and not line.startswith("#") for line in (source[number - 1].strip() for number in numbers))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(tree: ast.AST) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_catch_all(handler: ast.ExceptHandler) -> bool:
    """Catches everything, and does not raise it on."""
    caught = "BaseException" if handler.type is None else ast.unparse(handler.type)
    raises = any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body)
    return caught in {"Exception", "BaseException"} and not raises


def test_there_is_something_to_look_at():
    assert len(MODULES) > 100
    assert {CLOCK, *CATCH_ALL} <= {name_of(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_keeps_the_rules(path):
    text = path.read_text()
    lines, tree, name = text.splitlines(), ast.parse(text), name_of(path)
    assert len(lines) < MAX_MODULE_LINES
    too_long = [found.name for found in functions(tree) if code_lines(found, lines) > MAX_FUNCTION_LINES]
    assert not too_long
    inside = {
        node.lineno
        for found in functions(tree)
        for node in ast.walk(found)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not inside
    assert "TYPE_CHECKING" not in text
    assert not {name for name in imported(tree) if name.split(".")[0] == "tests"}
    wall_clock = [call for call in calls(tree) if call in {"datetime.now", "datetime.utcnow", "time.time"}]
    assert not wall_clock or name == CLOCK or name.startswith("richpanel_sim/clock")
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and is_catch_all(node)]
    assert bool(handlers) == (name in CATCH_ALL), [handler.lineno for handler in handlers]


def test_only_the_unit_of_work_commits():
    committing = {
        name_of(path)
        for path in MODULES
        if any(call.endswith(".commit") for call in calls(ast.parse(path.read_text())))
    }
    assert committing == {"mcp_gateway/storage/uow.py"}


async def test_every_route_needs_a_key_unless_listed(gateway, stores):
    application = cast("FastAPI", create_app(settings_for(stores))._app)
    contexts = [context for context in iter_route_contexts(application.routes) if context.path not in MCP_ROUTES]
    assert {context.path for context in contexts} > OPEN_ROUTES
    for context in contexts:
        for method in context.methods or ():
            path = (context.path or "").replace("{", "").replace("}", "")
            response = await gateway.client.request(method, gateway.url + path)
            if context.path in OPEN_ROUTES:
                assert response.status_code == 200, path
            else:
                problem(response, 401, "unauthenticated")
