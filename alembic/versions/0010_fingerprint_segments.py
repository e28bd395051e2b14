"""Fingerprints are kept in pieces as well, and beside stored genotypes the numbers of the alleles that they carry."""

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
_INDEX = "ix_stored_genotypes_segment_id_catalogue_digest_build_sample_id"


def upgrade() -> None:
    """Bring the schema forward. Pieces, and the numbers of what is stored already, are made when they are needed."""
    op.create_table(
        "fingerprint_segments",
        sa.Column("segment_id", sa.String(length=200), nullable=False),
        sa.Column("panel_release", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("data_key_id", sa.String(length=200), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_key_id"], ["data_keys.key_id"], name=op.f("fk_fingerprint_segments_data_key_id")
        ),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_fingerprint_segments")),
    )
    with op.batch_alter_table("fingerprints") as batch:
        batch.add_column(sa.Column("segment_id", sa.String(length=200), nullable=True))
        batch.create_foreign_key(
            op.f("fk_fingerprints_segment_id"), "fingerprint_segments", ["segment_id"], ["segment_id"]
        )
        batch.create_index("ix_fingerprints_segment_id", ["segment_id"], unique=False)
    op.add_column("stored_genotypes", sa.Column("carried", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_stored_genotypes_segment_id", "stored_genotypes")
    op.create_index(_INDEX, "stored_genotypes", ["segment_id", "catalogue_digest", "build", "sample_id"])


def downgrade() -> None:
    """Take the schema back. Pieces can be made again; nothing else is lost."""
    op.drop_index(_INDEX, "stored_genotypes")
    op.create_index("ix_stored_genotypes_segment_id", "stored_genotypes", ["segment_id"], unique=False)
    op.drop_column("stored_genotypes", "carried")
    with op.batch_alter_table("fingerprints") as batch:
        batch.drop_index("ix_fingerprints_segment_id")
        batch.drop_constraint(op.f("fk_fingerprints_segment_id"), type_="foreignkey")
        batch.drop_column("segment_id")
    op.drop_table("fingerprint_segments")
