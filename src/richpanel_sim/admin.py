"""The simulator's own routes below ``/_sim``, for tests and demos in another process; loopback callers only.

``GET /_sim/requests``
    ``{"total", "by_method", "by_status", "by_tenant", "requests": [...]}``: counts of every ``/v1`` request since the
    last reset and the kept records, oldest first. ``?method=``, ``?target=`` (text the raw target holds) and
    ``?tenant=`` choose records; then ``matched`` is how many there are. Records show headers as sent, keys included.

``POST /_sim/faults``
    One forced answer or a list of them, each ``{"kind": "answer"|"drop", "status", "headers", "body", "times",
    "method", "path", "tenant", "after_effect", "rate_limit_headers"}``, all optional; answers ``{"waiting": n}``.
    ``{"status": 429, "headers": {"Retry-After": "7"}, "body": {"message": "slow down"}, "times": 3}`` turns the next
    three requests away.

``POST /_sim/reset``
    Back to the start; ``{"only": ["data", "requests", "faults", "limits"]}`` limits it to some parts.

``GET /_sim/switches`` and ``POST /_sim/switches``
    The switches as they are; the latter takes an object of those to change.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from richpanel_sim.exchange import Reply
from richpanel_sim.faults import FaultError, ForcedAnswer
from richpanel_sim.recorder import RecordedRequest
from richpanel_sim.state import PARTS, SimulatorState
from richpanel_sim.switches import SwitchError

Query = Mapping[str, str]


def answer_admin(state: SimulatorState, method: str, path: str, query: Query, body: bytes) -> Reply:
    """Answer one call below ``/_sim``; mistakes are 400 with ``{"error": text}`` that says what is allowed."""
    action = _ACTIONS.get((method, path))
    if action is None:
        return Reply.from_json({"error": f"there are: {', '.join(' '.join(known) for known in _ACTIONS)}"}, 404)
    try:
        return Reply.from_json(action(state, query, orjson.loads(body) if body else None))
    except orjson.JSONDecodeError:
        return Reply.from_json({"error": "the body is not JSON"}, 400)
    except (FaultError, SwitchError) as mistake:
        return Reply.from_json({"error": str(mistake)}, 400)


def _requests(state: SimulatorState, query: Query, _body: Any) -> Any:
    recorder = state.recorder
    chosen = [record for record in recorder.requests if _is_wanted(record, query)]
    return {
        "total": recorder.total,
        "by_method": recorder.by_method,
        "by_status": recorder.by_status,
        "by_tenant": recorder.by_tenant,
        "matched": len(chosen),
        "requests": [record.to_json() for record in chosen],
    }


def _is_wanted(record: RecordedRequest, query: Query) -> bool:
    return (
        query.get("method", record.method) == record.method
        and query.get("target", "").encode() in record.target
        and query.get("tenant", record.tenant) == record.tenant
    )


def _faults(state: SimulatorState, _query: Query, body: Any) -> Any:
    # Read all before queueing any, so that a list with a mistake changes nothing.
    for fault in [ForcedAnswer.from_json(item) for item in (body if isinstance(body, list) else [body])]:
        state.faults.add(fault)
    return {"waiting": len(state.faults)}


def _reset(state: SimulatorState, _query: Query, body: Any) -> Any:
    parts = body.get("only", PARTS) if isinstance(body, dict) else PARTS
    if not isinstance(parts, list | tuple) or not set(map(str, parts)) <= set(PARTS):
        raise FaultError(f"only is a list of: {', '.join(PARTS)}")
    state.reset(parts)
    return {"reset": list(parts)}


def _read_switches(state: SimulatorState, _query: Query, _body: Any) -> Any:
    return asdict(state.switches)


def _set_switches(state: SimulatorState, query: Query, body: Any) -> Any:
    if not isinstance(body, dict):
        raise SwitchError("switches are changed by an object of names and values")
    state.switches = state.switches.altered(body)
    return _read_switches(state, query, None)


_ACTIONS: dict[tuple[str, str], Callable[[SimulatorState, Query, Any], Any]] = {
    ("GET", "/_sim/requests"): _requests,
    ("POST", "/_sim/faults"): _faults,
    ("POST", "/_sim/reset"): _reset,
    ("GET", "/_sim/switches"): _read_switches,
    ("POST", "/_sim/switches"): _set_switches,
}
