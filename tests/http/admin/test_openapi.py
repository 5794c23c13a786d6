"""The OpenAPI document is valid, complete enough to work from, and its examples are accepted."""

from typing import Any

import jsonschema_rs
import pytest
from fastapi.openapi.models import OpenAPI

from tests.support.routes import METHODS, resolve


@pytest.fixture
async def document(gateway) -> dict[str, Any]:
    response = await gateway.client.get(f"{gateway.url}/openapi.json")
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    return body


def operations(document):
    return [
        (f"{method} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def nodes(value):
    yield value
    if isinstance(value, dict):
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


async def test_document_is_openapi_3_1_and_every_reference_resolves(document):
    assert document["openapi"].startswith("3.1")
    OpenAPI.model_validate(document)
    references = [node for node in nodes(document) if isinstance(node, dict) and isinstance(node.get("$ref"), str)]
    assert references
    for reference in references:
        assert resolve(document, reference)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


async def test_document_names_the_calls_of_the_contract(document):
    account = "/integrated-account/{account_id}"
    assert {name for name, _ in operations(document)} >= {
        *(f"{method} /tenant" for method in ("post", "get")),
        *(f"{method} /tenant/{{tenant_id}}" for method in ("get", "patch", "delete")),
        *(f"{method} /api-token" for method in ("post", "get")),
        "delete /api-token/{token_id}",
        *(f"get /integration{rest}" for rest in ("", "/{name}", "/{name}/tools")),
        *(f"{method} /integrated-account" for method in ("post", "get")),
        *(f"{method} {account}" for method in ("get", "patch", "delete")),
        f"get {account}/tools",
        *(f"{method} {account}/mcp" for method in ("post", "get")),
        *(f"{method} {account}/mcp/{{mcp_id}}" for method in ("get", "patch", "delete")),
        "get /audit-log",
        "get /log",
        "get /livez",
        "get /readyz",
        "get /metrics",
    }


async def test_every_operation_has_a_summary_of_its_own_and_a_success(document):
    found = operations(document)
    assert len({operation["summary"] for _, operation in found}) == len(found)
    assert len({operation["operationId"] for _, operation in found}) == len(found)
    for name, operation in found:
        assert any(status.startswith("2") for status in operation["responses"]), name


async def test_refusals_are_described_as_problem_documents(document):
    for name, operation in operations(document):
        if "422" in operation["responses"] or "default" in operation["responses"]:
            assert "application/problem+json" in operation["responses"]["default"]["content"], name
        assert "422" not in operation["responses"], name


async def test_every_body_has_an_example_that_its_schema_accepts(document):
    checked = 0
    for name, operation in operations(document):
        if "requestBody" not in operation:
            continue
        schema = resolve(document, operation["requestBody"]["content"]["application/json"]["schema"])
        assert schema["examples"], name
        for example in schema["examples"]:
            jsonschema_rs.validate({**schema, "components": document["components"]}, example)
        checked += 1
    assert checked >= 7


async def test_examples_hold_no_token(document):
    assert "rpmcp_0" not in str(document)


async def test_docs_page_loads(gateway):
    response = await gateway.client.get(f"{gateway.url}/docs")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in response.text
