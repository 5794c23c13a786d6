"""Keys change while serving; without a key that is needed nothing starts; a sealed value opens in its own row only."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from mcp_gateway.cli.app import main
from mcp_gateway.config import parse_encryption_keys
from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.factory import open_factory, rotate_keys
from mcp_gateway.kit import ids
from mcp_gateway.kit.sealing import Sealer, key_id_of
from mcp_gateway.models.accounts import key_context
from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.support.databases import connected, fresh_database
from tests.support.gateways import Gateway, McpServer, Stores, running_gateway, settings_for

KEY = "rp_rotated_key_0001"
OTHER_KEY = "rp_rotated_key_0002"
LIST = "list_all_richpanel_conversations"
OLD = "old:" + base64.b64encode(bytes(range(7, 39))).decode()
NEW = "new:" + base64.b64encode(bytes(range(50, 82))).decode()


@dataclass
class World:
    stores: Stores
    simulator: SimulatorState
    url: str

    def settings(self, keys: str):
        return settings_for(self.stores, richpanel_url=self.url, encryption_keys=keys)

    def sealer(self, keys: str) -> Sealer:
        return Sealer(parse_encryption_keys(self.settings(keys).encryption_keys))

    async def rotate(self):
        return await asyncio.to_thread(rotate_keys, self.settings(f"{NEW},{OLD}"))

    async def key_ids(self) -> set[str]:
        async with connected(self.stores.owner_url) as owner:
            rows = await owner.fetch("SELECT sealed_api_key FROM integrated_accounts")
        return {key_id_of(row[0]) for row in rows}


@pytest.fixture
def database(postgres_admin_url: str, redis_url: str) -> Iterator[Stores]:
    with fresh_database(postgres_admin_url, "keys", redis_url) as stores:
        yield stores


@pytest.fixture
async def world(database: Stores) -> AsyncIterator[World]:
    simulator = SimulatorState({KEY: "fernhollow417", OTHER_KEY: "birchlane8"}, quota=Quota(requests=10**9))
    async with running(create_simulator(simulator)) as url:
        yield World(database, simulator, url)


async def fill(world: World, tenant_id: str, count: int) -> None:
    """More accounts with a key, sealed with the old one."""
    sealer = world.sealer(OLD)
    rows = []
    for _ in range(count):
        account_id = ids.new_id(ids.ACCOUNT)
        sealed = sealer.seal(KEY, key_context(tenant_id, account_id))
        rows.append((account_id, tenant_id, "richpanel", "a", sealed, ""))
    insert = (
        "INSERT INTO integrated_accounts (id, tenant_id, integration, name, sealed_api_key, credentials_hint) "
        "VALUES ($1, $2, $3, $4, $5, $6)"
    )
    async with connected(world.stores.owner_url) as owner:
        await owner.executemany(insert, rows)


async def is_answered(gateway: Gateway, server: McpServer) -> bool:
    return not (await gateway.call(server.token, LIST, {"limit": 1}))["isError"]


async def servers_of(gateway: Gateway, count: int) -> list[McpServer]:
    tenant_id = await gateway.tenant()
    return [await gateway.server(tenant_id=tenant_id, api_key=KEY) for _ in range(count)]


async def test_secrets_are_sealed_anew_while_calls_run_and_the_old_key_can_go(world, figures, scale):
    count, calls, failed = scale(full=10_000, quick=120), 0, 0
    async with running_gateway(world.settings(OLD)) as before:
        servers = await servers_of(before, 3)
        await fill(world, servers[0].tenant_id, count - len(servers))
    async with (
        running_gateway(world.settings(f"{NEW},{OLD}")) as one,
        running_gateway(world.settings(f"{NEW},{OLD}")) as two,
    ):
        done = asyncio.Event()

        async def call_all_the_time(gateway: Gateway, server: McpServer) -> None:
            nonlocal calls, failed
            while not done.is_set():
                calls += 1
                failed += not await is_answered(gateway, server)

        async with asyncio.TaskGroup() as group:
            for server in servers:
                for gateway in (one, two):
                    group.create_task(call_all_the_time(gateway, server))
            report = await world.rotate()
            again = await world.rotate()
            seen = calls
            async with asyncio.timeout(20):
                while calls < seen + 50:
                    await asyncio.sleep(0.01)
            done.set()
    assert (report.resealed, report.remaining, report.unopenable) == (count, 0, ())
    assert (again.resealed, again.chains) == (0, 0)
    old_rows = len(await world.key_ids() - {"new"})
    async with running_gateway(world.settings(NEW)) as after:
        assert all([await is_answered(after, server) for server in servers])
    figures.record(
        "keys", "calls failed while keys were sealed anew", measured=failed, bar="0", n=calls, holds=not failed
    )
    figures.record("keys", "rows left on the old key", measured=old_rows, bar="0", n=count, holds=not old_rows)


async def test_nothing_starts_without_a_key_that_a_row_needs(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        await servers_of(gateway, 1)
    with pytest.raises(ConfigurationError, match=r"GATEWAY_ENCRYPTION_KEYS lacks old, .* rotate-keys") as refused:
        async with open_factory(world.settings(NEW)):
            pass
    assert "\n" not in str(refused.value)
    async with connected(world.stores.owner_url) as owner:
        await owner.execute("UPDATE integrated_accounts SET sealed_api_key = '\\x'")
    # What no key sealed stops nobody but its own account.
    async with open_factory(world.settings(NEW)):
        pass


async def test_a_key_replaced_meanwhile_stands(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        [server] = await servers_of(gateway, 1)
        sealed = world.sealer(OLD).seal(OTHER_KEY, key_context(server.tenant_id, server.account_id))
        async with connected(world.stores.owner_url) as owner:
            async with owner.transaction():
                await owner.execute(
                    "UPDATE integrated_accounts SET sealed_api_key = $1 WHERE id = $2", sealed, server.account_id
                )
                rotation = asyncio.create_task(world.rotate())
                await until_somebody_waits(world)
            report = await rotation
            assert (report.resealed, report.remaining) == (0, 1)
            report = await world.rotate()
            assert (report.resealed, report.remaining) == (1, 0)
            found = await owner.fetchval("SELECT sealed_api_key FROM integrated_accounts")
        assert world.sealer(NEW).open(found, key_context(server.tenant_id, server.account_id)) == OTHER_KEY


async def until_somebody_waits(world: World) -> None:
    """Returns once a statement waits for a lock."""
    async with connected(world.stores.owner_url) as owner, asyncio.timeout(20):
        while not await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)


async def test_every_audit_chain_ends_with_a_row_of_the_new_key(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        tenants = {server.tenant_id for server in [*await servers_of(gateway, 1), *await servers_of(gateway, 1)]}
    report = await world.rotate()
    assert report.chains >= len(tenants)
    async with connected(world.stores.owner_url) as owner:
        assert await owner.fetchval("SELECT count(*) FROM audit_heads WHERE key_id <> 'new'") == 0
        rows = await owner.fetch("SELECT tenant_id, actor_kind FROM audit_log WHERE action = 'encryption_keys.rotate'")
    assert tenants <= {row["tenant_id"] for row in rows}
    assert {row["actor_kind"] for row in rows} == {"system"}


async def rotations_on_record(world: World, tenant_id: str) -> list[dict[str, Any]]:
    query = "SELECT after FROM audit_log WHERE tenant_id = $1 AND action = 'encryption_keys.rotate' ORDER BY seq"
    async with connected(world.stores.owner_url) as owner:
        return [json.loads(row[0]) for row in await owner.fetch(query, tenant_id)]


async def test_rotations_at_once_seal_and_record_once(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        tenant_id = (await servers_of(gateway, 3))[0].tenant_id
        idle = await gateway.tenant()
    reports = await asyncio.gather(*(world.rotate() for _ in range(4)))
    assert sum(report.resealed for report in reports) == 3
    assert {report.remaining for report in reports} == {0}
    assert sum(row.get("keys_sealed", 0) for row in await rotations_on_record(world, tenant_id)) == 3
    assert await rotations_on_record(world, idle) == [{"key_id": "new"}]
    async with connected(world.stores.owner_url) as owner:
        chains = await owner.fetchval("SELECT count(*) FROM audit_heads")
    assert sum(report.chains for report in reports) == chains


async def test_keys_sealed_anew_are_on_record_also_where_the_chain_has_the_new_key_already(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        [server] = await servers_of(gateway, 1)
    async with running_gateway(world.settings(f"{NEW},{OLD}")) as gateway:
        await gateway.api_token(server.tenant_id)
    await world.rotate()
    assert await rotations_on_record(world, server.tenant_id) == [{"key_id": "new", "keys_sealed": 1}]


async def test_a_role_that_sees_no_rows_rotates_nothing_and_says_so(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        await servers_of(gateway, 1)
    settings = settings_for(
        world.stores, encryption_keys=f"{NEW},{OLD}", migration_database_url=world.stores.database_url
    )
    with pytest.raises(ConfigurationError, match="GATEWAY_MIGRATION_DATABASE_URL must name the owner's role"):
        await asyncio.to_thread(rotate_keys, settings)
    assert await world.key_ids() == {"old"}


async def test_pages_go_on_after_the_keys_have_changed(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        tenants = [await gateway.tenant() for _ in range(2)]
        first = (await gateway.admin("GET", "/tenant?limit=1")).json()
    async with running_gateway(world.settings(f"{NEW},{OLD}")) as gateway:
        second = await gateway.admin("GET", "/tenant", params={"limit": 1, "next_cursor": first["next_cursor"]})
    assert [page["result"][0]["id"] for page in (first, second.json())] == tenants[::-1]


async def swap(owner: asyncpg.Connection, one: McpServer, two: McpServer) -> None:
    """Each account gets the other's sealed key."""
    await owner.execute(
        "UPDATE integrated_accounts a SET sealed_api_key = b.sealed_api_key FROM integrated_accounts b "
        "WHERE (a.id, b.id) IN (($1, $2), ($2, $1))",
        one.account_id,
        two.account_id,
    )


