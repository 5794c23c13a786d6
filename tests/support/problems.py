"""What every answer of 400 and above looks like."""

from typing import Any

import httpx

MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, checked against what the contract says of all of them."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) == MEMBERS
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["detail"]
    return body


def field_problem(response: httpx.Response, path: str) -> dict[str, Any]:
    """The entry of a 422 for this field."""
    errors = problem(response, 422, "invalid_input")["errors"]
    matching: list[dict[str, Any]] = [error for error in errors if error["path"] == path]
    assert matching, errors
    return matching[0]


def anonymous(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    """Status and body without the request id: what two callers must not be able to tell apart."""
    body = response.json()
    del body["request_id"]
    return response.status_code, body
