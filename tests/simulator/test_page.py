"""docs/simulator.md says what the simulator does: its operations, switches, faults, dresses and routes."""

import re
from dataclasses import fields
from pathlib import Path

from richpanel_sim.admin import ADMIN_ROUTES
from richpanel_sim.dresses import DRESSES
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.routes import ROUTES
from richpanel_sim.switches import Switches

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def rows(title: str) -> list[str]:
    """The rows of the first table under a column title."""
    table = PAGE.partition(f"| {title} |")[2].partition("\n\n")[0]
    return [line for line in table.splitlines() if line.startswith("| ")]


def test_every_switch_has_its_row():
    assert rows("switch") == [
        f"| `{switch.name}` | {switch.values.replace(' | ', ', ')} | {switch.default} | {switch.confidence} "
        f"| {switch.meaning} |"
        for switch in Switches.explain()
    ]


def test_every_kind_of_fault_has_its_row():
    assert rows("kind") == [f"| `{name}` | {kind.help} |" for name, kind in KINDS.items()]


def test_every_dress_has_its_row():
    assert rows("variant") == [f"| {dress.variant} | `{name}` | {dress.help} |" for name, dress in DRESSES.items()]


def test_every_key_of_a_fault_is_explained():
    told = {name for row in rows("key") for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told == {field.name for field in fields(ForcedAnswer)}


def test_every_operation_has_its_row():
    told = [re.findall(r"`([^`]+)`", row)[0] for row in rows("operation")]
    assert told == [f"{route.method} {re.sub(r':[^}]*', '', route.path)}" for route in ROUTES]
    # One of them is there to be refused.
    assert len(told) == 25 + 1


def test_every_own_route_has_its_row():
    told = {tuple(re.findall(r"`(\w+) (/\S+)`", row)[0]) for row in rows("route")}
    assert told == set(ADMIN_ROUTES)
