"""The allow-lists of headers, one for either direction: what is not named here does not pass."""

import re
from functools import lru_cache

from mcp_gateway.constants import PRODUCT
from mcp_gateway.exceptions import FaultError
from mcp_gateway.models.upstream import UpstreamRequest

_SENDABLE_KEY = re.compile(r"[\x21-\x7e]+")

_KEPT_NAMES = frozenset({
    "content-type",
    "date",
    "ratelimit",
    "ratelimit-limit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-gorgias-account-api-call-limit",
    "x-rate-limit",
    "x-shopify-shop-api-call-limit",
})  # fmt: skip
_KEPT_PREFIXES = ("x-ratelimit-", "x-rate-limit-", "zendesk-ratelimit-")


def outgoing_headers(request: UpstreamRequest, api_key: str, key_header: str) -> dict[str, str]:
    """Everything the gateway adds to a request but `host`.

    Raises:
        FaultError: the key holds characters a header cannot carry (RFC 9110 §5.5); the message never repeats it.
    """
    if not _SENDABLE_KEY.fullmatch(api_key):
        raise FaultError("The stored API key holds characters that no HTTP header can carry; store it again.")
    headers = {
        "accept": request.accept,
        "accept-encoding": "identity",
        "user-agent": PRODUCT,
        key_header: api_key,
    }
    if request.trace is not None:
        # Not `baggage`: what callers put there was not meant for another company.
        headers["traceparent"] = request.trace.traceparent
        if request.trace.state is not None:
            headers["tracestate"] = request.trace.state
    if request.body is not None:
        headers["content-type"] = request.content_type
        headers["content-length"] = str(len(request.body))
    elif request.method not in {"GET", "HEAD"}:
        headers["content-length"] = "0"  # RFC 9110 §8.6: some servers answer 411 to a bodiless POST without it
    return headers


def keep(kept: dict[str, str], name: bytes, value: bytes) -> None:
    """Add a field, its name in lower case, if it is on the allow-list; repeated ones are joined (RFC 9110 §5.3)."""
    text = _kept_name(name)
    if text is not None:
        said = value.decode("latin-1")
        kept[text] = f"{kept[text]}, {said}" if text in kept else said


@lru_cache(maxsize=512)
def _kept_name(name: bytes) -> str | None:
    text = name.decode("latin-1")
    return text if text in _KEPT_NAMES or text.startswith(_KEPT_PREFIXES) else None
