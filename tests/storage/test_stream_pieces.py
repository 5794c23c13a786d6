"""Answers cut into sealed pieces and put together again."""

from hashlib import sha256

import pytest

from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.storage.stream_pieces import PIECE_BYTES, Assembly, NotHeldError, PieceError, split
from tests.support.clocks import ManualClock

SEALER = Sealer({"k1": bytes(range(32))})
STREAM, OTHER = "a" * 72, "b" * 72


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def assembly(clock):
    return Assembly(SEALER, {STREAM, OTHER}.__contains__, clock.monotonic)


def answer(pieces: float) -> bytes:
    return (b"%.1f" % pieces + sha256(b"").digest() * PIECE_BYTES)[: int(PIECE_BYTES * pieces)]


@pytest.mark.parametrize(("size", "count"), [(0, 1), (0.5, 1), (1, 1), (1.5, 2), (3, 3)])
def test_answer_comes_out_as_it_went_in(assembly, size, count):
    pieces = list(split(SEALER, STREAM, answer(size)))
    assert len(pieces) == count
    assert [assembly.add(piece) for piece in pieces] == [None] * (count - 1) + [(STREAM, answer(size))]


def test_pieces_of_several_answers_may_arrive_in_any_order(assembly):
    texts = {answer(size) for size in (2.5, 3, 3.5)}
    pieces = [piece for text in texts for piece in split(SEALER, STREAM, text)]
    # A nonce is random, so this is another order each time.
    pieces.sort(key=lambda piece: sha256(piece).digest())
    whole = [done for piece in pieces for done in (assembly.add(piece),) if done is not None]
    assert {text for _, text in whole} == texts
    assert len(whole) == 3


def test_repeated_piece_counts_once(assembly):
    first, second = split(SEALER, STREAM, answer(1.5))
    assert [assembly.add(piece) for piece in (first, first, second)] == [None, None, (STREAM, answer(1.5))]


def test_piece_for_a_stream_that_is_not_held_is_told_apart(assembly):
    [piece] = split(SEALER, "c" * 72, b"{}")
    with pytest.raises(NotHeldError):
        assembly.add(piece)


def test_piece_of_another_key_does_not_open(assembly):
    [piece] = split(Sealer({"k1": b"x" * 32}), STREAM, b"{}")
    with pytest.raises(PieceError, match="does not open"):
        assembly.add(piece)


def test_piece_of_an_older_key_that_is_still_configured_opens():
    old, new = bytes(range(32)), bytes(range(1, 33))
    [piece] = split(Sealer({"old": old}), STREAM, b"{}")
    rotated = Assembly(Sealer({"new": new, "old": old}), {STREAM}.__contains__, ManualClock().monotonic)
    assert rotated.add(piece) == (STREAM, b"{}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"x\nx",
        f"{STREAM}:00:0:1".encode(),
        f"{STREAM}:00:1:1\nx".encode(),
        f"{STREAM}:00:-1:1\nx".encode(),
        f"{STREAM}:00:0:0\nx".encode(),
        f"{STREAM}:00:0:257\nx".encode(),
        f"{STREAM}:00:0:{'9' * 5000}\nx".encode(),
        f"{STREAM}:00:²:1\nx".encode(),
        f"{STREAM}:\xe9:0:1\nx".encode("latin-1"),
        f"{STREAM}:00:0:1:0\nx".encode(),
    ],
)
def test_what_is_no_piece_is_refused(assembly, data):
    with pytest.raises(PieceError):
        assembly.add(data)


def test_answer_whose_sender_fell_silent_is_forgotten(assembly, clock):
    first, second = split(SEALER, STREAM, answer(1.5))
    assembly.add(first)
    clock.advance(31)
    assembly.forget_stale()
    assert assembly.add(second) is None
    assert assembly.add(first) == (STREAM, answer(1.5))


def test_answers_that_are_never_complete_take_no_more_room_than_allowed(clock):
    assembly = Assembly(SEALER, {STREAM, OTHER}.__contains__, clock.monotonic, room=4 * PIECE_BYTES)
    for _ in range(4):
        assembly.add(next(split(SEALER, STREAM, answer(2))))
    with pytest.raises(PieceError, match="unfinished"):
        assembly.add(next(split(SEALER, OTHER, answer(2))))
    assembly.forget_all()
    pieces = list(split(SEALER, OTHER, answer(2)))
    assert [assembly.add(piece) for piece in pieces] == [None, (OTHER, answer(2))]
