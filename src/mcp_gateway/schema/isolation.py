"""Row-level security: the statements that put a table behind it, and the few functions that look past it.

Migrations use the two helpers here. They are as frozen as the migrations themselves: one that has run is not run again.
"""

from mcp_gateway.schema import tables

TENANT_SETTING = "app.tenant"
"""The setting that names the tenant, for the length of one transaction and never of a session."""

# Empty is what PostgreSQL leaves behind after a transaction that set it; unset and empty both mean no tenant, no rows.
CURRENT_TENANT = f"NULLIF(current_setting('{TENANT_SETTING}', true), '')"

APPLICATION_FUNCTIONS = {
    "tenant_by_server_digest(bytea)": "token look-up: whose MCP token has this digest",
    "tenant_by_api_token_digest(bytea)": "token look-up: whose API token has this digest",
    "tenant_by_account_id(text)": "the operator names an integrated account: whose is it",
    "tenant_by_api_token_id(text)": "the operator names an API token: whose is it",
    "list_tenants(text, integer)": "the operator's list of tenants",
    "list_accounts(text, integer)": "the operator's list of integrated accounts, without keys",
    "list_api_tokens(text, integer)": "the operator's list of API tokens, without digests",
    "tenants_with_expired(integer)": "the expiry sweep: whose servers and tokens have expired",
    "list_audit_log(text, text, integer, timestamp with time zone, timestamp with time zone, text, text, text)": (
        "the operator's audit log"
    ),
    "tenant_by_idempotency_key(bytea)": "the operator repeats a request: whose change it made the first time",
    "delete_expired_idempotency_keys(integer)": "the sweep of answers that were kept long enough",
    "key_ids_in_use()": "the start of `serve`: which encryption keys stored secrets are sealed with",
    "record_server_use(text[], timestamp with time zone[], text[], text[])": "when MCP servers were last used",
    "add_tool_calls(jsonb)": "the log of tool calls: one batch holds calls of many tenants",
    "list_tool_calls(text, text, integer, timestamp with time zone, timestamp with time zone, text, text, text)": (
        "the operator's log of tool calls"
    ),
    "purge_tool_calls(text, integer)": "retention of the log of tool calls",
}
"""Every path without a tenant: a function that runs with its owner's rights, and why there is one.

The application's role may execute these and no other; docs/security.md lists them too, and a test compares both with
the database. A new one is a decision to be reviewed.
"""


def tenant_columns() -> dict[str, str]:
    """The tables that hold tenants' rows, each with the column that says whose."""
    owned = {table.name: "tenant_id" for table in tables.tenants.metadata.sorted_tables if "tenant_id" in table.c}
    return {"tenants": "id", **owned}


def isolate(table: str, column: str = "tenant_id") -> tuple[str, ...]:
    """Statements that put a table behind row-level security, for the upgrade of the migration that makes the table.

    Forced, so that the owner obeys policies as well; its own policy lets it see every row, which is what the functions
    above and `rotate-keys` need. Foreign keys are checked without policies by PostgreSQL itself.
    """
    of_this_tenant = f"({column} = {CURRENT_TENANT})"
    return (
        f"ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE public.{table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant_isolation ON public.{table} USING {of_this_tenant} WITH CHECK {of_this_tenant}",
        f"CREATE POLICY owner_sees_all ON public.{table} TO CURRENT_USER USING (true) WITH CHECK (true)",
    )


def expose(table: str) -> tuple[str, ...]:
    """What undoes `isolate`, for a downgrade that keeps the table."""
    return (
        f"DROP POLICY owner_sees_all ON public.{table}",
        f"DROP POLICY tenant_isolation ON public.{table}",
        f"ALTER TABLE public.{table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE public.{table} DISABLE ROW LEVEL SECURITY",
    )


def definer_function(
    name: str, parameters: str, *, returns: str, body: str, volatility: str = "STABLE"
) -> tuple[str, ...]:
    """Statements that make a function which runs with its owner's rights, executable by nobody else yet.

    Its search path holds the system's catalog alone, so `body` names tables as `public.…`: a caller's own objects of
    the same name are never meant (PostgreSQL, CREATE FUNCTION, "Writing SECURITY DEFINER Functions Safely").
    `mcp-gateway migrate` lets the application's role execute it once it stands in APPLICATION_FUNCTIONS.
    """
    create = (
        f"CREATE FUNCTION public.{name}({parameters}) RETURNS {returns} LANGUAGE sql {volatility} "
        f"SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$ {body} $function$"
    )
    return create, f"REVOKE ALL ON FUNCTION public.{name}({parameters}) FROM PUBLIC"
