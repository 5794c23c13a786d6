"""The commands as an operator runs them, in processes of their own."""

import asyncio
import contextlib
import os
import sys
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.conftest import RICHPANEL_KEY, World
from tests.e2e.test_replicas import dead_on_all, is_alive
from tests.support import processes
from tests.support.gateways import Gateway

LIMIT_SECONDS = 30


async def started(world: World, *arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    return await processes.started(world.stores, world.upstream_url, *arguments)


def serve(world: World, *arguments: str) -> contextlib.AbstractAsyncContextManager[Gateway]:
    return processes.serve(world.stores, world.upstream_url, *arguments)


async def test_server_made_by_one_process_works_on_another_and_stops_on_both_when_deleted(world):
    async with serve(world) as one, serve(world) as two:
        server = await one.server(api_key=RICHPANEL_KEY)
        assert await is_alive(two, server.token)
        assert await is_alive(one, server.token)
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        assert (await two.admin("DELETE", path)).is_success
        await dead_on_all((one, two), server.token, 1)


async def test_several_workers_serve_behind_one_port(world):
    async with serve(world, "--workers", "2") as gateway:
        server = await gateway.server(api_key=RICHPANEL_KEY)
        for _ in range(10):
            async with httpx.AsyncClient() as client:
                assert await is_alive(Gateway(gateway.url, client), server.token)


async def output_of(world: World, *command: str, **settings: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        env=processes.environment(world.stores, world.upstream_url, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_OPERATOR_KEY", "hunter2"),
        ("GATEWAY_ENCRYPTION_KEYS", "k1:bm90LTMyLWJ5dGVz"),
        ("GATEWAY_DATABASE_URL", "mysql://x"),
    ],
)
async def test_serve_refuses_a_weak_value_with_one_line_that_names_the_variable(world, variable, value):
    status, out, err = await output_of(world, "mcp_gateway.cli", "serve", "--port", "0", **{variable: value})
    assert status == 1
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert variable in err
    assert value not in err


async def test_serve_refuses_the_owners_role_in_one_line(world):
    status, out, err = await output_of(
        world, "mcp_gateway.cli", "serve", "--port", "0", GATEWAY_DATABASE_URL=world.stores.owner_url
    )
    assert (status, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert "owns tables" in err


async def test_the_demo_plays_both_workflows_and_exits_0(tmp_path):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcp_gateway.dev",
        "demo",
        "--once",
        "--data-dir",
        str(tmp_path),
        env=inherited,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    text = out.decode()
    assert process.returncode == 0, text
    assert "internal, read back" in text
    assert "escalated, tag and priority read back" in text
    assert "mcp-remote" in text


@pytest.mark.requirement("transport.loopback")
async def test_serve_listens_on_loopback_unless_told_otherwise(world):
    async with serve(world) as gateway:
        parts = urlsplit(gateway.url)
        assert parts.hostname == "127.0.0.1"
        # One that listens on every address would be found under this one too.
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on the platform
            await asyncio.open_connection("127.0.0.2", parts.port)
