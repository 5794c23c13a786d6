"""A closed loop of HTTP/1.1 requests over kept connections, from a plain epoll loop: rates and latencies.

Run as a program of its own, so that it can be pinned to another core than what it loads: a JSON object of `Load` on
standard input, one of `Reading` on standard output.
"""

import json
import select
import socket
import sys
import time
from array import array
from dataclasses import asdict, dataclass

HEAD_END = b"\r\n\r\n"
READ_BYTES = 262_144
STALL_SECONDS = 60.0


@dataclass
class Load:
    """What to send: `requests` in rotation, each a whole HTTP request, over so many connections for so long."""

    host: str
    port: int
    requests: list[str]
    connections: int
    seconds: float
    mark: str
    """Every answer must hold it and have status 200; one that does not counts as bad."""
    at_most: int = 0
    """So many requests and then no more, whatever time is left; 0 for no such end."""


@dataclass
class Reading:
    """What came of it; times in milliseconds."""

    answers: int = 0
    bad: int = 0
    first_bad: str = ""
    seconds: float = 0.0
    bytes: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    worst: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process: how far it was from being the limit."""


@dataclass
class Connection:
    wire: socket.socket
    sent_at: float = 0.0
    got: bytes = b""


def whole(answer: bytes) -> bool:
    """Whether an HTTP answer is complete."""
    end = answer.find(HEAD_END)
    if end < 0:
        return False
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        length = head[at + 15 :].partition(b"\r\n")[0]
        return len(answer) >= end + 4 + int(length)
    if b"transfer-encoding: chunked" in head:
        return answer.endswith(b"\r\n0\r\n\r\n")
    raise SystemExit(f"an answer whose end cannot be told: {head[:300]!r}")


class Driver:
    """Sends, waits, measures."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = [request.encode() for request in load.requests]
        self._next = 0
        self._left = load.at_most or sys.maxsize
        self._mark = load.mark.encode()
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._times = array("d")
        self._complete_length = -1
        self.reading = Reading()

    def run(self) -> Reading:
        """For as long as asked; what is on its way then is waited for, and counted."""
        for _ in range(self._load.connections):
            self._open()
        started, cpu = time.perf_counter(), time.process_time()
        end = started + self._load.seconds
        waiting = min(len(self._connections), self._left)
        for connection in list(self._connections.values())[:waiting]:
            self._send(connection)
        while waiting:
            events = self._poll.poll(STALL_SECONDS)
            if not events:
                raise SystemExit(f"no answer in {STALL_SECONDS:.0f} s")
            for descriptor, _ in events:
                connection = self._connections[descriptor]
                if self._read(connection):
                    if self._left and time.perf_counter() < end:
                        self._send(connection)
                    else:
                        waiting -= 1
        self.reading.seconds = time.perf_counter() - started
        self.reading.cpu_seconds = time.process_time() - cpu
        return self._sum_up()

    def _open(self) -> None:
        wire = socket.create_connection((self._load.host, self._load.port))
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setblocking(False)
        self._poll.register(wire, select.EPOLLIN)
        self._connections[wire.fileno()] = Connection(wire)

    def _send(self, connection: Connection) -> None:
        request = self._requests[self._next]
        self._next = (self._next + 1) % len(self._requests)
        self._left -= 1
        connection.sent_at = time.perf_counter()
        connection.wire.send(request)

    def _read(self, connection: Connection) -> bool:
        """Whether the answer is complete now."""
        chunk = connection.wire.recv(READ_BYTES)
        if not chunk:
            raise SystemExit(f"the server closed a connection: {connection.got[:300]!r}")
        got = connection.got + chunk if connection.got else chunk
        # Most answers are as long as the last one was, so their heads need not be read; the mark is looked for in each.
        if len(got) != self._complete_length and not whole(got):
            connection.got = got
            return False
        self._complete_length = len(got)
        self._times.append(time.perf_counter() - connection.sent_at)
        if self._mark not in got or not got.startswith(b"HTTP/1.1 200"):
            self.reading.bad += 1
            self.reading.first_bad = self.reading.first_bad or repr(got[:500])
        self.reading.bytes += len(got)
        connection.got = b""
        return True

    def _sum_up(self) -> Reading:
        times = sorted(self._times)
        reading = self.reading
        reading.answers = len(times)
        last = len(times) - 1
        reading.p50, reading.p95, reading.p99, reading.worst = (
            times[int(last * share)] * 1000 for share in (0.5, 0.95, 0.99, 1)
        )
        return reading


def main() -> None:
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(Driver(load).run()), sys.stdout)


if __name__ == "__main__":
    main()
