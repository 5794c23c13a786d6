"""G11: whatever upstream answers, a call ends in time with one stable error, one request, and memory as before."""

import asyncio
import gc
import gzip
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.gateways import Gateway, McpServer, running_gateway, settings_for
from tests.support.memory import MEGABYTE, resident_bytes
from tests.support.peers import Exchange, Peer, Script, answer, once_then_close, then_hold

GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
KEY = "rp_hostile_key_0001"
DEADLINE_SECONDS = 0.5
SLACK_SECONDS = 0.25
MAX_GROWTH_MB = 20
CAP = 2 * MEGABYTE
JSON = "content-type: application/json"
BOMB = gzip.compress(bytes(200 * MEGABYTE), compresslevel=1)
TICKET = b'{"ticket": {"id": "x", "subject": "hello"}}'


def dripping(head: bytes, pause: float = 0.05) -> Script:
    """After the head one byte at a time, for as long as somebody listens."""

    async def script(exchange: Exchange) -> bool:
        await exchange.write(head)
        while not await exchange.gone(within=pause):
            await exchange.write(b" ")
        return False

    return script


def endless(head: bytes, piece: bytes) -> Script:
    """After the head the same piece again and again, as fast as it is taken."""

    async def script(exchange: Exchange) -> bool:
        await exchange.write(head)
        while not exchange.reader.at_eof():
            await exchange.write(piece)
        return False

    return script


async def resetting(exchange: Exchange) -> bool:
    await exchange.write(answer(TICKET, JSON)[:-10])
    exchange.reset()
    return False


def redirect(location: str, status: str = "302 Found") -> Script:
    return once_then_close(answer(b"", f"location: {location}", status=status))


CHUNK = b"10000\r\n" + b"a" * 65536 + b"\r\n"
STREAMED = b"HTTP/1.1 200 OK\r\n" + JSON.encode() + b"\r\ntransfer-encoding: chunked\r\n\r\n"
UNENDING = b"HTTP/1.1 200 OK\r\n" + JSON.encode() + b"\r\ncontent-length: 100000\r\n\r\n"
BAD, LATE, LARGE = "upstream_bad_response", "upstream_timeout", "upstream_too_large"

