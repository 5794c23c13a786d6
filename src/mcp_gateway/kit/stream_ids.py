"""Ids of event streams: any replica can tell from one which process holds it, and whose it is.

Form: 16 hexadecimal digits of the process, 24 at random, 32 of an HMAC over both and the server's id. An id is no
secret: it is of use only together with a token of the very server it was made for.
"""

import hmac
import re
from hashlib import sha256
from secrets import token_hex

PROCESS_BYTES = 8
RANDOM_BYTES = 12
MAC_BYTES = 16

_PROCESS_DIGITS = 2 * PROCESS_BYTES
_UNSIGNED_DIGITS = 2 * (PROCESS_BYTES + RANDOM_BYTES)
_FORM = re.compile(rf"[0-9a-f]{{{_UNSIGNED_DIGITS + 2 * MAC_BYTES}}}")


class StreamIds:
    """Makes ids for the streams of one process, and checks those of all."""

    def __init__(self, key: bytes) -> None:
        """`key` is any secret the replicas share; it is used only through HMAC with a label of its own."""
        self._key = hmac.digest(key, b"stream-id", sha256)
        self.process = token_hex(PROCESS_BYTES)
        """Names this process; a fresh one with every start."""

    def new(self, server_id: str) -> str:
        """The id of a new stream of this server, held by this process."""
        unsigned = self.process + token_hex(RANDOM_BYTES)
        return unsigned + self._mac(unsigned, server_id)

    def process_of(self, stream_id: str, server_id: str) -> str | None:
        """Which process holds the stream; None for what is no id, or none of this server's."""
        if not _FORM.fullmatch(stream_id):
            return None
        unsigned, mac = stream_id[:_UNSIGNED_DIGITS], stream_id[_UNSIGNED_DIGITS:]
        return unsigned[:_PROCESS_DIGITS] if hmac.compare_digest(mac, self._mac(unsigned, server_id)) else None

    def _mac(self, unsigned: str, server_id: str) -> str:
        return hmac.digest(self._key, f"{unsigned}\n{server_id}".encode(), sha256)[:MAC_BYTES].hex()
