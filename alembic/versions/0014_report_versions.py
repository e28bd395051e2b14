"""The next version of a returned report, and what takes the place of one that does not hold goes before other work."""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPEN = sa.text("state NOT IN ('available', 'revoked')")
_JOB_OPEN = sa.text("done_at IS NULL AND dead_at IS NULL")
_REFERENCES = (
    ("case_id", "result_cases.case_id"),
    ("participant_id", "participants.participant_id"),
    ("data_key_id", "data_keys.key_id"),
    ("sample_id", "samples.sample_id"),
    ("interpretation_id", "interpretations.interpretation_id"),
    ("version_id", "report_versions.version_id"),
)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=200), nullable=nullable)


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "amendments",
        *(_text(name) for name in ("amendment_id", "case_id", "participant_id", "module", "kind", "reason")),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        _text("ordered_by"),
        _text("role"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        *(_text(name, nullable=True) for name in ("data_key_id", "sample_id", "interpretation_id")),
        sa.Column("requires_confirmation", sa.Boolean(), nullable=False),
        _text("confirmation"),
        _text("disclosure"),
        _text("state"),
        _text("version_id", nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_amendments_{column}"))
            for column, target in _REFERENCES
        ),
        sa.PrimaryKeyConstraint("amendment_id", name=op.f("pk_amendments")),
    )
    for column in ("case_id", "participant_id", "data_key_id"):
        op.create_index(f"ix_amendments_{column}", "amendments", [column], unique=False)
    op.create_index(
        "uq_amendments_open", "amendments", ["case_id"], unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN
    )
    op.add_column("report_versions", sa.Column("withdrawn_cause", sa.String(length=200), nullable=True))
    op.add_column("jobs", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("ix_jobs_open", table_name="jobs")
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["task", "urgent", "backfill", "available_at"],
        postgresql_where=_JOB_OPEN,
        sqlite_where=_JOB_OPEN,
    )


def downgrade() -> None:
    """Take the schema back. Versions on the way are lost with what was decided about them."""
    op.drop_index("ix_jobs_open", table_name="jobs")
    op.create_index(
        "ix_jobs_open", "jobs", ["task", "backfill", "available_at"], postgresql_where=_JOB_OPEN, sqlite_where=_JOB_OPEN
    )
    op.drop_column("jobs", "urgent")
    op.drop_column("report_versions", "withdrawn_cause")
    op.drop_table("amendments")
