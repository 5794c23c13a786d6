import asyncio
import os
import signal
import sys

import httpx
import pytest
from typer.testing import CliRunner

from richpanel_sim.admin import ADMIN_ROUTES
from richpanel_sim.cli import cli
from richpanel_sim.dresses import DRESSES
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.switches import Switches

TOLD_IN_ONE = {("GET", "/_sim/faults"), ("POST", "/_sim/switches")}
"""Explained in the lines of the same path's other verb."""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_command_says_ready_serves_and_stops_on_a_signal(stop):
    options = ("--key", "rp_one", "--key", "rp_two:second9", "--limit", "2", "--switch", "bad_key_status=403")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "richpanel_sim", *options), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        word, url = line.split()
        assert (word, url.startswith("http://127.0.0.1:"), url.endswith("/v1")) == ("ready", True, True)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            first = await client.get("/tickets?per_page=1", headers={"x-richpanel-key": "rp_one"})
            second = await client.get("/tickets?per_page=1", headers={"x-richpanel-key": "rp_two"})
            refused = await client.get("/tickets")
        assert first.json()["ticket"][0]["organization_id"] == "fernhollow417"
        assert second.json()["ticket"][0]["organization_id"] == "second9"
        assert (first.headers["x-ratelimit-limit"], refused.status_code) == ("2", 403)
    finally:
        process.send_signal(stop)
        rest, _ = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, rest) == (0, b"")


def test_help_tells_of_the_instruments():
    shown = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"{method:4} {path}" in shown for method, path in ADMIN_ROUTES if (method, path) not in TOLD_IN_ONE)


def test_switches_are_listed_with_their_values():
    shown = CliRunner().invoke(cli, ["--list-switches"]).output
    assert all(name in shown for name, *_ in Switches.explain())
    assert "bad_key_status=401  (401 | 403)  DOC" in shown
    assert "create_visible_after_seconds=0  (0 to 3600)  INFER" in shown


def test_faults_are_listed_with_their_dresses():
    shown = CliRunner().invoke(cli, ["--list-faults"]).output
    assert all(f"{name}\n" in shown for name in (*KINDS, *DRESSES))


async def first_conversation(*options, **environment):
    """What a simulator started like this shows first, and its answer to a stranger."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "richpanel_sim", "--key", "rp_one", *options),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()[1]
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            page = await client.get("/tickets?per_page=1", headers={"x-richpanel-key": "rp_one"})
            refused = await client.get("/tickets")
    finally:
        process.terminate()
        await process.wait()
    return page.json(), refused.status_code


async def test_crowd_is_served_and_switches_are_taken_from_the_environment():
    options = ("--seed", "7", "--conversations", "150", "--switch", "ticket_key=tickets")
    page, status = await first_conversation(
        *options, RICHPANEL_SIM_BAD_KEY_STATUS="403", RICHPANEL_SIM_TICKET_KEY="ticket"
    )
    assert (page["count"], page["tickets"][0]["conversation_no"], status) == (150, 10_150, 403)


def test_variable_that_is_no_switch_stops_it_at_once():
    outcome = CliRunner().invoke(cli, ["--key", "k"], env={"RICHPANEL_SIM_COLOUR": "red"})
    assert outcome.exit_code == 2
    assert "no switch 'colour'" in outcome.output


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--key", ""],
        ["--key", "k", "--switch", "nothing=1"],
        ["--key", "k", "--switch", "list_forbidden"],
        ["--key", "k", "--host", "203.0.113.9"],
        ["--key", "k", "--conversations", "0"],
    ],
)
def test_options_that_make_no_sense_stop_it_at_once(options):
    assert CliRunner().invoke(cli, options).exit_code == 2
