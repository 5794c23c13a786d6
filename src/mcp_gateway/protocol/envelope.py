"""Bytes to a JSON-RPC message: syntax, limits, and the members every message has.

Done here: RFC 8259 syntax and UTF-8 (orjson also refuses NaN, infinities, lone surrogates and a byte order mark),
depth, width, string length, duplicate member names.
Not done here: the size of the body (counted by the HTTP layer while it streams in), and what orjson does silently:
an integer beyond 64 bits becomes a float. NUL characters are legal JSON and pass.
"""

import json
from typing import Any

import orjson

from mcp_gateway.protocol.errors import INVALID_REQUEST, PARSE_ERROR, ProtocolError

MAX_DEPTH = 32
"""Containers nested in one another, the envelope included."""
MAX_MEMBERS = 1000
"""Members of one object."""
MAX_VALUES = 20_000
"""Members and elements in the whole body: a megabyte of `0,` would hold the event loop up for 0.1 s."""
MAX_STRING = 1_000_000
"""Characters of one string: room for a file of 700 KB in base64, and little more than the whole body may have."""
MAX_ID_LENGTH = 256
"""Characters of a request id: it is echoed, so the caller must not choose the size of our answer."""


class _DuplicateNameError(Exception):
    """Stops the slow parse at the first repeated member name."""


def loads(body: bytes) -> Any:
    """The JSON value of a request body.

    Raises:
        ProtocolError: parse error (-32700), with the position.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProtocolError(PARSE_ERROR, f"The body is not JSON: {error}.") from error


def check_limits(body: bytes, value: Any) -> None:
    """Refuse what no client needs and what an attacker wants.

    Raises:
        ProtocolError: invalid request (-32600), naming the limit.
    """
    colons = body.count(b":")
    containers = body.count(b"[") + body.count(b"{")
    # Counting bytes bounds every figure from above, so that nearly no message needs the walk.
    if (
        containers > MAX_DEPTH
        or colons > MAX_MEMBERS
        or (len(body) > MAX_VALUES and (containers + body.count(b",") > MAX_VALUES or len(body) > MAX_STRING))
    ):
        _walk(value)
    if _repeats_a_name(body, value, colons):
        raise ProtocolError(INVALID_REQUEST, "An object in the body names the same member twice.")


def envelope_problem(message: dict[str, Any]) -> str | None:
    """What is wrong with the members every JSON-RPC message shares, or None."""
    if message.get("jsonrpc") != "2.0":
        return 'Not a JSON-RPC message: "jsonrpc" must be "2.0".'
    if "id" in message and not _is_request_id(message["id"]):
        return f'"id" must be an integer or a string of at most {MAX_ID_LENGTH} characters.'
    if "method" in message:
        return None if isinstance(message["method"], str) else '"method" must be a string.'
    if "id" in message and ("result" in message or "error" in message):
        return None
    return 'The message has no "method".'


def readable_id(value: Any) -> str | int | None:
    """The id to echo in an error, where the message has one that may be echoed."""
    if isinstance(value, dict) and _is_request_id(value.get("id")):
        request_id: str | int = value["id"]
        return request_id
    return None


def _is_request_id(value: Any) -> bool:
    kind = type(value)  # not isinstance: True is an int
    return kind is int or (kind is str and len(value) <= MAX_ID_LENGTH)


def _walk(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    values = 0
    for _ in range(MAX_DEPTH):
        values += sum(map(len, level))
        if values > MAX_VALUES:
            raise ProtocolError(INVALID_REQUEST, f"The body holds more than {MAX_VALUES} values.")
        level = [child for node in level for child in _members(node) if isinstance(child, dict | list)]
        if not level:
            return
    raise ProtocolError(INVALID_REQUEST, f"The body is nested more than {MAX_DEPTH} levels deep.")


def _members(node: dict[str, Any] | list[Any]) -> list[Any]:
    members = [*node.values(), *node] if isinstance(node, dict) else node
    if isinstance(node, dict) and len(node) > MAX_MEMBERS:
        raise ProtocolError(INVALID_REQUEST, f"An object in the body has more than {MAX_MEMBERS} members.")
    if any(isinstance(member, str) and len(member) > MAX_STRING for member in members):
        raise ProtocolError(INVALID_REQUEST, f"A string in the body is longer than {MAX_STRING} characters.")
    return members


def _repeats_a_name(body: bytes, value: Any, colons: int) -> bool:
    """Whether some object names a member twice; orjson keeps the last one without a word.

    Written out again, the value has one colon per member plus those inside strings, and orjson never escapes a colon:
    fewer colons than in the body means that a member was dropped. Only a body with escaped colons can hide one.
    """
    if b"\\" not in body or (b"\\u003a" not in body and b"\\u003A" not in body):
        return orjson.dumps(value).count(b":") != colons
    try:
        json.loads(body, object_pairs_hook=_refuse_duplicates)
    except _DuplicateNameError:
        return True
    return False


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _DuplicateNameError
