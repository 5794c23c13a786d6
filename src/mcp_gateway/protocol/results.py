"""Results as bytes: what an outcome, a list and their revision come to on the wire.

Everything that is the same for each request is prepared; a structure is serialised once and then embedded twice,
as JSON and as the text of a content block.
"""

from functools import cache
from importlib.metadata import version

import orjson

from mcp_gateway.constants import PRODUCT
from mcp_gateway.kit.ratelimit import rate_limit_headers
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.reply import JSON_HEADERS, Header
from mcp_gateway.protocol.versions import Revision

LIST_TTL_MS = 60_000
"""How long a client may keep a list (2026-07-28, Caching); a call from an older one is told the names there are now."""


@cache
def server_info_json() -> bytes:
    """`serverInfo`: the product and its installed version."""
    return orjson.dumps({"name": PRODUCT, "version": version(PRODUCT)})


@cache
def result_stamp(revision: Revision) -> bytes:
    """Members a complete result ends with, comma first; empty in revisions that know none."""
    if not revision.stamps_results:
        return b""
    meta = b'{"io.modelcontextprotocol/serverInfo":%b}' % server_info_json()
    return b',"resultType":"complete","_meta":' + meta


@cache
def list_stamp(revision: Revision) -> bytes:
    """The same for results that may be cached: private, since each token has a list of its own."""
    stamp = result_stamp(revision)
    return stamp + b',"ttlMs":%d,"cacheScope":"private"' % LIST_TTL_MS if stamp else b""


def call_result_json(outcome: ToolOutcome, revision: Revision) -> bytes:
    """The CallToolResult of an outcome: its structure, the same as text, and for an error a plain sentence too."""
    structured = orjson.dumps(outcome.structured)
    text = _text_block(structured.decode())
    if outcome.error is None:
        is_error = b"false"
    else:
        is_error = b"true"
        text += b"," + _text_block(outcome.error.message)
    return b'{"content":[%b],"structuredContent":%b,"isError":%b%b}' % (
        text,
        structured,
        is_error,
        result_stamp(revision),
    )


def call_headers(limits: RateLimits | None) -> tuple[Header, ...]:
    """The headers of a tool call's answer, with upstream's rate limits where it told them."""
    if limits is None:
        return JSON_HEADERS
    return JSON_HEADERS + tuple(
        rate_limit_headers(
            limit=limits.limit,
            remaining=limits.remaining,
            reset_seconds=limits.reset_seconds,
            retry_after_seconds=limits.retry_after_seconds,
            window_seconds=limits.window_seconds,
        )
    )


def _text_block(text: str) -> bytes:
    return b'{"type":"text","text":%b}' % orjson.dumps(text)
