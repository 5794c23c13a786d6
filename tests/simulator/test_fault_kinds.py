"""Every kind of fault over a real socket, as a client sees it that tidies nothing up."""

import asyncio
import zlib
from typing import get_args
from urllib.parse import urlsplit

import orjson
import pytest

from richpanel_sim.app import create_app
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.fault_reading import read_fault
from richpanel_sim.faults import ForcedAnswer, KindName
from richpanel_sim.server import running
from tests.simulator.support import KEY, TENANT, ticket_path

NOTE = {"ticket": {"comment": {"body": "once", "public": False}}}
WAIT_SECONDS = 5
TARGET = "/v1/teams"


class Conversation:
    """One connection with one request on it; what comes back is kept as it came."""

    def __init__(self, url):
        self._address = urlsplit(url)
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self.was_reset = False

    async def ask(self, method="GET", target=TARGET, body=None, *, is_complete=True):
        self._reader, self._writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        content = b"" if body is None else orjson.dumps(body)
        head = (
            f"{method} {target} HTTP/1.1\r\nhost: {self._address.netloc}\r\nx-richpanel-key: {KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self._writer.write(head.encode() + (content if is_complete else b""))
        return self

    async def rest(self):
        """All that comes until the end."""
        try:
            answer = await asyncio.wait_for(self._read(), WAIT_SECONDS)
        finally:
            self._writer.close()
        return answer

    async def _read(self):
        chunks = []
        try:
            while chunk := await self._reader.read(65536):
                chunks.append(chunk)
        except ConnectionResetError:
            self.was_reset = True
        return b"".join(chunks)

    async def first(self, size):
        return await asyncio.wait_for(self._reader.readexactly(size), WAIT_SECONDS)

    async def head(self):
        return await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)

    def leave(self):
        self._writer.close()


@pytest.fixture
async def url(state):
    async with running(create_app(state)) as served:
        yield served


@pytest.fixture
def tenant(state):
    return state.tenants[TENANT]


@pytest.fixture
def ticket(tenant):
    return tenant.newest_open()[0]


@pytest.fixture
def note_target(ticket):
    return f"/v1{ticket_path(ticket['id'])}"


@pytest.fixture
def said(ticket):
    return lambda: [comment["plain_body"] for comment in ticket["comments"][1:]]


@pytest.fixture
def suffer(state, url):
    async def ask(fault, *request, **options):
        state.faults.add(read_fault(fault))
        return await Conversation(url).ask(*request, **options)

    return ask


@pytest.fixture
def answered(suffer):
    """Status, headers and body of the answer to one request under this fault."""

    async def ask(fault, *request):
        raw = await (await suffer(fault, *request)).rest()
        head, _, body = raw.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        return int(start.split(" ")[1]), dict(line.split(": ", 1) for line in lines), body

    return ask


def test_every_kind_is_named_once_and_explained():
    assert set(get_args(KindName)) == set(KINDS)
    assert all(len(kind.help) > 10 for kind in KINDS.values())


async def test_answer_is_sent_as_told(answered):
    status, headers, body = await answered({"status": 418, "headers": {"X-Tea": "yes"}, "body": "pot"})
    assert (status, headers["x-tea"], body) == (418, "yes", b"pot")


@pytest.mark.parametrize(
    ("kind", "status", "kind_of_content", "start"),
    [
        ("server_error", 503, "application/json", b'{"message": "Service Unavailable"}'),
        ("html_200", 200, "text/html", b"<!doctype html>"),
        ("empty_200", 200, "application/json", b""),
        ("not_a_number", 200, "application/json", b'{"ticket": {"id": "x", "conversation_no": NaN'),
        ("wrong_charset", 200, "application/json; charset=utf-8", b'{"ticket": {"id": "x", "subject": "Gr\xfc\xdfe'),
    ],
)
async def test_made_up_answers(answered, kind, status, kind_of_content, start):
    seen, headers, body = await answered({"kind": kind})
    assert (seen, headers["content-type"].startswith(kind_of_content), body[: len(start)]) == (status, True, start)
    assert int(headers["content-length"]) == len(body)


