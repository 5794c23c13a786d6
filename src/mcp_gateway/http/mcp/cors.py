"""What browsers need before a page of an allowed origin may call: an answer to their preflight, and headers on ours.

Source: WHATWG Fetch, HTTP extensions / CORS protocol. Which origins are allowed is `hosts.HostCheck`'s to say.
"""

import re

from starlette.types import Message, Scope, Send

from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.protocol.reply import Reply

MAX_AGE_SECONDS = 600
"""How long a browser may remember the answer to a preflight."""

_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~ ,-]{0,1024}", re.ASCII)
# By default a page may read neither of these.
_EXPOSED = (
    b"retry-after, ratelimit, ratelimit-limit, ratelimit-policy, ratelimit-remaining, ratelimit-reset, "
    b"sunset, www-authenticate, x-request-id"
)


def answer_preflight(scope: Scope, methods: str) -> Reply | None:
    """The answer to a preflight, `methods` being what may be called; None when the request is none."""
    if scope["method"] != "OPTIONS":
        return None
    asked = dict(scope["headers"])
    if b"origin" not in asked or b"access-control-request-method" not in asked:
        return None
    wanted = asked.get(b"access-control-request-headers", b"").decode("latin-1")
    # Every header is allowed by name: `*` would leave out Authorization.
    names = wanted if _HEADER_NAMES.fullmatch(wanted) else ""
    return Reply(
        204,
        (
            ("access-control-allow-methods", methods),
            ("access-control-allow-headers", names),
            ("access-control-max-age", str(MAX_AGE_SECONDS)),
        ),
        b"",
    )


def for_pages(send: Send, scope: Scope, hosts: HostCheck) -> Send:
    """A `send` that lets the page that called read the answer, where its origin is allowed."""
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    return _for_origin(send, origins[0]) if origins and hosts.allows_origin(origins) else send


def _for_origin(send: Send, origin: bytes) -> Send:

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", ()),
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", _EXPOSED),
                (b"vary", b"Origin"),
            ]
        await send(message)

    return dressed
