"""Notes on reviews, dates of appointments, and filters of the work list that somebody keeps under a name."""

import sqlalchemy as sa

from alembic import op
from ror_service.storage import row_security
from ror_service.storage.database import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
APPEND_ONLY = ("review_notes", "appointments")


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "review_notes",
        sa.Column("note_id", sa.String(length=200), nullable=False),
        sa.Column("review_id", sa.String(length=200), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["review_cases.review_id"], name=op.f("fk_review_notes_review_id")),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_review_notes")),
    )
    op.create_index("ix_review_notes_review_id", "review_notes", ["review_id"], unique=False)
    op.create_table(
        "appointments",
        sa.Column("appointment_id", sa.String(length=200), nullable=False),
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("interpretation_id", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(length=200), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_appointments_participant_id")
        ),
        sa.ForeignKeyConstraint(
            ["interpretation_id"], ["interpretations.interpretation_id"], name=op.f("fk_appointments_interpretation_id")
        ),
        sa.PrimaryKeyConstraint("appointment_id", name=op.f("pk_appointments")),
        sa.UniqueConstraint("interpretation_id", "number", name=op.f("uq_appointments_interpretation_id_number")),
    )
    op.create_index("ix_appointments_participant_id", "appointments", ["participant_id"], unique=False)
    op.create_table(
        "saved_filters",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("query", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_saved_filters")),
    )
    for table in APPEND_ONLY:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ror_append_only()"
            )
            continue
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER append_only_{table}_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END"
            )
    row_security.install(op.get_bind())


def downgrade() -> None:
    """Take the schema back; the triggers go with the tables."""
    for table in ("saved_filters", *APPEND_ONLY):
        op.drop_table(table)
