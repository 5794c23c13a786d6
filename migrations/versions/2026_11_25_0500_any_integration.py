"""Accounts of any integration the catalog describes, not of Richpanel alone.

Why: adding an integration is adding documents, and a migration is none.
Safe for the code already deployed: what it writes is allowed by the new check too.

Revision: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "integrated_accounts"
ONE = "ck_integrated_accounts_integration_known"
ANY = "ck_integrated_accounts_integration_form"


def upgrade() -> None:
    # Added without looking at the rows, which would hold the lock; they are looked at afterwards under a weaker one.
    op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {ANY} CHECK (integration ~ '^[a-z][a-z0-9_]{{0,63}}$') NOT VALID")
    op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {ONE}")
    op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {ANY}")


def downgrade() -> None:
    op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {ONE} CHECK (integration IN ('richpanel'))")
    op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {ANY}")
