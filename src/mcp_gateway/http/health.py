"""Probes and metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from mcp_gateway.http.context import Operator, Services
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["operations"])


@router.get("/livez", summary="Is the process alive", response_class=JSONResponse)
async def livez() -> dict[str, str]:
    """Answers as long as the event loop runs; asks no store."""
    return {"status": "ok"}


@router.get("/readyz", summary="May this replica get traffic", response_class=JSONResponse)
async def readyz(request: Request) -> JSONResponse:
    """503 only while starting or stopping: an outage of a store must not take every replica out at once."""
    ready = bool(getattr(request.app.state, "ready", False))
    return JSONResponse({"status": "ok" if ready else "not ready"}, status_code=200 if ready else 503)


@router.get("/metrics", summary="Prometheus metrics of this process", response_class=Response, responses=PROBLEMS)
async def metrics(services: Services, _caller: Operator) -> Response:
    """Text format; the operator's key is needed."""
    return Response(services.metrics.render(), media_type=CONTENT_TYPE)
