"""A marker around text that is not ours, with a nonce nobody who wrote the text can know.

Source: the "datamarking" family of spotlighting, arXiv 2403.14720: it lowers how often a model takes data for orders,
and is no proof against it.
"""

import re
import secrets

_NONCE_BYTES = 16
_WORD = "untrusted-text-"
_MARKER = re.compile(_WORD + rf"[0-9a-f]{{{2 * _NONCE_BYTES}}}", re.IGNORECASE)


def new_nonce() -> str:
    """32 hexadecimal digits, 128 bits."""
    return secrets.token_hex(_NONCE_BYTES)


def fenced(text: str, nonce: str, *, stand_in: str = "&lt;") -> str:
    """The text between an opening and a closing marker, each on a line of its own.

    A marker of any nonce inside it, which somebody has planted, loses its bracket to `stand_in`.
    """
    if _WORD in text.casefold():
        text = re.sub(rf"<(?=/?{_WORD})", lambda _: stand_in, text, flags=re.IGNORECASE)
    return f"<{_WORD}{nonce}>\n{text}\n</{_WORD}{nonce}>"


def holds_marker(text: str) -> bool:
    """Whether a marker, of whatever nonce, was copied into the text."""
    return _MARKER.search(text) is not None
