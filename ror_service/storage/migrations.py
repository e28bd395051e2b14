"""Schema versions: up, down, and whether a database has the one that this program needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

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


def check(engine: Engine) -> None:
    """Refuse to run on a schema of another version.

    Raises:
        UnsafeConfigurationError: Naming both versions and the remedy.
    """
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - as above
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(_config(connection)).get_current_head()
    if found != wanted:
        raise UnsafeConfigurationError(f"the database has schema {found}, this program needs {wanted}: ror db upgrade")


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(folder()))
    config.attributes["connection"] = connection
    return config
