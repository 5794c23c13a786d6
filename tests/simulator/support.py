"""Keys, and requests whose target reaches the server exactly as written."""

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import orjson

from richpanel_sim.app import create_app
from richpanel_sim.state import SimulatorState

KEY = "rp_first_key"
OTHER_KEY = "rp_other_key"
TENANT = "fernhollow417"


def ticket_path(ident: str, *rest: str) -> str:
    return "/".join(["/tickets", quote(ident, safe=""), *rest])


async def send_raw(url: str, method: str, target: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
    """Status and parsed body of ``send_request``, or (0, None) where the connection was closed without an answer."""
    answer = await send_request(url, method, target, body, key)
    if not answer:
        return 0, None
    start, _, payload = answer.partition(b"\r\n\r\n")
    return int(start.split(b" ")[1]), orjson.loads(payload)


async def send_request(url: str, method: str, target: str, body: Any = None, key: str = KEY) -> bytes:
    """One request over a socket of its own; no client library gets to tidy up ``target``. All that came back."""
    content = b"" if body is None else orjson.dumps(body)
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"{method} {target} HTTP/1.1\r\nhost: {address.netloc}\r\nx-richpanel-key: {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    writer.write(head.encode("latin-1") + content)
    try:
        answer = await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        answer = b""
    writer.close()
    return answer


def connect(state: SimulatorState, key: str | None = KEY) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(state)),
        base_url="http://sim.example/v1",
        headers={"x-richpanel-key": key} if key else {},
    )
