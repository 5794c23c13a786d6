"""Checks of an HTTP request that need neither its body nor its caller: method, content type, Accept.

Source: MCP 2026-07-28, Streamable HTTP (405); RFC 9110 §12.5.1 (Accept), §15.5.7 (406), §15.5.16 (415).
"""

from collections.abc import Iterator
from functools import lru_cache

from mcp_gateway.protocol.errors import INVALID_REQUEST
from mcp_gateway.protocol.events import MEDIA_TYPE
from mcp_gateway.protocol.headers import RawHeaders
from mcp_gateway.protocol.reply import Reply, error_reply

_JSON = b"application/json"
_WATCHED = frozenset({b"accept", b"content-encoding", b"content-length", b"content-type", b"transfer-encoding"})


def preflight(method: str, headers: RawHeaders) -> Reply | None:
    """The refusal (405, 415 or 406), or None to go on."""
    if method != "POST":
        return error_reply(405, INVALID_REQUEST, "Only POST is allowed here.", headers=(("allow", "POST"),))
    sent = _collected(headers)
    if not _is_json(sent):
        return error_reply(415, INVALID_REQUEST, "The body must be application/json, without content encoding.")
    if b"accept" in sent and not _accepts(sent[b"accept"].lower(), (_JSON, MEDIA_TYPE)):
        return error_reply(406, INVALID_REQUEST, "Accept must allow application/json or text/event-stream.")
    return None


def stream_preflight(method: str, headers: RawHeaders) -> Reply | None:
    """The same for a request that opens an event stream: 405, 406 or None."""
    if method != "GET":
        return error_reply(405, INVALID_REQUEST, "Only GET is allowed here.", headers=(("allow", "GET"),))
    accept = _collected(headers).get(b"accept")
    if accept is not None and not _accepts(accept.lower(), (MEDIA_TYPE,)):
        return error_reply(406, INVALID_REQUEST, "Accept must allow text/event-stream.")
    return None


def _collected(headers: RawHeaders) -> dict[bytes, bytes]:
    sent: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WATCHED:
            sent[name] = sent[name] + b"," + value if name in sent else value
    return sent


def accepts_event_stream(headers: RawHeaders) -> bool:
    """Whether the client names event streams; `*/*` is no promise that it can read one."""
    return any(name == b"accept" and _names_event_streams(value) for name, value in headers)


@lru_cache(maxsize=256)
def _names_event_streams(accept: bytes) -> bool:
    return any(media_type == MEDIA_TYPE and weight > 0 for media_type, weight in _ranges(accept.lower()))


def _is_json(sent: dict[bytes, bytes]) -> bool:
    if sent.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        return False
    content_type = sent.get(b"content-type")
    if content_type is None:
        # ChatGPT's probe has no body and so no type; it wants the 400 that says what is missing.
        return b"transfer-encoding" not in sent and sent.get(b"content-length", b"0").strip() == b"0"
    return content_type == _JSON or content_type.partition(b";")[0].strip().lower() == _JSON


@lru_cache(maxsize=256)
def _accepts(accept: bytes, offered: tuple[bytes, ...]) -> bool:
    """Whether one of our media types has a quality above 0; the most specific range decides (RFC 9110 §12.5.1)."""
    if b"q=" not in accept.replace(b" ", b"") and (offered[0] in accept or b"*/*" in accept):
        return True
    ranges = dict(_ranges(accept))
    return not ranges or any(_quality(ranges, media_type) > 0 for media_type in offered)


def _quality(ranges: dict[bytes, float], media_type: bytes) -> float:
    kind = media_type.partition(b"/")[0]
    for candidate in (media_type, kind + b"/*", b"*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0


def _ranges(accept: bytes) -> Iterator[tuple[bytes, float]]:
    for item in accept.split(b","):
        media_type, *parameters = (part.strip() for part in item.split(b";"))
        if media_type:
            yield media_type, next((_weight(part) for part in parameters if part.startswith(b"q=")), 1.0)


def _weight(parameter: bytes) -> float:
    try:
        return float(parameter[2:])
    except ValueError:
        return 1.0
