"""Row-level security, forced, on every table with a tenant, and the functions for the few paths without one.

Why: the second wall between tenants (docs/adr/0007-row-level-security.md).
Safe for the code already deployed: no. Code of revision 0002 names no tenant in its transactions and so would find no
rows; stop it before this runs.

Revision: 0003
Revises: 0002
"""

from alembic import op

from mcp_gateway.schema.isolation import definer_function, expose, isolate

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TENANT_COLUMNS = {
    "tenants": "id",
    "api_tokens": "tenant_id",
    "integrated_accounts": "tenant_id",
    "mcp_servers": "tenant_id",
}
PAGE = "after_id text, at_most integer"
EXPIRED = "expires_at <= pg_catalog.now() LIMIT at_most FOR UPDATE SKIP LOCKED"


def owner_of(name: str, parameter: str, table: str, column: str) -> tuple[str, ...]:
    """Hands out a tenant's id and nothing of the row; the row itself is read behind the policies afterwards."""
    wanted, _, kind = parameter.partition(" ")
    body = f"SELECT t.tenant_id FROM public.{table} t WHERE t.{column} = {name}.{wanted}"  # noqa: S608 - constants
    return definer_function(name, f"{wanted} {kind}", returns="text", body=body)


def page_of(name: str, table: str, columns: dict[str, str], where: str = "true") -> tuple[str, ...]:
    """One page of all tenants' rows, newest first, as storage/rows.py pages them."""
    returns = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    listed = ", ".join(f"t.{column}" for column in columns)
    body = (
        f"SELECT {listed} FROM public.{table} t "  # noqa: S608 - constants
        f"WHERE (after_id IS NULL OR t.id < after_id) AND {where} ORDER BY t.id DESC LIMIT at_most"
    )
    return definer_function(name, PAGE, returns=f"TABLE ({returns})", body=body)


def sweep_of(name: str, table: str) -> tuple[str, ...]:
    """Deletes expired rows of all tenants; what their tokens were goes into the outbox, in the caller's transaction."""
    body = (
        f"DELETE FROM public.{table} t "  # noqa: S608 - constants
        f"WHERE t.id = ANY (ARRAY(SELECT e.id FROM public.{table} e WHERE e.{EXPIRED})) "
        "RETURNING t.token_digest, t.version"
    )
    returns = "TABLE (token_digest bytea, version bigint)"
    return definer_function(name, "at_most integer", returns=returns, body=body, volatility="VOLATILE")


STAMPS = {"version": "bigint", "created_at": "timestamptz", "updated_at": "timestamptz"}
FUNCTIONS = {
    "tenant_by_server_digest(bytea)": owner_of(
        "tenant_by_server_digest", "digest bytea", "mcp_servers", "token_digest"
    ),
    "tenant_by_api_token_digest(bytea)": owner_of(
        "tenant_by_api_token_digest", "digest bytea", "api_tokens", "token_digest"
    ),
    "tenant_by_account_id(text)": owner_of("tenant_by_account_id", "account_id text", "integrated_accounts", "id"),
    "tenant_by_api_token_id(text)": owner_of("tenant_by_api_token_id", "token_id text", "api_tokens", "id"),
    "list_tenants(text, integer)": page_of("list_tenants", "tenants", {"id": "text", "name": "text", **STAMPS}),
    "list_accounts(text, integer)": page_of(
        "list_accounts",
        "integrated_accounts",
        {"id": "text", "tenant_id": "text", "integration": "text", "name": "text", "credentials_hint": "text"} | STAMPS,
    ),
    "list_api_tokens(text, integer)": page_of(
        "list_api_tokens",
        "api_tokens",
        {"id": "text", "tenant_id": "text", "name": "text", "token_hint": "text", "scopes": "text[]"}
        | {"expires_at": "timestamptz", "created_at": "timestamptz"},
        where="(t.expires_at IS NULL OR t.expires_at > pg_catalog.now())",
    ),
    "delete_expired_servers(integer)": sweep_of("delete_expired_servers", "mcp_servers"),
    "delete_expired_api_tokens(integer)": sweep_of("delete_expired_api_tokens", "api_tokens"),
}


def upgrade() -> None:
    for table, column in TENANT_COLUMNS.items():
        for statement in isolate(table, column):
            op.execute(statement)
    for statements in FUNCTIONS.values():
        for statement in statements:
            op.execute(statement)


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION public.{signature}")
    for table in TENANT_COLUMNS:
        for statement in expose(table):
            op.execute(statement)
