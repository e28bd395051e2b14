"""What interpreters need of a sample's file is kept sealed, with an index of carried variants that can be rebuilt."""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Samples that were read before have nothing stored: their files are read as before."""
    op.create_table(
        "genotype_catalogues",
        sa.Column("digest", sa.String(length=200), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_genotype_catalogues")),
    )
    op.create_table(
        "variant_segments",
        sa.Column("segment_id", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("data_key_id", sa.String(length=200), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.key_id"], name=op.f("fk_variant_segments_data_key_id")),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_variant_segments")),
    )
    op.create_table(
        "stored_genotypes",
        sa.Column("sample_id", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key_id", sa.String(length=200), nullable=False),
        sa.Column("build", sa.String(length=200), nullable=False),
        sa.Column("catalogue_digest", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("segment_id", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["catalogue_digest"], ["genotype_catalogues.digest"], name=op.f("fk_stored_genotypes_catalogue_digest")
        ),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.key_id"], name=op.f("fk_stored_genotypes_data_key_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_stored_genotypes_sample_id")),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["variant_segments.segment_id"], name=op.f("fk_stored_genotypes_segment_id")
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_stored_genotypes")),
    )
    op.create_index("ix_stored_genotypes_segment_id", "stored_genotypes", ["segment_id"], unique=False)


def downgrade() -> None:
    """Take the schema back. What was stored is lost; the files are read instead."""
    op.drop_index("ix_stored_genotypes_segment_id", table_name="stored_genotypes")
    op.drop_table("stored_genotypes")
    op.drop_table("variant_segments")
    op.drop_table("genotype_catalogues")
