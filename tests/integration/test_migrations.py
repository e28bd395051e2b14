"""The schema on both databases: up, down and up again, no drift, and tables that can only be added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from ror_service.errors import UnsafeConfigurationError
from ror_service.storage import migrations
from ror_service.storage.database import make_engine
from ror_service.storage.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

APPEND_ONLY = (
    "audit_events",
    "consent_records",
    "module_decisions",
    "release_decisions",
    "receipts",
    "interpretations",
    "artifacts",
    "outside_calls",
    "outreach_tries",
    "designee_namings",
    "review_notes",
    "appointments",
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


def _made_by_migrations(engine: Engine) -> set[str]:
    """Names of all tables, indexes, triggers, functions and types that are there, but for Alembic's own."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE tbl_name != 'alembic_version'",
        "postgresql": (
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "UNION SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "UNION SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace "
            "UNION SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal"
        ),
    }
    with engine.connect() as connection:
        names = connection.scalars(text(queries[engine.dialect.name])).all()
    return {name for name in names if "alembic_version" not in name}


def test_up_down_and_up_again_leaves_the_tables_of_the_code(engine: Engine) -> None:
    migrations.upgrade(engine)
    assert migrations.drift(engine) == []
    first = _made_by_migrations(engine)
    assert set(Base.metadata.tables) <= first
    migrations.downgrade(engine, "base")
    assert _made_by_migrations(engine) == set()
    migrations.upgrade(engine)
    assert _made_by_migrations(engine) == first
    assert migrations.drift(engine) == []
    migrations.check(engine)


@pytest.mark.parametrize(
    "change", ["ALTER TABLE samples ADD COLUMN note VARCHAR(20)", "DROP INDEX ix_result_cases_state"]
)
def test_drift_is_seen(engine: Engine, change: str) -> None:
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(change))
    assert len(migrations.drift(engine)) == 1


@pytest.mark.parametrize("revision", ["base", "0001"])
def test_a_schema_of_another_version_is_refused(engine: Engine, revision: str) -> None:
    migrations.upgrade(engine)
    migrations.downgrade(engine, revision)
    with pytest.raises(UnsafeConfigurationError, match="ror db upgrade"):
        migrations.check(engine)


def test_a_database_without_a_schema_is_refused(engine: Engine) -> None:
    with pytest.raises(UnsafeConfigurationError, match="schema None"):
        migrations.check(engine)


def _insert_an_event(engine: Engine) -> None:
    row = {column.name: "x" for column in Base.metadata.tables["audit_events"].columns}
    row |= {"sequence": 1, "at": "2026-01-02 03:04:05+00:00", "details": "{}", "participant_id": None}
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO audit_events ({names}) VALUES ({values})"), row)


def _actions(engine: Engine, table: str) -> list[str]:
    column = Base.metadata.tables[table].primary_key.columns[0].name
    actions = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    return [*actions, f"TRUNCATE {table} CASCADE"] if engine.dialect.name == "postgresql" else actions


def test_what_was_said_and_done_cannot_be_changed_or_removed(engine: Engine) -> None:
    migrations.upgrade(engine)
    _insert_an_event(engine)
    for action in _actions(engine, "audit_events"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(action))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit_events")) == 1


def _insert_an_artifact(engine: Engine) -> None:
    """A file of a report, without the report: what it belongs to does not matter here."""
    row = {column.name: "x" for column in Base.metadata.tables["artifacts"].columns if column.name != "audience"}
    row |= {"sealed": b"x"}
    unchecked = {"sqlite": "PRAGMA foreign_keys=OFF", "postgresql": "SET session_replication_role = replica"}
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(unchecked[engine.dialect.name])
        mark = {"sqlite": ":{}", "postgresql": "%({})s"}[engine.dialect.name]
        values = ", ".join(mark.format(name) for name in row)
        cursor.execute(f"INSERT INTO artifacts ({', '.join(row)}) VALUES ({values})", row)
        connection.commit()
    finally:
        connection.close()
        engine.dispose()


def test_files_that_were_there_before_audiences_are_the_participants_and_stay_as_they_are(engine: Engine) -> None:
    migrations.upgrade(engine, "0002")
    _insert_an_artifact(engine)
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT audience FROM artifacts")).all() == ["participant"]
    for action in _actions(engine, "artifacts"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(action))
    migrations.downgrade(engine, "0002")
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT name FROM artifacts")).all() == ["x"]


@pytest.mark.services
def test_every_append_only_table_refuses_on_postgresql_even_when_it_is_empty(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    migrations.upgrade(engine)
    for table in APPEND_ONLY:
        for action in _actions(engine, table):
            with pytest.raises(DBAPIError, match=f"table {table} is append-only"), engine.begin() as connection:
                connection.execute(text(action))
    migrations.downgrade(engine, "0001")
    with engine.begin() as connection:
        for action in _actions(engine, "audit_events"):
            connection.execute(text(action))  # without the triggers nothing refuses: it is they that do
    engine.dispose()
