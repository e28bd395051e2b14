"""Report versions: immutable, gated at every step, read only with an audit event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from support import consent_facts
from support.consent_facts import PERSON
from support.service import (
    COUNSELOR,
    DIRECTOR,
    FILES,
    FOUR_MEDICINE_GENES,
    PIPELINE,
    REPORT_TEXT,
    TWO_POSITIVE,
    UNCERTAIN_MEDICINES,
    Service,
    artifact,
    running_service,
)

from consent.family_sharing import agreed_form
from consent.gate import Release, Withheld
from consent.types import Answer, Capacity, DocumentType, Validation, VitalStatus
from interpreters.findings import Interpretation, PharmacogenomicFinding
from report_templates.content import Audience, FindingOutcome, Language, ReportContent
from report_templates.render import audiences, render_html
from ror_service import cases, pipeline, reports
from ror_service.audit import log
from ror_service.errors import (
    AuditError,
    ConflictError,
    ErasedError,
    InvalidInputError,
    KnowledgeUnavailableError,
    NotFoundError,
    SealError,
    UnsafeConfigurationError,
    WithheldError,
)
from ror_service.review.queue import Disposition
from ror_service.sealing import vault
from ror_service.states import CaseState, VersionState
from ror_service.storage import data_keys
from ror_service.storage.tables import (
    ArtifactRow,
    DataKeyRow,
    InterpretationRow,
    ParticipantRow,
    ReleaseDecisionRow,
    ReportVersionRow,
    SignOffRow,
    ViewEventRow,
)

REPORT, DO_NOT = Disposition.REPORT, Disposition.DO_NOT_REPORT
OTHER_RELEASE = "2026-02-05"


def _draft(service: Service, case_id: str) -> Release[ReportContent] | Withheld | None:
    with service.work(PIPELINE) as work:
        context = service.context
        return reports.draft(work, context.keys, context.programme, case_id, settle=context.settle)


def _keep(service: Service, case_id: str, made_from: str = "") -> None:
    with service.work(PIPELINE) as work:
        made = tuple(artifact(name) for name in FILES)
        draft = made_from or str(service.case().interpretation_id)
        reports.keep(
            work, service.context.keys, case_id, made, made_from=draft, sender=service.context.sender, partners=()
        )


def _version(service: Service) -> ReportVersionRow:
    (version,) = service.rows(ReportVersionRow)
    return version


# --- Drafts


def test_a_draft_says_whose_it_is_and_what_it_rests_on(service: Service) -> None:
    release = _draft(service, service.interpreted())
    assert isinstance(release, Release)
    content = release.payload
    assert (content.participant.programme_id, content.participant.birth_year) == (PERSON, 1980)
    assert (content.module, content.version, content.decisions, content.sign_offs) == ("traits", 1, (), ())
    assert content.accession.startswith("R-")
    assert PERSON not in content.accession
    assert service.state() is CaseState.RELEASE_READY


def test_the_same_result_gives_the_same_draft(service: Service) -> None:
    case_id = service.interpreted()
    first, second = _draft(service, case_id), _draft(service, case_id)
    assert isinstance(first, Release)
    assert isinstance(second, Release)
    assert first.payload == second.payload


def test_a_case_that_is_not_at_the_point_of_release_gives_none(service: Service) -> None:
    service.enroll()
    assert _draft(service, service.case().case_id) is None
    with pytest.raises(NotFoundError):
        _draft(service, "case-of-nobody")


def test_the_gate_refuses_a_draft_and_the_case_stays(service: Service) -> None:
    case_id = service.interpreted()
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    refused = _draft(service, case_id)
    assert isinstance(refused, Withheld)
    assert refused.decision.reasons == ("death_reported",)
    assert service.state() is CaseState.CLEAR
    (decision,) = service.actions("report.release_decision")
    assert decision.details == {"released": False}


def test_a_report_needs_its_second_identifier(service: Service) -> None:
    case_id = service.interpreted()
    with service.work() as work:
        work.session.get_one(ParticipantRow, PERSON).birth_date = None
    with pytest.raises(InvalidInputError, match="birth date"):
        _draft(service, case_id)


def test_a_released_hereditary_report_shows_what_was_decided_on_each_finding(service: Service) -> None:
    case_id, review_id = service.positive(TWO_POSITIVE)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT, Disposition.DO_NOT_REPORT)
    service.confirm(review_id)
    service.disclose(case_id)
    release = _draft(service, case_id)
    assert isinstance(release, Release)
    shown = {decision.gene: decision for decision in release.payload.decisions}
    assert shown["BRCA2"].outcome is FindingOutcome.CONFIRMED
    assert shown["HFE"].outcome is FindingOutcome.NOT_REPORTED
    assert [sign_off.name for sign_off in release.payload.sign_offs] == [COUNSELOR.name, DIRECTOR.name]


@pytest.mark.parametrize(
    ("answers", "written"),
    [
        ((), False),
        ((Answer.YES,), True),
        ((Answer.NOT_SURE,), False),
        ((Answer.YES, Answer.NO), False),
        ((Answer.NO, Answer.YES), True),
    ],
)
def test_a_letter_to_relatives_is_written_for_a_yes_alone(
    service: Service, answers: tuple[Answer, ...], *, written: bool
) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
    service.confirm(review_id)
    service.disclose(case_id)
    service.clock.advance(days=2)  # from when on the form can be answered
    for answer in answers:
        service.clock.advance(minutes=1)
        service.consent(answer, DocumentType.FAMILY_SHARING, document_version="1.1")
    release = _draft(service, case_id)
    assert isinstance(release, Release)
    assert ('<section class="letter">' in render_html(release, Language.EN)) is written


@pytest.mark.parametrize("changes", [{"validation": Validation.INVALID}, {"capacity": Capacity.GUARDIAN}])
def test_a_yes_that_does_not_count_brings_no_letter(changes: dict[str, Any]) -> None:
    known = consent_facts.history()
    said = replace(consent_facts.consent(DocumentType.FAMILY_SHARING, document_version="1.1"), **changes)
    assert agreed_form(replace(known, consents=(*known.consents, said)), consent_facts.NOW) is None
    later = replace(said, validation=Validation.VALID, capacity=Capacity.SELF)
    assert agreed_form(replace(known, consents=(*known.consents, later)), consent_facts.NOW) == "1.1"
    assert agreed_form(replace(known, consents=(later,)), later.authored_at - timedelta(seconds=1)) is None


def test_what_is_not_to_be_reported_is_not_in_the_report(service: Service) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.DO_NOT_REPORT)
    release = _draft(service, case_id)
    assert isinstance(release, Release)
    html = render_html(release, Language.EN)
    assert "32340300" not in html
    assert "Pathogenic" not in html


def test_a_reviewed_medicine_report_carries_its_one_signature(service: Service) -> None:
    case_id = service.interpreted(UNCERTAIN_MEDICINES)
    service.sign(service.review("pharmacogenomics").review_id, COUNSELOR, REPORT)
    release = _draft(service, case_id)
    assert isinstance(release, Release)
    assert [sign_off.name for sign_off in release.payload.sign_offs] == [COUNSELOR.name]
    assert release.payload.decisions == ()


# --- What signers decided on uncertain pharmacogenomic calls


def _signed_off(service: Service, *decisions: Disposition) -> str:
    case_id = service.interpreted(FOUR_MEDICINE_GENES)
    service.sign(service.review("pharmacogenomics").review_id, COUNSELOR, *decisions)
    return case_id


def _shown(release: Release[ReportContent] | Withheld | None) -> set[str]:
    """Genes whose result a report says, in its content or in its words."""
    assert isinstance(release, Release)
    findings = [found for found in release.payload.interpretation.findings if isinstance(found, PharmacogenomicFinding)]
    assert not [found for found in findings if found.requires_review], "nothing is still being checked"
    said = "".join(
        render_html(release, language, audience)
        for audience, language in audiences("pharmacogenomics")
        if audience is Audience.PARTICIPANT
    )
    return {
        found.gene
        for found in findings
        if found.reported_phenotype or found.recommendations or found.second_opinions or found.diplotypes[0] in said
    }


@pytest.mark.parametrize("first", Disposition)
@pytest.mark.parametrize("third", Disposition)
def test_the_result_of_a_held_gene_is_shown_only_when_the_signer_lets_it_stand(
    service: Service, first: Disposition, third: Disposition
) -> None:
    case_id = _signed_off(service, first, DO_NOT, third)
    let_stand = {gene for gene, decision in (("CYP2C19", first), ("SLCO1B1", third)) if decision is REPORT}
    release = _draft(service, case_id)
    assert _shown(release) == {"TPMT"} | let_stand
    (stored,) = service.rows(InterpretationRow)
    with service.work() as work:
        opened = vault.open_interpretation(work, service.context.keys, stored).interpretation
    assert opened == FOUR_MEDICINE_GENES, "what is stored stays as it was found"


def _accepts_all(said: Interpretation) -> frozenset[str]:
    return frozenset(found.gene for found in said.findings if found.acceptable)


@pytest.mark.parametrize(
    "broken",
    [
        lambda settle, said, _: settle(said, _accepts_all(said)),
        lambda settle, said, accepted: settle(said, _accepts_all(said) - accepted),
        lambda _settle, said, _: said,
    ],
    ids=["accepts all", "takes no for yes", "settles nothing"],
)
def test_a_service_that_follows_another_decision_is_caught(
    service: Service, monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Interpretation]
) -> None:
    case_id = _signed_off(service, REPORT, DO_NOT, DO_NOT)
    settle = service.context.settle
    monkeypatch.setattr(service.context, "settle", lambda said, accepted: broken(settle, said, accepted))
    with pytest.raises(AssertionError):
        assert _shown(_draft(service, case_id)) == {"TPMT", "CYP2C19"}


@pytest.mark.parametrize("tampered", [[], ["report"], ["report"] * 4])
def test_a_signature_that_does_not_decide_on_each_call_makes_no_report(service: Service, tampered: list[str]) -> None:
    case_id = _signed_off(service, REPORT, DO_NOT, REPORT)
    with service.work() as work:
        (row,) = work.session.scalars(select(SignOffRow))
        row.dispositions = tampered
    with pytest.raises(ConflictError, match="one decision for each"):
        _draft(service, case_id)
    assert service.state("pharmacogenomics") is CaseState.SIGNED_OFF


def test_calls_are_settled_by_the_release_that_they_rest_on_whatever_is_in_use(tmp_path: Path) -> None:
    with running_service(tmp_path / "home", knowledge_releases={"pharmacogenomics": OTHER_RELEASE}) as service:
        used = service.context.interpreters["pharmacogenomics"].knowledge
        assert used.digest != FOUR_MEDICINE_GENES.knowledge_digest
        release = _draft(service, _signed_off(service, REPORT, DO_NOT, DO_NOT))
    assert isinstance(release, Release)
    settled = release.payload.interpretation
    assert (settled.knowledge_release, settled.knowledge_digest) == (
        FOUR_MEDICINE_GENES.knowledge_release,
        FOUR_MEDICINE_GENES.knowledge_digest,
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"knowledge_release": "2001-01-01"}, "no knowledge release '2001-01-01'"),
        ({"knowledge_release": OTHER_RELEASE}, "differs from the one that the result rests on"),
        ({"knowledge_digest": "0" * 64}, "differs from the one that the result rests on"),
    ],
)
def test_no_call_is_settled_by_another_release(service: Service, change: dict[str, str], said: str) -> None:
    case_id = service.interpreted(replace(FOUR_MEDICINE_GENES, **change))
    service.sign(service.review("pharmacogenomics").review_id, COUNSELOR, REPORT, DO_NOT, DO_NOT)
    with pytest.raises(KnowledgeUnavailableError, match=said):
        _draft(service, case_id)
    assert not service.rows(ReportVersionRow)


def test_a_module_that_holds_nothing_back_has_nothing_to_settle(service: Service) -> None:
    release = service.context.interpreter("traits", "2026-11-22")
    said = Interpretation("traits", "1", release.knowledge.release, release.knowledge.digest, (), ())
    with pytest.raises(KnowledgeUnavailableError, match="traits interpreter settles no"):
        service.context.settle(said, frozenset())


def test_an_option_that_a_module_does_not_know_is_told(tmp_path: Path) -> None:
    unknown = {"pharmacogenomics": {"colour": "red"}}
    with (
        running_service(tmp_path / "home", module_options=unknown) as service,
        pytest.raises(UnsafeConfigurationError, match="ROR_MODULE_OPTIONS"),
    ):
        service.context.interpreter("pharmacogenomics", OTHER_RELEASE)


# --- Versions


def test_a_version_is_sealed_and_can_be_read(service: Service) -> None:
    service.available()
    version = _version(service)
    assert (version.number, version.kind, version.state) == (1, "original", VersionState.RELEASED)
    assert [row.name for row in service.rows(ArtifactRow)] == list(FILES)
    assert all(REPORT_TEXT not in row.sealed for row in service.rows(ArtifactRow))
    for name in FILES:
        assert service.read(name=name).startswith(REPORT_TEXT)
    assert [row.details for row in service.actions("report.read")] == [{"file": name} for name in FILES]


def test_no_content_stands_in_the_database_in_clear(service: Service) -> None:
    service.positive()
    service.found("traits")
    pipeline.release_report(service.context, service.case().case_id)
    home = service.context.settings.home
    stored = b"".join(path.read_bytes() for path in home.glob("ror.sqlite3*"))
    for secret in (b"32340300", b"BRCA2", b"rs713598", b"earwax", REPORT_TEXT):
        assert secret not in stored


@pytest.mark.parametrize("change", ["state", "gate"])
def test_a_report_that_is_no_longer_releasable_when_it_is_rendered_is_dropped(service: Service, change: str) -> None:
    case_id = service.interpreted()
    assert isinstance(_draft(service, case_id), Release)
    if change == "state":
        _keep(service, case_id)
    else:
        service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    before = len(service.rows(ReportVersionRow))
    _keep(service, case_id)
    assert len(service.rows(ReportVersionRow)) == before


def test_a_revocation_while_a_report_is_rendered_leaves_no_version(service: Service) -> None:
    case_id = service.interpreted()
    _draft(service, case_id)
    service.consent(Answer.NO)
    _keep(service, case_id)
    assert not service.rows(ReportVersionRow)
    assert service.state() is CaseState.DELETED


@pytest.mark.parametrize("first", [Answer.YES, Answer.NO])
def test_another_answer_about_family_while_a_report_is_rendered_asks_for_another_draft(
    service: Service, first: Answer
) -> None:
    case_id = service.interpreted()
    service.clock.advance(days=2)  # from when on the form can be answered
    said = partial(service.consent, document=DocumentType.FAMILY_SHARING, document_version="1.1")
    said(first)
    drafted = _draft(service, case_id)
    assert isinstance(drafted, Release)
    service.clock.advance(minutes=1)
    said(Answer.NO if first is Answer.YES else Answer.YES)
    _keep(service, case_id, drafted.payload.made_from)
    assert not service.rows(ReportVersionRow)
    service.run_jobs()
    assert _version(service).state == VersionState.RELEASED


def test_rendering_again_makes_no_second_version(service: Service) -> None:
    case_id = service.available()
    digest = _version(service).content_digest
    pipeline.release_report(service.context, case_id)
    assert _version(service).content_digest == digest


@pytest.mark.parametrize("second", [{}, {"number": 2}], ids=["same number", "also released"])
def test_the_database_refuses_a_second_version_of_a_number_or_a_second_released_one(
    service: Service, second: dict[str, int]
) -> None:
    service.available()
    first = _version(service)
    columns = {column.key: getattr(first, column.key) for column in ReportVersionRow.__table__.columns}
    with pytest.raises(IntegrityError, match="UNIQUE"), service.work() as work:
        work.session.add(ReportVersionRow(**columns | {"version_id": "version-2"} | second))


def test_a_superseded_version_is_not_read(service: Service) -> None:
    service.available()
    with service.work() as work:
        work.session.get_one(ReportVersionRow, _id_of(work)).state = VersionState.SUPERSEDED.value
    with pytest.raises(NotFoundError):
        service.read()
    service.withdraw()
    assert _version(service).state == VersionState.WITHDRAWN


def _id_of(work: object) -> str:
    return str(work.session.query(ReportVersionRow.version_id).scalar())


# --- Reading


def test_there_is_nothing_to_read_before_release_or_for_others(service: Service) -> None:
    service.interpreted()
    with pytest.raises(NotFoundError):
        service.read()
    with pytest.raises(NotFoundError):
        service.read("horoscope")
    with pytest.raises(NotFoundError):
        service.read(participant_id="P-unknown")
    pipeline.release_report(service.context, service.case().case_id)
    with pytest.raises(NotFoundError, match="no such file"):
        service.read(name="participant.fr.pdf")


def test_reading_asks_the_gate_at_that_moment(service: Service) -> None:
    service.available()
    service.read()
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    with pytest.raises(WithheldError) as refused:
        service.read()
    assert refused.value.reasons == ("death_reported",)
    assert len(service.actions("report.read")) == 1


def test_a_gate_that_is_not_asked_is_seen(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken variant reads on after a death; that reading asks no gate shows in the decisions that are kept."""
    service.available()
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)

    class AlwaysReleased:
        def __init__(self, payload: object) -> None:
            self.payload = payload

    monkeypatch.setattr(cases, "ask_gate", lambda _work, _case, payload, _purpose, **_: AlwaysReleased(payload))
    assert service.read()
    decisions = service.rows(ReleaseDecisionRow, ReleaseDecisionRow.purpose == "read")
    assert len(decisions) < len(service.actions("report.read"))


