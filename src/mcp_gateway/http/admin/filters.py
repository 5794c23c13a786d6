"""Filters in the query of a list: times, and the refusal of what is no filter."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Query, Request

from mcp_gateway.exceptions import InvalidInputError, Problem
from mcp_gateway.http.admin.schemas import Expiry

MAX_NAMED = 20
"""Unknown filters named in one refusal."""

CreatedAfter = Annotated[Expiry | None, Query(alias="created_at[gt]", description="Later than this instant.")]
CreatedBefore = Annotated[Expiry | None, Query(alias="created_at[lt]", description="Earlier than this instant.")]
Text = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]


def only(*known: str) -> Callable[[Request], None]:
    """A dependency that refuses every query parameter but these: a mistyped filter must not be no filter.

    Raises:
        InvalidInputError: names the unknown and the known.
    """
    names = (*known, "limit", "next_cursor")
    text = f"is not a known parameter; known: {', '.join(names)}"

    def check(request: Request) -> None:
        unknown = [name[:100] for name in dict.fromkeys(request.query_params) if name not in names][:MAX_NAMED]
        if unknown:
            problems = [Problem(name, text, "unknown", names) for name in unknown]
            raise InvalidInputError(f"{', '.join(unknown)}: {text}", problems)

    return check
