"""A bug becomes a 500 problem document that tells the request id and nothing else."""

import contextlib

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.http.client_address import ClientAddress
from mcp_gateway.http.edge import Edge
from mcp_gateway.http.errors import install_error_handlers
from mcp_gateway.telemetry.logs import configure_logging
from mcp_gateway.telemetry.metrics import Metrics
from tests.support.asgi import serving
from tests.support.logs import captured_logs
from tests.support.problems import problem

SECRET = "canary 7731"


def with_handlers() -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/bug")
    async def bug():
        raise ZeroDivisionError(SECRET)

    @app.get("/fault")
    async def fault():
        raise ConfigurationError(SECRET)

    return app


async def without_handlers(scope, receive, send):
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    raise ZeroDivisionError(SECRET)


@contextlib.asynccontextmanager
async def behind_the_edge(app: ASGIApp):
    async with (
        serving(Edge(app, metrics=Metrics(), client_address=ClientAddress(()))) as url,
        httpx.AsyncClient() as client,
    ):
        yield url, client


@pytest.mark.parametrize("path", ["/bug", "/fault"])
async def test_bug_or_fault_in_a_route_is_a_500_that_tells_nothing(path):
    async with behind_the_edge(with_handlers()) as (url, client):
        response = await client.get(url + path)
        assert SECRET not in response.text
        assert "request id" in response.json()["detail"]
        assert response.headers["cache-control"] == "no-store"
        problem(response, 500, {"/bug": "internal", "/fault": "configuration"}[path])


async def test_bug_outside_all_handlers_is_the_same_500():
    async with behind_the_edge(without_handlers) as (url, client):
        response = await client.get(f"{url}/x", headers={"x-request-id": "r-1"})
        assert SECRET not in response.text
        assert problem(response, 500, "internal")["request_id"] == "r-1"


async def test_bug_is_logged_once_with_its_request_id():
    for app, path in ((without_handlers, "/x"), (with_handlers(), "/bug")):
        with captured_logs() as log:
            configure_logging("info", "json")
            async with behind_the_edge(app) as (url, client):
                await client.get(url + path, headers={"x-request-id": "r-2"})
        lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
        failures = [line for line in lines if line["level"] == "error"]
        assert [(line["event"], line["request_id"]) for line in failures] == [("http.failed", "r-2")]
