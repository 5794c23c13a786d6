"""The tables. Foreign keys restrict on purpose: a delete that forgets a dependent token must fail, not hide it."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from mcp_gateway.schema.base import IdText, id_column, metadata, row_columns

NAME_CHECK = "char_length(name) BETWEEN 1 AND 200"
DIGEST_CHECK = "octet_length(token_digest) = 32"
CHAINED_CHECK = "octet_length(digest) = 32 AND octet_length(mac) = 32"

tenants = Table(
    "tenants",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    *row_columns(),
    CheckConstraint(NAME_CHECK, name="name_length"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    id_column(),
    Column("tenant_id", IdText, ForeignKey("tenants.id", ondelete="RESTRICT"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("token_hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    *row_columns(),
    CheckConstraint(NAME_CHECK, name="name_length"),
    CheckConstraint(DIGEST_CHECK, name="digest_length"),
    CheckConstraint("scopes <@ ARRAY['read', 'write', 'tokens', 'logs']", name="scopes_known"),
    Index("ix_api_tokens_tenant_id_id", "tenant_id", "id"),
    Index("ix_api_tokens_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
)

integrated_accounts = Table(
    "integrated_accounts",
    metadata,
    id_column(),
    Column("tenant_id", IdText, ForeignKey("tenants.id", ondelete="RESTRICT"), nullable=False),
    Column("integration", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sealed_api_key", LargeBinary, nullable=False),
    Column("credentials_hint", Text, nullable=False),
    *row_columns(),
    UniqueConstraint("tenant_id", "id"),
    CheckConstraint(NAME_CHECK, name="name_length"),
    CheckConstraint("integration ~ '^[a-z][a-z0-9_]{0,63}$'", name="integration_form"),
)

mcp_servers = Table(
    "mcp_servers",
    metadata,
    id_column(),
    Column("tenant_id", IdText, nullable=False),
    Column("account_id", IdText, nullable=False),
    Column("name", Text, nullable=False),
    Column("config", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("token_hint", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    *row_columns(),
    Column("last_used_at", DateTime(timezone=True)),
    Column("last_client_name", Text),
    Column("last_client_version", Text),
    UniqueConstraint("tenant_id", "id"),
    # Both columns in one key: a server can only ever point at an account of its own tenant.
    ForeignKeyConstraint(
        ["tenant_id", "account_id"],
        ["integrated_accounts.tenant_id", "integrated_accounts.id"],
        name="fk_mcp_servers_tenant_id_account_id_integrated_accounts",
        ondelete="RESTRICT",
    ),
    CheckConstraint(NAME_CHECK, name="name_length"),
    CheckConstraint(DIGEST_CHECK, name="digest_length"),
    CheckConstraint("jsonb_typeof(config) = 'object'", name="config_object"),
    Index("ix_mcp_servers_tenant_id_account_id_id", "tenant_id", "account_id", "id"),
    Index("ix_mcp_servers_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
)

retiring_server_tokens = Table(
    "retiring_server_tokens",
    metadata,
    Column("token_digest", LargeBinary, primary_key=True),
    Column("tenant_id", IdText, nullable=False),
    Column("server_id", IdText, nullable=False),
    Column("token_hint", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(
        ["tenant_id", "server_id"],
        ["mcp_servers.tenant_id", "mcp_servers.id"],
        name="fk_retiring_server_tokens_tenant_id_server_id_mcp_servers",
        ondelete="RESTRICT",
    ),
    CheckConstraint(DIGEST_CHECK, name="digest_length"),
    Index("ix_retiring_server_tokens_tenant_id_server_id", "tenant_id", "server_id"),
    Index("ix_retiring_server_tokens_expires_at", "expires_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # Cascades, unlike the others: an answer is nothing that a delete could forget to revoke.
    Column("tenant_id", IdText, ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("key_digest", LargeBinary, primary_key=True),
    Column("sealed_answer", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(key_digest) = 32", name="digest_length"),
    Index("ix_idempotency_keys_key_digest", "key_digest"),
    Index("ix_idempotency_keys_expires_at", "expires_at"),
)

token_outbox = Table(
    "token_outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("token_digest", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("dead", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('server', 'api_token')", name="kind_known"),
    CheckConstraint(DIGEST_CHECK, name="digest_length"),
)

audit_log = Table(
    "audit_log",
    metadata,
    id_column(),
    # No foreign key: the rows outlive the tenant.
    Column("tenant_id", IdText, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text),
    Column("action", Text, nullable=False),
    Column("object_type", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("request_id", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    UniqueConstraint("tenant_id", "seq"),
    CheckConstraint("seq > 0", name="seq_positive"),
    CheckConstraint("actor_kind IN ('operator', 'api_token', 'system')", name="actor_kind_known"),
    CheckConstraint(CHAINED_CHECK, name="digest_length"),
    Index("ix_audit_log_tenant_id_id", "tenant_id", "id"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("tenant_id", IdText, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    CheckConstraint("seq >= 0", name="seq_not_negative"),
    CheckConstraint(CHAINED_CHECK, name="digest_length"),
)

tool_calls = Table(
    "tool_calls",
    metadata,
    # Sorts by time of the call, so one key serves order, time ranges, retention and, one day, partitions.
    id_column(),
    # No foreign keys: a call may end after its server was deleted; the sweep removes rows of deleted tenants.
    Column("tenant_id", IdText, nullable=False),
    Column("account_id", IdText, nullable=False),
    Column("server_id", IdText),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("tool", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("upstream_status", Integer),
    Column("upstream_ms", Double, nullable=False),
    Column("caller_gone", Boolean, nullable=False),
    Column("client", Text),
    Column("arguments_hash", Text, nullable=False),
    Column("arguments", Text),
    Column("arguments_truncated", Boolean, nullable=False),
    Column("request_id", Text),
    Column("trace_id", Text),
    Index("ix_tool_calls_tenant_id_id", "tenant_id", "id"),
    Index("ix_tool_calls_server_id_id", "server_id", "id"),
    Index("ix_tool_calls_status_id", "status", "id", postgresql_where=text("status <> 'ok'")),
)

APPLICATION_PRIVILEGES = {
    "tenants": "SELECT, INSERT, UPDATE, DELETE",
    "api_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "integrated_accounts": "SELECT, INSERT, UPDATE, DELETE",
    "mcp_servers": "SELECT, INSERT, UPDATE, DELETE",
    # UPDATE only so that SELECT … FOR UPDATE may lock the rows being swept.
    "retiring_server_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    # UPDATE only so that SELECT … FOR UPDATE may lock the rows being delivered.
    "token_outbox": "SELECT, INSERT, UPDATE, DELETE",
    # Rows are added and never changed; the head of a chain moves on with each.
    "audit_log": "SELECT, INSERT",
    "audit_heads": "SELECT, INSERT, UPDATE",
    # Rows come and go through functions, since one batch holds rows of many tenants.
    "tool_calls": "SELECT",
    "alembic_version": "SELECT",
}
"""What the application's role may do with each table; everything else is revoked."""
