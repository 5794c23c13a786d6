"""One value of one header becomes a whole number or nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.upstream.ratelimit_values import (
    MAX_SECONDS,
    count,
    counts,
    leading_count,
    moment,
    named_counts,
    ratio,
    reset,
    resets,
    wait,
)

MADE = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
EPOCH = int(MADE.timestamp())


def made() -> datetime:
    return MADE


def nobody_knows() -> None:
    return None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("12", 12),
        (" 5 ", 5),
        ("2.0", 2),
        ("2.1", 3),
        ("-3", 0),
        ("-2.5", 0),
        ("86400", 86_400),
        ("86401", None),
        ("9" * 400, None),
        ("", None),
        ("abc", None),
        ("1e3", None),
        ("0x10", None),
        ("٣", None),
        ("5 seconds", None),
        ("12, 12", 12),
        ("12, 60", 60),
        ("12, soon", None),
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
    assert wait(value, made) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("41", 41),
        ("0", 0),
        ("999999999", None),
        (str(EPOCH + 30), 30),
        (str(EPOCH - 30), 0),
        (f"{EPOCH + 30}000", 30),
        (f"{EPOCH + 30}001", 31),
        (f"{EPOCH}0", None),
        (f"{EPOCH}00", None),
        ("9" * 10, None),
        ("9" * 400, None),
        ("-5", None),
        ("1.5", None),
        ("2026-11-23T09:00:42Z", 42),
        ("2026-11-23T09:00:41.2+00:00", 42),
        ("2026-11-23T09:00:42", 42),
        ("Mon, 23 Nov 2026 09:00:42 GMT", 42),
        ("Mon Nov 23 2026 10:00:42 GMT+0100 (Central European Standard Time)", 42),
        ("Mon Nov 23 2026 09:00:42 UTC", 42),
        ("Mon Nov 23 2026 25:00:42 GMT+0100", None),
        ("2026-99-99T00:00:00Z", None),
        ("tomorrow", None),
    ],
)
def test_reset_is_a_delta_an_epoch_or_a_date(value: str, seconds: int | None):
    assert reset(value, made) == seconds
    assert resets(value, made) == ([] if seconds is None else [seconds])


def test_only_a_small_number_has_a_unit():
    assert reset("600000", made, units_per_second=1000) == 600
    assert reset("1", made, units_per_second=1000) == 1
    assert reset(str(EPOCH + 30), made, units_per_second=1000) == 30


@pytest.mark.parametrize("value", [str(EPOCH), f"{EPOCH}000", "2026-11-23T09:00:42Z"])
def test_moment_without_a_clock_is_dropped(value: str):
    assert reset(value, nobody_knows) is None


def test_clock_is_asked_only_for_a_moment():
    def unread() -> None:
        raise AssertionError

    assert (wait("12", unread), wait("abc", unread), reset("41", unread)) == (12, None, 41)


def test_parallel_resets_are_read_apart():
    assert resets(f"{EPOCH + 1}, {EPOCH + 60}", made) == [1, 60]
    assert resets("5, soon", made) == []


@pytest.mark.parametrize("value", ["abc", "-1", "", "1.5", "9" * 11, "5\r\nx: y", "٣", "²", "é", "\x00", "1 2", ";"])
def test_what_is_no_count_is_none(value: str):
    assert count(value) is None
    assert counts(value) == []
    assert counts(f"1, {value}") == []


def test_lists_ratios_and_named_counts():
    assert counts(" 7 ,8") == [7, 8]
    assert [leading_count(value) for value in ("10, 10;w=1", "10;w=1", "w=1", "10x")] == [[10], [10], [], []]
    assert [ratio(value) for value in ("32/40", " 1 / 2 ", "1/2/3", "a/b")] == [(32, 40), (1, 2), None, None]
    assert named_counts("total=100; remaining=99; resets=41") == {"total": 100, "remaining": 99, "resets": 41}
    assert named_counts("total=1e3; remaining=-1;resets=" + "9" * 11) == {}


def test_too_long_a_value_is_dropped_rather_than_cut():
    filler = " " * 250
    assert counts(f"1,{filler}23456") == []
    assert ratio(f"1/{filler}23456") is None
    assert named_counts(f"total={filler}23456") == {}
    assert moment(f"2026-11-23{filler}T09:00:00Z") is None


@given(second=st.integers(0, 2**37), delta=st.integers(-9, 90_000))
def test_http_date_gives_back_the_wait_it_was_made_of(second: int, delta: int):
    since = datetime.fromtimestamp(second, UTC)
    until = since + timedelta(seconds=delta)
    expected = None if delta > MAX_SECONDS else max(delta, 0)
    assert wait(until.strftime("%a, %d %b %Y %H:%M:%S GMT"), lambda: since) == expected
