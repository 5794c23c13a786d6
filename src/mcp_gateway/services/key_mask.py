"""An account's key never leaves in an answer: some services repeat a rejected key, or name a quota after its key.

JSON may write the same text in many ways (RFC 8259 §7), so a key is looked for as it is and in its escaped forms. What
costs more than one search of the bytes is done only where the body holds an escape of a character of the key.
"""

import re
from dataclasses import replace

from mcp_gateway.kit.redact import MASK
from mcp_gateway.models.upstream import UpstreamResponse

_MASK = MASK.encode()
_ESCAPED_ASCII = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
_WIDE = ("utf-16-le", "utf-16-be")


def without_key(response: UpstreamResponse, api_key: str) -> UpstreamResponse:
    """The answer with the key masked wherever a reader would find it: in names, values, texts and headers."""
    body = _masked(response.body, api_key.encode())
    if "utf-16" in response.headers.get("content-type", "").lower():
        for encoding in _WIDE:
            body = body.replace(api_key.encode(encoding), MASK.encode(encoding))
    if body is not response.body:
        response = replace(response, body=body)
    if any(api_key in value for value in response.headers.values()):
        masked = {name: value.replace(api_key, MASK) for name, value in response.headers.items()}
        response = replace(response, headers=masked)
    return response


def _masked(body: bytes, key: bytes) -> bytes:
    """The same object where there is nothing to mask."""
    if b"\\" in body and _may_be_escaped(body, key):
        return _any_spelling(key).sub(_MASK, body)
    return body.replace(key, _MASK) if key in body else body


def _may_be_escaped(body: bytes, key: bytes) -> bool:
    """Whether any character of the key stands in the body as an escape; accents and line breaks are none of them."""
    if b"/" in key and b"\\/" in body:
        return True
    # The first one may be the letter of an escape, `\n` for one, which the mask must not be.
    return b"\\" + key in body or any(int(found[1], 16) in key for found in _ESCAPED_ASCII.finditer(body))


def _any_spelling(key: bytes) -> re.Pattern[bytes]:
    """The key with any of its characters escaped; JSON inside a JSON text doubles the backslashes."""
    return re.compile(rb"\\*" + b"".join(map(_spellings, key)))


def _spellings(character: int) -> bytes:
    plain = re.escape(bytes([character]))
    digits = b"%02x" % character
    escaped = rb"\\+u00%b[%b%b]" % (digits[:1], digits[1:], digits[1:].upper())
    slash = rb"|\\+/" if character == ord("/") else b""
    return b"(?:%b|%b%b)" % (plain, escaped, slash)
