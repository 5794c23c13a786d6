"""Tokens that were replaced and still work for a while; when a server was last used, and by which client.

Why: rotation with an overlap, and `last_used_at`.
Safe for the code already deployed: yes. Only a server that was rotated with an overlap cannot be deleted by code of
revision 0004 until the overlap has ended.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from mcp_gateway.schema.isolation import definer_function, isolate

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")
RETIRING = "retiring_server_tokens"
USE_COLUMNS = ("last_used_at", "last_client_name", "last_client_version")
USE_SIGNATURE = "text[], timestamp with time zone[], text[], text[]"

WHOSE = "SELECT t.tenant_id FROM public.mcp_servers t WHERE t.token_digest = tenant_by_server_digest.digest"
WHOSE_RETIRING = "SELECT r.tenant_id FROM public.retiring_server_tokens r WHERE r.token_digest = $1"
SWEPT = ("mcp_servers", "api_tokens")

# In the order of ids and without waiting, so that two replicas, or one and a change over the API, never hold each other
# up; what is passed over is told again with the next use.
RECORD_USE = """
WITH seen AS (
    SELECT * FROM unnest(server_ids, used_at, client_names, client_versions) AS s (id, used_at, name, version)
), held AS (
    SELECT m.id FROM public.mcp_servers m JOIN seen s ON s.id = m.id
    WHERE m.last_used_at IS NULL OR m.last_used_at < s.used_at
       OR (s.name IS NOT NULL AND (m.last_client_name, m.last_client_version) IS DISTINCT FROM (s.name, s.version))
    ORDER BY m.id FOR UPDATE OF m SKIP LOCKED
)
UPDATE public.mcp_servers m
SET last_used_at = GREATEST(m.last_used_at, s.used_at),
    last_client_name = COALESCE(s.name, m.last_client_name),
    last_client_version = CASE WHEN s.name IS NULL THEN m.last_client_version ELSE s.version END
FROM seen s JOIN held h ON h.id = s.id WHERE m.id = s.id"""


def expired_in(*tables: str) -> str:
    """Whose rows have expired; of `SWEPT` alone it is what revision 0004 made."""
    wanted = "e.expires_at <= pg_catalog.now() LIMIT at_most"
    parts = [f"(SELECT e.tenant_id FROM public.{table} e WHERE {wanted})" for table in tables]  # noqa: S608 - constants
    return f"{' UNION '.join(parts)} ORDER BY 1"


def create_retiring_tokens() -> None:
    op.create_unique_constraint(op.f("uq_mcp_servers_tenant_id_id"), "mcp_servers", ["tenant_id", "id"])
    op.create_table(
        RETIRING,
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("server_id", ID, nullable=False),
        sa.Column("token_hint", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_retiring_server_tokens")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            name=op.f("fk_retiring_server_tokens_tenant_id_server_id_mcp_servers"),
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint("octet_length(token_digest) = 32", name=op.f("ck_retiring_server_tokens_digest_length")),
    )
    op.create_index("ix_retiring_server_tokens_tenant_id_server_id", RETIRING, ["tenant_id", "server_id"])
    op.create_index("ix_retiring_server_tokens_expires_at", RETIRING, ["expires_at"])
    for statement in isolate(RETIRING):
        op.execute(statement)


def replace_functions(whose: str, expired: str) -> None:
    op.execute("DROP FUNCTION public.tenant_by_server_digest(bytea)")
    op.execute("DROP FUNCTION public.tenants_with_expired(integer)")
    for statement in (
        *definer_function("tenant_by_server_digest", "digest bytea", returns="text", body=whose),
        *definer_function("tenants_with_expired", "at_most integer", returns="SETOF text", body=expired),
    ):
        op.execute(statement)


def upgrade() -> None:
    create_retiring_tokens()
    op.add_column("mcp_servers", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    op.add_column("mcp_servers", sa.Column("last_client_name", sa.Text))
    op.add_column("mcp_servers", sa.Column("last_client_version", sa.Text))
    replace_functions(f"{WHOSE} UNION ALL {WHOSE_RETIRING}", expired_in(*SWEPT, RETIRING))
    for statement in definer_function(
        "record_server_use",
        "server_ids text[], used_at timestamp with time zone[], client_names text[], client_versions text[]",
        returns="void",
        body=RECORD_USE,
        volatility="VOLATILE",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION public.record_server_use({USE_SIGNATURE})")
    replace_functions(WHOSE, expired_in(*SWEPT))
    for column in USE_COLUMNS:
        op.drop_column("mcp_servers", column)
    op.drop_table(RETIRING)
    op.drop_constraint("uq_mcp_servers_tenant_id_id", "mcp_servers", type_="unique")
