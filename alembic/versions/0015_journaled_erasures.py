"""Which destroyed data keys are written down outside of the database, so that no backup brings them back."""

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UNJOURNALED = sa.text("destroyed_at IS NOT NULL AND journaled_at IS NULL")


def upgrade() -> None:
    """Bring the schema forward; what was destroyed before is written down too."""
    op.add_column("data_keys", sa.Column("journaled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_data_keys_unjournaled", "data_keys", ["key_id"], postgresql_where=UNJOURNALED, sqlite_where=UNJOURNALED
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("ix_data_keys_unjournaled", table_name="data_keys")
    op.drop_column("data_keys", "journaled_at")
