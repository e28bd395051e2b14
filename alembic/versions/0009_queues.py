"""Weekly work goes before a backfill, and a file that lies in a center's folder is fetched by a job of its own."""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPEN = sa.text("done_at IS NULL AND dead_at IS NULL")
_ISSUED = sa.text("done_at IS NULL AND dead_at IS NULL AND issued_at IS NOT NULL")


def upgrade() -> None:
    """Bring the schema forward. All that is there is weekly work."""
    op.create_table(
        "listed_files",
        sa.Column("sample_id", sa.String(length=200), nullable=False),
        sa.Column("folder_url", sa.String(length=2000), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("refused_as", sa.String(length=200), nullable=True),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_listed_files_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_listed_files")),
    )
    for table in ("samples", "jobs"):
        op.add_column(table, sa.Column("backfill", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_jobs_open", "jobs", ["task", "backfill", "available_at"], postgresql_where=_OPEN, sqlite_where=_OPEN
    )
    op.create_index("ix_jobs_issued", "jobs", ["task", "backfill"], postgresql_where=_ISSUED, sqlite_where=_ISSUED)


def downgrade() -> None:
    """Take the schema back. The folders are looked at again by the next pass."""
    op.drop_index("ix_jobs_issued", table_name="jobs")
    op.drop_index("ix_jobs_open", table_name="jobs")
    for table in ("jobs", "samples"):
        op.drop_column(table, "backfill")
    op.drop_table("listed_files")
