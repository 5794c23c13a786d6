"""How long one answer of Richpanel's, as large as is let in, holds the event loop; takes some minutes.

Run `.venv/bin/python bench/hostile_answers.py [NAME]`: NAME chooses the bodies whose title has it. Prints for each
body, each tool that may get it and some `fields` the most CPU seconds in one piece between the answer's last byte and
the tool's structure, and ends with 1 when one of them is over the bar.
"""

import gc
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.tool import Tool
from mcp_gateway.models.upstream import Exchange, UpstreamResponse

MAX_BYTES = 8 * 2**20
BAR_SECONDS = 0.8
"""Of one piece; half a second is the aim, and what is nothing but brackets needs that long to be parsed and freed."""
LIST, GET = "list_all_richpanel_conversations", "get_single_richpanel_conversation_by_id"
CONTEXT, USERS = "get_richpanel_conversation_context", "list_all_richpanel_users"
CALLS: Mapping[str, dict[str, Any]] = {LIST: {}, GET: {"id": "<x@y>"}, CONTEXT: {"id": "<x@y>"}, USERS: {}}
FIELDS: tuple[list[str], ...] = ([], ["comments.plain_body"], ["subject"], ["comments.a.b", "tags.a", "deep.a"])
HTML = (
    "<p>",
    "<b>x",
    "<td>a",
    "<p>x<li>",
    "<a href='https://x.example/'>",
    "<a href>",
    "<!--",
    "&amp;",
    "x ",
    "<br>",
    "é",
)


def filled(part: str, size: int = MAX_BYTES - 1000) -> str:
    return part * (size // len(part.encode()))


def comments(count: int, part: str) -> list[dict[str, str]]:
    text = filled(part, (MAX_BYTES - 1000) // count - 60)
    return [{"id": f"k{n}", "body": text} for n in range(count)]


def tickets() -> Iterator[tuple[str, Any]]:
    """Titles and conversations."""
    for part in HTML:
        for count in (1, 100, 5000):
            yield f"{count} comments of {part}", {"comments": comments(count, part)}
    yield "comments with both", {"comments": [{"body": "<p>x</p>", "plain_body": "x"}] * 180_000}
    yield "empty comments", {"comments": [{}] * 2_700_000}
    yield "numbers as comments", {"comments": [1] * 4_000_000}
    yield "numbers", {"tags": [1] * 4_000_000}
    yield "numbers beside a text", {"plain_body": "x", "tags": [12345] * 1_300_000}
    yield "tiny objects", {"tags": [{"a": 1}] * 900_000}
    yield "lists in lists", {"tags": [[[1]]] * 1_300_000}
    yield "many members", {f"m{n}": n for n in range(500_000)}
    yield "long names", {f"{n:0200}": n for n in range(38_000)}
    yield "middling lists", {"tags": [[1] * 16_000] * 250}
    yield "middling texts", {"tags": ["x" * 20_000] * 400}
    yield "long numbers in a text", {"text": "1234567890123456789012 " * 350_000}
    for bottom in ([1] * 3_900_000, ["x" * 400] * 19_000, [{"a": 1}] * 900_000):
        deep: Any = bottom
        for _ in range(90):
            deep = {"a": deep, "b": 1}
        yield f"deep over {str(bottom[0])[:9]}", {"deep": deep}


def bodies() -> Iterator[tuple[str, bytes]]:
    """Titles and answers."""
    for title, ticket in tickets():
        yield title, orjson.dumps({"ticket": {"id": "<x@y>", "subject": "s", **ticket}})
    yield "tiny records", orjson.dumps({"ticket": [{"id": n} for n in range(550_000)]})
    yield "records of both", orjson.dumps({"ticket": [{"comments": [{"body": "<p>x", "plain_body": "x"}]}] * 130_000})
    yield "numbers as records", orjson.dumps({"ticket": [1] * 4_000_000})
    yield "huge integers", b'{"ticket":{"id":"x","tags":[' + b"12345678901234567890123," * 340_000 + b"1]}}"


def answered(tool: Tool, arguments: dict[str, Any], body: bytes) -> float:
    """The most CPU seconds between two moments at which the loop can turn to others."""
    steps = tool.steps(arguments)
    requests = next(steps)
    holds: list[float] = []
    try:
        while True:
            answers = (body if request.target.startswith(("/tickets", "/users")) else b"{}" for request in requests)
            exchanges = tuple(Exchange(UpstreamResponse(200, {}, answer)) for answer in answers)
            start = time.process_time()
            try:
                requests = steps.send(exchanges)
            finally:
                holds.append(time.process_time() - start)
    except StopIteration:
        return max(holds)


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tools = load_catalog().integrations["richpanel"].by_name
    worst: list[tuple[float, str]] = []
    for title, body in bodies():
        if wanted not in title:
            continue
        assert len(body) <= MAX_BYTES, (title, len(body))
        # What the bodies were made of is no part of a gateway: its collector must not walk through it.
        gc.collect()
        gc.freeze()
        figures: list[float] = []
        for name, arguments in CALLS.items():
            for names in FIELDS:
                fields = [f"conversation.{field}" for field in names] if name == CONTEXT else names
                seconds = answered(tools[name], {**arguments, **({"fields": fields} if fields else {})}, body)
                figures.append(seconds)
                worst.append((seconds, f"{title}, {name}, fields {fields}"))
        print(f"{title:40} " + " ".join(f"{seconds:5.2f}" for seconds in figures), flush=True)
    worst.sort(reverse=True)
    for seconds, what in worst[:10]:
        print(f"{seconds:6.2f} s  {what}")
    return int(worst[0][0] > BAR_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
