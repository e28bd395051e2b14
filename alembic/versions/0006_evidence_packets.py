"""Reviews have an urgency, and what is decided on a variant is kept for the next carrier, without the carrier."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Reviews that are open get the usual urgency of their tier: what they hold is sealed."""
    with op.batch_alter_table("review_cases") as batch_op:
        batch_op.add_column(sa.Column("urgency", sa.String(length=200), nullable=True))
    op.execute("UPDATE review_cases SET urgency = CASE tier WHEN 'laboratory_director' THEN 'soon' ELSE 'routine' END")
    with op.batch_alter_table("review_cases") as batch_op:
        batch_op.alter_column("urgency", existing_type=sa.String(length=200), nullable=False)
    op.create_table(
        "variant_decisions",
        sa.Column("decision_id", sa.String(length=200), nullable=False),
        sa.Column("variant_hash", sa.String(length=200), nullable=False),
        sa.Column("disposition", sa.String(length=200), nullable=False),
        sa.Column("genotype", sa.String(length=200), nullable=False),
        sa.Column("knowledge_release", sa.String(length=200), nullable=False),
        sa.Column("decided_in", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_variant_decisions")),
    )
    op.create_index("ix_variant_decisions_variant_hash", "variant_decisions", ["variant_hash"], unique=False)


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("ix_variant_decisions_variant_hash", table_name="variant_decisions")
    op.drop_table("variant_decisions")
    with op.batch_alter_table("review_cases") as batch_op:
        batch_op.drop_column("urgency")