@pytest.mark.parametrize("error", [AuditError("the log is full"), RuntimeError()])
def test_when_the_audit_event_cannot_be_written_nothing_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    service.available()

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(log, "append", fail)
    opened: list[bytes] = []
    with pytest.raises(type(error)):
        opened.append(service.read())
    assert not opened


def test_the_audit_event_of_a_reading_is_in_the_same_transaction(service: Service) -> None:
    service.available()

    def read_and_lose_it() -> None:
        with service.work() as work:
            reports.read(work, service.context.keys, PERSON, "traits", FILES[0])
            work.write_audit()
            raise ConnectionError

    with pytest.raises(ConnectionError):
        read_and_lose_it()
    assert not service.actions("report.read")


def test_a_destroyed_key_is_told_as_erased(service: Service) -> None:
    service.available()
    key_id = _version(service).data_key_id
    with service.work() as work:
        data_keys.destroy_keys(work.session, [key_id], work.at)
    with pytest.raises(ErasedError):
        service.read()


def test_bytes_moved_to_another_name_or_person_do_not_open(service: Service) -> None:
    service.available()
    service.available(participant_id="P-0002")
    rows = service.rows(ArtifactRow)
    with pytest.raises(IntegrityError, match="append-only"), service.work() as work:
        work.session.get_one(ArtifactRow, rows[0].artifact_id).sealed = rows[1].sealed
    with service.work() as work:
        # As somebody who owns the database could.
        work.session.execute(text("DROP TRIGGER append_only_artifacts_update"))
        work.session.get_one(ArtifactRow, rows[0].artifact_id).sealed = rows[1].sealed
        work.session.get_one(ArtifactRow, rows[2].artifact_id).sealed = rows[-1].sealed
    for name in (rows[0].name, rows[2].name):
        with pytest.raises(SealError):
            service.read(name=name)


