"""Takes MCP tokens out of the request's path and query before anything can log them."""

import re

from starlette.types import Scope

from mcp_gateway.kit import ids

MCP_SEGMENT = "mcp"
PLACEHOLDER = "-"
TOKEN_KEY = "mcp_token"  # noqa: S105 - a key of the ASGI scope

ENDPOINT_ROUTES = {
    "/mcp": "/mcp",
    "/mcp/": "/mcp",
    f"/mcp/{PLACEHOLDER}": "/mcp/{token}",
    f"/mcp/{PLACEHOLDER}/": "/mcp/{token}",
}
"""Paths of the MCP endpoint once the token is out, and what logs and metrics call them. No redirects between them."""
STREAM_ROUTES = {
    f"/mcp/{PLACEHOLDER}/sse": "/mcp/{token}/sse",
    f"/mcp/{PLACEHOLDER}/sse/": "/mcp/{token}/sse",
}
"""The same for opening a stream of HTTP+SSE."""
MESSAGE_ROUTES = {f"/mcp/{PLACEHOLDER}/message/{{stream_id}}": "/mcp/{token}/message/{stream_id}"}
"""The same for messages to such a stream."""
MCP_ROUTES = ENDPOINT_ROUTES | STREAM_ROUTES | MESSAGE_ROUTES

ENDPOINT_PATH = f"/{MCP_SEGMENT}"
ENDPOINT_PREFIX = f"/{MCP_SEGMENT}/"
ENDPOINT_HIDDEN = f"/{MCP_SEGMENT}/{PLACEHOLDER}"
_MESSAGE = re.compile(rf"/mcp/{PLACEHOLDER}/message/[^/]+")

_TOKEN_LIKE = re.compile(r"rpmcp_|rpat_")
_SERVERS_OF_AN_ACCOUNT = ("integrated-account", MCP_SEGMENT)


def mcp_route(path: str) -> str | None:
    """What logs and metrics call a path behind an MCP URL, its token out; None for any other path."""
    return MCP_ROUTES.get(path) or ("/mcp/{token}/message/{stream_id}" if _MESSAGE.fullmatch(path) else None)


def take_secret(scope: Scope) -> None:
    """Move what follows a path segment `mcp` to `scope["mcp_token"]` and leave `-` in its place.

    Whatever stands there counts as secret, but for server ids of the admin API: a token cut short or mistyped is most
    of a real one. The same goes for the probes clients make below `/.well-known/…/mcp/<token>`, for any other segment
    that looks like a token, and for query strings that do.
    """
    path: str = scope["path"]
    if (
        path.startswith(ENDPOINT_PREFIX)
        and len(path) > len(ENDPOINT_PREFIX)
        and "/" not in path[len(ENDPOINT_PREFIX) :]
    ):
        # What nearly every request is: the endpoint, and no more than a token behind it.
        scope[TOKEN_KEY] = path[len(ENDPOINT_PREFIX) :]
        scope["path"], scope["raw_path"] = ENDPOINT_HIDDEN, ENDPOINT_HIDDEN.encode()
        scope["query_string"] = b""
        return
    segments = path.split("/")
    secrets = _secret_places(segments)
    if secrets:
        scope[TOKEN_KEY] = segments[secrets[0]]
        for place in secrets:
            segments[place] = PLACEHOLDER
        path = "/".join(segments)
        scope["path"] = path
        scope["raw_path"] = path.encode("utf-8", errors="replace")
    if secrets or _TOKEN_LIKE.search(scope.get("query_string", b"").decode("latin-1")):
        scope["query_string"] = b""


def _secret_places(segments: list[str]) -> list[int]:
    is_admin = (*segments[1:2], *segments[3:4]) == _SERVERS_OF_AN_ACCOUNT
    places = []
    before = ""
    for place, segment in enumerate(segments):
        if not segment:
            continue
        is_endpoint = before.lower() == MCP_SEGMENT and not (is_admin and ids.is_id(segment, ids.SERVER))
        if is_endpoint or _TOKEN_LIKE.search(segment):
            places.append(place)
        before = segment
    return places
