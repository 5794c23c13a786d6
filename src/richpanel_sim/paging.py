"""Richpanel's offset paging: ``page`` from 1, ``per_page`` up to 100, and links to the neighbours."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from richpanel_sim.exchange import Call
from richpanel_sim.refusals import Fault, invalid
from richpanel_sim.shelves import JsonObject

MOST_PER_PAGE = 100

Item = TypeVar("Item")


def to_page(call: Call, key: str, items: Sequence[Item], show: Callable[[Item], JsonObject]) -> dict[str, Any]:
    """The page of ``items`` that ``call`` asks for, under ``key``.

    Neither the default page size is documented nor what happens above 100; switches decide both.
    """
    page, per_page = _whole(call, "page", 1), _page_size(call)
    shown = [show(item) for item in items[(page - 1) * per_page : page * per_page]]
    before, after = page > 1, page * per_page < len(items)
    return {
        **to_whole(call, key, shown),
        **({"count": len(items)} if call.switches.list_count else {}),
        **_link(call, "next_page", page + 1 if after else None),
        **_link(call, "previous_page", page - 1 if before else None),
    }


def to_whole(call: Call, key: str, shown: Sequence[JsonObject]) -> dict[str, Any]:
    """All of a list under ``key``, without the fields of a page; an empty one as the switch says."""
    return {key: list(shown)} if shown or call.switches.empty_list == "empty" else {}


def _page_size(call: Call) -> int:
    size = _whole(call, "per_page", call.switches.default_per_page)
    if size > MOST_PER_PAGE and call.switches.oversized_page == "refused":
        raise invalid([Fault("per_page", call.query["per_page"], "query")])
    return min(size, MOST_PER_PAGE)


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise invalid([Fault(name, text, "query")])
    return int(text)


def _link(call: Call, name: str, page: int | None) -> Mapping[str, str | int | None]:
    form = call.switches.next_page
    if form == "absent":
        return {}
    if form == "null" or page is None:
        return {name: None}
    return {name: page if form == "number" else f"{call.base_url}{call.path}?{urlencode({**call.query, 'page': page})}"}
