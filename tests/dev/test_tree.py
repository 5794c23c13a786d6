import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mcp_gateway.dev.environment import DATABASE, MIGRATION_DATABASE, REDIS, RICHPANEL
from tests.support.databases import fresh_database

WAIT = 60


@pytest.fixture
def own_stores(postgres_admin_url, redis_url):
    """A database in which nothing is sealed yet: the tree makes keys of its own, and opens nothing else."""
    with fresh_database(postgres_admin_url, "tree", redis_url) as one:
        yield one


def clean_environment(**given):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {**kept, **given}


@contextmanager
def running(*arguments, **given):
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", *arguments],
        env=clean_environment(**given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        # Its children notice by themselves; they hold the other ends of the pipes until they are gone.
        process.kill()
        process.communicate(timeout=WAIT)


def ready_url(process):
    line = process.stdout.readline()
    assert line.startswith("ready http://127.0.0.1:"), process.stderr.read()
    return line.split()[1]


def test_the_demo_plays_both_workflows_and_ends(tmp_path):
    with running("mcp_gateway.dev", "demo", "--once", "--data-dir", str(tmp_path)) as demo:
        out, err = demo.communicate(timeout=WAIT)
    assert demo.returncode == 0, err
    url = re.search(r"^MCP URL  (http://127\.0\.0\.1:\d+/mcp/rpmcp_\w+)$", out, re.MULTILINE)
    assert url
    assert out.count(url.group(1)) >= 6
    for shown in (
        "/integrated-account/",
        "tools/call get_single_richpanel_order_by_id",
        "internal, read back",
        "escalated",
    ):
        assert shown in out
    secrets = [
        path.read_text().strip() for path in tmp_path.iterdir() if path.name.endswith(("-key", "-keys", "-password"))
    ]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in out + err]
    with pytest.raises(httpx.ConnectError):
        httpx.get(url.group(1), trust_env=False)


def test_what_is_set_wins_and_a_stop_signal_stops_it_all(tmp_path, own_stores):
    given = {
        DATABASE: own_stores.database_url,
        MIGRATION_DATABASE: own_stores.owner_url,
        REDIS: own_stores.redis_url,
        "GATEWAY_OPERATOR_KEY": "0123456789abcdef-a-key-of-our-own",
    }
    options = ("--port", "0", "--data-dir", str(tmp_path), "--no-simulator")
    with running("mcp_gateway.cli", "dev", *options, **given) as dev:
        url = ready_url(dev)
        headers = {"authorization": f"Bearer {given['GATEWAY_OPERATOR_KEY']}"}
        assert httpx.get(f"{url}/tenant", headers=headers, trust_env=False).status_code == 200
        assert {path.name for path in tmp_path.iterdir()}.isdisjoint({"postgres", "valkey", "simulator-key"})
        dev.send_signal(signal.SIGTERM)
        assert dev.wait(WAIT) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False)


def test_a_part_that_dies_ends_the_tree_with_a_line(tmp_path, own_stores):
    given = {DATABASE: own_stores.database_url, MIGRATION_DATABASE: own_stores.owner_url}
    options = ("--port", "0", "--data-dir", str(tmp_path), "--no-simulator")
    with running("mcp_gateway.dev", "run", *options, **given) as dev:
        ready_url(dev)
        settings = dict(line.split(" ", 1) for line in (tmp_path / "valkey" / "valkey.conf").read_text().splitlines())
        login = {"port": int(settings["port"]), "password": settings["requirepass"]}
        with redis.Redis(**login, retry=Retry(NoBackoff(), 0)) as connection:
            connection.shutdown(nosave=True)
        _, err = dev.communicate(timeout=WAIT)
    assert dev.returncode == 1
    assert err.splitlines()[-1] == f"error: valkey has ended; its log: {tmp_path / 'valkey' / 'valkey.log'}"


def test_a_gateway_that_cannot_start_is_told_in_one_line(tmp_path):
    given = {DATABASE: "postgresql://nobody@127.0.0.1:9/none", REDIS: "redis://127.0.0.1:9"}
    with running("mcp_gateway.dev", "run", "--data-dir", str(tmp_path), "--no-simulator", **given) as dev:
        out, err = dev.communicate(timeout=WAIT)
    assert (dev.returncode, out) == (1, "")
    assert err.splitlines()[-1].startswith("error: the migrations failed: GATEWAY_MIGRATION_DATABASE_URL")


def test_the_demo_never_writes_to_a_richpanel_of_somebody(tmp_path):
    given = {RICHPANEL: "https://api.richpanel.com/v1"}
    with running("mcp_gateway.dev", "demo", "--data-dir", str(tmp_path / "d"), **given) as demo:
        _, err = demo.communicate(timeout=WAIT)
    assert demo.returncode == 2
    assert RICHPANEL in err
    assert not Path(tmp_path / "d").exists()


def test_serve_refuses_a_missing_value_in_one_line():
    with running("mcp_gateway.cli", "serve", "--port", "0") as serve:
        out, err = serve.communicate(timeout=WAIT)
    assert (serve.returncode, out, err) == (1, "", "error: GATEWAY_DATABASE_URL is not set\n")
