"""Fingerprints, sealed; identity cases with their samples and a reasoned resolution; relatives by birth."""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. A case that was resolved before says so in place of a reason."""
    op.create_table(
        "fingerprints",
        sa.Column("sample_id", sa.String(length=200), nullable=False),
        sa.Column("panel_release", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key_id", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.key_id"], name=op.f("fk_fingerprints_data_key_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_fingerprints_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_fingerprints")),
    )
    op.create_table(
        "identity_case_samples",
        sa.Column("identity_case_id", sa.String(length=200), nullable=False),
        sa.Column("sample_id", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_case_id"],
            ["identity_cases.identity_case_id"],
            name=op.f("fk_identity_case_samples_identity_case_id"),
        ),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_identity_case_samples_sample_id")),
        sa.PrimaryKeyConstraint("identity_case_id", "sample_id", name=op.f("pk_identity_case_samples")),
    )
    op.create_index("ix_identity_case_samples_sample_id", "identity_case_samples", ["sample_id"], unique=False)
    op.create_table(
        "relationships",
        sa.Column("participant_id", sa.String(length=200), nullable=False),
        sa.Column("relative_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("registered_by", sa.String(length=200), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.participant_id"], name=op.f("fk_relationships_participant_id")
        ),
        sa.ForeignKeyConstraint(
            ["relative_id"], ["participants.participant_id"], name=op.f("fk_relationships_relative_id")
        ),
        sa.PrimaryKeyConstraint("participant_id", "relative_id", name=op.f("pk_relationships")),
    )
    op.create_index("ix_relationships_relative_id", "relationships", ["relative_id"], unique=False)
    with op.batch_alter_table("identity_cases") as batch_op:
        batch_op.add_column(sa.Column("resolution", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("resolution_reason", sa.String(length=2000), nullable=True))
    op.execute(
        "UPDATE identity_cases SET resolved_by = COALESCE(resolved_by, 'not recorded'), resolution = 'not_recorded', "
        "resolution_reason = 'resolved before reasons were kept' WHERE resolved_at IS NOT NULL"
    )
    with op.batch_alter_table("identity_cases") as batch_op:
        batch_op.create_check_constraint(
            op.f("ck_identity_cases_resolved_with_reason"),
            "resolved_at IS NULL OR "
            "(resolved_by <> '' AND resolution IS NOT NULL AND resolved_by IS NOT NULL "
            "AND resolution_reason IS NOT NULL AND resolution_reason <> '')",
        )


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("identity_cases") as batch_op:
        batch_op.drop_constraint(op.f("ck_identity_cases_resolved_with_reason"), type_="check")
        batch_op.drop_column("resolution_reason")
        batch_op.drop_column("resolution")
    op.drop_index("ix_relationships_relative_id", table_name="relationships")
    op.drop_table("relationships")
    op.drop_index("ix_identity_case_samples_sample_id", table_name="identity_case_samples")
    op.drop_table("identity_case_samples")
    op.drop_table("fingerprints")
