"""Whatever upstream says about its quota becomes integers or nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_gateway.models.limits import RateLimits
from mcp_gateway.upstream.ratelimit import MAX_SECONDS, parse, retry_after

DATE = "Mon, 23 Nov 2026 09:00:00 GMT"


def test_richpanel_success_tells_the_quota_and_no_reset():
    assert parse({"x-ratelimit-limit": "50", "x-ratelimit-remaining": "49"}, 200) == RateLimits(
        limit=50, remaining=49, window_seconds=30
    )


def test_richpanel_429_takes_the_wait_from_retry_after():
    headers = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0", "retry-after": "12"}
    assert parse(headers, 429) == RateLimits(
        limit=50, remaining=0, reset_seconds=12, retry_after_seconds=12, window_seconds=30
    )


def test_429_without_a_hint_estimates_the_window():
    assert parse({}, 429) == RateLimits(
        remaining=0, reset_seconds=30, retry_after_seconds=30, window_seconds=30, estimated=True
    )


def test_429_takes_the_told_reset_where_retry_after_is_missing():
    limits = parse({"ratelimit-reset": "41"}, 429)
    assert limits is not None
    assert (limits.retry_after_seconds, limits.reset_seconds, limits.estimated) == (41, 41, False)


def test_429_keeps_a_remaining_that_was_told():
    limits = parse({"x-ratelimit-remaining": "3"}, 429)
    assert limits is not None
    assert limits.remaining == 3


def test_retry_after_on_another_status_is_no_rate_limit():
    assert parse({"retry-after": "12"}, 503) is None
    assert retry_after({"retry-after": "12"}) == 12


def test_answer_that_says_nothing_gives_nothing():
    assert parse({"content-type": "application/json"}, 200) is None


def test_three_ietf_fields_are_read():
    headers = {"ratelimit-limit": "100", "ratelimit-remaining": "50", "ratelimit-reset": "5"}
    assert parse(headers, 200) == RateLimits(limit=100, remaining=50, reset_seconds=5, window_seconds=30)


def test_limit_with_policies_behind_it_is_its_first_number():
    limits = parse({"ratelimit-limit": "10, 10;w=1, 50;w=60"}, 200)
    assert limits is not None
    assert limits.limit == 10


def test_two_windows_are_not_mixed():
    headers = {
        "ratelimit-limit": "100",
        "ratelimit-reset": "5",
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "3",
    }
    assert parse(headers, 200) == RateLimits(limit=100, reset_seconds=5, window_seconds=30)


def test_two_families_of_one_window_fill_each_other():
    headers = {"ratelimit-limit": "50", "x-ratelimit-limit": "50", "x-ratelimit-remaining": "3"}
    assert parse(headers, 200) == RateLimits(limit=50, remaining=3, window_seconds=30)


@pytest.mark.parametrize(("value", "remaining"), [("7, 7", 7), ("7,7", 7), ("7, 8", None), ("7,", None)])
def test_repeated_header_counts_once_and_parallel_windows_not_at_all(value: str, remaining: int | None):
    limits = parse({"x-ratelimit-limit": "50", "x-ratelimit-remaining": value}, 200)
    assert limits is not None
    assert limits.remaining == remaining


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("12", 12),
        (" 5 ", 5),
        ("2.0", 2),
        ("2.1", 3),
        ("-3", 0),
        ("86400", 86_400),
        ("86401", None),
        ("9" * 400, None),
        ("", None),
        ("abc", None),
        ("1e3", None),
        ("0x10", None),
        ("٣", None),
        ("5 seconds", None),
        ("Mon, 23 Nov 2026 09:00:07 GMT", 7),
        ("Monday, 23-Nov-26 09:00:07 GMT", 7),
        ("Mon Nov 23 09:00:07 2026", 7),
        ("Mon, 23 Nov 2026 08:59:59 GMT", 0),
        ("Wed, 25 Nov 2026 09:00:00 GMT", None),
        ("Mon, 23 Nov 2026 09:00:07 +99999999999999999999", None),
        ("Mon, 99 Foo 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str, seconds: int | None):
    assert retry_after({"retry-after": value, "date": DATE}) == seconds


def test_date_is_relative_to_the_answers_own_clock():
    now = datetime(2031, 1, 1, tzinfo=UTC)
    assert retry_after({"retry-after": "Mon, 23 Nov 2026 09:00:07 GMT", "date": DATE}, now=now) == 7


def test_date_without_the_answers_clock_is_relative_to_ours_or_dropped():
    headers = {"retry-after": "Mon, 23 Nov 2026 09:00:07 GMT"}
    assert retry_after(headers, now=datetime(2026, 11, 23, 9, 0, 0, 500_000, tzinfo=UTC)) == 7
    assert retry_after(headers) is None
    limits = parse(headers, 429)
    assert limits is not None
    assert limits.estimated


JUNK = ["abc", "-1", "", "1.5", "9" * 11, "9" * 400, "5\r\nx: y", "٣", "é", "\x00", "1 2", ";", ","]


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("name", ["limit", "remaining", "reset"])
def test_junk_is_dropped(name: str, junk: str):
    assert parse({f"ratelimit-{name}": junk}, 200) is None


values = (
    st.text(st.characters(max_codepoint=0x7FF))
    | st.sampled_from([*JUNK, DATE])
    | st.integers().map(str)
    | st.floats().map(str)
    | st.dates().map(str)
)
NAMES = [
    "retry-after",
    "date",
    *(f"{prefix}-{name}" for prefix in ("ratelimit", "x-ratelimit") for name in ("limit", "remaining", "reset")),
]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    headers=st.dictionaries(st.sampled_from(NAMES), values),
    status=st.sampled_from([200, 403, 429, 503]),
    now=st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_no_headers_raise_and_all_figures_are_non_negative(headers: dict[str, str], status: int, now: datetime | None):
    limits = parse(headers, status, now=now)
    if limits is None:
        assert status != 429
        return
    times = (limits.reset_seconds, limits.retry_after_seconds)
    assert all(figure is None or 0 <= figure <= MAX_SECONDS for figure in times)
    assert all(figure is None or 0 <= figure < 10**10 for figure in (limits.limit, limits.remaining))
    assert (limits.retry_after_seconds is not None) == (status == 429)


@given(second=st.integers(0, 2**37), wait=st.integers(-9, 90_000))
def test_http_date_gives_back_the_wait_it_was_made_of(second: int, wait: int):
    since = datetime.fromtimestamp(second, UTC)
    headers = {"date": _http_date(since), "retry-after": _http_date(since + timedelta(seconds=wait))}
    assert retry_after(headers) == (None if wait > MAX_SECONDS else max(wait, 0))


def _http_date(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
