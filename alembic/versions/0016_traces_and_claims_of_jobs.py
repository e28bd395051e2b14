"""A job remembers what ordered it, for traces, and when a worker last took it, for health."""

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("jobs", sa.Column("traceparent", sa.String(length=55), nullable=True))
    op.add_column("jobs", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_jobs_claimed_at", "jobs", ["claimed_at"], unique=False)


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("ix_jobs_claimed_at", table_name="jobs")
    op.drop_column("jobs", "claimed_at")
    op.drop_column("jobs", "traceparent")
