"""Withdrawals with their certificates, when a recall was sent, and in which capacity somebody answered."""

import sqlalchemy as sa

from alembic import op
from ror_service.storage.database import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ANSWERS = ("consent_records", "module_decisions")


def upgrade() -> None:
    """Bring the schema forward."""
    for table in ANSWERS:
        op.add_column(table, sa.Column("capacity", sa.String(length=200), server_default="self", nullable=False))
        op.add_column(table, sa.Column("answered_by", sa.String(length=200), nullable=True))
    op.create_index("ix_module_decisions_re_offer_at", "module_decisions", ["re_offer_at"], unique=False)
    op.add_column("recalls", sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True))
    op.create_table(
        "withdrawals",
        sa.Column("withdrawal_id", sa.String(length=200), nullable=False),
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("requested_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("certified_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_withdrawals_participant_id")
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", name=op.f("pk_withdrawals")),
    )
    op.create_index("ix_withdrawals_participant_id", "withdrawals", ["participant_id"], unique=False)


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("ix_withdrawals_participant_id", table_name="withdrawals")
    op.drop_table("withdrawals")
    op.drop_column("recalls", "sent_at")
    op.drop_index("ix_module_decisions_re_offer_at", table_name="module_decisions")
    for table in ANSWERS:
        op.drop_column(table, "answered_by")
        op.drop_column(table, "capacity")
