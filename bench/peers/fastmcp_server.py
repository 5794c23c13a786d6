"""FastMCP's `from_openapi` over Streamable HTTP, stateless, JSON answers. SPEC, UPSTREAM and PORT in the environment.

Runs in a virtual environment of its own, made by `installed.py`.
"""

import json
import os
from pathlib import Path

import fastmcp
import uvicorn

try:
    import httpx2 as http
except ImportError:
    import httpx as http

fastmcp.settings.log_level = "WARNING"
limits = http.Limits(max_connections=512, max_keepalive_connections=512, keepalive_expiry=60)
client = http.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=30, limits=limits)
server = fastmcp.FastMCP.from_openapi(
    openapi_spec=json.loads(Path(os.environ["SPEC"]).read_text()), client=client, name="bench"
)
app = server.http_app(path="/mcp", stateless_http=True, json_response=True)

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