async def test_made_up_answers_take_what_the_fault_says(answered):
    told = {"kind": "server_error", "status": 502, "headers": {"Retry-After": "9"}, "body": {"a": 1}}
    status, headers, body = await answered(told)
    assert (status, headers["retry-after"], body) == (502, "9", b'{"a":1}')


async def test_redirect_leads_where_it_is_told(answered):
    status, headers, _ = await answered({"kind": "redirect"})
    assert (status, headers["location"]) == (302, "http://169.254.169.254/latest/meta-data/")
    _, headers, _ = await answered({"kind": "redirect", "headers": {"Location": "http://[::1]/"}})
    assert headers["location"] == "http://[::1]/"


async def test_gateway_timeout_comes_after_the_write(answered, note_target, said):
    status, _, body = await answered({"kind": "gateway_timeout"}, "PUT", note_target, NOTE)
    assert (status, body, said()) == (504, b'{"message": "Endpoint request timed out"}', ["once"])


async def test_gateway_timeout_can_come_without_the_write(answered, note_target, said):
    await answered({"kind": "gateway_timeout", "after_effect": False}, "PUT", note_target, NOTE)
    assert said() == []


async def test_array_holds_the_honest_answer(answered):
    status, headers, body = await answered({"kind": "array"})
    assert (status, next(iter(orjson.loads(body)[0]))) == (200, "team")
    assert int(headers["content-length"]) == len(body)


async def test_truncated_json_has_its_true_length(answered):
    _, headers, body = await answered({"kind": "truncated_json"})
    assert int(headers["content-length"]) == len(body)
    assert body.startswith(b'{"team":')
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)


async def test_short_body_ends_before_its_length(answered):
    status, headers, body = await answered({"kind": "short_body"})
    assert (status, body.startswith(b'{"team":')) == (200, True)
    assert int(headers["content-length"]) in (2 * len(body), 2 * len(body) + 1)


async def test_huge_answer_is_json_of_the_size_asked_for(answered):
    _, headers, body = await answered({"kind": "huge", "size": 300_000})
    assert (len(body), headers["content-length"], orjson.loads(body)["count"]) == (300_000, "300000", 1)


@pytest.mark.parametrize("size", [1, 65536, 1_000_001])
async def test_bomb_unpacks_to_the_size_asked_for(answered, size):
    _, headers, body = await answered({"kind": "bomb", "size": size})
    assert headers["content-encoding"] == "gzip"
    assert len(zlib.decompress(body, wbits=31)) == size
    assert len(body) < 1200


async def test_slow_answer_waits_for_the_clock_and_works_at_its_end(suffer, clock, note_target, said):
    asked = await suffer({"kind": "slow", "seconds": 12}, "PUT", note_target, NOTE)
    await clock.until_asleep()
    assert said() == []
    clock.advance(12)
    assert (await asked.rest()).startswith(b"HTTP/1.1 200")
    assert said() == ["once"]


async def test_slow_answer_may_work_first(suffer, clock, note_target, said):
    asked = await suffer({"kind": "slow", "after_effect": True}, "PUT", note_target, NOTE)
    await clock.until_asleep()
    assert said() == ["once"]
    clock.advance(5)
    assert (await asked.rest()).startswith(b"HTTP/1.1 200")
    assert said() == ["once"]


@pytest.mark.parametrize(("is_early", "expected"), [(False, []), (True, ["once"])])
async def test_who_leaves_a_slow_answer_gets_no_work_done(state, suffer, clock, note_target, said, is_early, expected):
    asked = await suffer({"kind": "slow", "after_effect": is_early}, "PUT", note_target, NOTE)
    await clock.until_asleep()
    asked.leave()
    async with asyncio.timeout(WAIT_SECONDS):
        while not state.recorder.by_status:
            await asyncio.sleep(0)
    clock.advance(5)
    assert (state.recorder.by_status, said()) == ({"dropped": 1}, expected)


