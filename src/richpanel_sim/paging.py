"""Richpanel's offset paging: ``page`` from 1, ``per_page`` up to 100, and links to the neighbours."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from richpanel_sim.exchange import Call
from richpanel_sim.refusals import Fault, invalid
from richpanel_sim.tenants import JsonObject

DEFAULT_PER_PAGE = 30
MOST_PER_PAGE = 100


def to_page(call: Call, key: str, items: Sequence[JsonObject]) -> dict[str, Any]:
    """The page of ``items`` that ``call`` asks for, under ``key``, which is left out when the page is empty.

    The default page size is not documented; neither is what happens above 100, so a larger size is cut to 100.
    """
    page, per_page = _whole(call, "page", 1), min(_whole(call, "per_page", DEFAULT_PER_PAGE), MOST_PER_PAGE)
    shown = items[(page - 1) * per_page : page * per_page]
    envelope: dict[str, Any] = {key: list(shown)} if shown else {}
    return {
        **envelope,
        "count": len(items),
        "next_page": _link(call, page + 1) if page * per_page < len(items) else None,
        "previous_page": _link(call, page - 1) if page > 1 else None,
    }


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise invalid([Fault(name, text, "query")], call.switches.validation_key)
    return int(text)


def _link(call: Call, page: int) -> str:
    query: Mapping[str, Any] = {**call.query, "page": page}
    return f"{call.base_url}{call.path}?{urlencode(query)}"
