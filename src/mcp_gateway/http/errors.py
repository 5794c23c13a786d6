"""Errors to `application/problem+json` (RFC 9457); the only renderer of the admin API."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from mcp_gateway.exceptions import (
    FaultError,
    GatewayError,
    InsufficientScopeError,
    InvalidInputError,
    MalformedRequestError,
    Problem,
    RateLimitedError,
    StoreUnavailableError,
    UnauthenticatedError,
)
from mcp_gateway.kit.redact import redact

RETRY_AFTER_SECONDS = "1"
UNKNOWN_KEYS = "unknown_keys"
MAX_PROBLEMS = 20
"""Entries of `errors` in one answer: its size is not the caller's choice."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

HTTP_CODES = {
    400: "malformed_request",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
}
"""`code` of errors that the framework raises."""

OAUTH_PATHS = ("/.well-known/oauth-", "/.well-known/openid-configuration", "/register", "/authorize", "/token")
"""Where clients look for an authorization server after a 401."""
NO_OAUTH = (
    "there is no OAuth here: the URL of an MCP server carries its token, and a server that asks for more wants an API "
    "token of its tenant, as `Authorization: Bearer` or `X-API-Token`"
)

logger = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    """JSON with the media type of RFC 9457."""

    media_type = "application/problem+json"

    def render(self, content: Any) -> bytes:
        """UTF-8 whatever the caller sent: the name of an unknown key may hold a lone surrogate, which has none."""
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        # What was wrong is told in the caller's own words, and people paste keys where none belongs.
        return redact(text).encode("utf-8", errors="replace")


def _problem(
    scope: Scope,
    status: int,
    code: str,
    detail: str,
    *,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": scope.get("request_id"),
        "errors": [problem.to_dict() for problem in problems],
    }
    return ProblemResponse(content, status_code=status, headers=dict(headers or {}))


def problem_response(scope: Scope, error: GatewayError) -> ProblemResponse:
    """One of our own errors."""
    headers: dict[str, str] = {}
    problems: Sequence[Problem] = ()
    detail = error.message
    if isinstance(error, InvalidInputError):
        problems = error.problems
    elif isinstance(error, UnauthenticatedError):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(error, InsufficientScopeError):
        # RFC 6750 §3.1: a client may tell this 403 from others, and knows what to ask for.
        headers["www-authenticate"] = f'Bearer error="insufficient_scope", scope="{error.scope}"'
    elif isinstance(error, RateLimitedError):
        headers["retry-after"] = str(error.retry_after_seconds)
    elif isinstance(error, StoreUnavailableError):
        headers["retry-after"] = RETRY_AFTER_SECONDS
    elif isinstance(error, FaultError):
        detail = "the gateway failed; quote the request id when asking for help"
    return _problem(scope, error.http_status, error.code, detail, problems=problems, headers=headers)


def install_error_handlers(app: FastAPI) -> None:
    """Make every answer of 400 and above a problem document."""
    app.add_exception_handler(GatewayError, _on_gateway_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)


async def _on_gateway_error(request: Request, exc: Exception) -> ProblemResponse:
    if not isinstance(exc, GatewayError):
        raise exc
    if isinstance(exc, FaultError):
        # An outage is one line a request, without the traceback it would repeat.
        outage = isinstance(exc, StoreUnavailableError)
        logger.error("fault", code=exc.code, reason=type(exc.__cause__).__name__, exc_info=None if outage else exc)
    return problem_response(request.scope, exc)


async def _on_validation_error(request: Request, exc: Exception) -> ProblemResponse:
    if not isinstance(exc, RequestValidationError):
        raise exc
    errors = exc.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return problem_response(request.scope, MalformedRequestError("the body is not valid JSON"))
    problems = [problem for error in errors[:MAX_PROBLEMS] for problem in _from_pydantic(error)][:MAX_PROBLEMS]
    detail = "; ".join(f"{problem.path or 'the body'}: {problem.message}" for problem in problems)
    return _problem(request.scope, 422, InvalidInputError.code, detail, problems=problems)


def _from_pydantic(error: Mapping[str, Any]) -> list[Problem]:
    # The first part of the place says body, query or path; the rest is the caller's own name for it.
    path = ".".join(str(part) for part in error["loc"][1:])
    context = error.get("ctx", {})
    if error["type"] == UNKNOWN_KEYS:
        known = tuple(context["known"])
        return [
            Problem(
                f"{path}.{key}" if path else key, f"is not a known key; known: {', '.join(known)}", "unknown", known
            )
            for key in context["keys"]
        ]
    if error["type"] == "model_attributes_type" and path:
        return [Problem(path, "must be a JSON object", "type")]
    if error["type"] == "model_attributes_type" or (error["type"] == "missing" and not path):
        return [Problem(path, "must be a JSON object, sent with `Content-Type: application/json`", "type")]
    message = str(error["msg"]).removeprefix("Value error, ")
    return [Problem(path, message[:1].lower() + message[1:], str(error["type"]))]


async def _on_http_exception(request: Request, exc: Exception) -> ProblemResponse:
    if not isinstance(exc, HTTPException):
        raise exc
    code = HTTP_CODES.get(exc.status_code, "http_error")
    headers = {name.lower(): value for name, value in (exc.headers or {}).items()}
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = ", ".join(_allowed_methods(request))
    return _problem(request.scope, exc.status_code, code, _detail(exc, headers, request.scope["path"]), headers=headers)


def _detail(exc: HTTPException, headers: Mapping[str, str], path: str) -> str:
    """Instead of the framework's bare status phrase: what there is."""
    if exc.status_code == HTTPStatus.NOT_FOUND and path.startswith(OAUTH_PATHS):
        return NO_OAUTH
    if exc.status_code == HTTPStatus.NOT_FOUND:
        return "there is nothing at this path; /docs and /openapi.json describe what there is"
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"this path takes {headers['allow']}"
    return str(exc.detail)


def _allowed_methods(request: Request) -> list[str]:
    # The framework names those of the first route of this path only; each of our routes has one method.
    def is_routed(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in METHODS if is_routed(method)]


async def _on_bug(request: Request, _exc: Exception) -> ProblemResponse:
    # The framework raises it again after this answer; the edge logs it there, once.
    return _problem(request.scope, 500, "internal", "the gateway failed; quote the request id when asking for help")
