"""Reads the bodies of the admin API under a cap and holds them to the limits of JSON, before anything uses them."""

from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.exceptions import CallerError, MalformedRequestError, UnsupportedMediaTypeError
from mcp_gateway.http.bodies import check_declared_length, read_body, replay
from mcp_gateway.http.errors import problem_response
from mcp_gateway.http.whole import drop_rest
from mcp_gateway.protocol.envelope import check_limits, loads
from mcp_gateway.protocol.errors import ProtocolError

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class BodyLimit:
    """ASGI middleware; the MCP endpoint reads its own bodies, since its refusals are JSON-RPC."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, then hand on."""
        if scope["type"] != "http" or scope["method"] in BODILESS or scope["path"].startswith("/mcp"):
            await self._app(scope, receive, send)
            return
        try:
            headers = _watched(scope)
            if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
                raise UnsupportedMediaTypeError("the body must be sent without a content coding")
            check_declared_length(scope, MAX_REQUEST_BYTES)
            body = await read_body(receive, MAX_REQUEST_BYTES)
            if body and b"json" in headers.get(b"content-type", b"json").lower():
                _check_json(body)
        except CallerError as exc:
            response = problem_response(scope, exc)
            # What is still on its way is not looked at.
            drop_rest(scope)
            response.headers["connection"] = "close"
            await response(scope, receive, send)
            return
        await self._app(scope, replay(body, receive), send)


def _watched(scope: Scope) -> dict[bytes, bytes]:
    """The headers that decide how the body is read; repeated ones joined, so that none hides behind another."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in {b"content-encoding", b"content-type"}:
            found[name] = found[name] + b"," + value if name in found else value
    return found


def _check_json(body: bytes) -> None:
    """The syntax and the limits of MCP's bodies: the framework's own parser takes NaN and repeated names.

    Raises:
        MalformedRequestError: it is no JSON, or breaks a limit.
    """
    try:
        check_limits(body, loads(body))
    except ProtocolError as exc:
        raise MalformedRequestError(exc.message) from exc
