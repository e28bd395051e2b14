"""What happens to a report after it was returned: amended, corrected, added to, taken back; one version is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from support.consent_facts import PERSON
from support.hereditary_genomes import MODULE, NEW, OLD, copied_service, hereditary_service, take_everybody_in
from support.service import (
    COUNSELOR,
    DIRECTOR,
    FILES,
    OPERATOR,
    PIPELINE,
    Service,
    SettableClock,
    running_partner,
    running_service,
)

from consent.types import Answer, Confirmation
from interpreters.interpreter import Interpreter
from ror_service import amendments, corrections, interpretations, participants, pipeline, reanalysis, reports
from ror_service.amendments import Added, Fault
from ror_service.api import people
from ror_service.audit.log import Actor
from ror_service.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ServiceError,
)
from ror_service.intake import samples
from ror_service.review.queue import Disposition
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sealing import vault
from ror_service.sealing.bundle import Priority
from ror_service.states import CaseState
from ror_service.storage import jobs, results
from ror_service.storage.tables import (
    AmendmentRow,
    AuditEventRow,
    DeliveryRow,
    JobRow,
    RecallRow,
    ReportVersionRow,
    ReviewCaseRow,
)

REPORT, LEAVE_OUT = Disposition.REPORT, Disposition.DO_NOT_REPORT
NOTE = {"en": "We looked again.", "es": "Volvimos a mirar."}


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


def _reanalyze(service: Service, interpreter: Interpreter) -> None:
    service.clock.advance(minutes=1)
    assert sum(done.opened for done in reanalysis.reanalyze(service.context, interpreter, dry_run=False))


def _newest_review(service: Service, person: str) -> ReviewCaseRow:
    found = service.rows(ReviewCaseRow, ReviewCaseRow.case_id == service.case(person, MODULE).case_id)
    return max(found, key=lambda row: row.created_at)


def _sign(service: Service, person: str, *decisions: Disposition) -> ReviewCaseRow:
    review = _newest_review(service, person)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign_evidence(review.review_id, signer, *decisions)
    return review


def _report_positive(service: Service, person: str) -> None:
    """Two people sign, the second specimen agrees, a counselor tells, the report goes out."""
    review = _sign(service, person, REPORT)
    service.confirm(review.review_id)
    service.disclose(review.case_id)
    service.run_jobs()


def _versions(service: Service, person: str = PERSON, module: str = MODULE) -> list[ReportVersionRow]:
    with service.work() as work:
        return list(results.report_versions_of_case(work.session, service.case(person, module).case_id))


def _states(service: Service, person: str = PERSON, module: str = MODULE) -> list[tuple[str, str]]:
    return [(version.kind, version.state) for version in _versions(service, person, module)]


def _amendment(service: Service, person: str, module: str = MODULE) -> AmendmentRow:
    found = service.rows(AmendmentRow, AmendmentRow.case_id == service.case(person, module).case_id)
    return max(found, key=lambda row: (row.created_at, row.state not in {"available", "revoked"}))


def _told(partner: SandboxPartner, delivery: DeliveryRow) -> dict[str, object]:
    """What the sealed index of a delivery told the partner."""
    return json.loads((partner.opened_folder(delivery.delivery_id) / "index.json").read_text())


def _difference(service: Service, version: ReportVersionRow, person: str) -> dict[str, object]:
    """What the sealed file of a version says about the one before."""
    with service.work(DIRECTOR) as work:
        (row,) = [a for a in results.artifacts_of(work.session, version.version_id) if a.name == "difference.json"]
        return json.loads(vault.open_artifact(work, service.context.keys, person, version, row))


# --- New knowledge


def test_an_upgrade_goes_the_way_of_a_first_finding_and_the_former_stays_until_then(
    service: Service, interpreters: dict[str, Interpreter], tmp_path: Path
) -> None:
    with running_partner(service, tmp_path / "partner") as partner:
        before = service.read(MODULE, FILES[0], "P-gained")
        _reanalyze(service, interpreters[NEW])
        review = _sign(service, "P-gained", REPORT)
        case_id = review.case_id
        for step in (
            lambda: service.confirm(review.review_id),
            lambda: None,
        ):
            service.run_jobs()
            assert _states(service, "P-gained") == [("original", "released")]
            assert service.read(MODULE, FILES[0], "P-gained") == before
            step()
        assert _amendment(service, "P-gained").state == "signed_off"
        service.disclose(case_id)
        service.run_jobs()
        assert _states(service, "P-gained") == [("original", "superseded"), ("amended", "released")]
        assert service.state(MODULE, "P-gained") is CaseState.DELIVERED
        assert service.case("P-gained", MODULE).requires_confirmation
        (told,) = [d for d in _difference(service, _versions(service, "P-gained")[1], "P-gained")["differences"]
                   if d["topic"] == "finding"]  # fmt: skip
        assert (told["kind"], told["subject"], told["before"]) == ("added", "BRCA2", None)
        assert told["after"]["rule"] == "plp_ge2star_dominant"
        entries = partner.ledger.entries()
        assert len({entry.idempotency_key for entry in entries}) == len(entries) == 1
        assert service.violations("P-gained") == []


def test_what_the_second_specimen_does_not_show_leaves_the_former_version(
    service: Service, interpreters: dict[str, Interpreter]
) -> None:
    _reanalyze(service, interpreters[NEW])
    review = _sign(service, "P-gained", REPORT)
    service.confirm(review.review_id, Confirmation.DISCORDANT)
    assert _amendment(service, "P-gained").state == "in_review"
    _sign(service, "P-gained", LEAVE_OUT)
    service.run_jobs()
    assert _states(service, "P-gained") == [("original", "released")]
    assert _amendment(service, "P-gained").state == "revoked", "nothing that is reported differs"


def test_a_downgrade_goes_out_first_and_the_partner_is_told_that_it_is_urgent(
    service: Service, interpreters: dict[str, Interpreter], tmp_path: Path
) -> None:
    with running_partner(service, tmp_path / "partner") as partner:
        _report_positive(service, "P-lost")
        (first,) = service.rows(DeliveryRow, DeliveryRow.participant_id == "P-lost")
        assert service.state(MODULE, "P-lost") is CaseState.DELIVERED
        _reanalyze(service, interpreters[NEW])
        with service.work() as work:
            work.enqueue("release_report", "an ordinary one")
        _sign(service, "P-lost")
        case_id = service.case("P-lost", MODULE).case_id
        with service.work() as work:
            due = jobs.issue_due(
                work.session, "release_report", work.at, lost_after=service.context.trial, most=1, for_backfill=0
            )
            assert [row.subject_id for row in due] == [case_id]
            for row in due:
                row.issued_at = None
            work.session.delete(work.session.query(JobRow).filter_by(subject_id="an ordinary one").one())
        service.run_jobs()
        assert _states(service, "P-lost") == [("original", "superseded"), ("amended", "released")]
        assert not service.case("P-lost", MODULE).requires_confirmation
        rows = {row.version_id: row for row in service.rows(DeliveryRow, DeliveryRow.participant_id == "P-lost")}
        second = rows[_versions(service, "P-lost")[1].version_id]
        assert rows[first.version_id].state == "received", "what arrived is superseded by the later one, not recalled"
        assert service.rows(RecallRow) == []
        assert first.idempotency_key != second.idempotency_key
        assert service.job("deliver_report", second.delivery_id).urgent
        index = _told(partner, second)
        assert (index["version"], index["kind"], index["supersedes"]) == (2, "amended", 1)
        assert index["priority"] == Priority.URGENT
        assert _told(partner, first)["priority"] == Priority.ROUTINE
        (told,) = [d for d in _difference(service, _versions(service, "P-lost")[1], "P-lost")["differences"]
                   if d["topic"] == "finding"]  # fmt: skip
        assert (told["kind"], told["subject"], told["after"]) == ("removed", "BRCA1", None)


def test_a_former_version_that_has_not_arrived_is_never_sent(
    service: Service, interpreters: dict[str, Interpreter], tmp_path: Path
) -> None:
    with running_partner(service, tmp_path / "partner") as partner:
        review = _sign(service, "P-lost", REPORT)
        service.confirm(review.review_id)
        service.disclose(review.case_id)
        pipeline.release_report(service.context, review.case_id)
        _reanalyze(service, interpreters[NEW])
        _sign(service, "P-lost")
        service.run_jobs()
        states = {row.version_id: row.state for row in service.rows(DeliveryRow)}
        first, second = _versions(service, "P-lost")
        assert (states[first.version_id], states[second.version_id]) == ("recalled", "received")
        assert len([entry for entry in partner.ledger.entries() if entry.event == "accepted"]) == 1


# --- Wrong, added to, taken back


def test_a_wrong_report_is_unreadable_at_once_and_its_correction_is_reviewed(
    service: Service, interpreters: dict[str, Interpreter], tmp_path: Path
) -> None:
    with running_partner(service, tmp_path / "partner") as partner:
        _report_positive(service, "P-lost")
        (wrong,) = _versions(service, "P-lost")
        service.context.interpreters = {MODULE: interpreters[NEW]}
        corrections.correct(
            service.context, DIRECTOR, "P-lost", MODULE, fault=Fault.WRONG_RULE, note="the rule was wrong"
        )
        with pytest.raises(NotFoundError):
            service.read(MODULE, FILES[0], "P-lost")
        assert _states(service, "P-lost") == [("original", "withdrawn")]
        assert service.state(MODULE, "P-lost") is CaseState.SUSPENDED
        with pytest.raises(ErasedError), service.work(DIRECTOR) as work:
            artifact = results.artifacts_of(work.session, wrong.version_id)[0]
            vault.open_artifact(work, service.context.keys, "P-lost", wrong, artifact)
        service.run_jobs()
        (recall,) = service.rows(RecallRow)
        assert (recall.cause, recall.state) == ("wrong_rule", "acknowledged")
        assert not partner.opened_folder(recall.delivery_id).exists()
        with pytest.raises(ConflictError, match="in review already"):
            corrections.correct(service.context, DIRECTOR, "P-lost", MODULE, fault=Fault.WRONG_RULE, note="again")
        review = _newest_review(service, "P-lost")
        assert review.reasons == ["report_corrected"]
        _sign(service, "P-lost")
        service.run_jobs()
        assert _states(service, "P-lost") == [("original", "withdrawn"), ("corrected", "released")]
        assert service.state(MODULE, "P-lost") is CaseState.DELIVERED
        told = _difference(service, _versions(service, "P-lost")[1], "P-lost")
        assert (told["kind"], told["reason"], told["supersedes"]) == ("corrected", "wrong_rule", 1)
        assert told["knowledge_release"] == {"before": OLD, "after": NEW}
        assert service.violations("P-lost") == []


def test_a_correction_of_a_positive_finding_is_confirmed_anew(service: Service) -> None:
    _report_positive(service, "P-lost")
    corrections.correct(service.context, DIRECTOR, "P-lost", MODULE, fault=Fault.LABORATORY_ERROR, note="tubes")
    review = _sign(service, "P-lost", REPORT)
    assert _amendment(service, "P-lost").state == "confirming", "the former was wrong: nothing of it counts on"
    service.confirm(review.review_id)
    service.disclose(review.case_id)
    service.run_jobs()
    assert _states(service, "P-lost") == [("original", "withdrawn"), ("corrected", "released")]


def test_a_finding_that_stands_keeps_its_confirmation(service: Service, interpreters: dict[str, Interpreter]) -> None:
    """Nobody gives blood again for what the report says already; only what is new or stronger asks for it."""
    _report_positive(service, "P-stars")
    case = service.case("P-stars", MODULE)
    with service.work() as work:
        row = results.must_get(work.session, type(case), case.case_id)
        with_same = results.interpretations_of_cases(work.session, [case.case_id])[0]
        amendment = amendments.begin(work, row, "amended", "new_knowledge", None)
        made = _again(service, work, interpreters[NEW], "P-stars")
        interpretations.keep_corrected(
            work, service.context.keys, amendment, made, review_due=service.context.settings.review_due
        )
        assert with_same.interpretation_id != amendment.interpretation_id
    _sign(service, "P-stars", REPORT)
    amended = _amendment(service, "P-stars")
    assert (amended.requires_confirmation, amended.confirmation, amended.disclosure) == (
        True,
        "concordant",
        "completed",
    )
    service.run_jobs()
    assert [kind for kind, _ in _states(service, "P-stars")] == ["original", "amended"]


def _again(service: Service, work: object, interpreter: Interpreter, person: str) -> tuple[object, object, object]:
    reading = samples.begin_reading(work, service.context.keys, f"sample-of-{person}", service.context.store)
    genotypes = service.context.genotypes.find(work, reading.sample_id).genotypes([interpreter])
    return reading, genotypes, interpretations.interpret(interpreter, reading, genotypes)


def test_a_correction_that_was_stopped_goes_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    _report_positive(service, "P-lost")
    with monkeypatch.context() as patch:
        patch.setattr(samples, "begin_reading", lambda *_: None)
        with pytest.raises(ConflictError, match="try again"):
            corrections.correct(
                service.context, DIRECTOR, "P-lost", MODULE, fault=Fault.WRONG_RULE, note="the rule was wrong"
            )
    assert _states(service, "P-lost") == [("original", "withdrawn")]
    corrections.correct(service.context, DIRECTOR, "P-lost", MODULE, fault=Fault.WRONG_RULE, note="the rule was wrong")
    assert _amendment(service, "P-lost").state == "in_review"
    assert len(service.rows(AmendmentRow)) == 1


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "plain") as running, running_partner(running, tmp_path / "partner"):
        yield running


def _take_back(service: Service, actor: Actor = DIRECTOR, module: str = "traits", note: str = "a mix-up") -> None:
    with service.work(actor) as work:
        amendments.withdraw(work, service.context.keys, PERSON, module, fault=Fault.LABORATORY_ERROR, note=note)


def _add(
    service: Service,
    what: Added = Added.NOTE,
    text: dict[str, str] = NOTE,
    module: str = "traits",
    *,
    actor: Actor = COUNSELOR,
    note: str = "asked on the phone",
) -> None:
    service.clock.advance(minutes=1)
    with service.work(actor) as work:
        amendments.add(work, service.context.keys, PERSON, module, what=what, note=note, text=text)


def test_a_report_that_is_taken_back_is_recalled_and_nothing_takes_its_place(plain: Service) -> None:
    plain.available()
    plain.run_jobs()
    _take_back(plain)
    with pytest.raises(NotFoundError):
        plain.read()
    plain.run_jobs()
    assert plain.state() is CaseState.SUSPENDED
    assert [row.state for row in plain.rows(RecallRow)] == ["acknowledged"]
    (version,) = plain.rows(ReportVersionRow)
    assert (version.state, version.withdrawn_cause) == ("withdrawn", "laboratory_error")
    with plain.work(DIRECTOR) as work:
        row = work.session.query(AmendmentRow).one()
        assert (row.kind, row.reason, row.ordered_by, row.state) == (
            "withdrawn", "laboratory_error", DIRECTOR.name, "revoked",
        )  # fmt: skip
        assert vault.open_amendment_text(work, plain.context.keys, row) == {"note": "a mix-up"}
    assert b"a mix-up" not in b"".join(p.read_bytes() for p in plain.context.settings.home.glob("ror.sqlite3*"))
    (event,) = plain.actions("report.withdraw")
    assert (event.actor, event.details["reason"]) == (DIRECTOR.name, "laboratory_error")
    plain.consent(Answer.NO)
    assert plain.state() is CaseState.DELETED, "the recall was acknowledged before"
    with pytest.raises(ErasedError), plain.work(DIRECTOR) as work:
        vault.open_amendment_text(work, plain.context.keys, row)


def test_a_case_is_deleted_only_when_the_recalls_of_older_versions_are_acknowledged(plain: Service) -> None:
    plain.available()
    plain.run_jobs()
    _take_back(plain)
    plain.consent(Answer.NO)
    assert plain.state() is CaseState.DELETION_ORDERED
    plain.run_jobs()
    assert plain.state() is CaseState.DELETED


def test_something_is_added_and_the_result_stands(plain: Service) -> None:
    plain.available()
    plain.run_jobs()
    with plain.work() as work:
        reports.viewed(work, plain.rows(ReportVersionRow)[0].version_id, "view-1", "service")
    assert plain.state() is CaseState.VIEWED
    interpretation = plain.case().interpretation_id
    _add(plain)
    plain.run_jobs()
    assert _states(plain, module="traits") == [("original", "superseded"), ("addendum", "released")]
    assert plain.case().interpretation_id == interpretation
    assert plain.state() is CaseState.DELIVERED, "nobody has opened this version"
    first, second = _versions(plain, module="traits")
    with plain.work() as work:
        reports.viewed(work, first.version_id, "view-2", "service")
    assert plain.state() is CaseState.DELIVERED, "a view of the first says nothing of the second"
    with plain.work() as work:
        reports.viewed(work, second.version_id, "view-3", "service")
    assert plain.state() is CaseState.VIEWED
    assert _difference(plain, second, PERSON)["differences"] == []
    assert plain.violations() == []


def test_own_medicines_are_added_to_a_report_that_was_returned(plain: Service) -> None:
    plain.available("pharmacogenomics")
    plain.enter_medicines("codeine")
    _add(plain, Added.OWN_MEDICINES, {}, "pharmacogenomics")
    plain.run_jobs()
    assert [kind for kind, _ in _states(plain, module="pharmacogenomics")] == ["original", "addendum"]
    assert plain.actions("own_medicines.use")


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda s: _take_back(s, COUNSELOR), ForbiddenError),
        (lambda s: _take_back(s, OPERATOR), ForbiddenError),
        (lambda s: _take_back(s, note=" "), InvalidInputError),
        (lambda s: _take_back(s, module="ancestry"), NotFoundError),
        (lambda s: _add(s, actor=OPERATOR), ForbiddenError),
        (lambda s: _add(s, text={"en": "one language"}), InvalidInputError),
        (lambda s: _add(s, text={}), InvalidInputError),
        (lambda s: _add(s, text=NOTE | {"es": "\u202eahora"}), InvalidInputError),
        (lambda s: _add(s, text=NOTE | {"en": "x" * 1001}), InvalidInputError),
        (lambda s: _add(s, Added.OWN_MEDICINES, {}), InvalidInputError),
        (lambda s: (_add(s), _add(s)), ConflictError),
        (lambda s: (_take_back(s), _add(s)), NotFoundError),
    ],
)
def test_what_cannot_be_done_is_refused(plain: Service, act: object, error: type[ServiceError]) -> None:
    plain.available()
    with pytest.raises(error):
        act(plain)


def test_the_database_lets_one_next_version_be_on_its_way(plain: Service) -> None:
    plain.available()
    with pytest.raises(IntegrityError, match="UNIQUE"), plain.work() as work:
        case = results.current_case(work.session, PERSON, "traits")
        for _ in range(2):
            amendments.begin(work, case, "amended", "new_knowledge", None)


def test_a_withdrawal_of_consent_ends_every_version_and_whatever_is_on_its_way(plain: Service) -> None:
    plain.available()
    plain.run_jobs()
    _add(plain)
    plain.run_jobs()
    _add(plain)
    plain.withdraw()
    plain.run_jobs()
    assert [state for _, state in _states(plain, module="traits")] == ["withdrawn", "withdrawn"]
    assert [row.state for row in plain.rows(AmendmentRow)] == ["available", "revoked"]
    assert {row.state for row in plain.rows(RecallRow)} == {"certified"}
    assert len(plain.rows(RecallRow)) == 2
    assert plain.state() is CaseState.DELETED


def test_a_withdrawal_between_drawing_up_and_keeping_leaves_no_next_version(plain: Service) -> None:
    plain.available()
    _add(plain)
    drafted = _draft(plain)
    plain.consent(Answer.NO)
    _keep(plain, drafted)
    assert [state for _, state in _states(plain, module="traits")] == ["withdrawn"]


def test_a_draft_that_another_took_the_place_of_is_dropped(plain: Service) -> None:
    plain.available()
    _add(plain)
    drafted = _draft(plain)
    _take_back(plain)
    with plain.work(PIPELINE) as work:
        case = results.current_case(work.session, PERSON, "traits")
        other = amendments.begin(work, case, "corrected", "wrong_text", None)
        other.interpretation_id, other.state = case.interpretation_id, "release_ready"
    _keep(plain, drafted)
    assert [state for _, state in _states(plain, module="traits")] == ["withdrawn"]


def _draft(service: Service) -> object:
    with service.work(PIPELINE) as work:
        context = service.context
        return reports.draft(work, context.keys, context.programme, service.case().case_id, settle=context.settle)


def _keep(service: Service, drafted: object) -> None:
    made = service.context.render(drafted)
    with service.work(PIPELINE) as work:
        reports.keep(
            work, service.context.keys, service.case().case_id, made,
            made_from=drafted.payload.made_from, sender=service.context.sender, partners=(),
        )  # fmt: skip


def test_a_suspicion_about_the_sample_holds_every_version(plain: Service) -> None:
    plain.available()
    _add(plain)
    plain.identity_case(PERSON)
    plain.run_jobs()
    assert _states(plain, module="traits") == [("original", "released")]
    with pytest.raises(ServiceError):
        plain.read()


def test_a_sample_that_an_older_version_rests_on_ends_the_case(plain: Service) -> None:
    plain.available()
    _add(plain)
    plain.run_jobs()
    with plain.work(DIRECTOR) as work:
        # As after a correction that read another sample.
        results.current_case(work.session, PERSON, "traits").sample_id = None
        work.session.flush()
        participants.erase_sample(work, f"sample-of-{PERSON}", "identity")
    assert {row.state for row in plain.rows(ReportVersionRow)} == {"withdrawn"}


def test_the_access_log_tells_nothing_of_a_version_that_is_on_its_way(
    service: Service, interpreters: dict[str, Interpreter]
) -> None:
    _reanalyze(service, interpreters[NEW])
    review = _sign(service, "P-gained", REPORT)
    amendment = _amendment(service, "P-gained")
    hidden = {review.review_id, review.interpretation_id, amendment.amendment_id}
    with service.work() as work:
        assert not hidden & people._reported_objects(work, "P-gained")
    events = [event for event in service.rows(AuditEventRow) if event.participant_id == "P-gained"]
    assert hidden <= {event.object_id for event in events}, "all of it is audited"
    service.confirm(review.review_id)
    service.disclose(review.case_id)
    service.run_jobs()
    with service.work() as work:
        assert hidden <= people._reported_objects(work, "P-gained"), "with the version it is told"
