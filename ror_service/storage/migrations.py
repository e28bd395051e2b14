"""Schema versions: up, down, and whether a database has the one that this program needs."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ror_service.errors import UnsafeConfigurationError
from ror_service.storage import row_security

if TYPE_CHECKING:
    from alembic.config import Config


def folder() -> Path:
    """Folder of the migrations: inside the installed package, or at the top of a checkout."""
    here = Path(__file__).resolve().parents[1]
    packaged = here / "migrations"
    return packaged if packaged.is_dir() else here.parent / "alembic"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema forward to a revision."""
    from alembic import command  # noqa: PLC0415 - takes over a second to import; few commands need it

    with engine.begin() as connection:
        row_security.speak_as_service(connection)
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to a revision; `base` is the empty database."""
    from alembic import command  # noqa: PLC0415 - as above

    with engine.begin() as connection:
        row_security.speak_as_service(connection)
        command.downgrade(_config(connection), revision)


def drift(engine: Engine) -> list[object]:
    """Differences between the migrated database and the tables in code; empty when there are none."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - as above
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    from ror_service.storage.tables import Base  # noqa: PLC0415

    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


@functools.cache
def expected() -> str:
    """The schema version that this program needs."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    return str(ScriptDirectory.from_config(_config()).get_current_head())


def found(connection: Connection) -> str | None:
    """The schema version of the database."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - as above

    return MigrationContext.configure(connection).get_current_revision()


def answers(engine: Engine) -> bool:
    """Whether the database answers at all."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def check(engine: Engine) -> None:
    """Refuse to run on a schema of another version.

    Raises:
        UnsafeConfigurationError: Naming both versions and the remedy.
    """
    with engine.connect() as connection:
        there = found(connection)
    if there != expected():
        raise UnsafeConfigurationError(
            f"the database has schema {there}, this program needs {expected()}: ror db upgrade"
        )


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(folder()))
    config.attributes["connection"] = connection
    return config
