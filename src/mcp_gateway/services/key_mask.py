"""An account's key never leaves in an answer: some services repeat a rejected key, or name a quota after its key.

JSON may write the same text in many ways (RFC 8259 §7), so a key is looked for as it is and in its escaped forms. What
costs more than one search of the bytes is done only where the body holds an escape of a character of the key.
"""

import re

from mcp_gateway.kit.redact import MASK
from mcp_gateway.models.upstream import UpstreamResponse

_MASK = MASK.encode()
_ESCAPED_ASCII = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
_WIDE = ("utf-16-le", "utf-16-be")


def without_key(response: UpstreamResponse, api_key: str) -> UpstreamResponse:
    """The answer with the key masked wherever a reader would find it: in names, values, texts and headers."""
    headers = response.headers
    body = _masked(response.body, api_key.encode())
    if "utf-16" in headers.get("content-type", "").lower():
        for encoding in _WIDE:
            body = body.replace(api_key.encode(encoding), MASK.encode(encoding))
    if body is not response.body:
        response = response._replace(body=body)
    for value in headers.values():
        if api_key in value:
            masked = {name: value.replace(api_key, MASK) for name, value in headers.items()}
            return response._replace(headers=masked)
    return response


def _masked(body: bytes, key: bytes) -> bytes:
    """The same object where there is nothing to mask."""
    is_there = key in body
    # The first character may be the letter of an escape, `\n` for one, which the mask must not be.
    if (is_there and b"\\" + key in body) or _may_be_escaped(body, key):
        return _any_spelling(key).sub(_MASK, body)
    return body.replace(key, _MASK) if is_there else body


def _may_be_escaped(body: bytes, key: bytes) -> bool:
    """Whether any character of the key stands in the body as an escape; accents and line breaks are none of them."""
    if b"\\" not in body:
        return False
    if b"/" in key and b"\\/" in body:
        return True
    # An escaped quotation mark, as HTML is full of, is no reason to look closer.
    return b"\\u00" in body and any(int(found[1], 16) in key for found in _ESCAPED_ASCII.finditer(body))


def _any_spelling(key: bytes) -> re.Pattern[bytes]:
    """The key with any of its characters escaped; JSON inside a JSON text doubles the backslashes.

    Backslashes before the key go with it, and none of them is looked at twice: their number is upstream's choice.
    """
    first, *others = key
    return re.compile(rb"(?<!\\)\\*+(?:%b|%b)" % (_plain(first), _escape(first)) + b"".join(map(_spellings, others)))


def _spellings(character: int) -> bytes:
    return rb"(?:%b|\\++%b)" % (_plain(character), _escape(character))


def _plain(character: int) -> bytes:
    return re.escape(bytes([character]))


def _escape(character: int) -> bytes:
    """What may stand behind the backslash."""
    digits = b"%02x" % character
    escape = b"u00%b[%b%b]" % (digits[:1], digits[1:], digits[1:].upper())
    return b"(?:%b|/)" % escape if character == ord("/") else escape
