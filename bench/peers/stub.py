"""The upstream of every peer: answers `GET /tickets/{id}` with one ticket of 2 KB, from a plain epoll loop.

    python bench/peers/stub.py [--delay-ms 50]

prints `ready URL`. It must be far faster than what is measured, so it reads no more of a request than where it ends
and which ticket it asks for, and every answer is prepared.
"""

import argparse
import heapq
import json
import select
import socket
import sys
import time

BODY_LENGTH = 2048
MARK = "Where is my order #1042?"
BACKLOG = 1024


def comment(number: int, text: str) -> dict[str, object]:
    return {
        "id": f"c-{number}",
        "is_operator": number % 2 == 0,
        "public": True,
        "created_at": f"2026-11-24T09:{number:02}:00.000Z",
        "body": text,
        "via": {"channel": "email", "source": {"from": {"address": "ada.whitlock@shopper.example"}}},
    }


def ticket(ticket_id: str) -> bytes:
    """JSON of one ticket as Richpanel answers it, three HTML comments in it, BODY_LENGTH bytes."""
    asked = "<div><p>Hello,</p><p>where is my order <b>#1042</b>? I ordered on <i>Monday</i> &amp; paid.</p></div>"
    told = '<p>Hi Ada,<br>it left our house today: <a href="https://track.example/FH1042">follow the parcel</a>.</p>'
    thanks = comment(3, "<p></p>")
    comments = [comment(1, asked), comment(2, told), thanks]
    found: dict[str, object] = {
        "id": ticket_id,
        "conversation_no": 84920,
        "organization_id": "fernhollow417",
        "app_client_id": "fernhollow4170",
        "status": "OPEN",
        "priority": "LOW",
        "subject": MARK,
        "assignee_id": "unassigned",
        "recipient": "help@fernhollow.example",
        "created_at": "2026-11-24T09:00:00.000Z",
        "updated_at": "2026-11-24T10:00:00.000Z",
        "first_response_time": None,
        "tags": ["where-is-my-order"],
        "customFields": {},
        "customer_profile": {"firstName": "Ada", "lastName": "Whitlock", "email": "ada.whitlock@shopper.example"},
        "via": {"channel": "email", "source": {"from": {"address": "ada.whitlock@shopper.example"}}},
        "comments": comments,
        "url": "https://app.richpanel.com/conversations?viewConversation=f4a5668b",
    }
    missing = BODY_LENGTH - len(json.dumps({"ticket": found}))
    thanks["body"] = f"<p>{('Thank you very much! ' * 40)[:missing]}</p>"
    return json.dumps({"ticket": found}).encode()


def answer(ticket_id: str) -> bytes:
    body = ticket(ticket_id)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Stub:
    """One listener, its connections, and the answers that are held back."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay = delay_seconds
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._connections: dict[int, socket.socket] = {}
        self._answers: dict[bytes, bytes] = {}
        self._held: list[tuple[float, int, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        """Until the process is ended."""
        while True:
            for descriptor, _ in self._poll.poll(self._pause()):
                if descriptor == self._listener.fileno():
                    self._accept()
                else:
                    self._read(descriptor)
            self._let_go()

    def _pause(self) -> float:
        return max(0.0, self._held[0][0] - time.monotonic()) if self._held else -1

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._connections[connection.fileno()] = connection
        self._poll.register(connection, select.EPOLLIN)

    def _read(self, descriptor: int) -> None:
        connection = self._connections[descriptor]
        try:
            asked = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            asked = b""
        if not asked:
            self._poll.unregister(descriptor)
            del self._connections[descriptor]
            connection.close()
            return
        path = asked[4 : asked.index(b" ", 4)]
        told = self._answers.get(path)
        if told is None:
            told = self._answers[path] = answer(path.rpartition(b"/")[2].decode())
        if self._delay:
            heapq.heappush(self._held, (time.monotonic() + self._delay, descriptor, told))
        else:
            connection.send(told)

    def _let_go(self) -> None:
        now = time.monotonic() if self._held else 0.0
        while self._held and self._held[0][0] <= now:
            _, descriptor, told = heapq.heappop(self._held)
            if descriptor in self._connections:
                self._connections[descriptor].send(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="hold each answer back so long")
    stub = Stub(parser.parse_args().delay_ms / 1000)
    sys.stdout.write(f"ready {stub.url}\n")
    sys.stdout.flush()
    stub.run()


if __name__ == "__main__":
    main()
