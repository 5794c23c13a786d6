"""Threads and pages as they are shown: their order, their texts, and how much of them one answer is worth."""

from typing import Any

import orjson
import pytest

from mcp_gateway.catalog.run import PLAIN_RUN
from mcp_gateway.models.upstream import UpstreamResponse
from tests.catalog.answers import ARGUMENTS, GET, LIST, shape
from tests.catalog.conftest import ToolByName


def thread(count: int, text: str, **more: Any) -> dict[str, Any]:
    comments = [
        {"id": f"k{n}", "created_at": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z", "body": text} for n in range(count)
    ]
    return {"id": "1", "comments": comments, **more}


def walked(tool: ToolByName, name: str, body: Any, **more: Any) -> list[dict[str, Any]]:
    """The structures of a walk through one answer that stays the same."""
    pages: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        raw = orjson.dumps(body)
        outcome = tool(name).shape(UpstreamResponse(200, body=raw), {**ARGUMENTS[name], **more, **cursor})
        assert outcome.error is None
        assert len(orjson.dumps(outcome.structured).decode()) <= PLAIN_RUN.budget
        pages.append(dict(outcome.structured))
        if not pages[-1].get("next_cursor"):
            return pages
        cursor = {"next_cursor": pages[-1]["next_cursor"]}


def ids_of(pages: list[dict[str, Any]]) -> list[str]:
    return [comment["id"] for page in reversed(pages) for comment in page["result"]["comments"]]


def test_thread_that_comes_newest_first_is_turned_around(tool: ToolByName) -> None:
    record = thread(5, "Hi")
    record["comments"].reverse()
    for name, body in ((GET, {"ticket": record}), (LIST, {"ticket": [record]})):
        result = shape(tool, name, body).structured["result"]
        shown = result[0] if isinstance(result, list) else result
        assert [comment["id"] for comment in shown["comments"]] == ["k0", "k1", "k2", "k3", "k4"]


@pytest.mark.parametrize("html", ["<p>", "<b>x", "<td>a", "<p>x<li>", "<a href='x'>", "<b></b>"])
def test_texts_of_megabytes_of_tags_are_made_a_part_at_a_time_and_none_is_left_out(tool: ToolByName, html: str) -> None:
    record = thread(40, html * 8_000)
    pages = walked(tool, GET, {"ticket": record})
    assert len(pages) > 1
    assert ids_of(pages) == [comment["id"] for comment in record["comments"]]
    texts = [comment.get("plain_body") for page in pages for comment in page["result"]["comments"]]
    assert None not in texts
    assert pages[0]["truncated"]["comments"]["older"] > 0


def test_page_of_such_threads_is_walked_record_by_record(tool: ToolByName) -> None:
    records = [{**thread(3, "<b>x" * 5_000), "id": f"r{n}"} for n in range(20)]
    body = {"ticket": records, "next_page": None}
    pages = walked(tool, LIST, body)
    assert [record["id"] for page in pages for record in page["result"]] == [record["id"] for record in records]
    assert len(pages) > 1


def test_texts_are_not_made_where_they_were_not_asked_for(tool: ToolByName) -> None:
    record = thread(40, "<p>" * 8_000)
    for fields in (["status"], ["comments.id"]):
        [page] = walked(tool, GET, {"ticket": record}, fields=fields)
        assert "truncated" not in page
        assert "plain_body" not in str(page)


def test_text_asked_for_by_name_is_there_for_what_is_no_html_too(tool: ToolByName) -> None:
    record = {"id": "1", "comments": [{"body": "<p>a</p>"}, {"body": "b"}, {"body": "c", "plain_body": "d"}, {}]}
    [page] = walked(tool, GET, {"ticket": record}, fields=["comments.plain_body"])
    assert page["result"]["comments"] == [{"plain_body": "a"}, {"plain_body": "b"}, {"plain_body": "d"}, {}]


def test_thread_that_grows_at_its_end_and_loses_its_first_message_is_walked_without_a_gap(tool: ToolByName) -> None:
    record = thread(60, "x" * 1_500)
    first = shape(tool, GET, {"ticket": record}).structured
    seen = [comment["id"] for comment in first["result"]["comments"]]
    # As where upstream shows the newest sixty only, and two more came.
    more = [{"id": f"new{n}", "created_at": "2026-01-02", "body": "x"} for n in range(2)]
    grown = {**record, "comments": record["comments"][2:] + more}
    raw = UpstreamResponse(200, body=orjson.dumps({"ticket": grown}))
    second = tool(GET).shape(raw, {"id": "1", "next_cursor": first["next_cursor"]}).structured
    last = second["result"]["comments"][-1]["id"]
    assert int(last[1:]) + 1 == int(seen[0][1:])
    assert "changed" in second["notice"]


def test_record_before_the_cursor_that_goes_moves_no_other_out_of_sight(tool: ToolByName) -> None:
    records = [{"id": f"r{n}", "text": "x" * 9_000} for n in range(10)]
    first = shape(tool, LIST, {"ticket": records}).structured
    shown = [record["id"] for record in first["result"]]
    raw = UpstreamResponse(200, body=orjson.dumps({"ticket": records[1:]}))
    second = tool(LIST).shape(raw, {"limit": 2, "next_cursor": first["next_cursor"]}).structured
    assert second["result"][0]["id"] == f"r{len(shown)}"


def resumed(tool: ToolByName, before: Any, after: Any) -> tuple[list[str], dict[str, Any]]:
    """The ids an answer showed first, and the structure of the next one, when the page had become another."""
    first = shape(tool, LIST, before).structured
    raw = UpstreamResponse(200, body=orjson.dumps(after))
    second = tool(LIST).shape(raw, {"limit": 2, "next_cursor": first["next_cursor"]}).structured
    return [record["id"] for record in first["result"]], dict(second)


def long_records(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "text": "x" * 9_000} for n in numbers]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ticket": long_records(*range(10))}, {"ticket": long_records(*range(4, 10))}),
        ({"ticket": long_records(*range(10)), "count": 10}, {"ticket": long_records(*range(4, 10)), "count": 6}),
        ({"ticket": long_records(*range(10)), "count": 30}, {"ticket": long_records(*range(4, 14)), "count": 26}),
        # The shown ones moved behind those that were not.
        (
            {"ticket": long_records(*range(10)), "count": 10},
            {"ticket": long_records(*range(4, 10), 0, 1, 2, 3), "count": 10},
        ),
    ],
)
def test_records_that_left_because_they_were_dealt_with_hide_no_other(
    tool: ToolByName, before: Any, after: Any
) -> None:
    shown, second = resumed(tool, before, after)
    assert shown == ["r0", "r1", "r2", "r3"]
    assert second["result"][0]["id"] == "r4"
    assert "changed" in second["notice"]


