"""Identifiers in paths: what is not one of ours is not found, before a store is asked."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator

from mcp_gateway.exceptions import NotFoundError
from mcp_gateway.kit import ids


def _known_form(prefix: str, what: str) -> AfterValidator:
    def check(value: str) -> str:
        # Not a ValueError: that would be a 422, and would tell malformed ids from foreign ones.
        if not ids.is_id(value, prefix):
            raise NotFoundError(f"there is no such {what}")
        return value

    return AfterValidator(check)


TenantId = Annotated[str, Path(description="`ten_…`"), _known_form(ids.TENANT, "tenant")]
TokenId = Annotated[str, Path(description="`tok_…`"), _known_form(ids.API_TOKEN, "API token")]
AccountId = Annotated[str, Path(description="`acc_…`"), _known_form(ids.ACCOUNT, "integrated account")]
ServerId = Annotated[str, Path(description="`mcp_srv_…`"), _known_form(ids.SERVER, "MCP server")]
