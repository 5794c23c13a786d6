"""Reads the catalog's documents once, at start; a fault stops the process with file, line and place named."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mcp_gateway.catalog.compile import compile_tool
from mcp_gateway.catalog.description import IntegrationDescription, MethodDescription, ResourceDescription
from mcp_gateway.catalog.tool import Catalog, Integration, Tool
from mcp_gateway.exceptions import ConfigurationError

_SHARED = "integration.yaml"
_Document = TypeVar("_Document", bound=BaseModel)
_Place = tuple[int | str, ...]


def load_catalog(folders: Sequence[Traversable] | None = None) -> Catalog:
    """The compiled catalog of this package, or of the given folders (one integration each).

    Raises:
        ConfigurationError: a document is missing, malformed or contradicts itself.
    """
    if folders is None:
        folders = [f for f in _sorted(files("mcp_gateway.catalog")) if f.is_dir() and (f / _SHARED).is_file()]
    integrations = [load_integration(folder) for folder in folders]
    names = [integration.name for integration in integrations]
    if not names or len(set(names)) < len(names):
        raise ConfigurationError(f"catalog: integrations must be there and differ in name, got {names}")
    return Catalog(MappingProxyType(dict(zip(names, integrations, strict=True))))


def load_integration(folder: Traversable) -> Integration:
    """One integration from its folder; tools in the order of file names, then of the file."""
    shared = _read(folder / _SHARED, IntegrationDescription)
    resources = [f for f in _sorted(folder) if f.name.endswith(".yaml") and f.name != _SHARED]
    by_name: dict[str, Tool] = {}
    tools = [tool for file in resources for tool in _tools(shared, file, by_name)]
    by_name.update({tool.name: tool for tool in tools})
    if len(by_name) < len(tools):
        names = [tool.name for tool in tools]
        raise ConfigurationError(
            f"catalog {folder.name}: described twice: {sorted({n for n in names if names.count(n) > 1})}"
        )
    _check_uses(tools, by_name, folder.name)
    return Integration(
        name=shared.name,
        title=shared.title,
        description=shared.description,
        documentation=shared.documentation,
        tools=tuple(tools),
        tags=MappingProxyType(shared.tags),
        base_url=shared.base_url,
        key_header=shared.key_header,
        policy=shared.policy,
        by_name=MappingProxyType(by_name),
    )


def _check_uses(tools: Iterable[Tool], by_name: Mapping[str, Tool], folder: str) -> None:
    """Refuse tools that are carried out with others than reads of one request."""
    used = {name for tool in tools for name in tool.uses}
    missing = used - by_name.keys()
    if missing:
        raise ConfigurationError(f"catalog {folder}: tools are named that do not exist: {sorted(missing)}")
    unfit = {name for name in used if by_name[name].is_write or by_name[name].binding is None}
    if unfit:
        raise ConfigurationError(f"catalog {folder}: look-ups must be reads of one request: {sorted(unfit)}")


def _tools(shared: IntegrationDescription, file: Traversable, siblings: Mapping[str, Tool]) -> Iterator[Tool]:
    """The tools of one file; `siblings` is filled once all files are read."""
    document = _read(file, ResourceDescription)
    for method in document.methods:
        try:
            tool = compile_tool(shared, document.resource, method, siblings)
        except ValueError as exc:
            raise ConfigurationError(f"catalog {file.name}: {method.tool}: {_one_line(exc)}") from exc
        _check_examples(tool, method, file.name)
        yield tool


def _check_examples(tool: Tool, method: MethodDescription, file: str) -> None:
    """An example that its own schema refuses would teach the wrong thing."""
    for example in method.examples:
        for problem in tool.validate(example.arguments):
            raise ConfigurationError(f"catalog {file}: {tool.name}: example {example.title!r}: {problem.message}")


def _read(file: Traversable, model: type[_Document]) -> _Document:
    try:
        text = file.read_text(encoding="utf-8")
        root, value = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise ConfigurationError(f"catalog {file.name}: {_one_line(exc)}") from exc
    _refuse_duplicates(root, file.name)
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        faults = "; ".join(_fault(root, error["loc"], error["msg"]) for error in exc.errors(include_url=False))
        raise ConfigurationError(f"catalog {file.name} {faults}") from exc


def _fault(root: yaml.Node | None, place: _Place, message: str) -> str:
    return f"line {_line(root, place)}: {'.'.join(map(str, place)) or 'the document'}: {_one_line(message)}"


def _refuse_duplicates(node: yaml.Node | None, file: str) -> None:
    """YAML lets the last of two equal keys win in silence."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise ConfigurationError(f"catalog {file} line {line}: the key {key.value!r} stands there twice")
            seen.add(key.value)
            _refuse_duplicates(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, file)


def _line(node: yaml.Node | None, place: _Place) -> int:
    """Line of the deepest part of the place that the document has."""
    line = 1 if node is None else node.start_mark.line + 1
    for step in place:
        child = _child(node, step)
        if child is None:
            break
        mark, node = child
        line = mark.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that marks the step, and the node below it."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _sorted(folder: Traversable) -> Iterable[Traversable]:
    try:
        return sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as exc:
        raise ConfigurationError(f"catalog {folder.name}: {_one_line(exc)}") from exc


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