FAULTS: dict[str, tuple[Script, str]] = {
    "silence": (then_hold(b""), LATE),
    "half a head": (then_hold(b"HTTP/1.1 200 OK\r\ncontent-"), LATE),
    "half a body": (then_hold(answer(TICKET, JSON)[:-5]), LATE),
    "dripping head": (dripping(b"HTTP/1.1 200 OK\r\nx: "), LATE),
    "dripping body": (dripping(UNENDING), LATE),
    "interim answers without end": (endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 64), BAD),
    "reset in the body": (resetting, BAD),
    "closed in the body": (once_then_close(answer(TICKET, JSON)[:-5]), BAD),
    "closed at once": (once_then_close(b""), BAD),
    "no HTTP": (once_then_close(b"SSH-2.0-OpenSSH_9.2\r\n"), BAD),
    "another protocol": (once_then_close(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"), BAD),
    "a head without end": (endless(b"HTTP/1.1 200 OK\r\nx: ", b"a" * 65536), BAD),
    "fields without end": (endless(b"HTTP/1.1 200 OK\r\n", b"x: a\r\n" * 4096), BAD),
    "gzip bomb": (once_then_close(answer(BOMB, JSON, "content-encoding: gzip")), BAD),
    "bomb that says nothing of gzip": (once_then_close(answer(BOMB[: CAP - 1], JSON)), BAD),
    "deflate": (once_then_close(answer(b"x", JSON, "content-encoding: deflate")), BAD),
    "a body over the cap": (endless(STREAMED, CHUNK), LARGE),
    "a length over the cap": (then_hold(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"), LARGE),
    "truncated JSON": (once_then_close(answer(TICKET[:-4], JSON)), BAD),
    "deep JSON": (once_then_close(answer(b"[" * 500_000, JSON)), BAD),
    "deep JSON that ends": (once_then_close(answer(b'{"a":' * 900 + b"1" + b"}" * 900, JSON)), BAD),
    "wide JSON": (once_then_close(answer(b"[" + b"0," * 900_000 + b"0]", JSON)), BAD),
    "many objects": (once_then_close(answer(b'{"ticket":[' + b"{}," * 600_000 + b"{}]}", JSON)), BAD),
    "a wide error": (
        once_then_close(answer(b"[" + b"{}," * 600_000 + b"{}]", JSON, status="422 No")),
        "upstream_rejected",
    ),
    "NaN": (once_then_close(answer(b'{"ticket": NaN}', JSON)), BAD),
    "two values": (once_then_close(answer(TICKET + TICKET, JSON)), BAD),
    "a lone surrogate": (once_then_close(answer(b'{"ticket": {"id": "\\ud800"}}', JSON)), BAD),
    "no UTF-8": (once_then_close(answer(TICKET.decode().encode("utf-16"), JSON)), BAD),
    "nothing": (once_then_close(answer(b"", JSON)), BAD),
    "a page": (once_then_close(answer(b"<html>Please log in</html>", "content-type: text/html")), BAD),
    "a list": (once_then_close(answer(b"[1, 2]", JSON)), BAD),
    "an error that shows the key": (
        once_then_close(answer(b'{"message": "bad key %b"}' % KEY.encode(), JSON, status="403 Forbidden")),
        "upstream_auth",
    ),
    "a large error page": (
        once_then_close(answer(b"<html>" + b"x" * (CAP - 100), status="500 Internal Server Error")),
        "upstream_error",
    ),
    "a status without meaning": (once_then_close(answer(b"", status="999 What")), BAD),
}
LOCATIONS = (
    "http://169.254.169.254/latest/meta-data/", "//169.254.169.254/", "http://[::1]:80/", "http://2852039166/",
    "http://127.0.0.1:22/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "HTTP://metadata.internal/",
)  # fmt: skip
REDIRECTS = {f"302 to {place}": (redirect(place), BAD) for place in LOCATIONS}
REDIRECTS |= {
    f"{status} away": (redirect(LOCATIONS[0], status), BAD)
    for status in ("301 Moved", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect", "300 Choices")
}


@dataclass
class Hostile:
    """Two gateways whose upstream does what a test sets."""

    patient: Gateway
    """With the default deadline, which no fault reaches that ends by itself, however busy the machine."""
    hurried: Gateway
    """For faults that last until the deadline."""
    server: McpServer
    peer: Peer

    async def call(
        self, tool: str, arguments: dict[str, str], script: Script, expected: str = BAD
    ) -> tuple[dict[str, object], int, float]:
        """The structured result, the requests it took, and its seconds."""
        self.peer.script = script
        gateway = self.hurried if expected == LATE else self.patient
        before, started = len(self.peer.exchanges), time.perf_counter()
        async with asyncio.timeout(30):
            result = await gateway.call(self.server.token, tool, arguments)
        seconds = time.perf_counter() - started
        await self.peer.all_closed()
        assert KEY not in str(result)
        return result["structuredContent"], len(self.peer.exchanges) - before, seconds


@pytest.fixture
async def hostile(stores) -> AsyncIterator[Hostile]:
    async with Peer(then_hold(b"")) as peer:
        settings = settings_for(stores, richpanel_url=peer.url, upstream_max_bytes=CAP, log_level="error")
        short = settings.model_copy(update={"upstream_timeout_seconds": DEADLINE_SECONDS})
        async with running_gateway(settings) as patient, running_gateway(short) as hurried:
            yield Hostile(patient, hurried, await patient.server(api_key=KEY), peer)


async def test_every_fault_is_one_request_and_one_stable_error_in_time(hostile, figures, scale):
    faults = FAULTS | REDIRECTS
    rounds = scale(full=5, quick=1)
    # What a first round loads stays: parsers, codecs, the pools of both ends.
    for script, expected in faults.values() if scale.is_full else ():
        await hostile.call(GET, {"id": "x"}, script, expected)
    gc.collect()
    before = resident_bytes()
    wrong, requests, slowest = [], 0, 0.0
    for name, (script, expected) in list(faults.items()) * rounds:
        answered, sent, seconds = await hostile.call(GET, {"id": "x"}, script, expected)
        error = answered.get("error")
        if not isinstance(error, dict) or error["type"] != expected:
            wrong.append((name, expected, error))
        requests, slowest = requests + sent, max(slowest, seconds)
    gc.collect()
    grown = (resident_bytes() - before) / MEGABYTE
    n = len(faults) * rounds
    figures.record("G11", "faults without their stable error", measured=wrong or 0, bar="0", n=n, holds=not wrong)
    figures.record("G11", "follow-ups", measured=requests - n, bar="0", n=n, holds=requests == n)
    if scale.is_full:
        bar = DEADLINE_SECONDS + SLACK_SECONDS
        told = f"{slowest:.2f} s"
        figures.record(
            "G11", "slowest, at a deadline of 0.5 s", measured=told, bar=f"{bar} s", n=n, holds=slowest <= bar
        )
        told = f"{grown:.1f} MB"
        figures.record("G11", "growth of memory", measured=told, bar="< 20 MB", n=n, holds=grown < MAX_GROWTH_MB)


async def test_write_is_sent_once_whatever_comes_back_and_never_called_failed_when_it_may_have_happened(
    hostile, figures
):
    faults = FAULTS | REDIRECTS
    requests, claimed = 0, []
    for name, (script, expected) in faults.items():
        answered, sent, _ = await hostile.call(UPDATE, {"id": "x", "status": "CLOSED"}, script, expected)
        requests += sent
        error = answered.get("error")
        if isinstance(error, dict) and "the same call may work later" in error["message"]:
            claimed.append(name)
    n = len(faults)
    figures.record("G11", "second requests of a write", measured=requests - n, bar="0", n=n, holds=requests == n)
    assert claimed == []


async def test_redirect_to_a_server_that_would_answer_is_not_followed(hostile):
    async with Peer(once_then_close(answer(TICKET, JSON))) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            await hostile.call(GET, {"id": "x"}, redirect(f"{elsewhere.url}/tickets/x", status))
        assert elsewhere.connections == 0
    answered, _, _ = await hostile.call(GET, {"id": "x"}, once_then_close(answer(TICKET, JSON)))
    assert answered["result"] == {"id": "x", "subject": "hello"}
