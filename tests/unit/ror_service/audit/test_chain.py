"""The audit chain: what was changed, removed, inserted, reordered or cut off is named by its row."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from support.consent_facts import NOW
from support.service import OPERATOR, PORTAL, Service

from ror_service.audit import log
from ror_service.errors import AuditError
from ror_service.storage import audit_events
from ror_service.storage.tables import AuditEventRow

EVENTS = 6
COLUMNS = (
    "sequence", "at", "actor", "role", "purpose", "action", "object_type", "object_id", "participant_id", "details",
    "previous_hash", "event_hash",
)  # fmt: skip


@pytest.fixture
def chain(service: Service) -> Service:
    """A service with some audit events, each written in a transaction of its own."""
    for number in range(1, EVENTS + 1):
        with service.work(OPERATOR) as work:
            work.audit("test.event", "thing", f"thing-{number}", f"P-{number % 2}", number=number, codes=["a", "b"])
        service.clock.advance(seconds=1)
    return service


def _verify(service: Service, *checkpoints: log.Checkpoint, since: log.Checkpoint | None = None) -> log.Verification:
    with service.work() as work:
        return log.verify(work.session, checkpoints=checkpoints, since=since)


def _tamper(service: Service, *statements: str) -> None:
    """Change the table as somebody who owns the database can: without its triggers."""
    with service.context.engine.begin() as connection:
        for action in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER append_only_audit_events_{action}"))
        for statement in statements:
            connection.execute(text(statement))


def _head(service: Service) -> log.Checkpoint:
    with service.work() as work:
        last = audit_events.last(work.session)
        assert last is not None
        return log.Checkpoint(last.sequence, last.event_hash, NOW)


def _event(service: Service, number: int) -> log.Checkpoint:
    row = service.rows(AuditEventRow, AuditEventRow.sequence == number)[0]
    return log.Checkpoint(number, row.event_hash, NOW)


def _write(service: Service, *numbers: int) -> None:
    for number in numbers:
        with service.work(OPERATOR) as work:
            work.audit("test.event", "thing", f"other-{number}", None)


def test_an_untouched_chain_verifies(chain: Service) -> None:
    verified = _verify(chain)
    assert verified == log.Verification(EVENTS, _head(chain).head)
    for since in range(1, EVENTS + 1):
        assert _verify(chain, _event(chain, 2), _head(chain), since=_event(chain, since)) == verified


def test_an_empty_chain_verifies_and_a_checkpoint_of_it_does_not(service: Service) -> None:
    assert _verify(service) == log.Verification(0, log.GENESIS)
    with pytest.raises(AuditError, match="event 1 is missing: the log ends before it, and a checkpoint names event 3"):
        _verify(service, log.Checkpoint(3, "0" * 64, NOW))


@pytest.mark.parametrize(
    "change",
    [
        "at = '2020-01-01 00:00:00.000000'",
        "actor = 'somebody'",
        "role = 'auditor'",
        "purpose = 'none'",
        "action = 'nothing'",
        "object_type = 'other'",
        "object_id = 'thing-9'",
        "participant_id = NULL",
        "details = '{\"number\": 4}'",
        "event_hash = 'f'",
    ],
    ids=lambda change: change.split()[0],
)
def test_a_changed_row_is_named(chain: Service, change: str) -> None:
    _tamper(chain, f"UPDATE audit_events SET {change} WHERE sequence = 3")
    with pytest.raises(AuditError, match="event 3 was changed"):
        _verify(chain)


def test_a_row_with_another_predecessor_is_named(chain: Service) -> None:
    _tamper(chain, "UPDATE audit_events SET previous_hash = 'f' WHERE sequence = 3")
    with pytest.raises(AuditError, match="event 3 does not follow"):
        _verify(chain)


def test_a_removed_row_is_named(chain: Service) -> None:
    _tamper(chain, "DELETE FROM audit_events WHERE sequence = 3")
    with pytest.raises(AuditError, match="event 3 is missing: the next row is 4"):
        _verify(chain)


def test_a_removed_row_is_named_even_when_the_rest_moves_up(chain: Service) -> None:
    moves = [f"UPDATE audit_events SET sequence = {n - 1} WHERE sequence = {n}" for n in range(4, EVENTS + 1)]
    _tamper(chain, "DELETE FROM audit_events WHERE sequence = 3", *moves)
    with pytest.raises(AuditError, match="event 3 does not follow"):
        _verify(chain)


def test_an_inserted_row_is_named(chain: Service) -> None:
    moves = [f"UPDATE audit_events SET sequence = {n + 1} WHERE sequence = {n}" for n in range(EVENTS, 2, -1)]
    copied = ", ".join({"sequence": "3", "event_hash": "'f'"}.get(name, name) for name in COLUMNS)
    insert = f"INSERT INTO audit_events ({', '.join(COLUMNS)}) SELECT {copied} FROM audit_events WHERE sequence = 2"
    _tamper(chain, *moves, insert)
    with pytest.raises(AuditError, match="event 3 does not follow"):
        _verify(chain)


def test_an_appended_row_that_is_forged_is_named(chain: Service) -> None:
    copied = ", ".join({"sequence": "7", "event_hash": "'f'"}.get(name, name) for name in COLUMNS)
    _tamper(
        chain, f"INSERT INTO audit_events ({', '.join(COLUMNS)}) SELECT {copied} FROM audit_events WHERE sequence = 6"
    )
    with pytest.raises(AuditError, match="event 7 does not follow"):
        _verify(chain)


def test_exchanged_rows_are_named(chain: Service) -> None:
    _tamper(
        chain,
        "UPDATE audit_events SET sequence = 99 WHERE sequence = 3",
        "UPDATE audit_events SET sequence = 3 WHERE sequence = 4",
        "UPDATE audit_events SET sequence = 4 WHERE sequence = 99",
    )
    with pytest.raises(AuditError, match="event 3 does not follow"):
        _verify(chain)


def test_a_cut_off_tail_is_shown_by_a_checkpoint_kept_elsewhere(chain: Service) -> None:
    checkpoint = _head(chain)
    assert _verify(chain, checkpoint).events == EVENTS
    _tamper(chain, "DELETE FROM audit_events WHERE sequence > 4")
    assert _verify(chain).events == 4, "the chain alone cannot tell"
    for since in (None, checkpoint):
        with pytest.raises(AuditError, match=r"event [56] is missing: the log ends .* names event 6"):
            _verify(chain, checkpoint, since=since)


def test_a_chain_written_anew_is_shown_by_a_checkpoint(chain: Service) -> None:
    kept = [_event(chain, 2), _head(chain)]
    _tamper(chain, "DELETE FROM audit_events WHERE sequence > 3")
    _write(chain, *range(4, EVENTS + 2))
    assert _verify(chain).events == EVENTS + 1, "the chain alone cannot tell"
    with pytest.raises(AuditError, match=r"event 6 is not the one .* from one of the events 3 to 6 on"):
        _verify(chain, *kept)
    with pytest.raises(AuditError, match="event 6 is not the one"):
        _verify(chain, since=kept[1])


def test_two_signed_forks_are_shown_whichever_is_in_the_database(chain: Service) -> None:
    one = _head(chain)
    _tamper(chain, "DELETE FROM audit_events WHERE sequence = 6")
    _write(chain, 6)
    other = _head(chain)
    for kept in ((one, other), (other, one)):
        with pytest.raises(AuditError, match="event 6 is not the one that a checkpoint names"):
            _verify(chain, *kept)


def test_a_row_before_the_first_one_is_seen(chain: Service) -> None:
    copied = ", ".join({"sequence": "0", "event_hash": "'f'"}.get(name, name) for name in COLUMNS)
    _tamper(
        chain, f"INSERT INTO audit_events ({', '.join(COLUMNS)}) SELECT {copied} FROM audit_events WHERE sequence = 1"
    )
    with pytest.raises(AuditError, match="event 1 is missing: the next row is 0"):
        _verify(chain)


def test_what_is_verified_from_a_checkpoint_on_is_named_too(chain: Service) -> None:
    since = _event(chain, 3)
    _tamper(chain, "UPDATE audit_events SET actor = 'somebody' WHERE sequence = 5")
    with pytest.raises(AuditError, match="event 5 was changed"):
        _verify(chain, since=since)


def test_the_database_refuses_to_change_or_remove(delivering: Service) -> None:
    delivering.available()
    delivering.run_jobs()
    for table, column in (
        ("audit_events", "actor"),
        ("consent_records", "answer"),
        ("module_decisions", "answer"),
        ("release_decisions", "released"),
        ("receipts", "status"),
    ):
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with delivering.context.engine.begin() as connection:
                with pytest.raises(IntegrityError, match="append-only"):
                    connection.execute(text(statement))
                connection.rollback()


def test_events_of_one_person_newest_first(chain: Service) -> None:
    with chain.work() as work:
        found = audit_events.of_participant(work.session, "P-1")
        assert [row.object_id for row in found] == ["thing-5", "thing-3", "thing-1"]


def test_what_is_rolled_back_leaves_no_event(chain: Service) -> None:
    def write_and_lose_it() -> None:
        with chain.work(PORTAL) as work:
            work.audit("test.event", "thing", "thing-7", None)
            work.write_audit()
            raise ConnectionError

    with pytest.raises(ConnectionError):
        write_and_lose_it()
    assert len(chain.rows(AuditEventRow)) == EVENTS
    assert _verify(chain).events == EVENTS


def test_events_of_one_transaction_and_of_others_on_the_same_session_are_one_chain(chain: Service) -> None:
    actor = log.Actor("operator", "operator", "test")
    events = [log.Event("test.event", "thing", f"thing-{number}", None, {}) for number in range(2)]
    with Session(chain.context.engine) as session:
        for _ in range(2):
            log.append(session, at=NOW, actor=actor, events=events)
            log.append(session, at=NOW, actor=actor, events=events)
            session.commit()
            _write(chain, 1)
        log.append(session, at=NOW, actor=actor, events=events)
        session.rollback()
        log.append(session, at=NOW, actor=actor, events=events)
        session.commit()
    assert _verify(chain).events == EVENTS + 2 * (4 + 1) + 2
