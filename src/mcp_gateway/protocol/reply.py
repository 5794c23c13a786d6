"""What goes back over HTTP, as a value."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

Header = tuple[str, str]

JSON_HEADERS: tuple[Header, ...] = (("content-type", "application/json"),)


class Reply(NamedTuple):
    """Status, headers and the complete body of one HTTP answer."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    """JSON, or empty for 202."""


ACCEPTED = Reply(202, (), b"")
"""The answer to a notification: no body and so no content type."""


def response_json(id_json: bytes, result_json: bytes) -> bytes:
    """A successful JSON-RPC response; both arguments are JSON already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (id_json, result_json)


def result_reply(id_json: bytes, result_json: bytes) -> Reply:
    """The same as a complete HTTP answer."""
    return Reply(200, JSON_HEADERS, response_json(id_json, result_json))


def error_reply(
    status: int,
    code: int,
    message: str,
    request_id: str | int | None = None,
    headers: tuple[Header, ...] = (),
    *,
    data: Mapping[str, Any] | None = None,
) -> Reply:
    """A JSON-RPC error; `request_id` None (it could not be read) travels as null, as JSON-RPC 2.0 §5 says."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    body = orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": error})
    return Reply(status, JSON_HEADERS + headers, body)
