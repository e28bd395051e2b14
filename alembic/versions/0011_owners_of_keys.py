"""What a data key seals is found by the key: rotation asks for it, a portion of keys at a time."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = (
    "own_medicines",
    "data_files",
    "outside_calls",
    "variant_segments",
    "stored_genotypes",
    "fingerprints",
    "interpretations",
    "report_versions",
)


def upgrade() -> None:
    """Add the indexes."""
    for table in TABLES:
        op.create_index(f"ix_{table}_data_key_id", table, ["data_key_id"])


def downgrade() -> None:
    """Remove the indexes."""
    for table in TABLES:
        op.drop_index(f"ix_{table}_data_key_id", table_name=table)
