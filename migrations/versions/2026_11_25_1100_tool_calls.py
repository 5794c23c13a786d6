"""The log of tool calls.

Why: `GET /log?log_type=mcp`.
Safe for the code already deployed: it does not know the table.

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from mcp_gateway.schema.isolation import definer_function, isolate

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")
TABLE = "tool_calls"
ROW = {
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
COLUMNS = ", ".join(ROW)
TYPED = ", ".join(f"{name} {kind}" for name, kind in ROW.items())

# A batch whose commit was not heard of is sent again.
ADD = definer_function(
    "add_tool_calls",
    "batch jsonb",
    returns="void",
    body=f"INSERT INTO public.{TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM pg_catalog.jsonb_to_recordset(batch) "  # noqa: S608 - constants
    f"AS r ({TYPED}) ON CONFLICT DO NOTHING",
    volatility="VOLATILE",
)
# COALESCE and not OR, so that the index is entered where the page begins.
LIST = definer_function(
    "list_tool_calls",
    "below_id text, from_id text, at_most integer, created_after timestamptz, created_before timestamptz, "
    "wanted_server text, wanted_tool text, wanted_status text",
    returns=f"TABLE ({TYPED})",
    body=f"SELECT {', '.join('t.' + name for name in ROW)} FROM public.{TABLE} t "  # noqa: S608 - constants
    "WHERE t.id < COALESCE(below_id, '~') AND t.id >= COALESCE(from_id, '') "
    "AND t.created_at > COALESCE(created_after, '-infinity') AND t.created_at < COALESCE(created_before, 'infinity') "
    "AND (wanted_server IS NULL OR t.server_id = wanted_server) AND (wanted_tool IS NULL OR t.tool = wanted_tool) "
    "AND (wanted_status IS NULL OR t.status = wanted_status) ORDER BY t.id DESC LIMIT at_most",
)
# The tenants that have rows are found by hopping from one to the next in the index, not by reading all rows.
PURGE = definer_function(
    "purge_tool_calls",
    "below_id text, at_most integer",
    returns="bigint",
    body=f"WITH RECURSIVE owners (tenant_id) AS ("  # noqa: S608 - constants
    f"(SELECT t.tenant_id FROM public.{TABLE} t ORDER BY t.tenant_id LIMIT 1) UNION ALL "
    f"SELECT (SELECT t.tenant_id FROM public.{TABLE} t WHERE t.tenant_id > o.tenant_id ORDER BY t.tenant_id LIMIT 1) "
    "FROM owners o WHERE o.tenant_id IS NOT NULL), "
    "gone AS (SELECT o.tenant_id FROM owners o WHERE o.tenant_id IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM public.tenants n WHERE n.id = o.tenant_id)), "
    f"wanted AS ((SELECT t.id FROM public.{TABLE} t WHERE t.id < below_id ORDER BY t.id LIMIT at_most) UNION "
    f"(SELECT t.id FROM gone g JOIN public.{TABLE} t ON t.tenant_id = g.tenant_id LIMIT at_most)), "
    f"deleted AS (DELETE FROM public.{TABLE} t WHERE t.id = ANY (ARRAY(SELECT w.id FROM wanted w)) RETURNING 1) "
    "SELECT pg_catalog.count(*) FROM deleted",
    volatility="VOLATILE",
)
FUNCTIONS = (
    "add_tool_calls(jsonb)",
    "list_tool_calls(text, text, integer, timestamptz, timestamptz, text, text, text)",
    "purge_tool_calls(text, integer)",
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("server_id", ID),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("upstream_status", sa.Integer),
        sa.Column("upstream_ms", sa.Double, nullable=False),
        sa.Column("caller_gone", sa.Boolean, nullable=False),
        sa.Column("client", sa.Text),
        sa.Column("arguments_hash", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text),
        sa.Column("arguments_truncated", sa.Boolean, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("trace_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool_calls")),
    )
    op.create_index("ix_tool_calls_tenant_id_id", TABLE, ["tenant_id", "id"])
    op.create_index("ix_tool_calls_server_id_id", TABLE, ["server_id", "id"])
    for statement in (*isolate(TABLE), *ADD, *LIST, *PURGE):
        op.execute(statement)


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION public.{function}")
    op.drop_table(TABLE)
