"""The audit log: a chain of rows per tenant that is only ever added to.

Why: every change by the admin API leaves a trace that cannot be taken back.
Safe for the code already deployed: it knows neither table; its sweep of expired rows finds no function and waits.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from mcp_gateway.schema.isolation import definer_function, isolate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")
CHAINED_CHECK = "octet_length(digest) = 32 AND octet_length(mac) = 32"

# Privileges stop the application's role; these stop the owner's as well, unless it takes them away first.
REFUSE = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
REFUSE_BACKWARD = """
CREATE FUNCTION audit_refuse_backward() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.tenant_id <> OLD.tenant_id OR NEW.seq < OLD.seq THEN
        RAISE EXCEPTION 'the head of an audit chain only moves on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$
"""
# ALWAYS: also for a session that says it only replicates.
TRIGGERS = (
    ("audit_log", "audit_log_unchanged", "BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW", "audit_refuse_change"),
    ("audit_log", "audit_log_untruncated", "BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT", "audit_refuse_change"),
    ("audit_heads", "audit_heads_kept", "BEFORE DELETE ON audit_heads FOR EACH ROW", "audit_refuse_change"),
    (
        "audit_heads",
        "audit_heads_untruncated",
        "BEFORE TRUNCATE ON audit_heads FOR EACH STATEMENT",
        "audit_refuse_change",
    ),
    ("audit_heads", "audit_heads_forward", "AFTER UPDATE ON audit_heads FOR EACH ROW", "audit_refuse_backward"),
)


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
LIST = "list_audit_log"
LIST_PARAMETERS = (
    "after_id text, at_most integer, created_after timestamptz, created_before timestamptz, "
    "wanted_action text, wanted_type text, wanted_object text"
)
# COALESCE and not OR, so that the index is entered where the page begins: no id sorts behind '~'.
LIST_BODY = (
    f"SELECT {', '.join('t.' + column for column in ROW)} FROM public.audit_log t "  # noqa: S608 - constants
    "WHERE t.id < COALESCE(after_id, '~') AND t.created_at > COALESCE(created_after, '-infinity') "
    "AND t.created_at < COALESCE(created_before, 'infinity') AND (wanted_action IS NULL OR t.action = wanted_action) "
    "AND (wanted_type IS NULL OR t.object_type = wanted_type) "
    "AND (wanted_object IS NULL OR t.object_id = wanted_object) ORDER BY t.id DESC LIMIT at_most"
)
# The sweep works in the name of one tenant after the other, since each row it deletes goes into that tenant's chain.
EXPIRED = "e.expires_at <= pg_catalog.now() LIMIT at_most"
SWEEP = "tenants_with_expired"
SWEEP_BODY = (
    f"(SELECT e.tenant_id FROM public.mcp_servers e WHERE {EXPIRED}) UNION "  # noqa: S608 - constants
    f"(SELECT e.tenant_id FROM public.api_tokens e WHERE {EXPIRED}) ORDER BY 1"
)
FUNCTIONS = (
    *definer_function(
        LIST, LIST_PARAMETERS, returns=f"TABLE ({', '.join(f'{n} {k}' for n, k in ROW.items())})", body=LIST_BODY
    ),
    *definer_function(SWEEP, "at_most integer", returns="SETOF text", body=SWEEP_BODY),
)


def old_sweep(name: str, table: str) -> tuple[str, ...]:
    """As revision 0003 made it."""
    wanted = "expires_at <= pg_catalog.now() LIMIT at_most FOR UPDATE SKIP LOCKED"
    body = (
        f"DELETE FROM public.{table} t "  # noqa: S608 - constants
        f"WHERE t.id = ANY (ARRAY(SELECT e.id FROM public.{table} e WHERE e.{wanted})) "
        "RETURNING t.token_digest, t.version"
    )
    returns = "TABLE (token_digest bytea, version bigint)"
    return definer_function(name, "at_most integer", returns=returns, body=body, volatility="VOLATILE")


OLD_SWEEPS = {"delete_expired_servers": "mcp_servers", "delete_expired_api_tokens": "api_tokens"}


def create_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object_type", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.Column("request_id", sa.Text),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("tenant_id", "seq", name=op.f("uq_audit_log_tenant_id_seq")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_log_seq_positive")),
        sa.CheckConstraint(
            "actor_kind IN ('operator', 'api_token', 'system')", name=op.f("ck_audit_log_actor_kind_known")
        ),
        sa.CheckConstraint(CHAINED_CHECK, name=op.f("ck_audit_log_digest_length")),
    )
    op.create_index("ix_audit_log_tenant_id_id", "audit_log", ["tenant_id", "id"])


def create_heads() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_audit_heads")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_audit_heads_seq_not_negative")),
        sa.CheckConstraint(CHAINED_CHECK, name=op.f("ck_audit_heads_digest_length")),
    )


def upgrade() -> None:
    create_log()
    create_heads()
    op.execute(REFUSE)
    op.execute(REFUSE_BACKWARD)
    for table, name, when, function in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {function}()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    for table in ("audit_log", "audit_heads"):
        for statement in isolate(table):
            op.execute(statement)
    for name in OLD_SWEEPS:
        op.execute(f"DROP FUNCTION public.{name}(integer)")
    for statement in FUNCTIONS:
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION public.{SWEEP}(integer)")
    op.execute(f"DROP FUNCTION public.{LIST}(text, integer, timestamptz, timestamptz, text, text, text)")
    for name, table in OLD_SWEEPS.items():
        for statement in old_sweep(name, table):
            op.execute(statement)
    op.drop_table("audit_heads")
    op.drop_table("audit_log")
    op.execute("DROP FUNCTION audit_refuse_backward()")
    op.execute("DROP FUNCTION audit_refuse_change()")
