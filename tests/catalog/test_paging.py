from typing import Any

import pytest

from mcp_gateway.catalog.cursor import Position
from mcp_gateway.catalog.paging import Paging, found_again, mark_of_item

PAGING = Paging("list_things", "page", 25)
URL = "https://api.richpanel.com/v1/tickets?per_page=10&page="


@pytest.mark.parametrize(
    ("body", "count", "page"),
    [
        ({}, 0, None),
        ({"next_page": URL + "3"}, 0, None),
        ({"next_page": None}, 10, None),
        ({"next_page": ""}, 10, None),
        ({}, 9, None),
        ({}, 10, 3),
        ({}, 12, None),
        ({"count": 35}, 12, 3),
        ({"next_page": None, "count": 20}, 10, None),
        ({"next_page": None, "count": 21}, 10, 3),
        ({"next_page": None, "count": 15}, 5, None),
        ({"count": "21"}, 9, None),
        ({"count": True}, 9, None),
        ([], 10, 3),
        ([], 11, None),
        ({"next_page": URL + "3"}, 4, 3),
        ({"next_page": URL + "7"}, 10, 7),
        ({"next_page": 3}, 10, 3),
        ({"next_page": "3"}, 10, 3),
        ({"next_page": "https://elsewhere.example/?page=4"}, 10, 4),
        ({"next_page": URL + "2"}, 10, 3),
        ({"next_page": URL + "1"}, 10, 3),
        ({"next_page": URL + "-5"}, 10, 3),
        ({"next_page": URL + "9" * 40}, 10, 3),
        ({"next_page": "https://[broken"}, 10, 3),
        ({"next_page": {"odd": 1}}, 10, 3),
        ({"next_page": True}, 10, 3),
        ({"next_page": URL + "\u0663"}, 10, 3),
    ],
)
def test_next_page_after_page_two_of_ten(body: Any, count: int, page: int | None) -> None:
    following = PAGING.following(body, records(count), Position(2, 10))
    assert (None if following is None else (following.page, following.limit, following.skip)) == (
        None if page is None else (page, 10, 0)
    )


def records(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"r{first + n}", "updated": n} for n in range(count)]


def test_page_that_comes_again_is_known_by_its_ids() -> None:
    following = PAGING.following({}, records(10), Position(1, 10))
    assert following is not None
    assert PAGING.is_repeated([{"id": f"r{n}", "updated": "since"} for n in range(10)], following)
    assert not PAGING.is_repeated(records(10, first=1), following)
    assert not PAGING.is_repeated(records(9), following)
    assert not PAGING.is_repeated([], following)
    assert not PAGING.is_repeated(records(10), Position(1, 10))


@pytest.mark.parametrize(
    ("items", "index"),
    [
        (["a", "b", "c"], 1),
        (["new", "a", "b", "c"], 2),
        (["b", "c"], 0),
        (["a", "c"], None),
        ([], None),
        ([None, "b"], 1),
    ],
)
def test_item_is_found_again_where_others_came_or_went(items: list[str | None], index: int | None) -> None:
    now = [{} if ident is None else {"id": ident} for ident in items]
    assert found_again(now, 1, mark_of_item({"id": "b"})) == index


def test_item_without_an_id_has_no_mark_to_be_found_by() -> None:
    assert mark_of_item({"name": "x"}) == mark_of_item("x") == ""
    assert found_again([{"name": "x"}], 0, "") is None