async def test_drip_gives_a_byte_each_time(suffer, clock):
    asked = await suffer({"kind": "drip", "seconds": 0.5})
    head = await asked.head()
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await asked.first(1)
    while len(body) < size:
        await clock.until_asleep()
        clock.advance(0.5)
        body += await asked.first(1)
    assert next(iter(orjson.loads(body))) == "team"
    assert clock.monotonic() == pytest.approx(0.5 * (size - 1))
    asked.leave()


async def test_who_leaves_a_drip_is_not_waited_for(state, suffer, clock, url):
    asked = await suffer({"kind": "drip"})
    await asked.head()
    await clock.until_asleep()
    asked.leave()
    assert (await (await Conversation(url).ask()).rest()).startswith(b"HTTP/1.1 200")
    assert state.recorder.by_status == {"200": 2}


@pytest.mark.parametrize(("is_early", "expected"), [(False, []), (True, ["once"])])
async def test_hanging_answer_never_comes(state, suffer, note_target, said, is_early, expected):
    asked = await suffer({"kind": "hang", "after_effect": is_early}, "PUT", note_target, NOTE)
    async with asyncio.timeout(WAIT_SECONDS):
        while not state.recorder.by_status:
            await asyncio.sleep(0)
    asked.leave()
    assert (state.recorder.by_status, said()) == ({"dropped": 1}, expected)


async def test_drop_ends_the_connection_without_a_byte(suffer):
    asked = await suffer({"kind": "drop"})
    assert (await asked.rest(), asked.was_reset) == (b"", False)


@pytest.mark.parametrize(("is_early", "expected"), [(False, []), (True, ["once"])])
async def test_reset_after_reading_with_and_without_effect(state, suffer, note_target, said, is_early, expected):
    asked = await suffer({"kind": "reset_after_reading", "after_effect": is_early}, "PUT", note_target, NOTE)
    assert (await asked.rest(), asked.was_reset) == (b"", True)
    assert said() == expected
    assert state.recorder.times_seen("PUT", note_target.encode(), orjson.dumps(NOTE)) == 1


async def test_reset_before_reading_does_not_wait_for_the_body(state, suffer, note_target, said):
    asked = await suffer({"kind": "reset_before_reading"}, "PUT", note_target, NOTE, is_complete=False)
    assert (await asked.rest(), asked.was_reset) == (b"", True)
    assert said() == []
    assert (state.recorder.requests[0].body, state.recorder.by_status) == (b"", {"dropped": 1})


async def test_reset_mid_body_comes_after_half_of_it_and_after_the_work(suffer, note_target, said):
    asked = await suffer({"kind": "reset_mid_body"}, "PUT", note_target, NOTE)
    answer = await asked.rest()
    assert (asked.was_reset, answer[:15]) == (True, b"HTTP/1.1 200 OK")
    assert b'{"ticket":{' in answer
    assert said() == ["once"]


async def test_garbage_is_no_http(suffer):
    assert not (await (await suffer({"kind": "garbage"})).rest()).startswith(b"HTTP")


async def test_faults_that_break_a_connection_leave_the_server_well(state, url, suffer):
    for kind in ("garbage", "drop", "reset_before_reading", "reset_after_reading", "reset_mid_body", "short_body"):
        await (await suffer({"kind": kind})).rest()
        assert (await (await Conversation(url).ask()).rest()).startswith(b"HTTP/1.1 200"), kind
    assert len(state.faults) == 0


async def test_fault_before_reading_waits_behind_those_queued_before_it(state, suffer):
    state.faults.add(ForcedAnswer(kind="drop"))
    first = await suffer({"kind": "reset_before_reading"})
    assert (await first.rest(), first.was_reset) == (b"", False)
    assert len(state.faults) == 1