def test_records_that_came_on_top_show_none_twice(tool: ToolByName) -> None:
    before = {"ticket": long_records(*range(10)), "count": 10}
    _, second = resumed(tool, before, {"ticket": long_records(20, 21, *range(8)), "count": 12})
    assert second["result"][0]["id"] == "r4"
    assert "changed" not in second.get("notice", "")


def test_page_behind_one_that_lost_records_says_so(tool: ToolByName) -> None:
    before = {"ticket": [{"id": "a"}, {"id": "b"}], "count": 6}
    for after, is_told in (
        ({"ticket": [{"id": "e"}, {"id": "f"}], "count": 4}, True),
        ({"count": 2}, True),
        ({"ticket": [{"id": "c"}, {"id": "d"}], "count": 6}, False),
        ({"ticket": [{"id": "c"}, {"id": "d"}]}, False),
    ):
        _, second = resumed(tool, before, after)
        assert ("shorter" in second.get("notice", "")) is is_told, after


def test_names_that_matched_nothing_are_told_in_a_few_words(tool: ToolByName) -> None:
    body = UpstreamResponse(200, body=b'{"ticket":[{"id":"1"}]}')
    fields = ["x" * 500_000, *(f"name{n}" for n in range(100))]
    structured = tool(LIST).shape(body, {"fields": fields}).structured
    assert len(structured["notice"]) < 300
    assert "96 more" in structured["notice"]
