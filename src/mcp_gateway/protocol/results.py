"""Results as bytes: what an outcome, a list and their revision come to on the wire.

Everything that is the same for each request is prepared; a structure is serialised once and then embedded twice,
as JSON and as the text of a content block.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

import orjson

from mcp_gateway.constants import PRODUCT
from mcp_gateway.kit.fence import fenced
from mcp_gateway.kit.ratelimit import OWN_NAMES, UPSTREAM, Quota, rate_limit_headers, split_headers, standing_item
from mcp_gateway.kit.visible import visible, visible_json
from mcp_gateway.models.content import ContentBlock, TextContent
from mcp_gateway.models.limits import RateLimits, Refusal
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.content import block_json
from mcp_gateway.protocol.reply import JSON_HEADERS, Header
from mcp_gateway.protocol.versions import Revision

LIST_TTL_MS = 60_000
"""How long a client may keep a list (2026-07-28, Caching); a call from an older one is told the names there are now."""
META_PREFIX = "richpanel-mcp-gateway/"
"""Of our own keys in `_meta` (Overview / _meta: a prefix that is not reserved)."""
LIST_REVISION = "listRevision"
"""In `_meta` of a list, below our prefix: equal revisions mean equal lists."""
RETRY_AFTER = "retry_after_seconds"
"""In an error: how long to wait."""

MAX_PREPARED = 128
"""Results kept ready, of lists and of what introduces a server: by tools, words and revision, a handful in practice."""

_CACHING = b',"ttlMs":%d,"cacheScope":"private"' % LIST_TTL_MS


@cache
def server_info_json() -> bytes:
    """`serverInfo`: the product and its installed version."""
    return orjson.dumps({"name": PRODUCT, "version": version(PRODUCT)})


@cache
def result_stamp(revision: Revision) -> bytes:
    """Members a complete result ends with, comma first; empty in revisions that know none."""
    if not revision.stamps_results:
        return b""
    return b',"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":%b}' % server_info_json()


def stamp(meta: Mapping[str, Any], revision: Revision) -> bytes:
    """The same for a result that has something of its own to say in `_meta`: name below our prefix → value."""
    if not meta:
        return result_stamp(revision)
    told = visible_json(own_meta(meta))
    if not revision.stamps_results:
        return b',"_meta":%b' % told
    return b',"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":%b,%b' % (
        server_info_json(),
        told[1:],
    )


def cached_stamp(meta: Mapping[str, Any], revision: Revision) -> bytes:
    """The same for what may be cached, in the revisions that say so.

    Private, since each token has tools of its own.
    """
    return stamp(meta, revision) + (_CACHING if revision.stamps_results else b"")


def tool_list_json(tools: bytes, list_revision: str, notices: Mapping[str, Any], revision: Revision) -> bytes:
    """A ListToolsResult; its `_meta` names the list's revision, so that a caller can tell whether it has this one."""
    if notices:
        return b'{"tools":%b%b}' % (tools, cached_stamp({LIST_REVISION: list_revision, **notices}, revision))
    return _prepared_list(tools, list_revision, revision)


@lru_cache(maxsize=MAX_PREPARED)
def _prepared_list(tools: bytes, list_revision: str, revision: Revision) -> bytes:
    return b'{"tools":%b%b}' % (tools, cached_stamp({LIST_REVISION: list_revision}, revision))


def call_result_json(outcome: ToolOutcome, notices: Mapping[str, Any], revision: Revision) -> bytes:
    """The CallToolResult of an outcome: its structure, the same as text, an error's sentence, and the other blocks.

    Nothing in it is invisible; all text is inside the outcome's fence, where it has one.
    """
    blocks: list[bytes] = []
    structured = b""
    if outcome.structured:
        structure = visible_json(outcome.structured)
        structured = b'"structuredContent":%b,' % structure
        blocks.append(_text_block(structure.decode(), outcome.fence, stand_in="\\u003c"))
    if outcome.error is not None:
        blocks.append(_text_block(visible(outcome.error.message), outcome.fence))
    blocks += [_content_block(block, outcome.fence, revision) for block in outcome.content]
    is_error = b"false" if outcome.error is None else b"true"
    meta = {**outcome.meta, **notices} if notices else outcome.meta
    return b'{"content":[%b],%b"isError":%b%b}' % (b",".join(blocks), structured, is_error, stamp(meta, revision))


def own_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What an outcome or a list has to say in `_meta`, under our prefix."""
    return {META_PREFIX + name: value for name, value in meta.items()}


def call_headers(outcome: ToolOutcome, own: Quota | None) -> tuple[Header, ...]:
    """The headers of a tool call's answer: upstream's rate limits where it told them, and the gateway's own behind."""
    headers = _upstream_headers(outcome.limits) if own is None else _with_own(outcome.limits, own)
    if outcome.error is not None and outcome.error.origin == "gateway" and RETRY_AFTER in outcome.error.details:
        headers = (*headers, ("retry-after", str(outcome.error.details[RETRY_AFTER])))
    return headers


def refusal_headers(refusal: Refusal, own: Quota | None) -> tuple[Header, ...]:
    """Those of a request that met a limit of the gateway's own and is no tool call."""
    wait = ("retry-after", str(refusal.retry_after_seconds))
    return (wait,) if own is None else (wait, *_with_own(None, own)[len(JSON_HEADERS) :])


def _with_own(limits: RateLimits | None, own: Quota) -> tuple[Header, ...]:
    fixed, before = _beside_own(limits, own.name, own.limit, own.window_seconds)
    return (*fixed, ("ratelimit", before + standing_item(own)))


@lru_cache(maxsize=1024)
def _beside_own(
    limits: RateLimits | None, name: str, limit: int | None, window_seconds: int | None
) -> tuple[tuple[Header, ...], str]:
    """All that stays the same from one answer to the next."""
    return split_headers(_upstream_headers(limits), Quota(name, limit, window_seconds=window_seconds))


@lru_cache(maxsize=1024)
def _upstream_headers(limits: RateLimits | None) -> tuple[Header, ...]:
    if limits is None:
        return JSON_HEADERS
    binding = Quota(UPSTREAM, limits.limit, limits.remaining, limits.reset_seconds, limits.window_seconds)
    others = [quota for quota in limits.others if quota.name not in OWN_NAMES]
    return (*JSON_HEADERS, *rate_limit_headers([binding, *others], limits.retry_after_seconds))


def _text_block(text: str, nonce: str | None, *, stand_in: str = "&lt;") -> bytes:
    """`stand_in` for the bracket of a marker that was planted inside; for JSON one that reads back the same."""
    if nonce is not None:
        text = fenced(text, nonce, stand_in=stand_in)
    return b'{"type":"text","text":%b}' % orjson.dumps(text)


def _content_block(block: ContentBlock, nonce: str | None, revision: Revision) -> bytes:
    if isinstance(block, TextContent):
        return _text_block(visible(block.text), nonce)
    return block_json(block, revision)
