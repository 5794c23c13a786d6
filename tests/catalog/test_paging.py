from typing import Any

import pytest

from mcp_gateway.catalog.cursor import Position
from mcp_gateway.catalog.paging import Paging

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
        ({}, 12, 3),
        ([], 10, 3),
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
    following = PAGING.following(body, count, Position(2, 10))
    assert following == (None if page is None else Position(page, 10))
