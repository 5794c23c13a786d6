"""Pages far into the operator's lists read no more rows than the first one.

Why: `after_id IS NULL OR id < after_id` cannot be entered in the index where the page begins, so the last page of a
list read the whole table; and the log of one server, or of one error, was looked for in the log of all.
Safe for the code already deployed: the functions keep their names, parameters, results and privileges.

Revision: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from mcp_gateway.schema.isolation import definer_function

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STAMPS = {"version": "bigint", "created_at": "timestamptz", "updated_at": "timestamptz"}
TENANT = {"id": "text", "name": "text", **STAMPS}
ACCOUNT = {
    "id": "text",
    "tenant_id": "text",
    "integration": "text",
    "name": "text",
    "credentials_hint": "text",
} | STAMPS
API_TOKEN = {
    "id": "text",
    "tenant_id": "text",
    "name": "text",
    "token_hint": "text",
    "scopes": "text[]",
    "expires_at": "timestamptz",
    "created_at": "timestamptz",
}
CALL = {
    "id": "text",
    "tenant_id": "text",
    "account_id": "text",
    "server_id": "text",
    "created_at": "timestamptz",
    "tool": "text",
    "status": "text",
    "duration_ms": "double precision",
    "upstream_status": "integer",
    "upstream_ms": "double precision",
    "caller_gone": "boolean",
    "client": "text",
    "arguments_hash": "text",
    "arguments": "text",
    "arguments_truncated": "boolean",
    "request_id": "text",
    "trace_id": "text",
}
LIVE = "(t.expires_at IS NULL OR t.expires_at > pg_catalog.now())"
OLD_POSITION = "(after_id IS NULL OR t.id < after_id)"
# No id sorts behind '~'.
POSITION = "t.id < COALESCE(after_id, '~')"

CALL_PAGE = (
    "below_id text, from_id text, at_most integer, created_after timestamptz, created_before timestamptz, "
    "wanted_server text, wanted_tool text, wanted_status text"
)
CALLS = f"SELECT {', '.join('t.' + name for name in CALL)} FROM public.tool_calls t"  # noqa: S608 - constants
WANTED_CALLS = (
    "t.id < COALESCE(below_id, '~') AND t.id >= COALESCE(from_id, '') "
    "AND t.created_at > COALESCE(created_after, '-infinity') AND t.created_at < COALESCE(created_before, 'infinity') "
    "AND (wanted_tool IS NULL OR t.tool = wanted_tool) AND (wanted_status IS NULL OR t.status = wanted_status)"
)
NEWEST = "ORDER BY t.id DESC LIMIT at_most"
OLD_CALLS = f"{CALLS} WHERE {WANTED_CALLS} AND (wanted_server IS NULL OR t.server_id = wanted_server) {NEWEST}"
# One branch has rows, whichever is asked for: each has a plan, and so an index, of its own. That of the errors is said
# again as a constant, since a plan for any status cannot know that the index holds the one asked for.
BRANCHES = (
    "wanted_server IS NULL AND COALESCE(wanted_status, 'ok') = 'ok'",
    "wanted_server IS NULL AND t.status <> 'ok' AND t.status = wanted_status",
    "t.server_id = wanted_server",
)
NEW_CALLS = " UNION ALL ".join(f"({CALLS} WHERE {branch} AND {WANTED_CALLS} {NEWEST})" for branch in BRANCHES)
NEW_CALLS += " ORDER BY 1 DESC"
ERRORS = "ix_tool_calls_status_id"


def replace(name: str, parameters: str, columns: dict[str, str], body: str) -> None:
    """Put another body in; who may execute it stays as it was."""
    returns = f"TABLE ({', '.join(f'{column} {kind}' for column, kind in columns.items())})"
    create, _ = definer_function(name, parameters, returns=returns, body=body)
    op.execute(create.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))


def replace_lists(position: str, calls: str) -> None:
    for name, table, columns, where in (
        ("list_tenants", "tenants", TENANT, "true"),
        ("list_accounts", "integrated_accounts", ACCOUNT, "true"),
        ("list_api_tokens", "api_tokens", API_TOKEN, LIVE),
    ):
        listed = ", ".join(f"t.{column}" for column in columns)
        body = (
            f"SELECT {listed} FROM public.{table} t "  # noqa: S608 - constants
            f"WHERE {position} AND {where} {NEWEST}"
        )
        replace(name, "after_id text, at_most integer", columns, body)
    replace("list_tool_calls", CALL_PAGE, CALL, calls)


def upgrade() -> None:
    op.create_index(ERRORS, "tool_calls", ["status", "id"], postgresql_where=sa.text("status <> 'ok'"))
    replace_lists(POSITION, NEW_CALLS)


def downgrade() -> None:
    replace_lists(OLD_POSITION, OLD_CALLS)
    op.drop_index(ERRORS, "tool_calls")
