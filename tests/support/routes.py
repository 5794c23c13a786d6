"""The admin API's routes as its own OpenAPI document lists them, so that tests cover a route from its first day."""

import re
from dataclasses import dataclass
from typing import Any

from tests.support.gateways import Gateway

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class AdminRoute:
    """One method of one path."""

    method: str
    path: str
    example: Any
    """A body that is accepted, from the schema's own examples; None for a route without one."""
    needs_key: bool
    scopes: tuple[frozenset[str], ...]
    """What a key needs: all of one of these."""

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def at(self, **values: str) -> str:
        """The path with these ids; a parameter this does not know is a KeyError, so that new ones get thought about."""
        return self.path.format_map(values)


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema a `$ref` names."""
    while "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


async def admin_routes(gateway: Gateway) -> list[AdminRoute]:
    """All of them."""
    document = (await gateway.client.get(f"{gateway.url}/openapi.json")).json()
    return [
        AdminRoute(
            method.upper(), path, _example(document, operation), bool(operation.get("security")), _scopes(operation)
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def _scopes(operation: dict[str, Any]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(scopes) for one in operation.get("security", ()) for scopes in one.values())


def _example(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return resolve(document, schema)["examples"][0]
