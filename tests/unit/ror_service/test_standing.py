"""How the service stands: ages of what waits, and the codes of what is not well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from support.service import DIRECTOR, Service, running_service

from ror_service import standing
from ror_service.audit_checkpoints import Checkpoints
from ror_service.errors import UnsafeConfigurationError
from ror_service.settings import Settings
from ror_service.standing import Readiness, Reason, Standing, reasons
from ror_service.storage import migrations
from ror_service.storage.tables import DeliveryRow, JobRow
from ror_service.worker import relay

WELL = Standing(
    waiting_seconds=0.0,
    claim_seconds=None,
    dead_jobs=0,
    intent_seconds=0.0,
    recall_seconds=0.0,
    unsigned_seconds=None,
    reviews_overdue=0,
    identity_cases_open=0,
    free_bytes=1 << 40,
    schema_found="1",
    schema_expected="1",
)


class Clock:
    """Seconds that go on when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def look(service: Service) -> tuple[Standing, list[Reason]]:
    figures, found = Readiness(service.context).look()
    assert figures is not None
    return figures, found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"waiting_seconds": 3600.0, "claim_seconds": 5.0}, []),
        ({"waiting_seconds": 3601.0, "claim_seconds": 5.0}, [Reason.JOBS_WAIT]),
        ({"waiting_seconds": 901.0}, [Reason.NOTHING_CLAIMED]),
        ({"waiting_seconds": 901.0, "claim_seconds": 901.0}, [Reason.NOTHING_CLAIMED]),
        ({"waiting_seconds": 10.0, "claim_seconds": 90000.0}, []),
        ({"dead_jobs": 1}, [Reason.JOBS_DEAD]),
        ({"intent_seconds": 3601.0}, [Reason.DELIVERY_UNCERTAIN]),
        ({"recall_seconds": 3601.0}, [Reason.RECALL_UNACKNOWLEDGED]),
        ({"unsigned_seconds": 10801.0}, [Reason.AUDIT_UNSIGNED]),
        ({"free_bytes": 1 << 20}, [Reason.STORE_FULL]),
        ({"schema_found": "0"}, [Reason.SCHEMA_DIFFERS]),
        ({"schema_found": None}, [Reason.SCHEMA_DIFFERS]),
    ],
)
def test_each_limit_has_its_code(change: dict[str, Any], told: list[Reason]) -> None:
    assert reasons(replace(WELL, **change), Settings()) == told


def test_the_limits_are_settings() -> None:
    limits = Settings(health_recall_minutes=1)
    assert reasons(replace(WELL, recall_seconds=61.0), limits) == [Reason.RECALL_UNACKNOWLEDGED]


def test_a_service_at_rest_is_well(service: Service) -> None:
    figures, found = look(service)
    assert found == []
    assert (figures.waiting_seconds, figures.claim_seconds, figures.dead_jobs) == (0.0, None, 0)
    assert figures.schema_found == figures.schema_expected == migrations.expected()


def test_jobs_that_wait_grow_old_and_a_backfill_may(service: Service) -> None:
    with service.work() as work:
        work.enqueue("extract_sample", "sample-1", backfill=True)
    service.clock.advance(seconds=7200)
    assert look(service)[1] == []
    with service.work() as work:
        work.enqueue("release_report", "case-1")
    service.clock.advance(seconds=3700)
    figures, found = look(service)
    assert (figures.waiting_seconds, found) == (3700.0, [Reason.JOBS_WAIT, Reason.NOTHING_CLAIMED])


def test_a_claim_is_remembered_after_the_job_is_done(service: Service) -> None:
    service.interpreted()
    service.run_jobs()
    service.clock.advance(seconds=30)
    assert look(service)[0].claim_seconds == 30.0


def test_a_delivery_without_a_receipt_and_a_recall_without_an_acknowledgement_grow_old(delivering: Service) -> None:
    delivering.available()
    delivering.run_jobs()
    with delivering.work() as work:
        work.session.execute(update(DeliveryRow).values(state="intended", intended_at=work.at))
    delivering.clock.advance(seconds=3700)
    figures, found = look(delivering)
    assert figures.intent_seconds == 3700.0
    assert Reason.DELIVERY_UNCERTAIN in found
    delivering.withdraw()
    delivering.clock.advance(seconds=3800)
    figures, found = look(delivering)
    assert figures.recall_seconds == 3800.0
    assert Reason.RECALL_UNACKNOWLEDGED in found


def test_audit_events_that_no_checkpoint_names_grow_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_service(tmp_path / "service", audit_checkpoints=str(tmp_path / "place")) as service:
        assert look(service)[0].unsigned_seconds == 0.0
        service.register()
        service.clock.advance(seconds=20000)
        assert look(service)[0].unsigned_seconds == 20000.0
        assert look(service)[1] == [Reason.AUDIT_UNSIGNED]
        relay.keep_checkpoint(service.context)
        service.clock.advance(seconds=20000)
        assert look(service)[0].unsigned_seconds == 0.0

        def gone(_: Checkpoints) -> None:
            raise UnsafeConfigurationError("the place cannot be read")

        monkeypatch.setattr(Checkpoints, "latest", gone)
        assert look(service)[1] == [Reason.CHECKPOINTS_UNREADABLE]


def test_another_schema_and_a_database_that_is_away_stop_the_service(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service.context.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert look(service)[1] == [Reason.SCHEMA_DIFFERS]
    another = Readiness(service.context)
    with service.context.engine.begin() as connection:
        connection.execute(text("DROP TABLE recalls"))
    assert another.look() == (None, [Reason.SCHEMA_DIFFERS])

    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("refused"))

    monkeypatch.setattr(service.context.engine, "connect", away)
    assert Readiness(service.context).look() == (None, [Reason.DATABASE_UNREACHABLE])


def test_who_asks_again_and_again_costs_the_database_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looks = Clock(), []
    counted: Callable[..., Standing] = lambda *given: looks.append(given) or WELL  # type: ignore[func-returns-value] # noqa: E731
    monkeypatch.setattr(standing, "standing", counted)
    readiness = Readiness(service.context, clock)
    for now in (0.0, 1.0, 4.9, 5.0, 6.0, 10.0):
        clock.now = now
        assert readiness.look() == (WELL, [])
    assert len(looks) == 3


def test_a_store_that_cannot_be_reached_has_no_room(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> int:
        raise OSError

    monkeypatch.setattr(service.context, "free_bytes", away)
    assert look(service)[1] == [Reason.STORE_FULL]


def test_nobody_waits_for_a_database_that_hangs(service: Service) -> None:
    clock = Clock()
    readiness = Readiness(service.context, clock)
    with readiness._lock:  # somebody looks
        assert readiness.look() == (None, [Reason.DATABASE_UNREACHABLE])
    assert readiness.look()[1] == []
    with readiness._lock:
        clock.now = 30.0
        assert readiness.look()[1] == []
        clock.now = 30.1
        assert readiness.look() == (None, [Reason.DATABASE_UNREACHABLE])


def test_jobs_that_gave_up_and_cases_that_wait_are_counted(service: Service) -> None:
    service.interpreted()
    with service.work(DIRECTOR) as work:
        work.session.execute(update(JobRow).values(dead_at=work.at))
    figures, found = look(service)
    assert figures.dead_jobs > 0
    assert Reason.JOBS_DEAD in found