def test_every_version_has_a_key_of_its_own(service: Service) -> None:
    service.available()
    service.available(participant_id="P-0002")
    used = [row.data_key_id for row in service.rows(ReportVersionRow)]
    assert len(set(used)) == 2
    assert set(used) <= {row.key_id for row in service.rows(DataKeyRow)}


def test_the_digest_is_of_names_and_contents(service: Service) -> None:
    service.available()
    contents = {name: service.read(name=name) for name in FILES}
    assert _version(service).content_digest == vault.content_digest(contents)


# --- Views


def test_a_view_belongs_to_a_version_and_counts_once(service: Service) -> None:
    service.available()
    version_id = _version(service).version_id
    for _ in range(2):
        with service.work() as work:
            reports.viewed(work, version_id, "view-1", "service")
    (view,) = service.rows(ViewEventRow)
    assert (view.version_id, view.source) == (version_id, "service")
    assert service.state() is CaseState.VIEWED
    with service.work() as work:
        reports.viewed(work, version_id, "view-2", "partner")
    assert service.state() is CaseState.VIEWED
    assert len(service.actions("report.viewed")) == 2


def test_views_of_nothing_or_of_something_else(service: Service) -> None:
    service.available()
    service.available(participant_id="P-0002")
    first, second = service.rows(ReportVersionRow)
    with service.work() as work, pytest.raises(NotFoundError):
        reports.viewed(work, "version-of-nobody", "view-1", "service")
    with service.work() as work:
        reports.viewed(work, first.version_id, "view-1", "service")
    with service.work() as work, pytest.raises(ConflictError):
        reports.viewed(work, second.version_id, "view-1", "service")


def test_a_view_that_is_told_after_the_revocation_opens_nothing(service: Service) -> None:
    service.available()
    version_id = _version(service).version_id
    service.withdraw()
    with service.work() as work:
        reports.viewed(work, version_id, "view-1", "partner")
    assert service.state() is CaseState.DELETED
