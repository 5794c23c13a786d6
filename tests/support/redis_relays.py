"""A TCP relay in front of Redis that can make subscriptions deaf while commands go on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit


class RedisRelay:
    """Forwards connections to one Redis."""

    def __init__(self, redis_url: str) -> None:
        self._target = urlsplit(redis_url)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._subscribed: set[asyncio.StreamWriter] = set()
        self.is_deaf = False
        """Whether what Redis says on connections that subscribe is thrown away; the connections stay up."""

    @property
    def url(self) -> str:
        """The Redis' URL by way of the relay."""
        assert self._server is not None
        host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        credentials = self._target.netloc.rpartition("@")[0]
        return urlunsplit(self._target._replace(netloc=f"{credentials}@{host}" if credentials else host))

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, to_them = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:  # it is down, and so is the way to it
            writer.transport.abort()
            return
        self._writers |= {writer, to_them}
        for work in (self._asks(reader, to_them, writer), self._answers(theirs, writer)):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _asks(
        self, reader: asyncio.StreamReader, to_them: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if b"SUBSCRIBE" in data:
                    self._subscribed.add(client)
                to_them.write(data)
                await to_them.drain()
        to_them.close()

    async def _answers(self, theirs: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await theirs.read(65_536):
                if self.is_deaf and client in self._subscribed:
                    continue
                client.write(data)
                await client.drain()
        client.close()


@contextlib.asynccontextmanager
async def relay_to_redis(redis_url: str) -> AsyncIterator[RedisRelay]:
    """A running relay."""
    relay = RedisRelay(redis_url)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
