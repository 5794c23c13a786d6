import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_gateway.dev.processes import KeptProcess, Launch, ready_url

WAITS_FOR_SIGTERM = (
    "import signal; print('ready here', flush=True); signal.sigwait([signal.SIGTERM]); print('bye', flush=True)"
)
IGNORES_SIGTERM = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
)


def python(code, **options):
    return Launch([sys.executable, "-c", code], output=subprocess.PIPE, **options)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_stop_lets_a_server_end_in_its_own_way():
    # sigwait needs the signal blocked, or its default action comes first.
    code = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]);" + WAITS_FOR_SIGTERM
    process = KeptProcess(python(code))
    assert process.output.readline() == b"ready here\n"
    assert process.exit_status() is None
    assert is_alive(process.pid)
    assert process.stop() == 0
    assert not is_alive(process.pid)
    assert process.exit_status() == 0


def test_a_server_that_will_not_end_is_killed_after_its_grace():
    process = KeptProcess(python(IGNORES_SIGTERM, grace_seconds=0.1))
    process.output.readline()
    assert process.stop() == 128 + signal.SIGKILL


def test_kill_gives_no_time():
    process = KeptProcess(python(IGNORES_SIGTERM, grace_seconds=60))
    process.output.readline()
    assert process.kill() == 128 + signal.SIGKILL
    assert not is_alive(process.pid)


def test_the_exit_status_of_a_server_that_ends_by_itself_is_kept():
    with KeptProcess(python("raise SystemExit(7)")) as process:
        assert process.output.read() == b""
        assert process.stop() == 7


def test_a_command_that_is_not_there_is_an_error(capfd):
    with pytest.raises(OSError, match="cannot be started"):
        KeptProcess(Launch(["/nonexistent/server"]))
    assert "nonexistent" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_ends_when_its_starter_is_killed(number):
    starter_code = f"""
import subprocess, sys
from mcp_gateway.dev.processes import KeptProcess, Launch
process = KeptProcess(Launch([sys.executable, "-c", {WAITS_FOR_SIGTERM!r}]))
print(process.pid, flush=True)
sys.stdin.read()
"""
    starter = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", starter_code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with starter:
        assert starter.stdout
        lines = {starter.stdout.readline(), starter.stdout.readline()}
        pid = int(next(line for line in lines if line.strip().isdigit()))
        assert is_alive(pid)
        starter.send_signal(number)
        # Keeper and server hold the other ends of this pipe: it ends when both are gone.
        starter.stdout.read()
    assert not is_alive(pid)


def test_the_ready_line_is_found_among_others(capfd):
    with KeptProcess(python("print('starting'); print('ready http://h:1'); print('later')")) as process:
        assert ready_url(process, 20) == "http://h:1"
    assert "starting" in capfd.readouterr().err


def test_a_server_that_ends_without_being_ready_has_no_url():
    with KeptProcess(python("pass")) as process:
        assert ready_url(process, 20) is None


def test_the_keeper_needs_nothing_but_the_standard_library():
    keeper = Path(sys.modules["mcp_gateway.dev.processes"].KEEPER)
    assert "mcp_gateway" not in keeper.read_text()
