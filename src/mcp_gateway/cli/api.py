"""The admin API over httpx, for the commands; knows the wire and nothing about terminals."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import httpx

from mcp_gateway.exceptions import CallerError, FaultError, GatewayError

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 30.0
PAGE_SIZE = 100

JSON = dict[str, Any]


class AdminAPIError(GatewayError):
    """The gateway answered with an error; carries the problem document (RFC 9457), or what stood in for it."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or HTTPStatus(status).phrase))
        self.status = status
        self.problem = problem

    @property
    def exit_code(self) -> int:
        """2: the request was at fault; 3: Richpanel was; 1: the gateway was."""
        if self.status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}:
            return 3
        return 1 if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else 2

    def lines(self) -> list[str]:
        """What happened, then each field at fault with what is allowed, then the id to quote when asking for help."""
        lines = [f"{self.message} ({self.status} {self.problem.get('code', '')}".rstrip() + ")"]
        faults = [_field_line(entry) for entry in self.problem.get("errors") or ()]
        lines += [f"  {fault}" for fault in faults if fault not in self.message]
        if request_id := self.problem.get("request_id"):
            lines.append(f"  request id: {request_id}")
        return lines


def _field_line(entry: Mapping[str, Any]) -> str:
    message = str(entry.get("message", "is not valid"))
    allowed = ", ".join(map(str, entry.get("allowed") or ()))
    suffix = f"; allowed: {allowed}" if allowed and allowed not in message else ""
    return f"{entry.get('path') or 'body'}: {message}{suffix}"


class AdminAPI:
    """A client of one gateway with one key; a context manager.

    Args:
        url: where the gateway is, e.g. `https://mcp.example.com`.
        api_key: the operator's key or a tenant's API token.
    """

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(headers={"authorization": f"Bearer {api_key}"}, timeout=TIMEOUT_SECONDS)

    @classmethod
    def from_environment(cls) -> Self:
        """Use `GATEWAY_URL` (default: this machine, port 8080) and `GATEWAY_API_KEY`.

        Raises:
            CallerError: there is no key, or it cannot be one.
        """
        key = os.environ.get("GATEWAY_API_KEY", "").strip()
        if not key:
            raise CallerError("GATEWAY_API_KEY is not set: it takes the operator's key, or an API token of a tenant")
        if not (key.isascii() and key.isprintable()):
            raise CallerError("GATEWAY_API_KEY holds characters that no key has")
        url = os.environ.get("GATEWAY_URL", "").strip() or DEFAULT_URL
        if not url.startswith(("http://", "https://")):
            raise CallerError("GATEWAY_URL must start with http:// or https://")
        return cls(url, key)

    def get(self, *path: str, **params: Any) -> JSON:
        """GET one object; each part of the path becomes one segment, whatever is in it; None is not sent."""
        return self._send("GET", path, params=params)

    def post(self, *path: str, body: Mapping[str, Any]) -> JSON:
        """POST a JSON object."""
        return self._send("POST", path, body=body)

    def delete(self, *path: str) -> JSON:
        """DELETE an object; the receipt."""
        return self._send("DELETE", path)

    def list(self, *path: str, limit: int | None = None, cursor: str | None = None) -> JSON:
        """One page: `{"result": […], "next_cursor": …}`."""
        return self._send("GET", path, params={"limit": limit, "next_cursor": cursor})

    def list_all(self, *path: str) -> JSON:
        """All pages as one."""
        result: list[Any] = []
        cursor: str | None = None
        while True:
            page = self.list(*path, limit=PAGE_SIZE, cursor=cursor)
            result += page["result"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return {"result": result, "next_cursor": None}

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> JSON:
        url = "/".join((self._url, *(quote(segment, safe="") for segment in path)))
        query = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            response = self._client.request(method, url, params=query or None, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            reason = str(exc) or type(exc).__name__
            raise FaultError(f"the gateway at {self._url} cannot be reached: {reason} (GATEWAY_URL)") from exc
        return _answer(response)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _answer(response: httpx.Response) -> JSON:
    if response.status_code == HTTPStatus.NO_CONTENT:
        return {}
    try:
        document = response.json()
    except ValueError:
        document = None
    if response.is_success and isinstance(document, dict):
        return document
    if not response.is_success:
        raise AdminAPIError(response.status_code, document if isinstance(document, dict) else {})
    raise FaultError("the answer is no JSON object: does GATEWAY_URL point at a gateway?")
