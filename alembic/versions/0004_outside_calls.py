"""Pharmacogene results that a laboratory got by another method, sealed; rows can be added, never changed or removed."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "outside_calls",
        sa.Column("sample_id", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key_id", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.key_id"], name=op.f("fk_outside_calls_data_key_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_outside_calls_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_outside_calls")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outside_calls "
            "FOR EACH STATEMENT EXECUTE FUNCTION ror_append_only()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER append_only_outside_calls_{action.lower()} BEFORE {action} ON outside_calls "
            "BEGIN SELECT RAISE(ABORT, 'table outside_calls is append-only'); END"
        )


def downgrade() -> None:
    """Take the schema back; the triggers go with the table."""
    op.drop_table("outside_calls")
