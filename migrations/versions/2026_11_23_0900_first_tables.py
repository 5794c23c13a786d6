"""First tables: tenants, API tokens, integrated accounts, MCP servers and the token outbox.

Why: the first release.
Safe for the code already deployed: there is none.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")
NAME_CHECK = "char_length(name) BETWEEN 1 AND 200"
DIGEST_CHECK = "octet_length(token_digest) = 32"


def row_columns() -> list[sa.Column]:
    return [
        sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    ]


def create_tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        *row_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.CheckConstraint(NAME_CHECK, name=op.f("ck_tenants_name_length")),
    )


def create_api_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("token_hint", sa.Text, nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        *row_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_api_tokens_token_digest")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_api_tokens_tenant_id_tenants"), ondelete="RESTRICT"
        ),
        sa.CheckConstraint(NAME_CHECK, name=op.f("ck_api_tokens_name_length")),
        sa.CheckConstraint(DIGEST_CHECK, name=op.f("ck_api_tokens_digest_length")),
        sa.CheckConstraint(
            "scopes <@ ARRAY['read', 'write', 'tokens', 'logs']", name=op.f("ck_api_tokens_scopes_known")
        ),
    )
    op.create_index("ix_api_tokens_tenant_id_id", "api_tokens", ["tenant_id", "id"])
    op.create_index(
        "ix_api_tokens_expires_at", "api_tokens", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL")
    )


def create_integrated_accounts() -> None:
    op.create_table(
        "integrated_accounts",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("integration", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sealed_api_key", sa.LargeBinary, nullable=False),
        sa.Column("credentials_hint", sa.Text, nullable=False),
        *row_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrated_accounts")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_integrated_accounts_tenant_id_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_integrated_accounts_tenant_id_tenants"), ondelete="RESTRICT"
        ),
        sa.CheckConstraint(NAME_CHECK, name=op.f("ck_integrated_accounts_name_length")),
        sa.CheckConstraint("integration IN ('richpanel')", name=op.f("ck_integrated_accounts_integration_known")),
    )


def create_mcp_servers() -> None:
    op.create_table(
        "mcp_servers",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("config", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("token_hint", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        *row_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_servers")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_mcp_servers_token_digest")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["integrated_accounts.tenant_id", "integrated_accounts.id"],
            name=op.f("fk_mcp_servers_tenant_id_account_id_integrated_accounts"),
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(NAME_CHECK, name=op.f("ck_mcp_servers_name_length")),
        sa.CheckConstraint(DIGEST_CHECK, name=op.f("ck_mcp_servers_digest_length")),
        sa.CheckConstraint("jsonb_typeof(config) = 'object'", name=op.f("ck_mcp_servers_config_object")),
    )
    op.create_index("ix_mcp_servers_tenant_id_account_id_id", "mcp_servers", ["tenant_id", "account_id", "id"])
    op.create_index(
        "ix_mcp_servers_expires_at", "mcp_servers", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL")
    )


def create_token_outbox() -> None:
    op.create_table(
        "token_outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_outbox")),
        sa.CheckConstraint("kind IN ('server', 'api_token')", name=op.f("ck_token_outbox_kind_known")),
        sa.CheckConstraint(DIGEST_CHECK, name=op.f("ck_token_outbox_digest_length")),
    )


def upgrade() -> None:
    create_tenants()
    create_api_tokens()
    create_integrated_accounts()
    create_mcp_servers()
    create_token_outbox()


def downgrade() -> None:
    for table in ("token_outbox", "mcp_servers", "integrated_accounts", "api_tokens", "tenants"):
        op.drop_table(table)
