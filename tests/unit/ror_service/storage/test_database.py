"""Times, engines and schema versions."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, StatementError
from support.consent_facts import NOW, PERSON
from support.service import Service

from ror_service.errors import NotFoundError, UnsafeConfigurationError
from ror_service.storage import data_keys, migrations, organizations, participants, results
from ror_service.storage.database import UtcDateTime, make_engine
from ror_service.storage.participants import Lock
from ror_service.storage.tables import Base, JobRow, ParticipantRow, SignOffRow

POSTGRESQL, SQLITE = postgresql.dialect(), sqlite.dialect()


# --- Times


@pytest.mark.parametrize("dialect", [POSTGRESQL, SQLITE], ids=["postgresql", "sqlite"])
def test_times_are_stored_in_utc_and_come_back_with_their_zone(dialect: object) -> None:
    column, elsewhere = UtcDateTime(), NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    stored = column.process_bind_param(elsewhere, dialect)
    assert stored is not None
    back = column.process_result_value(stored, dialect)
    assert back == NOW
    assert back.tzinfo is UTC
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None


def test_a_time_without_a_zone_is_refused(service: Service) -> None:
    naive = NOW.replace(tzinfo=None)
    with service.work() as work, pytest.raises(StatementError, match="without a zone"):
        work.session.scalars(select(JobRow).where(JobRow.created_at == naive)).all()


# --- Engines


def test_sqlite_checks_foreign_keys_and_has_one_writer(service: Service) -> None:
    facts = {"signer": "a", "role": "b", "dispositions": [], "reason": "c", "signed_at": NOW}
    with service.work() as work:
        work.session.add(SignOffRow(sign_off_id="sign-off-1", review_id="review-of-nobody", **facts))
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            work.session.flush()
        work.session.rollback()
    with service.context.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA secure_delete")).scalar() == 1


def test_an_engine_in_memory_and_one_for_postgresql_need_nothing_to_be_made() -> None:
    memory = make_engine("sqlite://")
    with memory.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    memory.dispose()
    assert make_engine("postgresql+psycopg://ror@localhost/ror").dialect.name == "postgresql"


# --- Schema versions


def test_up_down_and_no_drift(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'deep' / 'test.sqlite3'}")
    with pytest.raises(UnsafeConfigurationError, match="None"):
        migrations.check(engine)
    migrations.upgrade(engine)
    migrations.check(engine)
    assert migrations.drift(engine) == []
    assert set(Base.metadata.tables) <= set(inspect(engine).get_table_names())
    migrations.downgrade(engine, "0001")
    with pytest.raises(UnsafeConfigurationError, match="0001"):
        migrations.check(engine)
    migrations.downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrations.upgrade(engine)
    migrations.check(engine)
    engine.dispose()


def test_drift_is_named(service: Service) -> None:
    with service.context.engine.begin() as connection:
        connection.execute(text("ALTER TABLE organizations ADD COLUMN unheard_of TEXT"))
    assert "unheard_of" in str(migrations.drift(service.context.engine))


# --- Queries


def test_participants_are_locked_or_not_and_unknown_ones_are_told(service: Service) -> None:
    service.register("P-0002")
    service.register()
    with service.work() as work:
        for lock in Lock:
            assert participants.get(work.session, PERSON, lock).participant_id == PERSON
        assert list(participants.all_ids(work.session)) == [PERSON, "P-0002"]
        with pytest.raises(NotFoundError):
            participants.get(work.session, "P-unknown")
        with pytest.raises(NotFoundError):
            results.must_get(work.session, ParticipantRow, "P-unknown")


def test_partners_are_registered_and_replaced(service: Service) -> None:
    with service.work() as work:
        organizations.register_partner(work.session, "partner-1", {"host": "old"}, work.at)
        organizations.register_partner(work.session, "partner-1", {"host": "new"}, work.at)
        assert list(organizations.delivery_partners(work.session)) == [{"host": "new"}]
        assert organizations.delivery_partner(work.session, "partner-1") == {"host": "new"}
        with pytest.raises(NotFoundError):
            organizations.delivery_partner(work.session, "partner-2")


def test_only_what_a_key_sealed_dies_with_it(service: Service) -> None:
    service.available()
    service.available(participant_id="P-0002")
    with service.work() as work:
        case = results.current_case(work.session, PERSON, "traits")
        (version,) = results.versions_of_cases(work.session, [case.case_id])
        assert data_keys.destroy_keys(work.session, [version.data_key_id], work.at) == 1
        assert data_keys.destroy_keys(work.session, [version.data_key_id], work.at) == 0
        assert data_keys.destroy_keys(work.session, [], work.at) == 0
    assert service.read(participant_id="P-0002")
