"""Runs migrations on the connection that `ror_service.storage.migrations` hands over, online only."""

from alembic import context
from ror_service.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    # SQLite alters a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
