"""Several readings of one report at a time, as by a page with its pictures, never wait for each other in a circle.

Two transactions take turns here. Neither may wait for the other before that has ended: who holds what the other waits
for, and goes on to wait for what the other holds, is ended by the database, and the reader sees an error.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from support.consent_facts import PERSON
from support.service import LimitedService, limited_service

from ror_service import reports
from ror_service.audit import log
from ror_service.audit.log import Actor
from ror_service.states import CaseState
from ror_service.storage import results
from ror_service.storage.tables import AuditEventRow, ViewEventRow
from ror_service.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.orm import Session
    from support.servers import PostgresServer

    from ror_service.storage.tables import Base

pytestmark = pytest.mark.services
FILE = "participant.en.html"


@pytest.fixture
def service(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[LimitedService]:
    with postgres_server.database() as url, limited_service(tmp_path / "service", url) as made:
        made.available()
        yield made


@contextmanager
def _reader(service: LimitedService) -> Iterator[Work]:
    with service.work(Actor(PERSON, "participant", "portal")) as work:
        work.session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        yield work


def _read_in_turns(service: LimitedService) -> None:
    """One more reader opens the report, and looks at it, while the first one has it open."""
    keys = service.context.keys
    with _reader(service) as second:
        with _reader(service) as first:
            shown = reports.read(first, keys, PERSON, "traits", FILE)
            reports.read(second, keys, PERSON, "traits", FILE)
            reports.viewed(first, shown.version_id, "view-1", "portal")
        reports.viewed(second, shown.version_id, "view-2", "portal")


def test_readers_of_one_report_do_not_wait_in_a_circle(service: LimitedService) -> None:
    _read_in_turns(service)
    assert service.state() is CaseState.VIEWED
    assert len(service.rows(ViewEventRow)) == 2
    read = [row.action for row in service.rows(AuditEventRow) if row.action in {"report.read", "report.viewed"}]
    assert read == ["report.read", "report.viewed"] * 2


def test_an_audit_event_that_is_written_before_the_end_would_be_caught(
    service: LimitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(work: Work, events: Sequence[log.Event]) -> None:
        log.append(work.session, at=work.at, actor=work.actor, events=events)

    monkeypatch.setattr(Work, "audit_all", at_once)
    with pytest.raises(OperationalError, match="lock timeout"):
        _read_in_turns(service)


def test_a_lock_against_those_who_only_refer_to_the_row_would_be_caught(
    service: LimitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(session: Session, kind: type[Base], key: str, *, lock: bool = False) -> Base | None:
        return session.get(kind, key, with_for_update=lock or None, populate_existing=lock)

    monkeypatch.setattr(results, "must_get", get)
    with pytest.raises(OperationalError, match="lock timeout"):
        _read_in_turns(service)
