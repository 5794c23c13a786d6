"""Whatever upstream says about its quota becomes integers or nothing: 20 ways of saying it, and any text at all."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import http_sf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.models.limits import LimitRules, RateLimits
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.results import call_headers
from mcp_gateway.upstream.headers import keep
from mcp_gateway.upstream.ratelimit import MAX_OTHERS, parse
from mcp_gateway.upstream.ratelimit_values import MAX_SECONDS

DATE = "Mon, 23 Nov 2026 09:00:00 GMT"
EPOCH = int(datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp())
PLAIN = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "49"}
USED_UP = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0"}
ZENDESK = {"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "699"}
ZENDESK_LIST = ZENDESK | {
    "ratelimit-limit": "700",
    "ratelimit-remaining": "699",
    "ratelimit-reset": "41",
    "zendesk-ratelimit-tickets-index": "total=100; remaining=99; resets=41",
}
MANGOPAY = {
    "X-RateLimit-Remaining": "2299, 4, 8799, 105599",
    "X-RateLimit-Reset": ", ".join(str(EPOCH + seconds) for seconds in (900, 1800, 3600, 86_400)),
}


class Variant(NamedTuple):
    row: int
    headers: dict[str, str]
    expected: RateLimits | None
    status: int = 200
    rules: LimitRules = LimitRules()


def told(limit: int | None = None, remaining: int | None = None, reset: int | None = None, **more: Any) -> RateLimits:
    return RateLimits(limit, remaining, reset, **({"window_seconds": 30} | more))


def limited(limit: int | None, wait: int, *, remaining: int = 0, **more: Any) -> RateLimits:
    return told(limit, remaining, wait, retry_after_seconds=wait, **more)


ABSURD_RESETS = ["9" * 9, "-1", "9" * 400, "5\r\nx: y", "é", "٣"]
ABSURD_COUNTS = ["9" * 11, "-1", "5\r\nx: y", "٣", "", "1.5", "1 2", ";"]
ABSURD_FIELDS = ['"é";r=1', '"x";r=-1', "x;r=1", '"x"', f'"x";r={"9" * 11}', "limit=-1", "limit=é", "reset=99999999"]
VARIANTS = [
    Variant(1, PLAIN, told(50, 49)),
    Variant(1, {**USED_UP, "Retry-After": "12"}, limited(50, 12), 429),
    Variant(1, USED_UP, limited(50, 30, estimated=True), 429),
    Variant(2, {"RateLimit": '"x";r=9;t=4'}, told(None, 9, 4)),
    Variant(
        2,
        {"RateLimit": '"burst";r=5;t=3, "daily";r=900', "RateLimit-Policy": '"burst";q=10;w=5,"daily";q=1000;w=86400'},
        told(10, 5, 3, window_seconds=5, others=(Quota("daily", 1000, 900, None, 86_400),)),
    ),
    Variant(
        2,
        {"RateLimit": '"burst";r=5;t=3, "daily";r=2;t=999', "RateLimit-Policy": '"bytes";q=65535;qu="content-bytes"'},
        told(
            None,
            2,
            999,
            window_seconds=None,
            others=(Quota("burst", None, 5, 3), Quota("bytes", 65535, unit="content-bytes")),
        ),
    ),
    Variant(3, {"RateLimit": "limit=20, remaining=19, reset=1"}, told(20, 19, 1)),
    Variant(
        3,
        {"RateLimit": "limit=20, remaining=19, reset=1", "RateLimit-Policy": "20;w=1, 1000;w=3600"},
        told(20, 19, 1, window_seconds=1, others=(Quota("window-2", 1000, window_seconds=3600),)),
    ),
    Variant(
        4,
        {"RateLimit-Limit": "10, 10;w=1, 50;w=60", "RateLimit-Remaining": "9"},
        told(10, 9, window_seconds=1, others=(Quota("window-2", 50, window_seconds=60),)),
    ),
    Variant(
        4,
        {"RateLimit-Limit": "10", "RateLimit-Remaining": "9", "RateLimit-Policy": '10;w=1;comment="a, b"'},
        told(10, 9, window_seconds=1),
    ),
    Variant(5, {"RateLimit-Reset": "41"}, told(reset=41, window_seconds=None)),
    Variant(5, {"RateLimit-Limit": "100", "RateLimit-Remaining": "50", "RateLimit-Reset": "5"}, told(100, 50, 5)),
    Variant(6, {**PLAIN, "X-RateLimit-Reset": str(EPOCH + 24)}, told(50, 49, 24)),
    Variant(6, {**PLAIN, "X-RateLimit-Reset": str(EPOCH - 24)}, told(50, 49, 0)),
    Variant(7, {**PLAIN, "X-RateLimit-Reset": f"{EPOCH + 23}001"}, told(50, 49, 24)),
    Variant(8, {**PLAIN, "X-RateLimit-Reset": "24"}, told(50, 49, 24)),
    Variant(9, {"X-Rate-Limit-Limit": "9", "X-Rate-Limit-Reset": "600000"}, told(9)),
    Variant(
        9,
        {"X-Rate-Limit-Limit": "9", "X-Rate-Limit-Reset": "600000"},
        told(9, reset=600, window_seconds=3600),
        rules=LimitRules(window_seconds=3600, reset_unit="milliseconds"),
    ),
    Variant(9, {"RateLimit-Reset": "20"}, told(reset=20), rules=LimitRules(reset_unit="milliseconds")),
    Variant(10, {**PLAIN, "X-RateLimit-Reset": "2026-11-23T09:00:24Z"}, told(50, 49, 24)),
    Variant(10, {**PLAIN, "X-RateLimit-Reset": "Mon, 23 Nov 2026 09:00:24 GMT"}, told(50, 49, 24)),
    Variant(
        10,
        {**PLAIN, "X-RateLimit-Reset": "Mon Nov 23 2026 10:00:24 GMT+0100 (Central European Standard Time)"},
        told(50, 49, 24),
    ),
    Variant(10, {**PLAIN, "X-RateLimit-Reset": "some day"}, told(50, 49)),
    Variant(11, {"Retry-After": "Mon, 23 Nov 2026 09:00:12 GMT"}, limited(None, 12), 429),
    Variant(11, {"Retry-After": "Mon, 23 Nov 2026 08:00:00 GMT"}, limited(None, 0), 429),
    Variant(12, {"Retry-After": "2.0"}, limited(None, 2), 429),
    Variant(12, {"Retry-After": " 5 "}, limited(None, 5), 429),
    Variant(12, {"Retry-After": "-7"}, limited(None, 0), 429),
    Variant(12, {"Retry-After": "abc"}, limited(None, 30, estimated=True), 429),
    Variant(13, {"X-Shopify-Shop-Api-Call-Limit": "32/40"}, told(40, 8)),
    Variant(13, {"X-Shopify-Shop-Api-Call-Limit": "31/40"}, told(40, 9, 16), rules=LimitRules(leak_per_second=2.0)),
    Variant(
        14,
        {"X-Gorgias-Account-Api-Call-Limit": "40/40", "Retry-after": "5"},
        limited(40, 5, window_seconds=20),
        429,
        LimitRules(window_seconds=20),
    ),
    Variant(15, ZENDESK, told(700, 699)),
    Variant(15, ZENDESK_LIST, told(700, 699, 41, window_seconds=None, others=(Quota("tickets-index", 100, 99, 41),))),
    Variant(16, {**USED_UP, "X-RateLimit-Reset": str(EPOCH + 9)}, limited(50, 9), 403),
    Variant(16, {**PLAIN, "Retry-After": "9"}, limited(50, 9, remaining=49), 403),
    Variant(16, USED_UP, limited(50, 60, estimated=True), 403),
    Variant(16, PLAIN, told(50, 49), 403),
    Variant(17, {}, limited(None, 30, estimated=True), 429),
    Variant(17, {}, limited(None, 7, estimated=True, window_seconds=7), 429, LimitRules(window_seconds=7)),
    Variant(
        18,
        MANGOPAY,
        told(
            None,
            4,
            1800,
            window_seconds=None,
            others=(
                Quota("window-1", None, 2299, 900),
                Quota("window-3", None, 8799, 3600),
                Quota("window-4", None, 105_599, 86_400),
            ),
        ),
    ),
    Variant(18, {"X-RateLimit-Limit": "50, 50", "X-RateLimit-Remaining": "49, 49"}, told(50, 49)),
    Variant(
        18,
        {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "8, 7"},
        told(None, 7, others=(Quota("window-1", None, 8),)),
    ),
    Variant(18, {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "7,"}, told(50)),
    *(Variant(19, {**PLAIN, "X-RateLimit-Reset": bad}, told(50, 49)) for bad in ABSURD_RESETS),
    *(Variant(19, {"X-RateLimit-Limit": bad}, None) for bad in ABSURD_COUNTS),
    *(Variant(19, {"RateLimit": bad}, None) for bad in ABSURD_FIELDS),
    Variant(19, {"RateLimit": '"x";r=1;t=86401'}, told(None, 1)),
    Variant(20, {"x-RATELIMIT-limit": " 50 ", "X-ratelimit-REMAINING": "\t49"}, told(50, 49)),
    Variant(20, {"ratelimit": " limit=20 ,remaining=19,  reset=1 "}, told(20, 19, 1)),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: f"row {variant.row}")
def test_every_way_of_saying_it_is_understood(variant: Variant):
    headers = {**variant.headers, "Date": DATE}
    assert parse(headers, variant.status, variant.rules) == variant.expected
    # As the client hands them on: nothing that is understood is lost on the way.
    kept: dict[str, str] = {}
    for name, value in headers.items():
        keep(kept, name.lower().encode(), value.encode())
    assert parse(kept, variant.status, variant.rules) == variant.expected


def test_the_table_has_every_row():
    assert {variant.row for variant in VARIANTS} == set(range(1, 21))


@pytest.mark.parametrize("status", [200, 400, 404])
def test_retry_after_means_something_only_on_a_refusal(status: int):
    assert parse({"retry-after": "12"}, status) is None


def test_server_error_keeps_the_wait_it_named():
    assert parse({"retry-after": "12"}, 503) == RateLimits(retry_after_seconds=12, window_seconds=30)
    assert parse({"x-ratelimit-remaining": "0"}, 503) == told(None, 0)


def test_limited_answer_keeps_a_remaining_that_was_told():
    assert parse({"x-ratelimit-remaining": "3"}, 429) == limited(None, 30, remaining=3, estimated=True)


def test_wait_without_retry_after_is_the_longest_of_what_is_used_up():
    headers = {**ZENDESK_LIST, "zendesk-ratelimit-tickets-index": "total=100; remaining=0; resets=300"}
    limits = parse(headers, 429)
    assert limits is not None
    assert (limits.limit, limits.remaining, limits.retry_after_seconds, limits.estimated) == (700, 699, 300, False)


def test_clock_of_the_answer_counts_and_ours_only_without_it():
    headers = {**USED_UP, "X-RateLimit-Reset": str(EPOCH + 9)}
    later = datetime(2026, 11, 23, 9, 0, 4, tzinfo=UTC)
    assert parse({**headers, "date": DATE}, 429, now=later) == limited(50, 9)
    assert parse(headers, 429, now=later) == limited(50, 5)
    assert parse(headers, 429) == limited(50, 30, estimated=True)


def test_two_windows_are_not_mixed():
    ietf = {"ratelimit-limit": "100", "ratelimit-reset": "5"}
    assert parse({**ietf, **PLAIN}, 200) == told(100, reset=5)
    assert parse({**ietf, "x-ratelimit-limit": "100", "x-ratelimit-reset": "50"}, 200) == told(100, reset=5)
    assert parse({"ratelimit-remaining": "5", **PLAIN}, 200) == told(None, 5)


def test_two_ways_of_telling_one_window_fill_each_other():
    assert parse({"ratelimit-limit": "50", "ratelimit-reset": "8", **PLAIN}, 200) == told(50, 49, 8)
    headers = {"ratelimit-reset": "8", **PLAIN, "x-ratelimit-reset": str(EPOCH + 9), "date": DATE}
    assert parse(headers, 200) == told(50, 49, 8)


def test_beside_several_windows_a_figure_must_show_which_it_belongs_to():
    several = {"ratelimit": '"burst";r=5, "daily";r=49'}
    others = (Quota("daily", None, 49),)
    assert parse({**several, "x-ratelimit-limit": "50"}, 200) == told(None, 5, others=others)
    same = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "5"}
    assert parse({**several, **same}, 200) == told(50, 5, others=others)


def test_policy_that_is_alone_tells_the_limit_and_several_tell_none():
    assert parse({"ratelimit-policy": '"a";q=100;w=10'}, 200) == told(100, window_seconds=10)
    both = parse({"ratelimit-policy": '"a";q=100;w=10, "b";q=9'}, 200)
    assert both == told(others=(Quota("a", 100, window_seconds=10), Quota("b", 9)))


def test_policy_never_outweighs_a_standing():
    assert parse({"ratelimit-policy": '"daily";q=9000;w=86400', **PLAIN}, 200) == told(
        50, 49, others=(Quota("daily", 9000, window_seconds=86_400),)
    )


def test_quotas_of_other_things_than_requests_are_passed_on_and_no_more():
    headers = {"ratelimit": '"bytes";r=3, "calls";r=40', "ratelimit-policy": '"bytes";q=9;qu="content-bytes"'}
    assert parse(headers, 200) == told(None, 40, others=(Quota("bytes", 9, 3, unit="content-bytes"),))


def test_upstream_cannot_fill_our_answers_with_its_quotas():
    many = ", ".join(f'"{number}";r={number}' for number in range(60))
    limits = parse({"ratelimit": many}, 200)
    assert limits is not None
    assert len(limits.others) == MAX_OTHERS
    assert parse({"ratelimit": f'"{"x" * 65}";r=1'}, 200) is None
    assert parse({"ratelimit": f'"x";r=1;comment="{"x" * 1024}"'}, 200) is None
    assert parse({"zendesk-ratelimit-é": "total=1", "zendesk-ratelimit-x": "junk"}, 200) is None


def test_item_named_like_one_of_ours_does_not_pass_for_it():
    headers = {"ratelimit": '"a";r=1, "richpanel";r=50, "gateway-token";r=60, "b";r=70'}
    assert (
        dict(call_headers(ToolOutcome({}, limits=parse(headers, 200)), None))["ratelimit"]
        == '"richpanel";r=1, "b";r=70'
    )


NAMES = [
    "date",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    *(f"{prefix}ratelimit-{name}" for prefix in ("", "x-") for name in ("limit", "remaining", "reset")),
    *(f"X-Rate-Limit-{name}" for name in ("Limit", "Remaining", "Reset")),
    "x-rate-limit",
    "X-Shopify-Shop-Api-Call-Limit",
    "x-gorgias-account-api-call-limit",
    "zendesk-ratelimit-tickets-index",
    "zendesk-ratelimit-\xe9",
]
parts = st.sampled_from([
    *{value for variant in VARIANTS for value in variant.headers.values()},
    DATE, '"a";r=0;t=9', '"a";q=5;w=0', "1/0", "limit=(1 2)", '"a";r=@9', '"a";pk=:YQ==:;r=1', "0, 0, 0", "9" * 10,
])  # fmt: skip
numbers = st.integers(-2, 120).map(str)
values = st.one_of(
    st.text(st.characters(max_codepoint=0x7FF)),
    parts,
    numbers,
    st.lists(parts | numbers, max_size=5).map(", ".join),
    st.lists(parts | numbers, max_size=3).map(";".join),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}+01:00"),
)
any_rules = st.builds(
    LimitRules,
    st.integers(1, 3600),
    st.sampled_from(["seconds", "milliseconds"]),
    st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)


@settings(deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(
    headers=st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
    status=st.sampled_from([200, 403, 429, 503]),
    rules=any_rules,
    now=st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_no_headers_raise_and_all_that_comes_of_them_is_well_formed(
    headers: dict[str, str], status: int, rules: LimitRules, now: datetime | None
):
    limits = parse(headers, status, rules, now=now)
    assert limits is not None or status != 429
    if limits is None:
        return
    assert_plausible(limits)
    assert (limits.retry_after_seconds is not None) or status != 429
    assert limits.retry_after_seconds is None or status != 200
    assert_well_formed(dict(call_headers(ToolOutcome({}, limits=limits), None)), limits)


def assert_plausible(limits: RateLimits) -> None:
    waits = [limits.retry_after_seconds, limits.reset_seconds, *(one.reset_seconds for one in limits.others)]
    amounts = [
        limits.limit,
        limits.remaining,
        *(figure for one in limits.others for figure in (one.limit, one.remaining)),
    ]
    assert all(wait is None or (type(wait) is int and 0 <= wait <= MAX_SECONDS) for wait in waits)
    assert all(amount is None or (type(amount) is int and 0 <= amount < 10**10) for amount in amounts)


def assert_well_formed(fields: dict[str, str], limits: RateLimits) -> None:
    for name, required in (("ratelimit", "r"), ("ratelimit-policy", "q")):
        if name in fields:
            items: Any = http_sf.parse(fields[name].encode(), tltype="list")
            assert len({item for item, _ in items}) == len(items)
            assert all(type(item) is str and type(parameters[required]) is int for item, parameters in items)
    numbers = {
        name: int(fields[name]) for name in fields if name.startswith("ratelimit-") and name != "ratelimit-policy"
    }
    assert all(number >= 0 for number in numbers.values())
    if limits.retry_after_seconds is not None:
        assert int(fields["retry-after"]) >= (limits.reset_seconds or 0)
