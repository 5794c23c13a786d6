"""The kinds of faults: what each sends in place of the honest answer, or does to it, and how it gets onto the wire."""

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from richpanel_sim.dresses import DEFAULT_DRESS, DEFAULT_WAIT_SECONDS, DRESSES
from richpanel_sim.exchange import JSON_TYPE, Reply
from richpanel_sim.faults import ForcedAnswer, KindName

Delivery = Literal["whole", "slow", "drip", "hang", "close", "reset", "short", "reset_mid_body", "garbage", "raw"]

_HTML = b"<!doctype html><html><body><h1>We will be back soon</h1></body></html>"
_NOT_A_NUMBER = b'{"ticket": {"id": "x", "conversation_no": NaN, "first_response_time": Infinity}}'
_LATIN_1 = '{"ticket": {"id": "x", "subject": "Grüße aus Malmö"}}'.encode("latin-1")
_METADATA = "http://169.254.169.254/latest/meta-data/"
_HUGE = 16 * 1024 * 1024
_BOMB = 64 * 1024 * 1024
_PIECE = b" " * 65536


class Kind(NamedTuple):
    """One kind of fault.

    ``make`` gives the answer that is sent instead of the honest one; ``bend`` changes the honest one; with neither the
    honest one is sent as it is, if anything is. A request whose honest answer is used does its work;
    otherwise only with ``after_effect``, of which this is the default.
    """

    help: str
    delivery: Delivery = "whole"
    make: Callable[[ForcedAnswer, datetime], Reply] | None = None
    bend: Callable[[Reply], Reply] | None = None
    after_effect: bool = False


def has_effect(fault: ForcedAnswer) -> bool:
    """Whether the work is done before anything else happens."""
    return KINDS[fault.kind].after_effect if fault.after_effect is None else fault.after_effect


def delivery_of(fault: ForcedAnswer) -> Delivery:
    """How the fault gets onto the wire; some dresses have to be written by hand."""
    is_raw = fault.kind == "rate_limited" and DRESSES[fault.dress or DEFAULT_DRESS].is_written_raw
    return "raw" if is_raw else KINDS[fault.kind].delivery


def _made(status: int, body: bytes, *headers: tuple[str, str]) -> Callable[[ForcedAnswer, datetime], Reply]:
    return lambda fault, _: _told(fault, Reply(status, body, headers or (("content-type", JSON_TYPE),)))


def _told(fault: ForcedAnswer, reply: Reply) -> Reply:
    """``reply`` with what the fault itself says in place of its own."""
    names = {name.lower() for name, _ in fault.headers}
    kept = tuple((name, value) for name, value in reply.headers if name.lower() not in names)
    body = reply.body if fault.body is None else fault.body
    return Reply(fault.status or reply.status, body, (*kept, *fault.headers))


def _dressed(fault: ForcedAnswer, now: datetime) -> Reply:
    wait = DEFAULT_WAIT_SECONDS if fault.seconds is None else int(fault.seconds)
    return _told(fault, DRESSES[fault.dress or DEFAULT_DRESS].to_reply(wait, now))


def _huge(fault: ForcedAnswer, _now: datetime) -> Reply:
    start, end = b'{"ticket": [{"subject": "', b'"}], "count": 1}'
    size = fault.size or _HUGE
    return _told(fault, Reply(200, start + b"a" * max(0, size - len(start) - len(end)) + end))


def _bomb(fault: ForcedAnswer, _now: datetime) -> Reply:
    headers = (("content-type", JSON_TYPE), ("content-encoding", "gzip"))
    return _told(fault, Reply(200, _packed_blanks(fault.size or _BOMB), headers))


@lru_cache(maxsize=4)
def _packed_blanks(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(_PIECE) for _ in range(size // len(_PIECE))]
    return b"".join([*pieces, packer.compress(_PIECE[: size % len(_PIECE)]), packer.flush()])


def _half(reply: Reply) -> Reply:
    return reply.with_body(reply.body[: len(reply.body) // 2])


def _in_array(reply: Reply) -> Reply:
    return reply.with_body(b"[" + (reply.body or b"null") + b"]")


KINDS: Mapping[KindName, Kind] = {
    "answer": Kind("sends status, headers and body as told", make=_made(500, b"")),
    "rate_limited": Kind("429 (or 403) in one of the dresses below", make=_dressed),
    "server_error": Kind("503 as from API Gateway", make=_made(503, b'{"message": "Service Unavailable"}')),
    "gateway_timeout": Kind(
        "504 of API Gateway after the work was done",
        make=_made(504, b'{"message": "Endpoint request timed out"}'),
        after_effect=True,
    ),
    "redirect": Kind("302 to a cloud's metadata address", make=_made(302, b"", ("location", _METADATA))),
    "html_200": Kind("200 with a page of HTML", make=_made(200, _HTML, ("content-type", "text/html; charset=utf-8"))),
    "empty_200": Kind("200 declared as JSON without a byte", make=_made(200, b"")),
    "not_a_number": Kind("200 with NaN and Infinity, which are not JSON", make=_made(200, _NOT_A_NUMBER)),
    "wrong_charset": Kind("200 declared as UTF-8 that is Latin-1", make=_made(200, _LATIN_1)),
    "array": Kind("the honest answer inside an array", bend=_in_array),
    "truncated_json": Kind("half of the honest answer, with its true length", bend=_half),
    "short_body": Kind("half of the honest answer under the length of the whole, then the end", "short"),
    "huge": Kind("200 with size bytes (16 MiB) of valid JSON", make=_huge),
    "bomb": Kind("200 in gzip that unpacks to size bytes (64 MiB)", make=_bomb),
    "slow": Kind("the honest answer after seconds (5); nothing is done before that unless after_effect", "slow"),
    "drip": Kind("the honest answer, one byte every seconds (0.7)", "drip"),
    "hang": Kind("reads, and never answers", "hang"),
    "drop": Kind("closes the connection without a byte", "close"),
    "reset_before_reading": Kind("resets the connection before the body is read", "reset"),
    "reset_after_reading": Kind("resets the connection after the body was read", "reset"),
    "reset_mid_body": Kind("half of the honest answer, then a reset", "reset_mid_body"),
    "garbage": Kind("bytes that are not HTTP, then the end", "garbage"),
}
