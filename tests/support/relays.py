"""A TCP relay in front of Postgres, so that a test can count what reaches it, and cut it off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, quote, urlsplit


class Relay:
    """Forwards connections to one database until it is cut."""

    def __init__(self, database_url: str) -> None:
        self._target = urlsplit(database_url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.bytes_seen = 0
        """What came from clients so far."""
        self.is_cut = False
        self._port = 0

    @property
    def url(self) -> str:
        """The database's URL by way of the relay."""
        assert self._server is not None
        port = self._port
        target = self._target
        credentials = f"{target.username or ''}" + (f":{target.password}" if target.password else "")
        options = "&".join(f"{k}={quote(v[0])}" for k, v in parse_qs(target.query).items() if k not in {"host", "port"})
        return f"postgresql://{credentials}@127.0.0.1:{port}{target.path}" + (f"?{options}" if options else "")

    async def cut(self) -> None:
        """Break every connection and refuse new ones, until `start` is called again."""
        self.is_cut = True
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.is_cut = False

    async def stop(self) -> None:
        await self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        their_reader, their_writer = await self._connect()
        self._writers.add(their_writer)
        for source, sink, counts in ((reader, their_writer, True), (their_reader, writer, False)):
            task = asyncio.create_task(self._pump(source, sink, counts=counts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        options = parse_qs(self._target.query)
        host = options.get("host", [self._target.hostname or "127.0.0.1"])[0]
        port = self._target.port or int(options.get("port", ["5432"])[0])
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                self.bytes_seen += len(data) if counts else 0
                sink.write(data)
                await sink.drain()
        sink.close()


@contextlib.asynccontextmanager
async def relay_to(database_url: str) -> AsyncIterator[Relay]:
    """A running relay."""
    relay = Relay(database_url)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
