"""What happens to a report after it was returned: amended, corrected, added to, taken back; one version is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import IntegrityError
from support.consent_facts import PERSON
from support.hereditary_genomes import MODULE, NEW, OLD, copied_service, hereditary_service, take_everybody_in
from support.service import (
    COUNSELOR,
    DIRECTOR,
    FILES,
    INTERPRETATIONS,
    OPERATOR,
    REPORT_TEXT,
    Service,
    SettableClock,
    running_partner,
)

from consent.types import Answer, Confirmation, VitalStatus
from interpreters.interpreter import Interpreter
from ror_service import amendments, cases, corrections, participants, pipeline, reanalysis, reports
from ror_service.amendments import Added, Fault
from ror_service.audit.log import Actor
from ror_service.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    ServiceError,
)
from ror_service.intake import samples
from ror_service.review import queue
from ror_service.review.queue import Disposition
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sealing import vault
from ror_service.sealing.bundle import Priority, open_bundle
from ror_service.states import CaseState, DeliveryState, VersionState
from ror_service.storage import jobs, results
from ror_service.storage.tables import (
    AmendmentRow,
    ArtifactRow,
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
