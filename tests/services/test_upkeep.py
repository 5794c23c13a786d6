"""The sweep: what keeps failing for one tenant keeps nothing else from being done."""

import asyncio

from tests.support.databases import connected
from tests.support.gateways import running_gateway, settings_for

WAIT_SECONDS = 20


async def test_a_tenant_whose_sweep_fails_holds_up_no_other_and_no_other_work(stores):
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1", sweep_seconds=0.1)
    async with running_gateway(settings) as gateway, connected(stores.owner_url) as owner:
        servers = [await gateway.server() for _ in range(3)]
        poisoned, others = servers[0], servers[1:]
        headers = {"idempotency-key": f"kept-of-{poisoned.id}"}
        path = f"/integrated-account/{poisoned.account_id}/mcp"
        await gateway.made(path, {"name": "s"}, headers=headers)
        try:
            # A number no JSON of ours can tell: what becomes of this server cannot be put on record.
            await owner.execute("UPDATE mcp_servers SET config = '{\"x\": 1e400}' WHERE id = $1", poisoned.id)
            async with owner.transaction():
                await owner.execute(
                    "UPDATE idempotency_keys SET expires_at = now() WHERE tenant_id = $1", poisoned.tenant_id
                )
                ids = [server.id for server in servers]
                await owner.execute("UPDATE mcp_servers SET expires_at = now() WHERE id = ANY ($1)", ids)
            left = "SELECT id FROM mcp_servers WHERE id = ANY ($1)"
            kept = "SELECT 1 FROM idempotency_keys WHERE tenant_id = $1"
            async with asyncio.timeout(WAIT_SECONDS):
                while await owner.fetch(kept, poisoned.tenant_id) or await owner.fetch(
                    left, [one.id for one in others]
                ):
                    await asyncio.sleep(0.02)
            assert await owner.fetchval(left, [poisoned.id]) == poisoned.id
        finally:
            await owner.execute("UPDATE mcp_servers SET config = '{}', expires_at = NULL WHERE id = $1", poisoned.id)
