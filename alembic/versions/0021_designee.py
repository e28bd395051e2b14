"""Who may ask for results after a death, what is kept for that person, and grants to read it by two people."""

import sqlalchemy as sa

from alembic import op
from ror_service.storage import row_security
from ror_service.storage.database import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "designee_namings",
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("data_key_id", sa.String(length=200), nullable=True),
        sa.Column("authored_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("received_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_designee_namings_participant_id")
        ),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.key_id"], name=op.f("fk_designee_namings_data_key_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_designee_namings")),
    )
    for column in ("participant_id", "data_key_id"):
        op.create_index(f"ix_designee_namings_{column}", "designee_namings", [column], unique=False)
    op.add_column("report_versions", sa.Column("kept_until", UtcDateTime(timezone=True), nullable=True))
    op.create_index("ix_report_versions_kept_until", "report_versions", ["kept_until"], unique=False)
    op.add_column(
        "break_glass_grants",
        sa.Column("purpose", sa.String(length=200), server_default="break_glass", nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON designee_namings "
            "FOR EACH STATEMENT EXECUTE FUNCTION ror_append_only()"
        )
    else:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER append_only_designee_namings_{action.lower()} BEFORE {action} ON designee_namings "
                "BEGIN SELECT RAISE(ABORT, 'table designee_namings is append-only'); END"
            )
    row_security.install(op.get_bind())


def downgrade() -> None:
    """Take the schema back; the triggers go with the table."""
    if op.get_bind().dialect.name == "postgresql":
        # The rules that name them go, too: nobody sees these rows until others are installed.
        op.execute("ALTER TABLE break_glass_grants DROP COLUMN purpose CASCADE")
        op.execute("DROP TABLE designee_namings CASCADE")
    else:
        op.drop_column("break_glass_grants", "purpose")
        op.drop_table("designee_namings")
    op.drop_index("ix_report_versions_kept_until", table_name="report_versions")
    op.drop_column("report_versions", "kept_until")
