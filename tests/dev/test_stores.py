import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey, StoreError

ONCE = Retry(NoBackoff(), 0)


async def value(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def mode_of(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.fixture
def valkey(tmp_path):
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


def client(server):
    return redis.Redis.from_url(server.url, decode_responses=True, retry=ONCE)


async def test_postgres_listens_on_a_socket_that_nobody_else_can_reach(tmp_path):
    with EmbeddedPostgres(tmp_path, durable=False) as postgres:
        assert await value(postgres.url, "SHOW listen_addresses") == ""
        directory = postgres.url.partition("?host=")[2]
        assert mode_of(directory) == 0o700


async def test_postgres_keeps_its_url_and_data_over_kill_and_stop(tmp_path):
    with EmbeddedPostgres(tmp_path / "pg") as postgres:
        url = postgres.url
        await value(url, "CREATE TABLE kept AS SELECT 7 AS x")
        postgres.kill()
        assert not postgres.is_running
        postgres.start()
        assert (postgres.url, await value(url, "SELECT x FROM kept")) == (url, 7)
        postgres.stop()
        postgres.start()
        assert await value(url, "SELECT x FROM kept") == 7


async def test_a_path_too_long_for_a_socket_works_too(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with EmbeddedPostgres(deep, durable=False) as postgres:
        socket_directory = postgres.url.partition("?host=")[2]
        assert await value(postgres.url, "SELECT 1") == 1
    assert not socket_directory.startswith(str(deep))
    with pytest.raises(OSError, match="No such file"):
        await asyncpg.connect(postgres.url)


def test_valkey_wants_its_password(valkey):
    with redis.Redis(port=valkey.port, retry=ONCE) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_password_of_valkey_is_in_no_argument(valkey):
    password = valkey.url.split(":")[2].partition("@")[0]
    listed = subprocess.run(  # noqa: S603 - fixed arguments
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(valkey.pid)], capture_output=True, text=True, check=True
    )
    assert "valkey-server" in listed.stdout
    assert password not in listed.stdout
    assert mode_of(valkey.log_path.with_name("valkey.conf")) == 0o600


def test_with_a_log_of_writes_a_killed_valkey_comes_back_as_it_was(valkey):
    with client(valkey) as connection:
        connection.set("a", "1")
        url = valkey.url
        valkey.kill()
        with pytest.raises(redis.ConnectionError):
            connection.ping()
        valkey.start()
        assert (valkey.url, connection.get("a")) == (url, "1")


def test_with_snapshots_a_killed_valkey_comes_back_as_it_was_saved(tmp_path):
    with EmbeddedValkey(tmp_path, persistence="rdb") as valkey, client(valkey) as connection:
        connection.set("a", "old")
        valkey.save()
        connection.set("a", "new")
        valkey.kill()
        valkey.start()
        assert connection.get("a") == "old"
        connection.set("a", "newer")
        valkey.stop()
        valkey.start()
        assert connection.get("a") == "newer"


def test_without_persistence_valkey_comes_back_empty(tmp_path):
    with EmbeddedValkey(tmp_path, persistence="none") as valkey, client(valkey) as connection:
        connection.set("a", "1")
        valkey.stop()
        valkey.start()
        assert connection.get("a") is None


def test_starting_twice_is_starting_once(valkey):
    pid = valkey.pid
    assert valkey.start().pid == pid


def test_stopping_what_does_not_run_is_no_error(tmp_path):
    server = EmbeddedValkey(tmp_path)
    server.stop()
    server.kill()
    with pytest.raises(StoreError, match="is not running"):
        _ = server.pid


def test_a_store_that_cannot_start_says_why(tmp_path):
    with EmbeddedValkey(tmp_path / "one") as first:
        second = EmbeddedValkey(tmp_path / "two")
        second._port = first.port
        with pytest.raises(StoreError, match=r"valkey did not start: .*valkey\.log"):
            second.start()


def test_the_stores_of_a_killed_process_let_go_of_their_data(tmp_path):
    code = f"""
from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey
import os, signal
stores = EmbeddedPostgres({str(tmp_path / "pg")!r}).start(), EmbeddedValkey({str(tmp_path / "vk")!r}).start()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own code
    # Each waits for the other process's server to be gone, and fails if it stays.
    with EmbeddedPostgres(tmp_path / "pg") as postgres, EmbeddedValkey(tmp_path / "vk") as valkey:
        assert postgres.is_running
        assert valkey.is_running
