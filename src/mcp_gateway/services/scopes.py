"""What an API token may do."""

from collections.abc import Iterable

from mcp_gateway.exceptions import InsufficientScopeError
from mcp_gateway.models.api_tokens import Scope


def require_scope(held: Iterable[Scope], needed: Scope) -> None:
    """Refuse a token that lacks this scope.

    Raises:
        InsufficientScopeError: names it.
    """
    if needed not in held:
        raise InsufficientScopeError(needed)
