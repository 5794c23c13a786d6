"""Answers with fields nobody has heard of, as any new release of Richpanel may have them."""

from typing import Any

import orjson

from richpanel_sim.exchange import Reply

EXTRA_FIELD = "field_of_tomorrow"
_EXTRA_VALUE = {"kind": "unheard-of", "values": [1, None, "ü"]}


def with_extra_fields(reply: Reply) -> Reply:
    """``reply`` with one more field in every object of its JSON."""
    return reply.with_body(orjson.dumps(_extended(orjson.loads(reply.body)))) if reply.body else reply


def _extended(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: _extended(inner) for name, inner in value.items()}, EXTRA_FIELD: _EXTRA_VALUE}
    return [_extended(item) for item in value] if isinstance(value, list) else value
