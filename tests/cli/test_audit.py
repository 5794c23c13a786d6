"""`mcp-gateway audit verify`, as an operator runs it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_gateway.kit import ids
from tests.support.databases import connected, fresh_database
from tests.support.gateways import ENCRYPTION_KEYS, OPERATOR_KEY, running_gateway, settings_for

ROOT = Path(__file__).parents[2]
WAIT = 60


@pytest.fixture(scope="module")
def database(postgres_admin_url, redis_url):
    with fresh_database(postgres_admin_url, "verify", redis_url) as stores:
        yield stores


async def verify(database, *arguments, **overrides):
    environment = {
        "PATH": "/usr/bin:/bin",
        "GATEWAY_DATABASE_URL": database.database_url,
        "GATEWAY_MIGRATION_DATABASE_URL": database.owner_url,
        "GATEWAY_REDIS_URL": database.redis_url,
        "GATEWAY_OPERATOR_KEY": OPERATOR_KEY,
        "GATEWAY_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "GATEWAY_PUBLIC_URL": "https://gateway.example",
        **overrides,
    }
    command = [sys.executable, "-m", "mcp_gateway.cli", "audit", "verify", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=WAIT, check=False
    )


async def test_says_whether_every_row_is_as_it_was_written_and_names_the_first_that_is_not(database, tmp_path):
    async with running_gateway(settings_for(database)) as gateway:
        server = await gateway.server()
        await gateway.admin("DELETE", f"/tenant/{server.tenant_id}")
    whole = await verify(database, "--ends")
    assert (whole.returncode, whole.stderr) == (0, "4 rows in 1 chains are as they were written\n")
    assert whole.stdout.startswith(f"{server.tenant_id} 4 ")
    noted = tmp_path / "ends"
    noted.write_text(whole.stdout + f"{ids.new_id(ids.TENANT)} 1 {'0' * 64}\n")
    async with connected(database.owner_url) as owner:
        await owner.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        row_id = await owner.fetchval("UPDATE audit_log SET actor_id = 'somebody' WHERE seq = 2 RETURNING id")
    broken = await verify(database, "--against", str(noted))
    assert broken.returncode == 1
    assert f"tenant {server.tenant_id}: row 2 ({row_id}) was changed" in broken.stderr
    assert "row 1 is missing" in broken.stderr


async def test_role_that_would_see_no_rows_is_refused(database):
    told = await verify(database, GATEWAY_MIGRATION_DATABASE_URL=database.database_url)
    assert told.returncode == 1
    assert "the owner" in told.stderr
