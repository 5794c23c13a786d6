"""Reads the bodies of the admin API under a cap, before anything parses them."""

from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.exceptions import CallerError
from mcp_gateway.http.bodies import check_declared_length, read_body, replay
from mcp_gateway.http.errors import problem_response

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
            check_declared_length(scope, MAX_REQUEST_BYTES)
            body = await read_body(receive, MAX_REQUEST_BYTES)
        except CallerError as exc:
            response = problem_response(scope, exc)
            # What is still on its way is not read.
            response.headers["connection"] = "close"
            await response(scope, receive, send)
            return
        await self._app(scope, replay(body, receive), send)
