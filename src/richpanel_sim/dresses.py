"""A 429 in each dress seen in the wild: the headers by which twenty kinds of API say "not now, but then"."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple

from richpanel_sim.exchange import Reply

DEFAULT_DRESS = "richpanel"
DEFAULT_WAIT_SECONDS = 7

_TOO_MANY = b'{"message": "Too Many Requests"}'
_EXCEEDED = b'{"message": "API rate limit exceeded"}'
_HOUR, _DAY = 3600, 86400

Headers = tuple[tuple[str, str], ...]


class Dress(NamedTuple):
    """One way to say it.

    ``variant`` counts the kinds of headers; a few have more than one dress. Values of ``headers`` are templates over
    the wait and the moment it ends (see ``_words``). ``is_written_raw`` keeps the headers' letters and blanks, which a
    server would tidy up.
    """

    variant: int
    help: str
    headers: Headers
    status: int = 429
    body: bytes = _TOO_MANY
    is_written_raw: bool = False

    def to_reply(self, wait: int, now: datetime) -> Reply:
        """The refusal that asks to wait for ``wait`` seconds from ``now``, which is also the answer's ``Date``."""
        words = _words(wait, now)
        told = ((name, template.format_map(words)) for name, template in self.headers)
        return Reply(self.status, self.body, (("content-type", "application/json"), *told))


