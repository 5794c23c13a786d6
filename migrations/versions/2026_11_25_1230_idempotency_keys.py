"""Answers kept for requests with an `Idempotency-Key`, for 24 hours.

Why: a POST that is sent again after a lost answer must not be carried out again.
Safe for the code already deployed: yes; it neither reads nor writes them, and a deleted tenant takes its own along.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from mcp_gateway.schema.isolation import definer_function, isolate

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "idempotency_keys"
ID = sa.Text(collation="C")

KEYS = "SELECT DISTINCT public.sealed_key_id(a.sealed_api_key) FROM public.integrated_accounts a"
KEYS_AND_ANSWERS = (
    "SELECT public.sealed_key_id(a.sealed_api_key) FROM public.integrated_accounts a "
    "UNION SELECT public.sealed_key_id(i.sealed_answer) FROM public.idempotency_keys i "
    "WHERE i.expires_at > pg_catalog.now()"
)
WHOSE = (
    "SELECT i.tenant_id FROM public.idempotency_keys i "
    "WHERE i.key_digest = tenant_by_idempotency_key.digest AND i.expires_at > pg_catalog.now()"
)
FORGET = """
WITH old AS (
    SELECT i.tenant_id, i.key_digest FROM public.idempotency_keys i WHERE i.expires_at <= pg_catalog.now()
    LIMIT at_most FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM public.idempotency_keys k USING old
    WHERE k.tenant_id = old.tenant_id AND k.key_digest = old.key_digest RETURNING 1
)
SELECT count(*) FROM gone
"""


def replace_key_ids(body: str) -> None:
    create, _ = definer_function("key_ids_in_use", "", returns="TABLE (key_id text)", body=body)
    # Replaced and not made anew: who may execute it stays as it is.
    op.execute(create.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("key_digest", sa.LargeBinary, nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_digest", name=op.f("pk_idempotency_keys")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_idempotency_keys_tenant_id_tenants"), ondelete="CASCADE"
        ),
        sa.CheckConstraint("octet_length(key_digest) = 32", name=op.f("ck_idempotency_keys_digest_length")),
    )
    op.create_index("ix_idempotency_keys_key_digest", TABLE, ["key_digest"])
    op.create_index("ix_idempotency_keys_expires_at", TABLE, ["expires_at"])
    for statement in isolate(TABLE):
        op.execute(statement)
    for statement in (
        *definer_function("tenant_by_idempotency_key", "digest bytea", returns="text", body=WHOSE),
        *definer_function(
            "delete_expired_idempotency_keys", "at_most integer", returns="bigint", body=FORGET, volatility="VOLATILE"
        ),
    ):
        op.execute(statement)
    replace_key_ids(KEYS_AND_ANSWERS)


def downgrade() -> None:
    replace_key_ids(KEYS)
    op.execute("DROP FUNCTION public.delete_expired_idempotency_keys(integer)")
    op.execute("DROP FUNCTION public.tenant_by_idempotency_key(bytea)")
    op.drop_table(TABLE)
