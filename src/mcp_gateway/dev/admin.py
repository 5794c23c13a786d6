"""Provisions tenant, API token, account and MCP server through the admin API, telling each request as curl."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from mcp_gateway.exceptions import FaultError

TIMEOUT_SECONDS = 30.0

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, in a form that can be shown: secrets stand in it as shell variables."""

    path: str
    body: JSON
    key_variable: str
    """Shell variable that holds the key to send."""

    def to_curl(self) -> str:
        """What to type in a shell that has the variables."""
        body = json.dumps(self.body)
        quoted = '"' + body.replace('"', '\\"') + '"' if "$" in body else f"'{body}'"
        return (
            f'curl -sS "$GATEWAY_URL{self.path}" -H "Authorization: Bearer ${self.key_variable}" \\\n'
            f"  -H 'Content-Type: application/json' -d {quoted}"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Provisioned:
    """What the demo works with."""

    tenant_id: str
    account_id: str
    server_id: str
    url: str
    """The MCP URL; whoever has it can use the tools."""


class Provisioner:
    """Makes the objects one after the other.

    Args:
        base_url: of the gateway.
        variables: values of the shell variables that requests name; taken over and added to.
        tell: called with each request and its answer.
    """

    def __init__(self, base_url: str, variables: dict[str, str], tell: Callable[[Request, JSON], None]) -> None:
        self._base_url = base_url
        self._variables = dict(variables)
        self._tell = tell

    def provision(self) -> Provisioned:
        """Tenant and API token as the operator; account and server as the tenant."""
        tenant = self._post("/tenant", {"name": "Demo shop"}, "GATEWAY_API_KEY")
        token = self._post("/api-token", {"name": "demo", "tenant_id": tenant["id"]}, "GATEWAY_API_KEY")
        self._variables["TENANT_TOKEN"] = token["token"]
        account_body = {
            "integration": "richpanel",
            "name": "Demo shop",
            "credentials": {"api_key": "$RICHPANEL_API_KEY"},
        }
        account = self._post("/integrated-account", account_body, "TENANT_TOKEN")
        config = {"methods": ["read", "write"], "tags": ["support", "orders"]}
        server_body = {"name": "Order tracker", "config": config}
        server = self._post(f"/integrated-account/{account['id']}/mcp", server_body, "TENANT_TOKEN")
        return Provisioned(tenant["id"], account["id"], server["id"], server["url"])

    def _post(self, path: str, body: JSON, key_variable: str) -> JSON:
        request = Request(path, body, key_variable)
        headers = {"authorization": f"Bearer {self._variables[key_variable]}"}
        with httpx.Client(base_url=self._base_url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            try:
                response = client.post(path, json=self._filled(body), headers=headers)
                answer = response.json()
            except (httpx.HTTPError, ValueError) as exc:
                raise FaultError(f"POST {path} failed: {type(exc).__name__}") from exc
        if response.status_code != httpx.codes.CREATED:
            raise FaultError(f"POST {path} answered {response.status_code}: {answer.get('detail') or answer}")
        self._tell(request, answer)
        return dict(answer)

    def _filled(self, value: Any) -> Any:
        """The body with the values of the variables it names."""
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, str) and value.startswith("$"):
            return self._variables[value[1:]]
        return value
