"""PostgreSQL itself shows each caller the rows that `ror_service.storage.row_security` lists, and no other.

A later revision that adds a table with a person's data, or changes the policy, ends with `row_security.install` too.
"""

from alembic import op
from ror_service.storage import row_security

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    row_security.install(op.get_bind())


def downgrade() -> None:
    """Take the schema back."""
    row_security.remove(op.get_bind())