def _words(wait: int, now: datetime) -> Mapping[str, str]:
    now = now.replace(microsecond=0)
    end, epoch = now + timedelta(seconds=wait), int(now.timestamp())
    return {
        "wait": str(wait),
        "wait_ms": str(wait * 1000),
        "later": str(wait + _HOUR),
        "epoch": str(epoch + wait),
        "epoch_ms": str((epoch + wait) * 1000),
        "epochs": ", ".join(str(epoch + seconds) for seconds in (wait, _HOUR // 2, _HOUR, _DAY)),
        "iso": end.isoformat().replace("+00:00", "Z"),
        "http_date": format_datetime(end, usegmt=True),
        "js_date": (end + timedelta(hours=1)).strftime("%a %b %d %Y %H:%M:%S GMT+0100 (Central European Time)"),
    }


def _x(reset: str, limit: str = "50") -> Headers:
    return (("x-ratelimit-limit", limit), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset))


def _ietf(limit: str) -> Headers:
    return (("ratelimit-limit", limit), ("ratelimit-remaining", "0"), ("ratelimit-reset", "{wait}"))


def _retry(text: str) -> Headers:
    return (("retry-after", text),)


_QUOTA: Headers = (("x-ratelimit-limit", "50"), ("x-ratelimit-remaining", "0"))
_TWO_POLICIES: Headers = (
    ("ratelimit-policy", '"burst";q=100;w=60, "daily";q=5000;w=86400'),
    ("ratelimit", '"burst";r=0;t={wait}, "daily";r=4100;t={later}'),
)
_DICTIONARY: Headers = (("ratelimit", "limit=20, remaining=0, reset={wait}"), ("ratelimit-policy", "20;w=60"))
_MILLISECONDS: Headers = (
    ("x-rate-limit-limit", "100"),
    ("x-rate-limit-remaining", "0"),
    ("x-rate-limit-reset", "{wait_ms}"),
)
_ZENDESK: Headers = (
    ("x-rate-limit", "700"),
    ("x-rate-limit-remaining", "0"),
    ("zendesk-ratelimit-tickets-index", "total=100; remaining=0; resets={wait}"),
)
_WINDOWS: Headers = (
    ("x-ratelimit", "2300, 2310, 2320, 2330"),
    ("x-ratelimit-remaining", "0, 2190, 4480, 104870"),
    ("x-ratelimit-reset", "{epochs}"),
)
_LATER: Headers = (
    ("x-ratelimit-limit", "1000"),
    ("x-ratelimit-remaining", "640"),
    ("x-ratelimit-reset", "{later}"),
)
_NEGATIVE: Headers = (("x-ratelimit-limit", "-50"), ("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "-{wait}"))
_ODD: Headers = (
    ("X-RATELIMIT-limit", "  50  "),
    ("x-RateLimit-REMAINING", "\t0"),
    ("RETRY-after", " {wait} "),
)

DRESSES: Mapping[str, Dress] = {
    "richpanel": Dress(1, "as Richpanel documents it: limit, remaining, Retry-After", (*_QUOTA, *_retry("{wait}"))),
    "richpanel_bare": Dress(1, "as it was recorded: without Retry-After", _QUOTA),
    "ietf_list": Dress(2, "RateLimit of the IETF drafts from 08 on, two policies", _TWO_POLICIES),
    "ietf_07": Dress(3, "RateLimit as the dictionary of draft 07", _DICTIONARY),
    "ietf_03": Dress(4, "three IETF fields, with the policies inside RateLimit-Limit", _ietf("10, 10;w=1, 50;w=60")),
    "ietf_06": Dress(
        5, "three IETF fields, RateLimit-Reset in seconds", (*_ietf("10"), ("ratelimit-policy", "10;w=60"))
    ),
    "epoch_seconds": Dress(6, "X-RateLimit-Reset is a moment, in seconds", _x("{epoch}")),
    "epoch_milliseconds": Dress(7, "X-RateLimit-Reset is a moment, in milliseconds", _x("{epoch_ms}")),
    "delta_seconds": Dress(8, "X-RateLimit-Reset is a wait, in seconds", _x("{wait}")),
    "delta_milliseconds": Dress(9, "X-Rate-Limit-Reset is a wait, in milliseconds", _MILLISECONDS),
    "date_iso": Dress(10, "X-RateLimit-Reset is an ISO 8601 date", _x("{iso}")),
    "date_http": Dress(10, "X-RateLimit-Reset is an HTTP date", _x("{http_date}")),
    "date_js": Dress(10, "X-RateLimit-Reset is a date as JavaScript prints it", _x("{js_date}")),
    "retry_after_date": Dress(11, "Retry-After is an HTTP date", _retry("{http_date}")),
    "retry_after_fraction": Dress(12, "Retry-After has a fraction", _retry("{wait}.0")),
    "retry_after_negative": Dress(12, "Retry-After is negative", _retry("-{wait}")),
    "retry_after_junk": Dress(12, "Retry-After is no number and no date", _retry("abc")),
    "shopify": Dress(
        13,
        "X-Shopify-Shop-Api-Call-Limit: used/size",
        (("x-shopify-shop-api-call-limit", "40/40"), *_retry("{wait}.0")),
    ),
    "gorgias": Dress(
        14,
        "X-Gorgias-Account-Api-Call-Limit: used/size",
        (("x-gorgias-account-api-call-limit", "40/40"), *_retry("{wait}")),
    ),
    "zendesk": Dress(
        15,
        "X-Rate-Limit without -Limit, and an endpoint's own limit beside it",
        (*_ZENDESK, *_ietf("700"), *_retry("{wait}")),
    ),
    "github_403": Dress(16, "403 with remaining 0", _x("{epoch}", "5000"), 403, _EXCEEDED),
    "api_gateway": Dress(17, "AWS API Gateway: no header at all", ()),
    "mangopay": Dress(18, "four windows in each header", _WINDOWS),
    "repeated": Dress(18, "each header twice, one for each window", (*_x("{wait}", "10"), *_LATER)),
    "absurd_reset": Dress(19, "a reset in the far future and a limit of 400 digits", _x("99999999999", "9" * 400)),
    "absurd_negative": Dress(19, "negative figures", _NEGATIVE),
    "absurd_letters": Dress(19, "figures beyond ASCII", _x("½", "»50«")),
    "mixed_case": Dress(20, "odd letters and blanks", _ODD, is_written_raw=True),
}
