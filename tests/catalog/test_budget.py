"""What of an answer is shown when it is too long, and that nothing gets lost on the way through it."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcp_gateway.catalog import budget as budgets
from mcp_gateway.catalog.budget import RESERVED, FittedRecord, FittedRecords, fit_records
from mcp_gateway.catalog.shrink import LEAST_ROOM, Cut, length_of, shrunk

BUDGET = 2000
ROOM = BUDGET - RESERVED


def fit_record(
    record: dict[str, Any], budget: int, inner: str | None = None, before: int | None = None
) -> FittedRecord:
    """`budget.fit_record` of a record whose elements from `before` on were shown already."""
    elements = record.get(inner or "")
    if before is None or not isinstance(elements, list) or before >= len(elements):
        return budgets.fit_record(record, budget, inner)
    end = max(before, 0)
    return budgets.fit_record({**record, str(inner): elements[:end]}, budget, inner, newer=len(elements) - end)


def comment(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    return {"id": f"k{number}", "plain_body": text or f"text {number}", **more}


def conversation(count: int, size: int = 300, **more: Any) -> dict[str, Any]:
    return {"id": "c1", "subject": "s", "comments": [comment(n, "x" * size) for n in range(count)], **more}


def ids(record: dict[str, Any]) -> list[str]:
    return [item["id"] for item in record["comments"]]


def check_size(value: Any, truncated: dict[str, Any] | None, budget: int = BUDGET) -> None:
    """Within the budget, with `truncated` too where there is one."""
    assert length_of(value) <= (budget if truncated is None else budget - RESERVED)
    assert truncated is None or length_of(truncated) <= RESERVED


# What fits


@pytest.mark.parametrize("records", [[], [1, "x", None], [conversation(2)]])
def test_records_that_fit_are_not_touched(records: list[Any]) -> None:
    fitted = fit_records(records, BUDGET, "comments")
    assert fitted.records is records
    assert fitted == FittedRecords(records, len(records), None)


def test_record_that_fits_is_not_touched() -> None:
    record = conversation(2, body="<p>x</p>", plain_body="x")
    assert fit_record(record, BUDGET, "comments").record is record
    assert fit_record(record, BUDGET, "comments", before=2) == FittedRecord(record, None, None)
    assert fit_record(record, BUDGET, "comments", before=9).record is record


def test_budget_counts_characters_of_the_compact_text_to_the_last_one() -> None:
    records = ["é€😀\n\x00" * 100]
    exact = len(orjson.dumps(records).decode())
    assert fit_records(["é" * (BUDGET - 4)], BUDGET).truncated is None
    assert fit_records(["é" * (BUDGET - 3)], BUDGET).truncated is not None
    assert exact == length_of(records) == 1104


# HTML twins


def test_html_goes_first_where_its_text_stands_beside_it() -> None:
    bodies = {"plain_body": "Hi", "body": "<p>Hi</p>" * 200, "html_body": "<b>Hi</b>" * 100}
    fitted = fit_record({"id": 1, "comments": [bodies, {"body": "<p>only</p>"}]}, BUDGET, "comments")
    assert fitted.record == {
        "id": 1,
        # The longest was enough.
        "comments": [{"plain_body": "Hi", "html_body": bodies["html_body"]}, {"body": "<p>only</p>"}],
    }
    assert fitted.before is None
    assert fitted.truncated == {"html": {"left_out": 1}}


@pytest.mark.parametrize("plain", [None, "", "  \n", 5, ["x"]])
def test_html_without_its_text_stays(plain: Any) -> None:
    record = {"body": "<p>" * 600, "plain_body": plain, "html_body": {"a": "<p>" * 600}}
    fitted = fit_record(record, BUDGET)
    assert list(fitted.record) == list(record)
    assert "[cut: " in fitted.record["body"]
    assert "html" not in (fitted.truncated or {})


def test_page_that_fits_without_its_html_keeps_every_record() -> None:
    records = [{"id": n, "plain_body": "text", "body": "<p>text</p>" * 10} for n in range(20)]
    fitted = fit_records(records, BUDGET)
    assert fitted.kept == 20
    assert fitted.truncated == {"html": {"left_out": 20}}
    assert all("body" not in record for record in fitted.records)
    assert all("body" in record for record in records)


# Whole records and elements


def test_records_that_do_not_fit_are_left_for_the_next_page() -> None:
    records = [{"id": n, "text": "x" * 180} for n in range(25)]
    fitted = fit_records(records, BUDGET)
    assert fitted.records == records[:7]
    assert fitted.kept == 7
    assert fitted.truncated == {"records": {"shown": 7, "of": 25}}


def test_html_is_counted_where_it_is_shown_only() -> None:
    records = [{"id": n, "plain_body": "x" * 300, "body": "<p>"} for n in range(25)]
    assert fit_records(records, BUDGET).truncated == {"records": {"shown": 4, "of": 25}, "html": {"left_out": 4}}


def test_first_record_too_big_alone_is_shown_with_its_newest_comments() -> None:
    fitted = fit_records([conversation(20), conversation(1)], BUDGET, "comments")
    assert fitted.kept == 1
    assert ids(fitted.records[0]) == ["k16", "k17", "k18", "k19"]
    assert fitted.truncated == {
        "records": {"shown": 1, "of": 2},
        "comments": {"shown": 4, "of": 20, "older": 16, "newer": 0},
    }


def test_walk_through_a_page_shows_every_record_once() -> None:
    records = [{"id": n, "text": "x" * (n * 97 % 700), "more": ["y" * 90] * (n % 30)} for n in range(120)]
    seen: list[int] = []
    while len(seen) < len(records):
        fitted = fit_records(records[len(seen) :], BUDGET)
        assert fitted.kept == len(fitted.records) > 0
        seen += [record["id"] for record in fitted.records]
    assert seen == list(range(120))


def test_newest_comments_are_shown_and_older_ones_follow() -> None:
    record = conversation(10)
    before = copy.deepcopy(record)
    windows = [fit_record(record, BUDGET, "comments")]
    while windows[-1].before is not None:
        windows.append(fit_record(record, BUDGET, "comments", windows[-1].before))
    assert [ids(window.record) for window in windows] == [
        ["k6", "k7", "k8", "k9"],
        ["k2", "k3", "k4", "k5"],
        ["k0", "k1"],
    ]
    assert [window.truncated for window in windows] == [
        {"comments": {"shown": 4, "of": 10, "older": 6, "newer": 0}},
        {"comments": {"shown": 4, "of": 10, "older": 2, "newer": 4}},
        {"comments": {"shown": 2, "of": 10, "older": 0, "newer": 8}},
    ]
    assert [list(window.record) for window in windows] == [["id", "subject", "comments"]] * 3
    assert record == before


@pytest.mark.parametrize(("position", "shown"), [(1, ["k0"]), (0, []), (-3, [])])
def test_any_position_gives_a_window(position: int, shown: list[str]) -> None:
    fitted = fit_record(conversation(3), BUDGET, "comments", position)
    assert ids(fitted.record) == shown
    assert fitted.before is None


@pytest.mark.parametrize("comments", [None, "text", {"a": 1}, 5])
def test_list_that_is_none_is_no_list(comments: Any) -> None:
    record = {"id": 1, "comments": comments, "text": "x" * 5000}
    for inner in ("comments", "missing", None):
        fitted = fit_record(record, BUDGET, inner, before=3)
        assert (fitted.record["id"], fitted.record["comments"], fitted.before) == (1, comments, None)


def test_big_rest_of_a_record_leaves_half_of_the_room_to_its_comments() -> None:
    fitted = fit_record(conversation(10, 100, notes="n" * 9000), BUDGET, "comments")
    assert ids(fitted.record) == ["k5", "k6", "k7", "k8", "k9"]
    assert fitted.record["notes"].endswith("of 9,000 characters]")
    assert list(fitted.record) == ["id", "subject", "comments", "notes"]
    assert fitted.truncated is not None
    assert fitted.truncated["cut"][0]["path"] == "notes"


# Long strings, then the rest


def test_long_string_is_cut_to_what_fits_and_says_so() -> None:
    fitted = fit_record({"id": "c1", "a": "x" * 20_000, "b": "y" * 300}, BUDGET)
    shown = fitted.record["a"].count("x")
    assert fitted.record == {"id": "c1", "a": "x" * shown + f"… [cut: {shown:,} of 20,000 characters]", "b": "y" * 300}
    assert fitted.truncated == {"cut": [{"path": "a", "shown": shown, "of": 20_000}]}
    assert ROOM - 10 <= length_of(fitted.record) <= ROOM


def test_several_long_strings_come_down_to_one_length() -> None:
    record = {"a": "x" * 20_000, "b": "y" * 900, "c": "z" * 200}
    fitted = fit_record(record, BUDGET)
    assert fitted.record["c"] == record["c"]
    assert abs(len(fitted.record["a"]) - len(fitted.record["b"])) < 10


def test_newest_comment_too_big_alone_is_cut() -> None:
    fitted = fit_record(conversation(3, 9000), BUDGET, "comments")
    assert ids(fitted.record) == ["k2"]
    assert fitted.before == 2
    assert fitted.truncated is not None
    assert [cut["path"] for cut in fitted.truncated["cut"]] == ["comments.0.plain_body"]


def test_path_in_a_list_names_the_record() -> None:
    fitted = fit_records([conversation(1, 9000), {"id": 2}], BUDGET, "comments")
    assert fitted.truncated is not None
    assert fitted.truncated["cut"][0]["path"] == "0.comments.0.plain_body"


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("newlines", "\n"),
        ("quotes", '"\\'),
        ("controls", "\x00\x1f"),
        ("emoji", "😀"),
        ("family", "👩\u200d👩\u200d👧"),
        ("skin", "👍🏽"),
        ("accents", "e\u0301"),
        ("mixed", 'é\n"a\x01'),
    ],
)
def test_string_is_cut_between_characters(unit: str, text: str) -> None:
    for more in range(12):
        record = {"id": "1" * more, "a": text * 3000}
        fitted = fit_record(record, BUDGET)
        kept, mark, _ = fitted.record["a"].partition("… [cut: ")
        assert mark
        assert record["a"].startswith(kept)
        assert unit in {"mixed", "quotes", "controls"} or len(kept) % len(text) == 0
        assert length_of(fitted.record) > ROOM - 60
        check_size(fitted.record, fitted.truncated)


def test_accents_without_end_are_cut_all_the_same() -> None:
    fitted = fit_record({"a": "e" + "\u0301" * 9000}, BUDGET)
    check_size(fitted.record, fitted.truncated)


def test_object_of_many_members_keeps_its_id_and_says_how_many_are_left() -> None:
    record = {**{f"m{n}": n for n in range(5000)}, "id": "c1"}
    fitted = fit_record(record, BUDGET)
    kept = len(fitted.record) - 1
    assert fitted.record["id"] == "c1"
    assert fitted.record["…"] == f"[cut: {kept} of 5,001 members]"
    assert fitted.truncated == {"cut": [{"path": "", "shown": kept, "of": 5001}]}
    assert ROOM - 50 < length_of(fitted.record) <= ROOM


def test_long_array_keeps_its_front_and_says_how_much_is_left() -> None:
    fitted = fit_record({"id": "c1", "n": list(range(100_000))}, BUDGET)
    *shown, mark = fitted.record["n"]
    assert shown == list(range(len(shown)))
    assert mark == f"… [cut: {len(shown)} of 100,000 elements]"
    assert fitted.truncated == {"cut": [{"path": "n", "shown": len(shown), "of": 100_000}]}


def test_big_members_share_the_room() -> None:
    fitted = fit_record({"id": "c1", "a": list(range(9000)), "b": {"x": list(range(9000))}, "c": 1}, BUDGET)
    assert list(fitted.record) == ["id", "a", "b", "c"]
    assert length_of(fitted.record["a"]) > 500
    assert length_of(fitted.record["b"]) > 500


def test_only_what_is_shown_is_told() -> None:
    record = {"id": "c1", "texts": ["x" * 500] * 1000, "k" * 500: {"y" * 500: ["z" * 3000]}}
    fitted = fit_record(record, BUDGET)
    assert fitted.truncated is not None
    assert len(fitted.truncated["cut"]) <= 20
    shown = len(fitted.record["texts"]) - 1
    told = fitted.truncated["cut"]
    assert shown > 0
    assert len(told) + fitted.truncated.get("cut_more", 0) <= shown + 3
    check_size(fitted.record, fitted.truncated)


def test_places_told_are_few_and_short() -> None:
    record = {"id": "c1", "rows": {f"{n}" + "k" * 20: "x" * 500 for n in range(9)}, "more": ["y" * 500] * 3}
    fitted = fit_record(record, 3000)
    assert fitted.truncated is not None
    assert all(len(cut["path"]) <= 80 for cut in fitted.truncated["cut"])
    assert len(fitted.truncated["cut"]) + fitted.truncated["cut_more"] == 12
    check_size(fitted.record, fitted.truncated, 3000)


# Any JSON

TEXTS = st.text(max_size=8) | st.builds(
    lambda part, times: part * times, st.text(min_size=1, max_size=3), st.integers(0, 900)
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXTS
NAMES = st.sampled_from(["id", "body", "plain_body", "html_body", "comments", "a", "…"]) | st.text(max_size=6)
SMALL = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=15,
)
MANY = SMALL.map(lambda one: [one] * 40) | SMALL.map(lambda one: {f"m{n}": one for n in range(40)})
JSON = SMALL | MANY | st.lists(SMALL | MANY, max_size=3) | st.dictionaries(NAMES, SMALL | MANY, max_size=3)
RECORDS = st.fixed_dictionaries(
    {}, optional={"comments": st.lists(JSON, max_size=8), "id": SCALARS, "a": JSON, "body": TEXTS, "plain_body": TEXTS}
)
BUDGETS = st.integers(2000, 4000)


@settings(max_examples=200, deadline=None)
@given(records=st.lists(JSON | RECORDS, max_size=6), budget=BUDGETS)
def test_any_list_of_records_fits(records: list[Any], budget: int) -> None:
    before = orjson.dumps(records)
    fitted = fit_records(records, budget, "comments")
    assert orjson.dumps(records) == before
    check_size(fitted.records, fitted.truncated, budget)
    assert (fitted.truncated is None) == (fitted.records is records) == (length_of(records) <= budget)
    assert len(fitted.records) == fitted.kept
    assert fitted.kept > 0 or not records
    assert orjson.loads(orjson.dumps(fitted.records)) is not None
    assert orjson.dumps(fit_records(records, budget, "comments").records) == orjson.dumps(fitted.records)


@settings(max_examples=200, deadline=None)
@given(record=RECORDS | st.dictionaries(NAMES, JSON, max_size=6), budget=BUDGETS)
@example(record={"comments": [["x" * 5000]] * 3, "a": {"k" * 5000: 1}}, budget=2000)
def test_walk_through_any_record_shows_every_element_once(record: dict[str, Any], budget: int) -> None:
    original = orjson.dumps(record)
    comments = record.get("comments")
    total = len(comments) if isinstance(comments, list) else 0
    before: int | None = None
    seen = 0
    for _ in range(total + 1):
        fitted = fit_record(record, budget, "comments", before)
        check_size(fitted.record, fitted.truncated, budget)
        if total:
            window = len(fitted.record["comments"])
            end = total if before is None else before
            assert window == end - (fitted.before or 0)
            seen += window
        before = fitted.before
        if before is None:
            break
    assert before is None
    assert seen == total
    assert orjson.dumps(record) == original


@settings(max_examples=200, deadline=None)
@given(value=JSON, room=st.integers(LEAST_ROOM, 600))
def test_any_value_shrinks_into_any_room(value: Any, room: int) -> None:
    cuts: list[Cut] = []
    small = shrunk(value, room, None, cuts)
    assert length_of(small) <= room
    assert (small is value) == (not cuts) == (length_of(value) <= room)
    assert type(small) is type(value)
    assert all(cut.shown <= cut.of for cut in cuts)


def nested(depth: int) -> Any:
    value: Any = "x" * 5000
    for level in range(depth):
        value = {"a": value, "n": level} if level % 2 else [value, level]
    return value


def test_depth_of_an_answer_is_no_matter() -> None:
    for depth in (10, 60, 98):
        fitted = fit_record({"id": "c1", "deep": nested(depth)}, BUDGET, "comments")
        check_size(fitted.record, fitted.truncated)
        fit_records([nested(depth)] * 3, BUDGET)


def test_page_of_two_megabytes_of_long_conversations() -> None:
    bodies = {"plain_body": "text " * 60, "body": "<p>text</p>" * 60, "via": {"channel": "email"}, "attachments": []}
    records = [
        {"id": f"c{n}", "comments": [{"id": f"k{m}", **bodies} for m in range(70)], "tags": ["a", "b"]}
        for n in range(30)
    ]
    assert length_of(records) > 2_000_000
    fitted = fit_records(records, 40_000, "comments")
    assert (fitted.kept, len(fitted.records)) == (1, 1)
    check_size(fitted.records, fitted.truncated, 40_000)
    everything = fit_records(records, 2_500_000, "comments")
    assert everything.records is records
    half = fit_records(records, 1_000_000, "comments")
    assert half.kept == 30
    assert half.truncated == {"html": {"left_out": 2100}}
    one = fit_record({"id": "c1", "texts": ["x" * 2000] * 1000}, 40_000)
    check_size(one.record, one.truncated, 40_000)