async def test_a_sealed_value_moved_to_another_row_fails_closed_and_is_on_record(world, figures):
    async with running_gateway(world.settings(OLD)) as gateway, running_gateway(world.settings(OLD)) as other:
        one, two = await gateway.server(api_key=KEY), await gateway.server(api_key=OTHER_KEY)
        async with connected(world.stores.owner_url) as owner:
            await swap(owner, one, two)
            calls, opened = 20, 0
            for server in (one, two):
                results = await asyncio.gather(
                    *(each.call(server.token, LIST, {}) for each in (gateway, other) for _ in range(calls // 4))
                )
                for result in results:
                    opened += not result["isError"]
                    assert result["structuredContent"]["error"]["type"] == "internal"
            assert world.simulator.recorder.total == 0
            recorded = "SELECT object_id FROM audit_log WHERE action = 'integrated_account.key_unsealable'"
            async with asyncio.timeout(20):
                while len(await owner.fetch(recorded)) < 2:
                    await asyncio.sleep(0.02)
    async with connected(world.stores.owner_url) as owner:  # both have ended, and with them what they still wrote
        rows = await owner.fetch(recorded)
    assert sorted(row[0] for row in rows) == sorted([one.account_id, two.account_id])
    figures.record(
        "keys", "calls made with a key moved to another row", measured=opened, bar="0", n=calls, holds=not opened
    )


async def test_rotation_names_what_does_not_open_and_leaves_it(world):
    async with running_gateway(world.settings(OLD)) as gateway:
        one, two = await gateway.server(api_key=KEY), await gateway.server(api_key=OTHER_KEY)
    async with connected(world.stores.owner_url) as owner:
        await swap(owner, one, two)
    report = await world.rotate()
    assert (report.resealed, report.remaining) == (0, 2)
    assert set(report.unopenable) == {one.account_id, two.account_id}
    assert await world.key_ids() == {"old"}


async def test_kept_answers_move_to_the_new_key_too(world):
    headers = {"idempotency-key": "once"}
    async with running_gateway(world.settings(OLD)) as gateway:
        first = await gateway.admin("POST", "/tenant", {"name": "kept"}, headers=headers)
    with pytest.raises(ConfigurationError, match="lacks old"):
        async with open_factory(world.settings(NEW)):
            pass
    report = await world.rotate()
    assert (report.resealed, report.remaining) == (1, 0)
    async with running_gateway(world.settings(NEW)) as gateway:
        again = await gateway.admin("POST", "/tenant", {"name": "kept"}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_an_answer_that_does_not_open_is_told_and_holds_up_no_longer_than_it_is_kept(world, monkeypatch, capsys):
    async with running_gateway(world.settings(OLD)) as gateway:
        await gateway.made("/tenant", {"name": "kept"}, headers={"idempotency-key": "once"})
    async with connected(world.stores.owner_url) as owner:
        await owner.execute("UPDATE idempotency_keys SET sealed_answer = sealed_answer || '\\x00'::bytea")
        status, said = await asyncio.to_thread(rotated_from_the_shell, world, monkeypatch, capsys)
        assert status == 1
        assert "1 answers kept for an Idempotency-Key do not open: gone within 24 hours" in said
        await owner.execute("UPDATE idempotency_keys SET expires_at = now()")
    report = await world.rotate()
    assert (report.remaining, report.unopenable_answers) == (0, 0)


def rotated_from_the_shell(world: World, monkeypatch, capsys) -> tuple[object, str]:
    """Exit status and what `mcp-gateway rotate-keys` said."""
    settings = world.settings(f"{NEW},{OLD}")
    for name in ("database_url", "migration_database_url", "redis_url", "operator_key", "encryption_keys"):
        monkeypatch.setenv(f"GATEWAY_{name.upper()}", getattr(settings, name).get_secret_value())
    monkeypatch.setenv("GATEWAY_PUBLIC_URL", settings.public_url)
    with pytest.raises(SystemExit) as ended:
        main(["rotate-keys"])
    printed = capsys.readouterr()
    return ended.value.code, printed.out + printed.err


async def test_the_command_counts_and_fails_while_anything_remains(world, monkeypatch, capsys):
    async with running_gateway(world.settings(OLD)) as gateway:
        await servers_of(gateway, 2)
        one, two = await gateway.server(api_key=KEY), await gateway.server(api_key=OTHER_KEY)
    async with connected(world.stores.owner_url) as owner:
        await swap(owner, one, two)
        status, said = await asyncio.to_thread(rotated_from_the_shell, world, monkeypatch, capsys)
        assert status == 1
        assert "2 secrets sealed with new, 2 remain" in said
        assert f"the key of account {one.account_id} does not open" in said
        await swap(owner, one, two)
    status, said = await asyncio.to_thread(rotated_from_the_shell, world, monkeypatch, capsys)
    assert status in {0, None}
    assert "2 secrets sealed with new, 0 remain" in said
