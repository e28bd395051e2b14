"""A restored database: refused until what was erased since its backup is erased in it too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from support.consent_facts import OFFERS_DESIGNEE, PERSON
from support.service import OPERATOR, FastContext, Service, SettableClock, running_partner, running_service

from consent.types import Answer, ModuleAnswer, Participation, VitalStatus
from ror_service import erasures, namings, participants, restoring
from ror_service.audit import log
from ror_service.audit.log import Actor, Gap
from ror_service.errors import AuditError, SealError, UnsafeConfigurationError
from ror_service.states import CaseState, SampleState
from ror_service.storage.tables import DataKeyRow, DeliveryRow, ParticipantRow, RecallRow, ReportVersionRow, SampleRow
from ror_service.worker import relay


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "home", audit_checkpoints=str(tmp_path / "second-place")) as running:
        yield running


def back_up(service: Service, tmp_path: Path) -> Path:
    """A copy of the whole database, keys included: the worst that may be restored."""
    backup = tmp_path / "backup.sqlite3"
    with (
        closing(sqlite3.connect(service.context.settings.home / "ror.sqlite3")) as source,
        closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    return backup


@contextmanager
def restored(service: Service, backup: Path) -> Iterator[Service]:
    settings = service.context.settings.model_copy(update={"database_url": None, "home": backup.parent / "again"})
    settings = settings.model_copy(update={"key_folder": service.context.settings.keys})
    settings.home.mkdir()
    backup.rename(settings.home / "ror.sqlite3")
    clock = SettableClock(service.clock.now)
    context = FastContext(settings, clock=clock)
    context.policy = service.context.policy
    try:
        yield Service(context, clock, service.partner)
    finally:
        context.close()


def test_every_kind_of_ending_takes_effect_again(service: Service, tmp_path: Path) -> None:
    service.context.policy = OFFERS_DESIGNEE
    people = {name: f"P-{name}" for name in ("withdrawn", "refused", "dead", "mixed", "stays")}
    for name in people.values():
        service.available("traits", name)
    service.enter_medicines("warfarin", participant_id=people["stays"])
    dead = people["dead"]
    service.names_somebody(dead)
    backup = back_up(service, tmp_path)
    service.withdraw(people["withdrawn"])
    service.consent(Answer.NO, participant_id=people["refused"])
    with service.work(Actor(dead, "participant", "own choice")) as work:
        namings.take_back(work, dead, event_id="nobody", authored_at=service.clock.now)
    service.standing(dead, vital_status=VitalStatus.DECEASED)
    with service.work(OPERATOR) as work:
        participants.erase_sample(work, f"sample-of-{people['mixed']}", "identity")
    service.choose(ModuleAnswer.NO, "pharmacogenomics", people["stays"])
    relay.keep_erasures(service.context)
    with restored(service, backup) as again:
        assert again.read(participant_id=people["withdrawn"]), (
            "without the journal a whole backup revives, and this very reading is an event"
        )
        done = restoring.after_restore(again.context)
        assert (done.applied.endings, done.applied.not_here) == (6, 0)
        for name in ("withdrawn", "refused", "mixed"):
            assert again.state(participant_id=people[name]) is service.state(participant_id=people[name])
        (row,) = again.rows(ParticipantRow, ParticipantRow.participant_id == dead)
        assert row.vital_status == VitalStatus.DECEASED
        assert again.rows(ReportVersionRow, ReportVersionRow.kept_until.is_not(None)) == []
        (sample,) = again.rows(SampleRow, SampleRow.participant_id == people["mixed"])
        assert sample.state == SampleState.ERASED
        assert again.state(participant_id=people["withdrawn"]) in {CaseState.DELETED, CaseState.DELETION_ORDERED}
        assert again.read(participant_id=people["stays"])
        before = {row.key_id for row in service.rows(DataKeyRow, DataKeyRow.wrapped.is_(None))}
        assert {row.key_id for row in again.rows(DataKeyRow, DataKeyRow.wrapped.is_(None))} == before


def test_what_was_sent_to_a_partner_is_recalled_again_and_the_log_goes_on(service: Service, tmp_path: Path) -> None:
    with running_partner(service, tmp_path / "partner") as partner:
        service.available()
        service.run_jobs()
        backup = back_up(service, tmp_path)
        service.withdraw()
        relay.keep_erasures(service.context)
        relay.keep_checkpoint(service.context)
        with restored(service, backup) as again:
            lost = restoring.after_restore(again.context).lost
            assert lost is not None
            again.run_jobs()
            (delivery,) = again.rows(DeliveryRow)
            assert delivery.bundle is None
            assert [row.delivery_id for row in again.rows(RecallRow)] == [delivery.delivery_id]
            assert any(entry.event == "recalled" for entry in partner.ledger.entries())
            relay.keep_checkpoint(again.context)
            place = again.context.checkpoints()
            assert place is not None
            assert place.gaps() == {lost}
            with again.work() as work:
                assert log.verify(work.session, checkpoints=place.kept(), gaps=place.gaps()).events > lost.last
                assert log.verify(work.session, gaps=None).events > lost.last
                with pytest.raises(AuditError, match=f"event {lost.first} is missing"):
                    log.verify(work.session)
                with pytest.raises(AuditError, match=f"event {lost.first} is missing"):
                    log.verify(work.session, gaps={Gap(lost.first, lost.last + 1)})
            twice = restoring.after_restore(again.context)
            assert (twice.lost, twice.applied.keys_destroyed, twice.applied.endings) == (None, 0, 0)


def test_a_database_that_lies_behind_is_refused(service: Service, tmp_path: Path) -> None:
    restoring.check_not_behind(service.context)
    service.available()
    relay.keep_checkpoint(service.context)
    restoring.check_not_behind(service.context)
    backup = back_up(service, tmp_path)
    service.enter_medicines("warfarin")
    relay.keep_erasures(service.context)  # nothing was erased
    with restored(service, backup) as again:
        restoring.check_not_behind(again.context)
        service.choose(ModuleAnswer.NO, "pharmacogenomics")
        relay.keep_erasures(service.context)
        with pytest.raises(UnsafeConfigurationError, match=r"ends with audit event .*ror db after-restore"):
            restoring.check_not_behind(again.context)
        restoring.after_restore(again.context)
        restoring.check_not_behind(again.context)


def test_a_database_whose_log_was_emptied_is_refused(service: Service) -> None:
    service.register()
    relay.keep_checkpoint(service.context)
    with service.work() as work:
        for name in work.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            work.session.execute(text(f"DROP TRIGGER {name}"))
        work.session.execute(text("DELETE FROM audit_events"))
    with pytest.raises(UnsafeConfigurationError, match="ends with audit event 0"):
        restoring.check_not_behind(service.context)


def test_people_and_samples_that_came_after_the_backup_are_counted(service: Service, tmp_path: Path) -> None:
    service.enroll()
    backup = back_up(service, tmp_path)
    service.sample(sample_id="sample-late")
    with service.work(OPERATOR) as work:
        participants.erase_sample(work, "sample-late", "identity")
    service.enroll("P-late")
    service.consent(Answer.NO, participant_id="P-late")
    relay.keep_erasures(service.context)
    with restored(service, backup) as again:
        done = restoring.after_restore(again.context)
        assert (done.applied.endings, done.applied.not_here) == (0, 2)


def test_the_journal_holds_each_erasure_once_and_nothing_else(service: Service, tmp_path: Path) -> None:
    journal = service.context.erasures
    assert journal is not None
    service.available()
    relay.keep_erasures(service.context)
    assert journal.read() == (set(), [])
    service.withdraw()
    with service.work() as work:
        assert journal.keep(work) > 1
    with service.work() as work:
        assert not journal.keep(work)
    keys, (ending,) = journal.read()
    assert keys == {row.key_id for row in service.rows(DataKeyRow)}
    assert ending.facts["participation"] == Participation.WITHDRAWN
    content = b"".join(file.read_bytes() for file in (tmp_path / "second-place").iterdir())
    assert PERSON.encode() not in content, "it shows nothing"


def test_a_long_history_is_written_down_in_portions(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasures, "_MOST_EVENTS", 3)
    monkeypatch.setattr(erasures, "_MOST_KEYS", 2)
    monkeypatch.setattr(erasures, "_AT_ONCE", 2)
    for name in ("P-1", "P-2"):
        service.available("traits", name)
        service.withdraw(name)
    journal = service.context.erasures
    assert journal is not None
    for _ in range(20):
        relay.keep_erasures(service.context)
    keys, endings = journal.read()
    assert keys == {row.key_id for row in service.rows(DataKeyRow)}
    assert [ending.participant_id for ending in endings] == ["P-1", "P-2"]
    with service.work() as work:
        assert erasures.apply(work, keys, []).keys_destroyed == 0


def test_what_a_crash_left_unmarked_is_written_down_again(service: Service) -> None:
    journal = service.context.erasures
    assert journal is not None
    service.available()
    service.withdraw()
    with pytest.raises(KeyboardInterrupt), service.work() as work:
        journal.keep(work)
        raise KeyboardInterrupt
    before = journal.read()
    service.context.__dict__.pop("erasures")
    relay.keep_erasures(service.context)
    assert journal.read() == before
    assert not service.rows(DataKeyRow, DataKeyRow.journaled_at.is_(None))


def test_a_journal_that_was_changed_is_refused(service: Service, tmp_path: Path) -> None:
    service.available()
    service.withdraw()
    relay.keep_erasures(service.context)
    (file,) = (file for file in (tmp_path / "second-place").iterdir() if file.name.startswith("erasures-"))
    file.rename(file.with_name(file.name[:-8] + "00000000"))
    with pytest.raises(SealError, match="erasures-"):
        restoring.after_restore(service.context)


def test_an_acknowledgement_that_was_changed_or_exchanged_is_refused(service: Service, tmp_path: Path) -> None:
    place = service.context.checkpoints()
    assert place is not None
    place.acknowledge(Gap(5, 9), service.clock.now)
    place.acknowledge(Gap(5, 9), service.clock.now)
    (file,) = (tmp_path / "second-place").iterdir()
    assert place.gaps() == {Gap(5, 9)}
    other = file.with_name("restored-000000000000002-000000000000009.jws")
    other.write_bytes(file.read_bytes())
    with pytest.raises(AuditError, match="for another restored database"):
        place.gaps()
    other.write_bytes(b"nothing")
    with pytest.raises(AuditError, match=other.name):
        place.gaps()


def test_without_a_second_place_nothing_is_known_and_nothing_pretended(tmp_path: Path) -> None:
    with running_service(tmp_path / "home") as service:
        restoring.check_not_behind(service.context)
        relay.keep_erasures(service.context)
        with pytest.raises(UnsafeConfigurationError, match="ROR_AUDIT_CHECKPOINTS must name the place"):
            restoring.after_restore(service.context)
