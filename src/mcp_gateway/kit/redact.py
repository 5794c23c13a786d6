"""What may never reach a log: anything that looks like one of our secrets."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Our own prefixes count anywhere, since `%2F` before one leaves no word boundary; `rp_` ends ordinary words too.
_SECRET = re.compile(r"(rpmcp_|rpat_)[0-9A-Za-z_]+|(?:\b|(?<=%[0-9A-Fa-f]{2}))rp_[0-9A-Za-z_-]{6,}")
MASK = "[redacted]"


def redact(text: str) -> str:
    """The text with MCP tokens, API tokens and keys of Richpanel's usual form masked; a net under the careful code."""
    return _SECRET.sub(lambda match: (match.group(1) or "rp_") + MASK, text)


def redacted(value: Any) -> Any:
    """The same for every text of a JSON value, names of members included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(name): redacted(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [redacted(item) for item in value]
    return value
