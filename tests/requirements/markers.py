"""Which tests name which rows: read from the test files' syntax, so that nothing has to be collected or imported."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parents[1]
MARKER = "pytest.mark.requirement"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Marked:
    """What the test files say."""

    tests: dict[str, list[str]] = field(default_factory=dict)
    """Row id to the tests that name it, as `path::test`."""
    faults: list[str] = field(default_factory=list)
    """Markers that no test carries, or whose rows cannot be read without running them."""


def collected_files() -> list[Path]:
    """All files that pytest collects."""
    return sorted(TESTS.rglob("test_*.py"))


def read(files: Iterable[Path], root: Path = TESTS.parent) -> Marked:
    """The markers of these files: on tests, in `pytest.param(…, marks=…)` of their decorators, and in `pytestmark`."""
    marked = Marked()
    for path in files:
        _read(ast.parse(path.read_text()), path.relative_to(root).as_posix(), marked)
    return marked


def _read(tree: ast.Module, name: str, marked: Marked) -> None:
    tests = [node for node in tree.body if isinstance(node, Function) and node.name.startswith("test_")]
    placed: set[int] = set()
    for test in tests:
        for decorator in test.decorator_list:
            placed |= _note(decorator, [f"{name}::{test.name}"], marked)
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["pytestmark"]:
            placed |= _note(node.value, [f"{name}::{test.name}" for test in tests], marked)
    for call in _markers(tree):
        if call.lineno not in placed:
            marked.faults.append(f"{name}:{call.lineno}: a requirement marker that no test carries")


def _note(where: ast.expr, tests: list[str], marked: Marked) -> set[int]:
    """Take down the markers in this expression; the lines they stand on."""
    lines = set()
    for call in _markers(where):
        lines.add(call.lineno)
        ids = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        if not ids or len(ids) < len(call.args) or call.keywords:
            marked.faults.append(
                f"{tests[0].partition('::')[0]}:{call.lineno}: a requirement marker takes ids as they are"
            )
        for row_id in ids:
            marked.tests.setdefault(str(row_id), []).extend(tests)
    return lines


def _markers(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == MARKER)
