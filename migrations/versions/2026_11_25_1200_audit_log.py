"""The audit log: a chain of rows per tenant that is only ever added to.

Why: every change by the admin API leaves a trace that cannot be taken back.
Safe for the code already deployed: it knows neither table.

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
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
    RETURN NEW;
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
    ("audit_heads", "audit_heads_forward", "BEFORE UPDATE ON audit_heads FOR EACH ROW", "audit_refuse_backward"),
)


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


def downgrade() -> None:
    op.drop_table("audit_heads")
    op.drop_table("audit_log")
    op.execute("DROP FUNCTION audit_refuse_backward()")
    op.execute("DROP FUNCTION audit_refuse_change()")
