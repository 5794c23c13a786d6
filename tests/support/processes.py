"""Gateways as an operator runs them, in processes of their own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import httpx

from tests.support.gateways import ENCRYPTION_KEYS, OPERATOR_KEY, Gateway, Stores

LIMIT_SECONDS = 30


def environment(stores: Stores, upstream_url: str, **overrides: str) -> dict[str, str]:
    """Of a process that serves with these stores."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {
        **inherited,
        "GATEWAY_DATABASE_URL": stores.database_url,
        "GATEWAY_REDIS_URL": stores.redis_url,
        "GATEWAY_OPERATOR_KEY": OPERATOR_KEY,
        "GATEWAY_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "GATEWAY_PUBLIC_URL": "http://gateway.example",
        "GATEWAY_RICHPANEL_URL": upstream_url,
        "GATEWAY_ALLOW_PRIVATE_UPSTREAM": "true",
        "GATEWAY_LOG_FORMAT": "json",
        **overrides,
    }


async def started(
    stores: Stores, upstream_url: str, *arguments: str, **overrides: str
) -> tuple[asyncio.subprocess.Process, str]:
    """A process that serves, and its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcp_gateway.cli",
        "serve",
        "--port",
        "0",
        *arguments,
        env=environment(stores, upstream_url, **overrides),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_SECONDS):
        word, url = (await process.stdout.readline()).decode().split()
    assert word == "ready"
    return process, url


@contextlib.asynccontextmanager
async def serve(stores: Stores, upstream_url: str, *arguments: str, **overrides: str) -> AsyncIterator[Gateway]:
    """A process that serves, ended in order."""
    process, url = await started(stores, upstream_url, *arguments, **overrides)
    try:
        async with httpx.AsyncClient(timeout=20) as client:
            yield Gateway(url, client)
    finally:
        process.terminate()
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await process.wait() == 0
