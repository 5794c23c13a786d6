"""Arguments that are about the answer and not about Richpanel: every tool that can have them gets them."""

from mcp_gateway.catalog.description import ArgumentDescription, MethodDescription, SchemaDescription
from mcp_gateway.catalog.paging import NEXT_CURSOR
from mcp_gateway.catalog.procedure import VERIFY
from mcp_gateway.catalog.repetition import ALLOW_DUPLICATE

FIELDS = "fields"

_FIELDS = ArgumentDescription(
    place="option",
    type="array",
    items=SchemaDescription(type="string"),
    description="Only these members, e.g. id or comments.plain_body.",
)
_NEXT_CURSOR = ArgumentDescription(place="option", type="string", description="next_cursor of the previous answer.")
_VERIFY = ArgumentDescription(
    place="option", type="boolean", default=False, description="Read back what was applied; one request more."
)
_ALLOW_DUPLICATE = ArgumentDescription(place="option", type="boolean", description="Send the same again.")


def with_options(method: MethodDescription) -> dict[str, ArgumentDescription]:
    """The document's arguments, and behind them the options of a tool of this kind."""
    arguments = dict(method.arguments)
    if method.annotations.read_only and method.response.shape not in {"accepted", "content"}:
        arguments[FIELDS] = _FIELDS
    if method.response.inner is not None and NEXT_CURSOR not in arguments:
        arguments[NEXT_CURSOR] = _NEXT_CURSOR
    if method.verify is not None:
        arguments[VERIFY] = _VERIFY
    if not method.annotations.idempotent and not method.annotations.read_only:
        arguments[ALLOW_DUPLICATE] = _ALLOW_DUPLICATE
    return arguments
