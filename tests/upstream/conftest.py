"""Clients that are closed after the test, and ready-made requests."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.upstream.client import IntegrationClient

KEY = "rp-key-0123456789abcdef"
MAX_BYTES = 4096

MakeClient = Callable[..., IntegrationClient]


def request(method: str = "GET", target: str = "/tickets") -> UpstreamRequest:
    body = None if method == "GET" else b'{"ticket":{}}'
    return UpstreamRequest(method=method, target=target, body=body, is_write=method != "GET")


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    clients: list[IntegrationClient] = []

    def make(base_url: str, **overrides: Any) -> IntegrationClient:
        options: dict[str, Any] = {
            "connect_timeout_seconds": 5.0,
            "timeout_seconds": 10.0,
            "max_bytes": MAX_BYTES,
            "max_idle_connections": 256,
        }
        client = IntegrationClient(base_url=base_url, **options | overrides)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()
