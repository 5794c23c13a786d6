"""A running gateway as its users see it: a URL, the operator's key, and what can be made through the admin API."""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from starlette.types import ASGIApp

from mcp_gateway.config import Settings
from mcp_gateway.http.edge import Edge
from mcp_gateway.kit.clock import Clock
from mcp_gateway.main import create_app
from tests.support.asgi import serving

OPERATOR_KEY = "op-4f1c9d7a2be84c65a0f3d98e71b6c520"
ENCRYPTION_KEYS = "k1:" + base64.b64encode(bytes(range(7, 39))).decode()
MODERN = "2026-07-28"
LEGACY = "2025-11-25"


@dataclass(frozen=True)
class McpServer:
    """What POST …/mcp answered."""

    id: str
    account_id: str
    tenant_id: str
    token: str
    url: str


@dataclass(frozen=True)
class Stores:
    """Where a gateway's data is."""

    database_url: str
    owner_url: str
    redis_url: str


def settings_for(stores: Stores, **overrides: Any) -> Settings:
    """Settings as `serve` would read them."""
    values = {
        "database_url": stores.database_url,
        "migration_database_url": stores.owner_url,
        "redis_url": stores.redis_url,
        "operator_key": OPERATOR_KEY,
        "encryption_keys": ENCRYPTION_KEYS,
        "public_url": "http://gateway.example",
        "allowed_hosts": "*",
        "allow_private_upstream": True,
        "log_level": "warning",
        "database_pool_size": 5,
        # All tests call from one address, and share one Redis.
        "miss_limit_per_minute": 0,
        **overrides,
    }
    return Settings.from_environment(**values)


class Gateway:
    """Drives one gateway over HTTP."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = url
        self.client = client

    async def admin(
        self, method: str, path: str, json: Any = None, *, key: str = OPERATOR_KEY, **more: Any
    ) -> httpx.Response:
        """One admin request."""
        headers = {"authorization": f"Bearer {key}", **more.pop("headers", {})}
        return await self.client.request(method, self.url + path, json=json, headers=headers, **more)

    async def made(self, path: str, json: Any, *, key: str = OPERATOR_KEY, **more: Any) -> dict[str, Any]:
        """POST that must succeed; the answer's body."""
        response = await self.admin("POST", path, json, key=key, **more)
        assert response.status_code == 201, response.text
        body: dict[str, Any] = response.json()
        return body

    async def tenant(self) -> str:
        """A fresh tenant."""
        return str((await self.made("/tenant", {"name": f"tenant {uuid4().hex[:6]}"}))["id"])

    async def api_token(self, tenant_id: str, **more: Any) -> str:
        """A fresh API token of the tenant."""
        return str((await self.made("/api-token", {"name": "test", "tenant_id": tenant_id, **more}))["token"])

    async def account(self, tenant_id: str, api_key: str = "rp_test_key_0001") -> str:
        """A fresh account with this Richpanel key."""
        body = {
            "integration": "richpanel",
            "name": "shop",
            "credentials": {"api_key": api_key},
            "tenant_id": tenant_id,
        }
        return str((await self.made("/integrated-account", body))["id"])

    async def server(
        self,
        config: dict[str, Any] | None = None,
        *,
        tenant_id: str | None = None,
        account_id: str | None = None,
        api_key: str = "rp_test_key_0001",
        **more: Any,
    ) -> McpServer:
        """A fresh MCP server, with a tenant and account of its own unless given."""
        tenant_id = tenant_id or await self.tenant()
        account_id = account_id or await self.account(tenant_id, api_key)
        made = await self.made(f"/integrated-account/{account_id}/mcp", {"name": "s", "config": config or {}, **more})
        return McpServer(made["id"], account_id, tenant_id, made["token"], f"{self.url}/mcp/{made['token']}")

    async def rpc(self, token: str, method: str, params: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        """One legacy JSON-RPC request to the token's URL."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        headers = {"accept": "application/json, text/event-stream", **more.pop("headers", {})}
        return await self.client.post(f"{self.url}/mcp/{token}", json=message, headers=headers, **more)

    async def call(self, token: str, tool: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
        """`tools/call`; the result."""
        response = await self.rpc(token, "tools/call", {"name": tool, "arguments": arguments}, **more)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        assert "result" in body, body
        result: dict[str, Any] = body["result"]
        return result

    async def tool_names(self, token: str) -> list[str]:
        """The names `tools/list` gives."""
        response = await self.rpc(token, "tools/list")
        assert response.status_code == 200, response.text
        return [tool["name"] for tool in response.json()["result"]["tools"]]


@contextlib.asynccontextmanager
async def running_gateway(
    settings: Settings,
    *,
    clock: Clock | None = None,
    seen_by: Callable[[Edge], ASGIApp] | None = None,
    **more: Any,
) -> AsyncIterator[Gateway]:
    """A gateway on a real socket, with everything `serve` has.

    `seen_by` is put around it to look at the traffic; `more` is for `create_app`.
    """
    app = create_app(settings, clock=clock, **more)
    async with serving(seen_by(app) if seen_by else app) as url, httpx.AsyncClient(timeout=20) as client:
        yield Gateway(url, client)
