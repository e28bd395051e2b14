"""Reports: their content from rows, their immutable versions, and reading one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from consent import family_sharing
from consent.gate import Release, Withheld
from consent.types import Confirmation, Handover, History
from interpreters.findings import HereditaryFinding, Interpretation, PharmacogenomicFinding
from interpreters.genotypes import Assay, Sex
from report_templates.content import (
    Audience,
    Change,
    Difference,
    FindingDecision,
    FindingOutcome,
    Language,
    ParticipantReference,
    Programme,
    ReportContent,
    ReportKind,
    SignerRole,
    SignOff,
    Specimen,
    SpecimenKind,
    WordingReview,
    variant_key,
)
from report_templates.differences import Reported, changes_a_result, differences
from report_templates.render import template_digest
from report_templates.wording import change_reason
from ror_service import amendments, cases, own_medicines
from ror_service.cases import Track
from ror_service.delivery import dispatch
from ror_service.delivery.dispatch import Sender
from ror_service.delivery.partners import Partner
from ror_service.errors import ConflictError, InvalidInputError, NotFoundError, WithheldError
from ror_service.rendering.artifacts import DIFFERENCE, Artifact
from ror_service.review.queue import Disposition, decided
from ror_service.review.triage import UnderReview, findings_under_review
from ror_service.sealing import bundle, vault
from ror_service.sealing.canonical import sha256_hex
from ror_service.sealing.keys import KeyProvider
from ror_service.sealing.vault import Interpreted
from ror_service.states import CaseState, VersionState
from ror_service.storage import designees, participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import (
    AmendmentRow,
    ArtifactRow,
    ConfirmationOrderRow,
    InterpretationRow,
    ParticipantRow,
    ReportRow,
    ReportVersionRow,
    ResultCaseRow,
    SampleRow,
    SignOffRow,
    ViewEventRow,
)
from ror_service.work import Work, new_id

Settle = Callable[[Interpretation, frozenset[str]], Interpretation]
"""An interpretation and the genes whose held call stands, to what a report may say; see `ServiceContext.settle`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One file of a report in clear, for a reader whom the gate let through."""

    version_id: str
    media_type: str
    content: bytes


def draft(
    work: Work,
    keys: KeyProvider,
    programme: Programme,
    case_id: str,
    *,
    settle: Settle,
    wording_reviews: Mapping[str, WordingReview] = MappingProxyType({}),
) -> Release[ReportContent] | Withheld | None:
    """The content of a case's report, if the gate lets it through.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        programme: The programme as reports name it.
        case_id: Whose and which result.
        settle: Applies what signers decided on pharmacogenomic calls.
        wording_reviews: Module to who approved its wording; a health report without one says that it awaits review.

    Returns:
        The released content, the gate's refusal, or None when the case is not at the point of release.

    Raises:
        NotFoundError: If there is no such case.
        ConflictError: If a finding under review has no decision.
        KnowledgeUnavailableError: If a reviewed call rests on a knowledge release that is not at hand.
    """
    case = results.must_get(work.session, ResultCaseRow, case_id)
    owner = participants.get(work.session, case.participant_id, Lock.SHARED)
    case = results.must_get(work.session, ResultCaseRow, case_id, lock=True)
    amendment = results.open_amendment(work.session, case_id, lock=True)
    track = amendment or case
    if CaseState(track.state) not in cases.AT_THE_GATE or track.sample_id is None or track.interpretation_id is None:
        return None
    sample = results.must_get(work.session, SampleRow, track.sample_id)
    content = _content(
        work, keys, programme, owner=owner, sample=sample, track=track, generation=case.generation, settle=settle,
        medicines=own_medicines.for_report(work, keys, case), wording_review=wording_reviews.get(case.module),
        family_letter=_letter_agreed(work, owner.participant_id),
    )  # fmt: skip
    if amendment is not None:
        content = _next_version(work, keys, content, amendment, settle)
        if amendment.kind == ReportKind.AMENDED and not changes_a_result(_changed(content)):
            amendments.drop(work, amendment)
            return None
    outcome = cases.ask_gate(work, case, content, "release", amendment)
    kind, object_id = cases.named(track)
    work.audit("report.release_decision", kind, object_id, case.participant_id, released=outcome.decision.released)
    if isinstance(outcome, Release) and CaseState(track.state) is not CaseState.RELEASE_READY:
        cases.advance(work, track, CaseState.RELEASE_READY)
    return outcome


def keep(
    work: Work,
    keys: KeyProvider,
    case_id: str,
    artifacts: tuple[Artifact, ...],
    made_from: str,
    *,
    sender: Sender,
    partners: Sequence[Partner],
) -> None:
    """Seal a rendered report as a version, make it available in place of the one before, and queue it for partners.

    The gate is asked again, since rendering took time; a report that is no longer releasable is dropped, and one of
    which another draft is wanted meanwhile.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        case_id: Whose and which result.
        artifacts: Every file of it.
        made_from: `ReportContent.made_from` of the draft.
        sender: The service as partners know it.
        partners: To whom it is sent.
    """
    case = results.must_get(work.session, ResultCaseRow, case_id)
    # Whoever sends the version before holds the participant: it is gone, or not sent any more.
    replaces = results.open_amendment(work.session, case_id) is not None
    participants.get(work.session, case.participant_id, Lock.EXCLUSIVE if replaces else Lock.SHARED)
    case = results.must_get(work.session, ResultCaseRow, case_id, lock=True)
    amendment = results.open_amendment(work.session, case_id, lock=True)
    track = amendment or case
    outcome = cases.ask_gate(work, case, artifacts, "release", amendment)
    made_from_now = _made_from(track, family_letter=_letter_agreed(work, case.participant_id))
    wanted = CaseState(track.state) is CaseState.RELEASE_READY and made_from == made_from_now
    if not wanted or isinstance(outcome, Withheld):
        return
    version = _store_version(work, keys, case, amendment, outcome)
    if amendment is not None:
        amendments.released(work, case, amendment, version)
    cases.advance(work, case, CaseState.AVAILABLE)
    work.audit(
        "report.available", "report_version", version.version_id, case.participant_id,
        content_digest=version.content_digest, kind=version.kind, number=version.number,
    )  # fmt: skip
    urgent = amendment is not None and amendment.urgent
    for partner in partners:
        dispatch.queue(work, sender, partner, case=case, version=version, artifacts=_in_bundle(outcome), urgent=urgent)


def read(
    work: Work, keys: KeyProvider, participant_id: str, module: str, name: str, *, handover: Handover | None = None
) -> Opened:
    """Open one file of the participant's current report, if the gate lets it through at this moment.

    Args:
        work: The transaction of the reader; the audit event is part of it.
        keys: Holder of the key-encryption keys.
        participant_id: Whose report.
        module: Of which module.
        name: Which file, for example `participant.es.pdf`.
        handover: For whom it is read after a death, if not for the participant: then what was kept is read.

    Raises:
        NotFoundError: If there is no released report or no such file.
        WithheldError: If the gate withholds.
        ErasedError: If the data key was destroyed.
    """
    known = participants.get(work.session, participant_id, Lock.SHARED)
    case = results.current_case(work.session, known.participant_id, module)
    if case is None:
        version = None
    elif handover is None:
        version = results.released_version(work.session, case.case_id, Audience.PARTICIPANT)
    else:
        version = designees.kept_version(work.session, case.case_id)
    if case is None or version is None:
        raise NotFoundError("there is no report to read")
    artifact = next((a for a in results.artifacts_of(work.session, version.version_id) if a.name == name), None)
    if artifact is None or name == DIFFERENCE:
        raise NotFoundError("the report has no such file")
    outcome = cases.ask_gate(work, case, artifact, "read", handover=handover)
    if isinstance(outcome, Withheld):
        raise ReadingWithheldError(participant_id, module, outcome.decision.reasons)
    content = vault.open_artifact(work, keys, participant_id, version, outcome.payload)
    work.audit("report.read", "report_version", version.version_id, participant_id, file=name)
    return Opened(version.version_id, artifact.media_type, content)


def readable_files(work: Work, case: ResultCaseRow, waiting_for: str | None) -> tuple[str, ...] | None:
    """Names of the files that the participant may open at this moment; None while there is no report to read.

    Args:
        work: The transaction.
        case: Whose and which result.
        waiting_for: The reason that `cases.progress` gives.
    """
    version = results.released_version(work.session, case.case_id, Audience.PARTICIPANT)
    if version is None or waiting_for is not None:
        return None
    files = results.artifacts_of(work.session, version.version_id)
    return tuple(file.name for file in files if file.name != DIFFERENCE)


def has_letter(work: Work, case: ResultCaseRow, known: History) -> bool:
    """Whether the report that is read ends with a letter to relatives; what was answered later changes nothing."""
    version = results.released_version(work.session, case.case_id, Audience.PARTICIPANT)
    if version is None or not case.requires_confirmation:
        return False
    then = replace(known, consents=tuple(each for each in known.consents if each.received_at <= version.created_at))
    return family_sharing.agreed_form(then, cases.as_of(then, version.created_at)) is not None


def _letter_agreed(work: Work, participant_id: str) -> bool:
    known = participants.history(work.session, participant_id)
    return family_sharing.agreed_form(known, cases.as_of(known, work.at)) is not None


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """One version of a report in the list of all."""

    number: int
    kind: str
    reason: str
    """Code of why it was made; empty for the original."""
    state: str
    released_at: datetime
    withdrawn_cause: str | None
    viewed_at: datetime | None
    """When the participant first opened this very version, here or at a partner."""
    differences: tuple[Mapping[str, Any], ...]
    """What it says otherwise than the version before; empty where that is not asked for, or can no longer be read."""


def versions(
    work: Work, keys: KeyProvider, participant_id: str, module: str, *, with_differences: bool = False
) -> tuple[VersionSummary, ...]:
    """Every version of the participant's present report of a module, oldest first; asking is audited.

    What differed is results: it is opened only where the consent gate lets the report be read at this moment.

    Raises:
        NotFoundError: If there is no such participant or result.
    """
    participants.get(work.session, participant_id, Lock.SHARED)
    case = results.current_case(work.session, participant_id, module)
    if case is None:
        raise NotFoundError("there is no such result")
    opened = with_differences and isinstance(cases.ask_gate(work, case, None, "read"), Release)
    work.audit("report.list", "result_case", case.case_id, participant_id, differences=opened)
    return tuple(
        VersionSummary(
            number=version.number,
            kind=version.kind,
            reason=version.reason,
            state=version.state,
            released_at=version.created_at,
            withdrawn_cause=version.withdrawn_cause,
            viewed_at=results.first_view(work.session, version.version_id),
            differences=_differences(work, keys, participant_id, version) if opened else (),
        )
        for version in results.report_versions_of_case(work.session, case.case_id)
    )


def _differences(
    work: Work, keys: KeyProvider, participant_id: str, version: ReportVersionRow
) -> tuple[Mapping[str, Any], ...]:
    files = results.artifacts_of(work.session, version.version_id)
    artifact = next((file for file in files if file.name == DIFFERENCE), None)
    if artifact is None or VersionState(version.state) is VersionState.WITHDRAWN:
        return ()
    said = json.loads(vault.open_artifact(work, keys, participant_id, version, artifact))
    return tuple(said["differences"])


class ReadingWithheldError(WithheldError):
    """The consent gate withholds a report from whoever reads it. Whose and which it is stays out of the message."""

    def __init__(self, participant_id: str, module: str, reasons: tuple[str, ...]) -> None:
        super().__init__(reasons)
        self.participant_id, self.module = participant_id, module


@contextmanager
def reading(begin: Callable[[], AbstractContextManager[Work]]) -> Generator[Work, None, None]:
    """A transaction to read a report in: one that is withheld is rolled back, and its trace kept in another.

    Args:
        begin: Begins a transaction in the reader's name.
    """
    try:
        with begin() as work:
            yield work
    except ReadingWithheldError as error:
        with begin() as work:
            read_refused(work, error)
        raise


def read_refused(work: Work, error: ReadingWithheldError) -> None:
    """Keep the trace of a reading that the gate withheld."""
    work.audit(
        "report.read_refused", "participant", error.participant_id, error.participant_id,
        module=error.module, reasons=list(error.reasons),
    )  # fmt: skip


def viewed(work: Work, version_id: str, event_id: str, source: str) -> None:
    """Record that the participant opened a version. A replay of the event changes nothing.

    Raises:
        NotFoundError: If there is no such version.
        ConflictError: If the event id was used for another version.
    """
    version = results.must_get(work.session, ReportVersionRow, version_id)
    with work.as_service():
        _viewed(work, version, event_id, source)


def _viewed(work: Work, version: ReportVersionRow, event_id: str, source: str) -> None:
    version_id = version.version_id
    known = work.session.get(ViewEventRow, event_id)
    if known is not None:
        if known.version_id != version_id:
            raise ConflictError("the event id was used for another version")
        return
    report = results.must_get(work.session, ReportRow, version.report_id)
    work.session.add(
        ViewEventRow(event_id=event_id, version_id=version_id, source=source, viewed_at=work.at, received_at=work.at)
    )
    case = results.must_get(work.session, ResultCaseRow, report.case_id, lock=True)
    # A view of an older version says nothing of the one that is there to be read now.
    current = VersionState(version.state) is VersionState.RELEASED
    if current and CaseState(case.state) in {CaseState.AVAILABLE, CaseState.DELIVERED}:
        cases.advance(work, case, CaseState.VIEWED)
    work.audit("report.viewed", "report_version", version_id, report.participant_id, source=source)


def _in_bundle(release: Release[tuple[Artifact, ...]]) -> tuple[bundle.Artifact, ...]:
    return tuple(
        bundle.Artifact(
            audience=artifact.audience,
            language=artifact.language,
            format=artifact.name.rpartition(".")[2],
            media_type=artifact.media_type,
            data=artifact.content,
        )
        for artifact in release.payload
    )


def _content(
    work: Work,
    keys: KeyProvider,
    programme: Programme,
    *,
    owner: ParticipantRow,
    sample: SampleRow,
    track: Track,
    generation: int,
    settle: Settle,
    medicines: tuple[str, ...],
    wording_review: WordingReview | None,
    family_letter: bool,
) -> ReportContent:
    if owner.birth_date is None:
        raise InvalidInputError("a report carries two identifiers; the birth date is missing")
    row = results.must_get(work.session, InterpretationRow, str(track.interpretation_id))
    interpreted = vault.open_interpretation(work, keys, row)
    said, sign_offs = _reported(work, row.interpretation_id, interpreted.interpretation, settle)
    return ReportContent(
        interpretation=said.interpretation,
        programme=programme,
        participant=ParticipantReference(owner.participant_id, owner.birth_date.year),
        accession=_accession(track, generation, interpreted, sample),
        version=1,
        issued=work.at.date(),
        specimen=Specimen(
            kind=SpecimenKind(sample.specimen),
            collected=sample.collected_on,
            received=sample.created_at.date(),
            assay=Assay(sample.assay),
            build=interpreted.build,
        ),
        sources=interpreted.sources,
        sign_offs=tuple(SignOff(row.signer, SignerRole(row.role), row.signed_at.date()) for row in sign_offs),
        sex_at_birth=Sex(owner.sex_at_birth),
        decisions=tuple(said.decisions),
        wording_review=wording_review,
        own_medicines=medicines,
        family_letter=family_letter,
        made_from=_made_from(track, family_letter=family_letter),
    )


def _next_version(
    work: Work, keys: KeyProvider, content: ReportContent, amendment: AmendmentRow, settle: Settle
) -> ReportContent:
    """The content of a version that is not the first, with all that it says otherwise than the one before."""
    former = results.report_versions_of_case(work.session, amendment.case_id)[-1]
    row = results.must_get(work.session, InterpretationRow, former.interpretation_id)
    said = vault.open_interpretation(work, keys, row).interpretation
    before, _ = _reported(work, row.interpretation_id, said, settle)
    releases = (said.knowledge_release, content.interpretation.knowledge_release)
    text = vault.open_amendment_text(work, keys, amendment).get("text")
    return replace(
        content,
        version=former.number + 1,
        kind=ReportKind(amendment.kind),
        reason=amendment.reason,
        change=Change(
            previous_version=former.number,
            previous_issued=former.created_at.date(),
            reason=change_reason(amendment.reason),
            differences=differences(before, Reported(content.interpretation, content.decisions)),
            knowledge=releases if releases[0] != releases[1] else None,
            note={Language(name): said for name, said in text.items()} if text else None,
        ),
    )


def _changed(content: ReportContent) -> tuple[Difference, ...]:
    return () if content.change is None else content.change.differences


def _made_from(track: Track, *, family_letter: bool) -> str:
    order = track.amendment_id if isinstance(track, AmendmentRow) else str(track.interpretation_id)
    return f"{order} with letter" if family_letter else order


def _reported(
    work: Work, interpretation_id: str, said: Interpretation, settle: Settle
) -> tuple[Reported, Sequence[SignOffRow]]:
    """What a report of an interpretation says, as its signers decided, and their signatures."""
    review = results.review_about(work.session, interpretation_id)
    sign_offs = [] if review is None else results.sign_offs(work.session, review.review_id)
    # A finding that an earlier second specimen confirmed is not looked for again.
    order = None if review is None else results.last_confirmation(work.session, review)
    decisions = decided(findings_under_review(said), sign_offs)
    return Reported(_settled(said, decisions, settle), _hereditary(decisions, sign_offs, order)), sign_offs


_Decisions = Sequence[tuple[UnderReview, Disposition]]


def _settled(said: Interpretation, decisions: _Decisions, settle: Settle) -> Interpretation:
    """What may be said: every pharmacogenomic call under review as its signers decided."""
    calls = [(found, choice) for found, choice in decisions if isinstance(found, PharmacogenomicFinding)]
    if not calls:
        return said
    return settle(said, frozenset(found.gene for found, choice in calls if choice is Disposition.REPORT))


def _hereditary(
    decisions: _Decisions, sign_offs: Sequence[SignOffRow], order: ConfirmationOrderRow | None
) -> tuple[FindingDecision, ...]:
    return tuple(
        FindingDecision(
            gene=found.gene,
            variant=variant_key(found.variant),
            outcome=_finding_outcome(choice, order),
            laboratory=None if order is None else order.laboratory,
            decided_on=sign_offs[-1].signed_at.date(),
        )
        for found, choice in decisions
        if isinstance(found, HereditaryFinding)
    )


def _finding_outcome(choice: Disposition, order: ConfirmationOrderRow | None) -> FindingOutcome:
    """What became of one finding; the gate lets a report through only once what is to be reported was confirmed."""
    if choice is Disposition.REPORT:
        return FindingOutcome.CONFIRMED
    contradicted = order is not None and order.result == Confirmation.DISCORDANT.value
    return FindingOutcome.NOT_CONFIRMED if contradicted else FindingOutcome.NOT_REPORTED


def _accession(track: Track, generation: int, interpreted: Interpreted, sample: SampleRow) -> str:
    """Unique number of a report: the same for the same result, so that a report can be made again byte for byte."""
    parts = (
        track.participant_id,
        track.module,
        str(generation),
        sample.file_sha256,
        interpreted.interpretation.knowledge_digest,
    )
    return "R-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12].upper()


def _store_version(
    work: Work,
    keys: KeyProvider,
    case: ResultCaseRow,
    amendment: AmendmentRow | None,
    release: Release[tuple[Artifact, ...]],
) -> ReportVersionRow:
    """Keep a version as the one that is read; the one before is superseded in the same transaction."""
    report = results.report_of(work.session, case.case_id, Audience.PARTICIPANT)
    if report is None:
        report = ReportRow(
            report_id=new_id("report"),
            case_id=case.case_id,
            participant_id=case.participant_id,
            module=case.module,
            audience=Audience.PARTICIPANT.value,
        )
        work.session.add(report)
        work.session.flush()
    versions = results.versions_of(work.session, report.report_id)
    if versions and VersionState(versions[-1].state) is VersionState.RELEASED:
        amendments.supersede(work, versions[-1])
    said = (amendment or case).interpretation_id
    interpretation = results.must_get(work.session, InterpretationRow, str(said))
    version_id = new_id("version")
    key = vault.new_report_key(work, keys, case.participant_id, version_id)
    version = ReportVersionRow(
        version_id=version_id,
        report_id=report.report_id,
        interpretation_id=interpretation.interpretation_id,
        number=len(versions) + 1,
        kind=ReportKind.ORIGINAL.value if amendment is None else amendment.kind,
        reason="" if amendment is None else amendment.reason,
        state=VersionState.RELEASED.value,
        content_digest=vault.content_digest({artifact.name: artifact.content for artifact in release.payload}),
        template_digest=template_digest(),
        knowledge_digest=interpretation.knowledge_digest,
        policy_version=release.decision.policy_version,
        data_key_id=key.key_id,
        created_at=work.at,
    )
    work.session.add(version)
    work.session.flush()
    for artifact in release.payload:
        work.session.add(
            ArtifactRow(
                artifact_id=new_id("artifact"),
                version_id=version_id,
                name=artifact.name,
                audience=artifact.audience,
                language=artifact.language,
                media_type=artifact.media_type,
                plaintext_sha256=sha256_hex(artifact.content),
                sealed=vault.seal_artifact(artifact.content, key, case.participant_id, version, artifact.name),
            )
        )
    work.session.flush()
    return version
