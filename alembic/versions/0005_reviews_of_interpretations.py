"""A review is of one interpretation: a case that is reanalyzed may have more than one over time."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Every review that there is, is of what its case rests on."""
    with op.batch_alter_table("review_cases") as batch_op:
        batch_op.add_column(sa.Column("interpretation_id", sa.String(length=200), nullable=True))
        batch_op.drop_constraint("uq_review_cases_case_id", type_="unique")
    op.execute(
        "UPDATE review_cases SET interpretation_id = "
        "(SELECT interpretation_id FROM result_cases WHERE result_cases.case_id = review_cases.case_id)"
    )
    with op.batch_alter_table("review_cases") as batch_op:
        batch_op.alter_column("interpretation_id", existing_type=sa.String(length=200), nullable=False)
        batch_op.create_foreign_key(
            "fk_review_cases_interpretation_id", "interpretations", ["interpretation_id"], ["interpretation_id"]
        )
        batch_op.create_unique_constraint("uq_review_cases_interpretation_id", ["interpretation_id"])
        batch_op.create_index("ix_review_cases_case_id", ["case_id"], unique=False)


def downgrade() -> None:
    """Take the schema back; refused by the database where a case has been reanalyzed since."""
    with op.batch_alter_table("review_cases") as batch_op:
        batch_op.drop_index("ix_review_cases_case_id")
        batch_op.drop_constraint("uq_review_cases_interpretation_id", type_="unique")
        batch_op.drop_constraint("fk_review_cases_interpretation_id", type_="foreignkey")
        batch_op.create_unique_constraint("uq_review_cases_case_id", ["case_id"])
        batch_op.drop_column("interpretation_id")
