"""New ClinVar knowledge about people: who must act is told and asked once, and nothing is ever released by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from support.hereditary_genomes import MODULE, NEW, OLD, PEOPLE, copied_service, hereditary_service, take_everybody_in
from support.service import COUNSELOR, DIRECTOR, FILES, Service, SettableClock

from consent.types import Answer, Participation, VitalStatus
from interpreters.changes import FollowUp
from interpreters.findings import HereditaryFinding
from interpreters.interpreter import Interpreter
from interpreters.traits import load as load_traits
from ror_service import cases, interpretations, reanalysis
from ror_service.context import ServiceContext
from ror_service.errors import ErasedError, IllegalTransitionError, InvalidInputError
from ror_service.reanalysis import Reanalyzed
from ror_service.review import queue
from ror_service.review.queue import Disposition
from ror_service.review.triage import findings_under_review
from ror_service.sealing import vault
from ror_service.states import CaseState, ReviewState
from ror_service.storage import results
from ror_service.storage.tables import (
    AuditEventRow,
    Base,
    ConfirmationOrderRow,
    InterpretationRow,
    JobRow,
    ReportVersionRow,
    ResultCaseRow,
    ReviewCaseRow,
)

REPORT, LEAVE_OUT = Disposition.REPORT, Disposition.DO_NOT_REPORT
Run = Callable[..., dict[str, Reanalyzed]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a service that has taken everybody in."""
    folder = tmp_path_factory.mktemp("hereditary")
    with hereditary_service(folder / "service") as running:
        take_everybody_in(running)
        shutil.copytree(folder / "service", folder / "kept")
    return folder / "kept"


@pytest.fixture(scope="module")
def interpreters(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Interpreter]:
    """Both releases, loaded once."""
    with copied_service(tmp_path_factory.mktemp("releases") / "service", template, SettableClock()) as running:
        return {release: running.context.interpreter(MODULE, release) for release in (OLD, NEW)}


@pytest.fixture
def service(tmp_path: Path, template: Path, interpreters: dict[str, Interpreter]) -> Iterator[Service]:
    clock = SettableClock()
    clock.advance(days=1)
    with copied_service(tmp_path / "service", template, clock) as running:
        running.context.interpreters = {MODULE: interpreters[OLD]}
        yield running


@pytest.fixture
def run(service: Service, interpreters: dict[str, Interpreter]) -> Run:
    """Reanalyze everybody, a minute later each time."""

    def _run(release: str = NEW, *, dry_run: bool = False) -> dict[str, Reanalyzed]:
        service.clock.advance(minutes=1)
        found = reanalysis.reanalyze(service.context, interpreters[release], dry_run=dry_run)
        return {done.sample_id.removeprefix("sample-of-"): done for done in found}

    return _run


def _reviews(service: Service, participant_id: str) -> list[ReviewCaseRow]:
    """Reviews of a participant, oldest first."""
    found = service.rows(ReviewCaseRow, ReviewCaseRow.case_id == service.case(participant_id, MODULE).case_id)
    return sorted(found, key=lambda row: row.created_at)


