"""The participant's own list of medicines, sealed; each file of a report says whom it is written for."""

import sqlalchemy as sa

import ror_service.storage.database
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "own_medicines",
        sa.Column("list_id", sa.String(length=200), nullable=False),
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key_id", sa.String(length=200), nullable=False),
        sa.Column("entered_at", ror_service.storage.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.key_id"], name=op.f("fk_own_medicines_data_key_id")),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_own_medicines_participant_id")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_own_medicines")),
        sa.UniqueConstraint("participant_id", name=op.f("uq_own_medicines_participant_id")),
    )
    # Every file that there is was written for the participant. Added in place: a copy of the table would lose the
    # triggers that keep it append-only.
    with op.batch_alter_table("artifacts", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("audience", sa.String(length=200), nullable=False, server_default="participant"))


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("artifacts", recreate="never") as batch_op:
        batch_op.drop_column("audience")
    op.drop_table("own_medicines")
