"""`?limit=` and `?next_cursor=` in, `{"result": […], "next_cursor": …}` out."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from mcp_gateway.models.pages import Page
from mcp_gateway.services.paging import ListCursors

T = TypeVar("T")
Row = TypeVar("Row")

DEFAULT_LIMIT = 50
MAX_LIMIT = 100

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many to return, 1 to 100.")]
NextCursor = Annotated[
    str | None, Query(max_length=512, description="The `next_cursor` of the page before, exactly as it came.")
]


class ListOut(BaseModel, Generic[T]):
    """One page of a list."""

    result: list[T]
    next_cursor: str | None = Field(description="Send it back to get the next page; null on the last one.")


def list_out(page: Page[Row], convert: Callable[[Row], T], cursors: ListCursors, scope: str) -> ListOut[T]:
    """The wire form of a page."""
    return ListOut[T](
        result=[convert(row) for row in page.items], next_cursor=cursors.cursor(scope, page.next_position)
    )
