"""ASGI applications that serve, or fail to start, in known ways."""

import asyncio
import os

from mcp_gateway.exceptions import ConfigurationError


def works():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        slow = scope["path"] == "/slow"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"started ", "more_body": slow})
        if slow:
            await asyncio.sleep(0.3)
            await send({"type": "http.response.body", "body": b"finished"})

    return app


class Hangs:
    """Tells that it heard of the end, and goes on for ever."""

    def __init__(self):
        self._draining = asyncio.Event()

    def drain(self):
        self._draining.set()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"started ", "more_body": True})
        await self._draining.wait()
        await send({"type": "http.response.body", "body": b"draining ", "more_body": True})
        await asyncio.Event().wait()


def hangs():
    return Hangs()


def tells_pid():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

    return app


def refuses_to_start():
    async def app(_scope, receive, send):
        await receive()
        # What Starlette does with an error of a lifespan.
        await send({"type": "lifespan.startup.failed", "message": "Traceback (most recent call last): …"})
        raise ConfigurationError("the schema is older than this version: run `mcp-gateway migrate`")

    return app


def cannot_be_made():
    raise ConfigurationError("GATEWAY_OPERATOR_KEY is not set")


def has_a_bug():
    async def app(_scope, _receive, _send):
        raise ZeroDivisionError("a bug")

    return app


async def _lifespan(receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
