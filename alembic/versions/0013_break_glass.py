"""Reading a participant's reports without having the case: one person asks, another allows it for a time."""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "break_glass_grants",
        sa.Column("grant_id", sa.String(length=200), nullable=False),
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("requested_by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> requested_by", name=op.f("ck_break_glass_grants_second_person")
        ),
        sa.CheckConstraint(
            "(approved_by IS NULL AND approved_at IS NULL AND expires_at IS NULL) OR "
            "(approved_by <> '' AND approved_by IS NOT NULL AND approved_at IS NOT NULL AND expires_at IS NOT NULL)",
            name=op.f("ck_break_glass_grants_approved_with_expiry"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_break_glass_grants_reason")),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_break_glass_grants_participant_id")
        ),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_break_glass_grants")),
    )
    op.create_index("ix_break_glass_grants_participant_id", "break_glass_grants", ["participant_id"], unique=False)
    op.create_index("ix_break_glass_grants_requested_by", "break_glass_grants", ["requested_by"], unique=False)


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("ix_break_glass_grants_requested_by", table_name="break_glass_grants")
    op.drop_index("ix_break_glass_grants_participant_id", table_name="break_glass_grants")
    op.drop_table("break_glass_grants")
