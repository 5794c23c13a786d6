import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from mcp_gateway.cli.serving import SPREADS_CONNECTIONS, GatewayServer, base_url, bind
from mcp_gateway.cli.wire import WatchfulProtocol
from mcp_gateway.exceptions import ConfigurationError

ROOT = Path(__file__).parents[2]
WAIT = 20


@contextmanager
def running(app, workers=1):
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.cli.run_app", f"tests.cli.apps:{app}", str(workers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready_url(process):
    line = process.stdout.readline()
    assert line.startswith("ready http://127.0.0.1:")
    return line.split()[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_says_ready_once_and_answers_and_a_stop_signal_is_no_failure(workers):
    with running("works", workers) as process:
        url = ready_url(process)
        response = httpx.get(url, trust_env=False)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=WAIT)
    assert response.text == "started "
    assert "server" not in response.headers
    assert "date" in response.headers
    assert (process.returncode, out, err) == (0, "", "")


def test_a_request_that_runs_is_answered_before_the_end():
    with running("works") as process:
        url = ready_url(process)
        with httpx.Client(trust_env=False) as client, client.stream("GET", f"{url}/slow") as response:
            chunks = response.iter_text()
            assert next(chunks) == "started "
            process.send_signal(signal.SIGTERM)
            assert "".join(chunks) == "finished"
        assert process.wait(WAIT) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_second_stop_signal_ends_it_whatever_runs(workers):
    with running("hangs", workers) as process:
        url = ready_url(process)
        with httpx.Client(trust_env=False, timeout=WAIT) as client, client.stream("GET", url) as response:
            chunks = response.iter_text()
            assert next(chunks) == "started "
            process.send_signal(signal.SIGTERM)
            assert next(chunks) == "draining "
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.RemoteProtocolError):
                next(chunks)
        _, err = process.communicate(timeout=WAIT)
    assert (process.returncode, err) == (0, "")


class InTheTestsProcess(GatewayServer):
    """Leaves the signal handlers alone."""

    @contextmanager
    def capture_signals(self):
        yield


async def test_peer_that_reads_nothing_does_not_hold_up_the_end():
    sent = asyncio.Event()

    async def floods(scope, _receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            sent.set()
            await send({"type": "http.response.body", "body": b"x" * 20_000_000, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    ready = asyncio.Event()
    config = uvicorn.Config(
        floods, http=WatchfulProtocol, lifespan="off", log_config=None, timeout_graceful_shutdown=60
    )
    server = InTheTestsProcess(config, ready.set, lambda: None, stalled_seconds=0.05)
    with bind("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(WAIT):
            await ready.wait()
            with socket.create_connection(listener.getsockname()) as client:
                client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                await sent.wait()
                server.should_exit = True
                await serving


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("app", "line"),
    [
        ("refuses_to_start", "error: the schema is older than this version: run `mcp-gateway migrate`\n"),
        ("cannot_be_made", "error: GATEWAY_OPERATOR_KEY is not set\n"),
    ],
)
def test_a_failed_start_is_one_line_and_status_1(app, line, workers):
    with running(app, workers) as process:
        out, err = process.communicate(timeout=WAIT)
    assert (process.returncode, out, err) == (1, "", line)


def test_a_bug_at_start_shows_its_traceback():
    with running("has_a_bug") as process:
        _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 1
    assert "ZeroDivisionError: a bug" in err


def test_a_worker_that_dies_is_replaced():
    with running("tells_pid", workers=2) as process:
        url = ready_url(process)
        first = int(httpx.get(url, trust_env=False).text)
        os.kill(first, signal.SIGKILL)
        assert process.stderr.readline() == f"worker {first} ended with status -9; starting another\n"
        assert int(httpx.get(url, trust_env=False).text) != first
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == 0


def test_workers_that_all_died_one_after_the_other_are_all_replaced():
    with running("tells_pid", workers=2) as process:
        url = ready_url(process)
        killed: set[int] = set()
        for _ in range(2):
            # A closed connection says nothing of who else serves: each look is a fresh one.
            living = int(httpx.get(url, trust_env=False, timeout=WAIT).text)
            assert living not in killed
            killed.add(living)
            os.kill(living, signal.SIGKILL)
            assert process.stderr.readline() == f"worker {living} ended with status -9; starting another\n"
        assert int(httpx.get(url, trust_env=False, timeout=WAIT).text) not in killed
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == 0
        assert process.stderr.read() == ""


@pytest.mark.skipif(not SPREADS_CONNECTIONS, reason="the system gives all connections to one socket")
def test_a_burst_of_connections_is_spread_over_the_workers():
    with running("tells_pid", workers=2) as process:
        port = int(ready_url(process).rpartition(":")[2])
        burst = [http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT) for _ in range(64)]
        for connection in burst:
            connection.connect()
        for connection in burst:
            connection.request("GET", "/")
        answered = [int(connection.getresponse().read()) for connection in burst]
        for connection in burst:
            connection.close()
        shares = [answered.count(pid) for pid in set(answered)]
        assert len(shares) == 2
        assert min(shares) >= 8  # of 64 coins, fewer than 8 heads come up once in 10^10
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == 0


def test_a_port_that_another_gateways_workers_share_is_taken():
    with bind("127.0.0.1", 0, has_siblings=True) as taken, pytest.raises(ConfigurationError, match="cannot listen on"):
        bind("127.0.0.1", taken.getsockname()[1], has_siblings=True)


def test_workers_end_with_their_parent():
    with running("tells_pid", workers=2) as process:
        url = ready_url(process)
        port = int(url.rpartition(":")[2])
        process.kill()
        # Their copies of standard error are closed when the last of them is gone.
        process.communicate(timeout=WAIT)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=WAIT)


def test_a_taken_port_is_one_line():
    with bind("127.0.0.1", 0) as taken, pytest.raises(ConfigurationError, match="cannot listen on"):
        bind("127.0.0.1", taken.getsockname()[1])


def test_a_peer_that_reads_nothing_is_cut_off_by_the_kernel_where_it_can():
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


def test_an_ipv6_host_stands_in_brackets():
    with bind("127.0.0.1", 0) as listener:
        assert base_url("::1", listener) == f"http://[::1]:{listener.getsockname()[1]}"
