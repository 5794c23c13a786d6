"""The simulator's own routes below ``/_sim``, for tests and demos in another process; loopback callers only.

``GET /_sim/requests``
    ``{"total", "by_method", "by_status", "by_tenant", "requests": [...]}``: counts of every ``/v1`` request since the
    last reset and the kept records, oldest first. ``?method=``, ``?target=`` and ``?body=`` (text the raw target or
    the body holds) and ``?tenant=`` choose records; then ``matched`` is how many there are. Records show headers as
    sent, keys included.

``GET /_sim/writes``
    Every write with how many times it was seen, the most often seen first: ``{"writes": [{"method", "target",
    "body_sha256", "tenant", "times"}]}``; ``times`` above 1 is a write that was repeated. ``?method=``, ``?target=``
    and ``?tenant=`` choose among them.

``GET /_sim/effects``
    What writes left behind that no read of Richpanel shows, by tenant: ``outbox`` (what was delivered to customers),
    ``subscriptions``, ``files``.

``GET /_sim/faults`` and ``POST /_sim/faults``
    The kinds and dresses there are and how many requests are still to suffer; the latter takes one forced answer or a
    list of them, each an object of the fields of ``faults.ForcedAnswer``, and answers ``{"waiting": n}``.
    ``{"kind": "rate_limited", "dress": "github_403", "times": 3}`` turns the next three requests away.

``POST /_sim/reset``
    Back to the start; ``{"only": ["data", "requests", "faults", "limits"]}`` limits it to some parts. Switches stay.

``GET /_sim/switches`` and ``POST /_sim/switches``
    The switches as they are; the latter takes an object of those to change.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from richpanel_sim.dresses import DRESSES
from richpanel_sim.exchange import Reply
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.fault_reading import FaultError, read_fault
from richpanel_sim.recorder import RecordedRequest, Write
from richpanel_sim.state import PARTS, SimulatorState
from richpanel_sim.switches import SwitchError

Query = Mapping[str, str]


def answer_admin(state: SimulatorState, method: str, path: str, query: Query, body: bytes) -> Reply:
    """Answer one call below ``/_sim``; mistakes are 400 with ``{"error": text}`` that says what is allowed."""
    action = _ACTIONS.get((method, path))
    if action is None:
        return Reply.from_json({"error": f"there are: {', '.join(map(' '.join, ADMIN_ROUTES))}"}, 404)
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


def _writes(state: SimulatorState, query: Query, _body: Any) -> Any:
    seen = [(write, times) for write, times in state.recorder.writes.most_common() if _is_wanted(write, query)]
    return {
        "writes": [
            {**write._asdict(), "target": write.target.decode("ascii", "backslashreplace"), "times": times}
            for write, times in seen
        ]
    }


def _is_wanted(record: RecordedRequest | Write, query: Query) -> bool:
    return (
        query.get("method", record.method) == record.method
        and query.get("target", "").encode() in record.target
        and query.get("tenant", record.tenant) == record.tenant
        and (isinstance(record, Write) or query.get("body", "").encode() in record.body)
    )


def _effects(state: SimulatorState, _query: Query, _body: Any) -> Any:
    return {
        name: {
            "outbox": tenant.outbox,
            "subscriptions": list(tenant.subscriptions.values()),
            "files": list(tenant.files.values()),
        }
        for name, tenant in state.tenants.items()
    }


def _read_faults(state: SimulatorState, _query: Query, _body: Any) -> Any:
    return {
        "waiting": len(state.faults),
        "kinds": {name: kind.help for name, kind in KINDS.items()},
        "dresses": {name: dress.help for name, dress in DRESSES.items()},
    }


def _add_faults(state: SimulatorState, _query: Query, body: Any) -> Any:
    # Read all before queueing any, so that a list with a mistake changes nothing.
    for fault in [read_fault(item) for item in (body if isinstance(body, list) else [body])]:
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
    ("GET", "/_sim/writes"): _writes,
    ("GET", "/_sim/effects"): _effects,
    ("GET", "/_sim/faults"): _read_faults,
    ("POST", "/_sim/faults"): _add_faults,
    ("POST", "/_sim/reset"): _reset,
    ("GET", "/_sim/switches"): _read_switches,
    ("POST", "/_sim/switches"): _set_switches,
}
ADMIN_ROUTES = tuple(_ACTIONS)
