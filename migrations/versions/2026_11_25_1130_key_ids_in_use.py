"""Which encryption keys stored secrets are sealed with.

Why: `serve` refuses to start without a key that is needed, and `rotate-keys` finds what it has to do.
Safe for the code already deployed: yes; it looks at neither function.

Revision: 0007
Revises: 0006
"""

from alembic import op

from mcp_gateway.schema.isolation import definer_function

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The form is that of kit/sealing.py: one byte of length, then the id in ASCII.
KEY_ID = """
CREATE FUNCTION public.sealed_key_id(sealed bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $function$
SELECT CASE WHEN octet_length(sealed) = 0 THEN ''
ELSE encode(substring(sealed FROM 2 FOR get_byte(sealed, 0)), 'escape') END
$function$
"""
IN_USE = "SELECT DISTINCT public.sealed_key_id(a.sealed_api_key) FROM public.integrated_accounts a"


def upgrade() -> None:
    op.execute(KEY_ID)
    for statement in definer_function("key_ids_in_use", "", returns="TABLE (key_id text)", body=IN_USE):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.key_ids_in_use()")
    op.execute("DROP FUNCTION public.sealed_key_id(bytea)")
