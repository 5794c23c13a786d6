"""Answers as they travel through Redis: sealed, in numbered pieces, put together again at the other end.

Layout of a piece: `stream:message:index:total` in ASCII, a line feed, the sealed bytes. The same four are the context
it is sealed in, so that a piece opens in its own place only: whoever may publish can neither read nor forge one, nor
put it into another answer. What they can do is send a whole answer again, which its client has had already.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from secrets import token_hex

from mcp_gateway.constants import MAX_STREAMED_ANSWER_BYTES
from mcp_gateway.kit.sealing import Sealer, SealError

PIECE_BYTES = 256 * 1024
MAX_PIECES = MAX_STREAMED_ANSWER_BYTES // PIECE_BYTES
MAX_UNFINISHED_BYTES = 2 * MAX_STREAMED_ANSWER_BYTES
"""Of answers that are not complete, in one process."""
UNFINISHED_SECONDS = 30.0
"""An answer whose next piece has not come by then lost its sender."""

MESSAGE_BYTES = 8
FIELDS = 4
MAX_DIGITS = len(str(MAX_PIECES))


class PieceError(Exception):
    """Not a piece of ours; the text says why and never repeats any of it."""


class NotHeldError(PieceError):
    """For a stream that is not, or no longer, held here."""


@dataclass(frozen=True, slots=True)
class Label:
    """Where a piece belongs."""

    stream_id: str
    message_id: str
    index: int
    total: int

    @property
    def context(self) -> tuple[str, ...]:
        """What it is sealed with."""
        return ("stream", self.stream_id, self.message_id, str(self.index), str(self.total))


@dataclass(slots=True)
class _Unfinished:
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    touched: float = 0.0
    """Monotonic seconds."""


def split(sealer: Sealer, stream_id: str, answer: bytes) -> Iterator[bytes]:
    """The pieces of an answer of at most MAX_STREAMED_ANSWER_BYTES, in order, each sealed when it is asked for."""
    total = max(1, -(-len(answer) // PIECE_BYTES))
    message_id = token_hex(MESSAGE_BYTES)
    for index in range(total):
        label = Label(stream_id, message_id, index, total)
        sealed = sealer.seal_bytes(answer[index * PIECE_BYTES : (index + 1) * PIECE_BYTES], label.context)
        yield f"{stream_id}:{message_id}:{index}:{total}\n".encode() + sealed


class Assembly:
    """Puts the answers for one process' streams together."""

    def __init__(
        self,
        sealer: Sealer,
        holds: Callable[[str], bool],
        monotonic: Callable[[], float],
        *,
        room: int = MAX_UNFINISHED_BYTES,
    ) -> None:
        """`holds` says whether a stream is held here: pieces for others are not worth opening."""
        self._room = room
        self._sealer = sealer
        self._holds = holds
        self._monotonic = monotonic
        self._unfinished: dict[tuple[str, str], _Unfinished] = {}
        self._size = 0

    def add(self, data: bytes) -> tuple[str, bytes] | None:
        """Take a piece; the stream's id and the whole answer once it is complete.

        Raises:
            NotHeldError: nobody here to be told.
            PieceError: it does not open, or there is no room for it.
        """
        head, _, sealed = data.partition(b"\n")
        label = _label(head)
        if not self._holds(label.stream_id):
            raise NotHeldError("no such stream")
        try:
            piece = self._sealer.open_bytes(sealed, label.context)
        except SealError as exc:
            raise PieceError("does not open") from exc
        if label.total == 1:
            return label.stream_id, piece
        return self._joined(label, piece)

    def unfinished(self) -> set[str]:
        """The streams of answers that are not complete yet."""
        return {stream_id for stream_id, _ in self._unfinished}

    def forget_stale(self) -> None:
        """Drop answers that will never be complete."""
        oldest = self._monotonic() - UNFINISHED_SECONDS
        for key in [key for key, one in self._unfinished.items() if one.touched < oldest]:
            self._drop(key)

    def forget_all(self) -> None:
        """Drop every answer that is not complete: pieces were missed."""
        self._unfinished.clear()
        self._size = 0

    def _joined(self, label: Label, piece: bytes) -> tuple[str, bytes] | None:
        key = (label.stream_id, label.message_id)
        if self._size + len(piece) > self._room:
            self._drop(key)
            raise PieceError("too much is unfinished")
        one = self._unfinished.setdefault(key, _Unfinished())
        one.touched = self._monotonic()
        if label.index not in one.pieces:
            one.pieces[label.index] = piece
            one.size += len(piece)
            self._size += len(piece)
        if len(one.pieces) < label.total:
            return None
        self._drop(key)
        return label.stream_id, b"".join(one.pieces[index] for index in range(label.total))

    def _drop(self, key: tuple[str, str]) -> None:
        one = self._unfinished.pop(key, None)
        self._size -= 0 if one is None else one.size


def _label(head: bytes) -> Label:
    fields = head.split(b":")
    if len(fields) != FIELDS or not all(one.isdigit() and len(one) <= MAX_DIGITS for one in fields[2:]):
        raise PieceError("has no label")
    try:
        stream_id, message_id = fields[0].decode("ascii"), fields[1].decode("ascii")
    except UnicodeDecodeError as exc:
        raise PieceError("has no label") from exc
    index, total = int(fields[2]), int(fields[3])
    if not index < total <= MAX_PIECES:
        raise PieceError("has no place")
    return Label(stream_id, message_id, index, total)
