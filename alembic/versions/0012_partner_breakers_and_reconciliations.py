"""A partner that does not answer is left alone for a while; its ledger is compared with every delivery."""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "partner_breakers",
        sa.Column("partner_id", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.organization_id"], name=op.f("fk_partner_breakers_partner_id")
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_partner_breakers")),
    )
    op.create_table(
        "reconciliations",
        sa.Column("reconciliation_id", sa.String(length=200), nullable=False),
        sa.Column("partner_id", sa.String(length=200), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.organization_id"], name=op.f("fk_reconciliations_partner_id")
        ),
        sa.PrimaryKeyConstraint("reconciliation_id", name=op.f("pk_reconciliations")),
    )
    op.create_index("ix_reconciliations_partner_id", "reconciliations", ["partner_id"], unique=False)


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("ix_reconciliations_partner_id", table_name="reconciliations")
    op.drop_table("reconciliations")
    op.drop_table("partner_breakers")
