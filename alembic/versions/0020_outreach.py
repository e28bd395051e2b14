"""Steps taken to reach somebody whose result a counselor tells first; rows can be added, never changed or removed."""

import sqlalchemy as sa

from alembic import op
from ror_service.storage import row_security
from ror_service.storage.database import UtcDateTime

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "outreach_tries",
        sa.Column("try_id", sa.String(length=200), nullable=False),
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("interpretation_id", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("tried", sa.String(length=200), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_outreach_tries_participant_id")
        ),
        sa.ForeignKeyConstraint(
            ["interpretation_id"],
            ["interpretations.interpretation_id"],
            name=op.f("fk_outreach_tries_interpretation_id"),
        ),
        sa.PrimaryKeyConstraint("try_id", name=op.f("pk_outreach_tries")),
        sa.UniqueConstraint("interpretation_id", "number", name=op.f("uq_outreach_tries_interpretation_id_number")),
    )
    op.create_index("ix_outreach_tries_participant_id", "outreach_tries", ["participant_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outreach_tries "
            "FOR EACH STATEMENT EXECUTE FUNCTION ror_append_only()"
        )
    else:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER append_only_outreach_tries_{action.lower()} BEFORE {action} ON outreach_tries "
                "BEGIN SELECT RAISE(ABORT, 'table outreach_tries is append-only'); END"
            )
    row_security.install(op.get_bind())


def downgrade() -> None:
    """Take the schema back; the triggers go with the table."""
    op.drop_table("outreach_tries")
