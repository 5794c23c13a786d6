"""The operator's audit log enters its index where a filter by time begins.

Why: `created_at[gt]` read on past its bound, down to the oldest row.
Safe for the code already deployed: its operator's list finds no function and answers 503 until it is replaced.

Revision: 0008
Revises: 0007
"""

from alembic import op

from mcp_gateway.schema.isolation import definer_function

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NAME = "list_audit_log"
ROW = {
    "id": "text",
    "tenant_id": "text",
    "seq": "bigint",
    "created_at": "timestamptz",
    "actor_kind": "text",
    "actor_id": "text",
    "action": "text",
    "object_type": "text",
    "object_id": "text",
    "before": "jsonb",
    "after": "jsonb",
    "request_id": "text",
}
TIMES = "timestamptz, timestamptz"


def listing(bounds: dict[str, str]) -> tuple[str, ...]:
    """With these parameters for where to begin and end, each with its condition."""
    parameters = (
        f"{', '.join(f'{name} text' for name in bounds)}, at_most integer, created_after timestamptz, "
        "created_before timestamptz, wanted_action text, wanted_type text, wanted_object text"
    )
    body = (
        f"SELECT {', '.join('t.' + column for column in ROW)} FROM public.audit_log t "  # noqa: S608 - constants
        f"WHERE {' AND '.join(bounds.values())} AND t.created_at > COALESCE(created_after, '-infinity') "
        "AND t.created_at < COALESCE(created_before, 'infinity') "
        "AND (wanted_action IS NULL OR t.action = wanted_action) "
        "AND (wanted_type IS NULL OR t.object_type = wanted_type) "
        "AND (wanted_object IS NULL OR t.object_id = wanted_object) ORDER BY t.id DESC LIMIT at_most"
    )
    returns = f"TABLE ({', '.join(f'{name} {kind}' for name, kind in ROW.items())})"
    return definer_function(NAME, parameters, returns=returns, body=body)


def upgrade() -> None:
    op.execute(f"DROP FUNCTION public.{NAME}(text, integer, {TIMES}, text, text, text)")
    bounds = {"below_id": "t.id < COALESCE(below_id, '~')", "from_id": "t.id >= COALESCE(from_id, '')"}
    for statement in listing(bounds):
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION public.{NAME}(text, text, integer, {TIMES}, text, text, text)")
    for statement in listing({"after_id": "t.id < COALESCE(after_id, '~')"}):
        op.execute(statement)
