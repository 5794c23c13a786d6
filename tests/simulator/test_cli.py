import asyncio
import signal
import sys

import httpx
import pytest
from typer.testing import CliRunner

from richpanel_sim.cli import cli
from richpanel_sim.switches import Switches


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
    assert all(route in shown for route in ("/_sim/requests", "/_sim/faults", "/_sim/reset", "/_sim/switches"))


def test_switches_are_listed_with_their_values():
    shown = CliRunner().invoke(cli, ["--list-switches"]).output
    assert all(name in shown for name, *_ in Switches.explain())
    assert "bad_key_status=401  (401 | 403)" in shown


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--key", ""],
        ["--key", "k", "--switch", "nothing=1"],
        ["--key", "k", "--switch", "list_forbidden"],
        ["--key", "k", "--host", "203.0.113.9"],
    ],
)
def test_options_that_make_no_sense_stop_it_at_once(options):
    assert CliRunner().invoke(cli, options).exit_code == 2