def _stored(service: Service, *but: type[Base]) -> dict[str, list[str]]:
    left_out = {kind.__table__ for kind in (AuditEventRow, *but)}
    with service.work() as work:
        return {
            table.name: sorted(map(repr, work.session.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table not in left_out
        }


def _release(service: Service, participant_id: str) -> None:
    """Two people sign, the second specimen agrees, a counselor tells: the report is made."""
    (review,) = _reviews(service, participant_id)
    service.sign(review.review_id, COUNSELOR, REPORT)
    service.sign(review.review_id, DIRECTOR, REPORT)
    service.confirm(review.review_id)
    service.disclose(review.case_id)
    service.run_jobs()
    assert service.state(MODULE, participant_id) is CaseState.AVAILABLE


def _found(service: Service, interpretation_id: str) -> list[HereditaryFinding]:
    with service.work() as work:
        row = results.must_get(work.session, InterpretationRow, interpretation_id)
        said = vault.open_interpretation(work, service.context.keys, row).interpretation
    return [finding for finding in findings_under_review(said) if isinstance(finding, HereditaryFinding)]


def test_a_dry_run_tells_who_must_act_and_keeps_nothing(service: Service, run: Run) -> None:
    before = _stored(service)
    done = run(dry_run=True)
    assert {name: [change.kind.value for change in each.changes] for name, each in done.items()} == {
        "P-lost": ["DOWNGRADE_REVIEW_AMEND_REPORT"],
        "P-gained": ["UPGRADE_NEW_FINDING"],
        "P-stars": ["STAR_CHANGE"],
        "P-elsewhere": ["NOT_COMPARED"],
    }
    assert (done["P-lost"].follow_ups, done["P-lost"].to_amend) == ({FollowUp.COUNSELOR_TASK}, False)
    assert (done["P-gained"].follow_ups, done["P-gained"].to_amend) == ({FollowUp.REVIEW}, True)
    assert not any(each.opened for each in done.values())
    assert _stored(service) == before


def test_before_any_report_the_new_interpretation_takes_the_place_of_the_old(service: Service, run: Run) -> None:
    (first,) = _reviews(service, "P-lost")
    service.sign(first.review_id, COUNSELOR, REPORT)
    service.sign(first.review_id, DIRECTOR, REPORT)
    assert service.state(MODULE, "P-lost") is CaseState.CONFIRMING
    assert run()["P-lost"].opened
    case, (old, task) = service.case("P-lost", MODULE), _reviews(service, "P-lost")
    assert (old.state, case.state, case.interpretation_id) == ("closed", "in_review", task.interpretation_id)
    assert (case.requires_confirmation, case.confirmation, case.disclosure) == (False, "not_ordered", "not_started")
    assert (task.tier, task.reasons) == ("counselor", ["reanalysis_finding_not_supported"])
    assert task.due_at - task.created_at == timedelta(days=7)
    with pytest.raises(IllegalTransitionError):
        service.confirm(first.review_id)
    assert not _found(service, task.interpretation_id)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(task.review_id, signer, reason="the variant is uncertain now")
    assert service.state(MODULE, "P-lost") is CaseState.SIGNED_OFF


def test_beside_a_returned_report_a_new_finding_is_reviewed_and_waits(service: Service, run: Run) -> None:
    assert service.state(MODULE, "P-gained") is CaseState.AVAILABLE, "nothing was found by the older release"
    report, before = service.read(MODULE, FILES[0], "P-gained"), service.case("P-gained", MODULE)
    assert run()["P-gained"].opened
    (review,) = _reviews(service, "P-gained")
    assert review.interpretation_id != before.interpretation_id
    assert (review.tier, review.reasons[0]) == ("laboratory_director", "reanalysis_new_finding")
    assert review.due_at - review.created_at == service.context.settings.review_due
    assert [finding.gene for finding in _found(service, review.interpretation_id)] == ["BRCA2"]
    service.sign(review.review_id, COUNSELOR, REPORT)
    service.sign(review.review_id, DIRECTOR, REPORT)
    (review,) = _reviews(service, "P-gained")
    assert review.state == "second_signed", "it waits for a second specimen"
    after = service.case("P-gained", MODULE)
    assert (after.state, after.interpretation_id) == (before.state, before.interpretation_id)
    (order,) = service.rows(ConfirmationOrderRow)
    assert order.review_id == review.review_id
    service.run_jobs()
    assert len(service.rows(ReportVersionRow)) == 1
    assert service.read(MODULE, FILES[0], "P-gained") == report


def test_a_new_finding_that_is_not_to_be_reported_is_done_with(service: Service, run: Run) -> None:
    run()
    (review,) = _reviews(service, "P-gained")
    service.sign(review.review_id, COUNSELOR, LEAVE_OUT)
    service.sign(review.review_id, DIRECTOR, LEAVE_OUT)
    assert [row.state for row in _reviews(service, "P-gained")] == ["closed"]
    assert not run(OLD)["P-gained"].follow_ups, "what was not reported asks for nothing when it loses its support"


def test_a_returned_finding_that_lost_its_support_is_a_counselors_task(service: Service, run: Run) -> None:
    _release(service, "P-lost")
    report = service.read(MODULE, FILES[0], "P-lost")
    done = run()["P-lost"]
    assert (done.opened, done.to_amend) == (True, True)
    old, task = _reviews(service, "P-lost")
    assert (old.state, task.state, task.tier) == ("closed", "new", "counselor")
    assert task.due_at - task.created_at == service.context.settings.downgrade_due
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(task.review_id, signer, reason="called the participant")
    assert _reviews(service, "P-lost")[1].state == "closed"
    assert service.read(MODULE, FILES[0], "P-lost") == report, "until the amended version is there"


def test_a_finding_that_people_did_not_report_asks_for_nothing(service: Service, run: Run) -> None:
    (review,) = _reviews(service, "P-lost")
    service.sign(review.review_id, COUNSELOR, LEAVE_OUT)
    service.sign(review.review_id, DIRECTOR, LEAVE_OUT)
    done = run()["P-lost"]
    assert done.changes
    assert (done.follow_ups, done.opened) == (frozenset(), False)


def test_a_second_run_opens_nothing(service: Service, run: Run) -> None:
    assert sum(done.opened for done in run().values()) == 2
    before = _stored(service, JobRow)
    again = run()
    assert not any(done.opened or done.follow_ups for done in again.values())
    assert _stored(service, JobRow) == before


def test_later_knowledge_supersedes_an_open_review(service: Service, run: Run) -> None:
    run()
    assert run(OLD)["P-gained"].follow_ups == {FollowUp.COUNSELOR_TASK}, "the finding is under review"
    first, second = _reviews(service, "P-gained")
    assert (first.state, second.state, second.tier) == ("closed", "new", "counselor")
    assert [event.object_id for event in service.actions("review.supersede")].count(first.review_id) == 1


def test_a_crash_loses_nothing(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _stored(service, JobRow)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "open_review", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run()
    assert _stored(service, JobRow) == before
    assert sum(done.opened for done in run().values()) == 2


def test_what_moved_on_meanwhile_is_passed_over(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ServiceContext.read_genotypes

    def slow(self: ServiceContext, *given: object) -> object:
        read = real(self, *given)
        service.withdraw("P-gained")
        return read

    monkeypatch.setattr(type(service.context), "read_genotypes", slow)
    done = run()["P-gained"]
    assert (done.passed_over, done.opened) == (True, False)
    assert not _reviews(service, "P-gained")


def _suspend(service: Service) -> None:
    with service.work() as work:
        case = results.must_get(work.session, ResultCaseRow, service.case("P-gained", MODULE).case_id)
        cases.advance(work, case, CaseState.SUSPENDED)


LEFT = {
    "withdrawn": lambda service: service.withdraw("P-gained"),
    "dead": lambda service: service.standing("P-gained", vital_status=VitalStatus.DECEASED),
    "death reported": lambda service: service.standing("P-gained", vital_status=VitalStatus.DEATH_REPORTED),
    "unknown": lambda service: service.standing("P-gained", participation=Participation.UNKNOWN),
    "not sure": lambda service: service.consent(Answer.NOT_SURE, participant_id="P-gained"),
    "revoked": lambda service: service.consent(Answer.NO, participant_id="P-gained"),
    "outdated": lambda service: service.consent(participant_id="P-gained", document_version="0.1"),
    "identity": lambda service: service.identity_case("P-gained"),
    "suspended": _suspend,
}


def _was_read(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch, why: str) -> bool:
    """Whether a person's file is opened after they left in some way."""
    service.clock.advance(minutes=1)
    LEFT[why](service)
    opened, real = [], vault.open_file

    def open_file(work: object, keys: object, participant_id: str, *given: object) -> object:
        opened.append(participant_id)
        return real(work, keys, participant_id, *given)

    monkeypatch.setattr(vault, "open_file", open_file)
    run()
    told = {event.participant_id for event in service.actions("interpretation.reanalyze")}
    assert ("P-gained" in told) == ("P-gained" in opened), "every reading is audited"
    return "P-gained" in opened


@pytest.mark.parametrize("why", LEFT)
def test_nobody_who_left_is_read(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    assert not _was_read(service, run, monkeypatch, why)


@pytest.mark.parametrize("why", ["death reported", "outdated", "identity"])
def test_a_variant_that_asks_nobody_is_caught(
    service: Service, run: Run, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(cases, "may_be_reanalyzed", lambda *_: True)
    assert _was_read(service, run, monkeypatch, why)


def _nothing_is_released(service: Service, run: Run) -> bool:
    """Whether a run orders no release, moves no case to one, and leaves every report as it was."""
    renewals = JobRow.task != "extract_sample"
    jobs = {row.job_id for row in service.rows(JobRow, JobRow.done_at.is_(None), renewals)}
    reports = _stored(service, ResultCaseRow, ReviewCaseRow, InterpretationRow, JobRow)["report_versions"]
    run()
    ordered = {row.job_id for row in service.rows(JobRow, JobRow.done_at.is_(None), renewals)} - jobs
    service.run_jobs()
    states = {service.state(MODULE, name) for name in PEOPLE}
    same = reports == _stored(service)["report_versions"]
    return same and not ordered and states == {CaseState.IN_REVIEW, CaseState.AVAILABLE}


def test_nothing_is_ever_released(service: Service, run: Run) -> None:
    assert _nothing_is_released(service, run)


def test_a_variant_that_releases_is_caught(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = interpretations.keep_again

    def releases(work: object, keys: object, case_id: str, *given: object, **named: object) -> bool:
        kept = real(work, keys, case_id, *given, **named)
        work.enqueue("release_report", case_id)
        return kept

    monkeypatch.setattr(interpretations, "keep_again", releases)
    assert not _nothing_is_released(service, run)


def test_a_variant_that_opens_twice_is_caught(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = results.interpretations_of_cases
    monkeypatch.setattr(results, "interpretations_of_cases", lambda *given: list(reversed(real(*given))))
    run()
    assert any(done.opened for done in run().values())


def test_what_a_reanalysis_found_is_erased_with_everything_else(service: Service, run: Run) -> None:
    run()
    (review,) = _reviews(service, "P-gained")
    service.clock.advance(minutes=1)
    service.consent(Answer.NO, participant_id="P-gained")
    assert [ReviewState(row.state) for row in _reviews(service, "P-gained")] == [ReviewState.CLOSED]
    with pytest.raises(ErasedError):
        _found(service, review.interpretation_id)


def test_the_knowledge_of_the_older_result_must_be_at_hand(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    new = service.context.interpreter(MODULE, NEW)
    monkeypatch.setattr("ror_service.context.releases", lambda *_: {})
    problems = {done.sample_id: done.problem for done in reanalysis.reanalyze(service.context, new)}
    assert problems["sample-of-P-elsewhere"] == "knowledge_unavailable"
    assert problems["sample-of-P-gained"] is None, "whose change does not turn on it is told of it"


def test_an_interpreter_that_tells_no_changes_is_refused(service: Service) -> None:
    with pytest.raises(InvalidInputError, match="the installed traits interpreter tells no changes"):
        reanalysis.reanalyze(service.context, load_traits())
