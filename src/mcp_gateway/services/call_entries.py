"""One finished tool call as a row of the log: hashed, cut and cleaned."""

import asyncio
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any

import orjson

from mcp_gateway.kit import ids
from mcp_gateway.kit.redact import redact
from mcp_gateway.telemetry.events import ToolCallFinished

MAX_ARGUMENTS = 8_000
"""Characters of the arguments that one row keeps."""
MAX_CLIENT = 200
HASH_BYTES = 16
LARGE_BYTES = 64 * 1024
"""Arguments over this are hashed in a thread: the hash of a megabyte would hold the event loop for milliseconds."""


class CallEntries:
    """Makes rows; the hash tells equal arguments of one tenant apart from others, and nothing about them."""

    def __init__(self, key: bytes) -> None:
        """`key` is any secret the replicas share; it is used only through HMAC with a label of its own.

        The hash itself is keyed BLAKE2b (RFC 7693 §2.9), which costs a third of HMAC's, and every call has one.
        """
        self._key = hmac.digest(key, b"tool-call-arguments", sha256)

    def row(self, event: ToolCallFinished, ended_at: datetime) -> bytes:
        """A JSON object with the columns' names."""
        canonical = canonical_json(event.arguments)
        return self._row(event, ended_at, canonical, self._hash(_message(event, canonical)))

    async def large_row(self, event: ToolCallFinished, ended_at: datetime) -> bytes:
        """The same where the arguments may be large."""
        canonical = canonical_json(event.arguments)
        message = _message(event, canonical)
        if len(message) > LARGE_BYTES:
            hashed = await asyncio.to_thread(self._hash, message)
        else:
            hashed = self._hash(message)
        return self._row(event, ended_at, canonical, hashed)

    def _hash(self, message: bytes) -> str:
        return blake2b(message, key=self._key, digest_size=HASH_BYTES).hexdigest()

    def _row(self, event: ToolCallFinished, ended_at: datetime, canonical: bytes, hashed: str) -> bytes:
        kept = canonical.decode() if event.keeps_arguments else None
        # Cut twice: what is masked may be shorter or longer, and need not be looked for in a whole file.
        masked = None if kept is None else redact(kept[: 2 * MAX_ARGUMENTS])
        return orjson.dumps(
            {
                "id": ids.new_id(ids.TOOL_CALL, ended_at),
                "tenant_id": event.tenant_id,
                "account_id": event.account_id,
                "server_id": None if event.server_id == event.account_id else event.server_id,
                "created_at": ended_at,
                "tool": event.tool,
                "status": event.status,
                # Rounded to hundredths; `round` to digits costs several times as much.
                "duration_ms": int(event.seconds * 100_000 + 0.5) / 100,
                "upstream_status": event.upstream_status,
                "upstream_ms": int(event.upstream_seconds * 100_000 + 0.5) / 100,
                "caller_gone": event.caller_gone,
                "client": None if event.client is None else clean(event.client[:MAX_CLIENT]),
                "arguments_hash": hashed,
                "arguments": None if masked is None else masked[:MAX_ARGUMENTS],
                "arguments_truncated": max(len(kept or ""), len(masked or "")) > MAX_ARGUMENTS,
                "request_id": event.request_id,
                "trace_id": event.trace_id,
            }
        )


def _message(event: ToolCallFinished, canonical: bytes) -> bytes:
    return f"{event.tenant_id}\n".encode() + canonical


def canonical_json(arguments: Mapping[str, Any]) -> bytes:
    """The same bytes for the same arguments, whatever the order of their names."""
    try:
        return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Integers beyond 64 bits, which plain REST lets through as far as the schema.
        return json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=str).encode()


@lru_cache(maxsize=256)
def clean(text: str) -> str:
    """What a stranger calls itself, cut by now, on one printable line."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "?" for character in text)
    return redact(text)
