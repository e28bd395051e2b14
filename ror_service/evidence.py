"""The evidence packet of a review: what a person needs in order to decide, opened for this purpose and audited.

A hereditary finding comes with the whole packet of the policy. What it asks for and nobody knows is named in
`HereditaryPacket.unavailable`, never left out silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from consent.decision import age_in_years, choice_reasons, signatures_needed
from consent.types import latest
from interpreters.findings import Finding, HereditaryFinding, Interpretation, PharmacogenomicFinding
from interpreters.genotypes import Sex
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.changes import ChangeKind, changes
from interpreters.hereditary_risk.packet import NO_SOURCE, FindingEvidence, absent, finding_evidence, variant_key
from interpreters.interpreter import Interpreter
from report_templates.content import Audience
from ror_service import cases
from ror_service.errors import ErasedError, KnowledgeUnavailableError
from ror_service.review import curations, queue
from ror_service.review.conditions import CounselingAid, Urgency, counseling, urgency
from ror_service.review.curations import VariantDecisions
from ror_service.review.queue import Disposition
from ror_service.review.triage import Tier, UnderReview, can_be_reported, findings_under_review
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.sealing.vault import Interpreted
from ror_service.storage import participants, results
from ror_service.storage.tables import InterpretationRow, ResultCaseRow, ReviewCaseRow, SampleRow
from ror_service.work import Work

CONSISTENT_SHOWN = 20
"""Of all diplotypes that fit the data, how many are named. Where little was read, tens of thousands may fit."""
SEX_CHECKS = frozenset(
    {
        "sex_in_manifest", "inferred_sex", "laboratory_sex_concordance", "sex_chromosomes", "sex_concordance",
        "chromosome_y",
    }
)  # fmt: skip
"""Rules of the quality gate that compare the sex at birth with the sample."""
NOT_RECORDED = (
    "signature_hash",
    "confirmation_kit",
    "confirmation_method",
    "second_specimen_identity",
    "disclosure_attempts",
    "family_letter",
    "referral",
    "amended_reports",
)
"""Parts of a packet about the decision and what follows it that this service does not record."""


class Parts(Protocol):
    """What opening a packet needs of the running service."""

    @property
    def keys(self) -> KeyProvider:
        """Holder of the key-encryption keys."""

    @property
    def variant_secret(self) -> bytes:
        """Key of the hash under which decisions on a variant are kept."""

    def made_by(self, said: Interpretation) -> Interpreter:
        """The interpreter with the very knowledge that an interpretation rests on.

        Raises:
            KnowledgeUnavailableError: If that knowledge is not at hand.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDecide:
    """One finding under review, in short. Of a hereditary finding only gene and reasons are given."""

    gene: str
    can_be_reported: bool
    """Whether `report` may be decided: the top-scored call has exactly one phenotype."""
    reasons: tuple[str, ...]
    diplotypes: tuple[str, ...] = ()
    """Top-scored diplotypes; the alleles found where the gene is called without one."""
    phenotypes: tuple[str, ...] = ()
    activity_score: str | None = None
    consistent: tuple[str, ...] = ()
    """The first of all diplotypes that fit the data."""
    consistent_total: int = 0
    consistent_phenotypes: tuple[str, ...] = ()
    positions_read: int = 0
    positions_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to a consent document that counts now."""

    document: str
    version: str
    answer: str
    authored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityCheck:
    """One rule of the quality gate."""

    rule: str
    outcome: str
    """`pass`, `warn`, `hold` or `not_checked`."""
    measured: float | str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAndGate:
    """Whose sample it is, how good it is, and what its participant asks for at this moment."""

    participant_id: str
    """Of the programme; no name is known here."""
    sample_id: str
    specimen: str
    collected_on: date | None
    assay: str
    build: str
    sex_at_birth: str
    sex_in_manifest: str
    sex_checks: tuple[QualityCheck, ...] | None
    """What the quality gate said of the sex at birth against what was inferred from the sample."""
    contamination: float | None
    """Share of foreign DNA, 0 to 1, as the laboratory estimates it."""
    quality: str | None
    """Verdict of the quality gate."""
    language: str
    age_years: int | None
    is_minor: bool | None
    """Whether the participant is younger than this kind of result asks for."""
    vital_status: str
    participation: str
    consents: tuple[Answered, ...]
    hereditary_yes: bool
    """Whether standing and answers ask for this result at this moment."""
    hereditary_refusals: tuple[str, ...]
    """Why not."""
    identity_case_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierResult:
    """What another stored interpretation of the same participant said of the gene."""

    knowledge_release: str
    interpreted_on: date
    outcome: str
    is_same_variant: bool
    classification: str | None
    stars: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantHistory:
    """The past of a finding."""

    decisions: tuple[tuple[VariantDecisions, ...] | None, ...]
    """For each allele: what this programme decided in whomever; None for a structural call."""
    earlier_results: tuple[EarlierResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One signature with its decision on this finding."""

    signer: str
    role: str
    disposition: Disposition
    reason: str
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationOrder:
    """The newest order of a test on a second specimen."""

    laboratory: str
    ordered_at: datetime
    result: str | None
    reported_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionState:
    """How far the review and what follows it have come."""

    state: str
    urgency: Urgency
    """Of this finding."""
    due_at: datetime
    is_overdue: bool
    signatures_needed: int
    signatures: tuple[Signed, ...]
    confirmation: str
    confirmation_order: ConfirmationOrder | None
    disclosure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HereditaryPacket:
    """Everything that is known for the decision on one hereditary finding."""

    identity: IdentityAndGate
    finding: FindingEvidence
    history: VariantHistory
    decision: DecisionState
    counseling: tuple[CounselingAid, ...]
    unavailable: tuple[str, ...]
    """What the policy asks for and nobody knows: fields above that are empty, as dotted paths, then what has no
    source."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What a reviewer sees."""

    review: ReviewCaseRow
    interpretation: Interpretation
    hereditary: tuple[HereditaryPacket, ...] = ()
    """One for each hereditary finding that needs a decision, in their order."""

    @property
    def findings(self) -> tuple[UnderReview, ...]:
        """The findings that need a decision, in the order of the decisions."""
        return findings_under_review(self.interpretation)

    @property
    def shown(self) -> tuple[Finding, ...]:
        """All findings; of a gene's diplotypes that fit, the first ones, since `to_decide` has their number."""
        return tuple(
            replace(finding, consistent=finding.consistent[:CONSISTENT_SHOWN])
            if isinstance(finding, PharmacogenomicFinding)
            else finding
            for finding in self.interpretation.findings
        )

    @property
    def to_decide(self) -> tuple[ToDecide, ...]:
        """The same in short."""
        return tuple(_in_short(finding) for finding in self.findings)


def packet(work: Work, parts: Parts, review_id: str) -> Packet:
    """Open the evidence of a review.

    Raises:
        NotFoundError: If there is no such review.
        ErasedError: If the participant withdrew meanwhile.
    """
    opened = _open(work, parts, review_id)
    said = opened.interpreted.interpretation
    return Packet(opened.review, said, _hereditary(work, parts, opened))


def sign(work: Work, parts: Parts, review_id: str, dispositions: Sequence[Disposition], reason: str) -> None:
    """Sign a claimed review as `queue.sign` does; the last signature also keeps what was decided on each variant.

    Raises:
        NotFoundError: If there is no such review.
        ErasedError: If the participant withdrew meanwhile.
        ForbiddenError: If the caller may not sign, or does not hold the review.
        InvalidInputError: If a decision or the reason is missing, or cannot be decided so.
        ConflictError: If the caller signed before, or decides otherwise than the first signer.
    """
    opened = _open(work, parts, review_id)
    said = opened.interpreted.interpretation
    findings = findings_under_review(said)
    confirmed = _confirmed(work, parts, opened, findings)
    if queue.sign(work, review_id, dispositions, reason, findings=findings, confirmed=confirmed):
        decided = queue.decided(findings, results.sign_offs(work.session, review_id))
        curations.remember(
            work, parts.variant_secret, decided,
            build=opened.interpreted.build, knowledge_release=said.knowledge_release,
        )  # fmt: skip


def _confirmed(work: Work, parts: Parts, opened: _Opened, findings: Sequence[UnderReview]) -> frozenset[str]:
    """Genes of which the report that is read holds this very finding, which is no stronger now.

    What is new or stronger is confirmed in a second specimen and told by a counselor, as a first finding is.
    """
    with work.as_service():  # who signs what is new does not see the report that is read
        read = results.released_version(work.session, opened.case.case_id, Audience.PARTICIPANT)
        if read is None or read.interpretation_id == opened.row.interpretation_id:
            return frozenset()
        row = results.must_get(work.session, InterpretationRow, read.interpretation_id)
        said = vault.open_interpretation(work, parts.keys, row).interpretation
        before = findings_under_review(said)
        left_out = queue.not_reported(work, row.interpretation_id, before)
    held = {_spelled(finding) for finding in before if finding.gene not in left_out}
    told = changes(said, opened.interpreted.interpretation)
    stronger = {change.gene for change in told if change.kind not in _NO_STRONGER}
    return frozenset(f.gene for f in findings if _spelled(f) in held and f.gene not in stronger)


_NO_STRONGER = {ChangeKind.DOWNGRADE_REVIEW_AMEND_REPORT, ChangeKind.STAR_CHANGE}


def _spelled(finding: UnderReview) -> tuple[str, frozenset[tuple[str, str]]]:
    """A hereditary finding by its gene, and its variants by place, bases and zygosity."""
    variants = curations.variants_of(finding) if isinstance(finding, HereditaryFinding) else ()
    return finding.gene, frozenset((f"{v.chrom}-{v.pos}-{v.ref}-{v.alt}", v.zygosity) for v in variants)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A review with what it is about."""

    review: ReviewCaseRow
    case: ResultCaseRow
    row: InterpretationRow
    interpreted: Interpreted


def _open(work: Work, parts: Parts, review_id: str) -> _Opened:
    review = results.must_get(work.session, ReviewCaseRow, review_id)
    case = results.must_get(work.session, ResultCaseRow, review.case_id)
    if case.interpretation_id is None:
        raise ErasedError("there is nothing to review any more")
    row = results.must_get(work.session, InterpretationRow, review.interpretation_id)
    interpreted = vault.open_interpretation(work, parts.keys, row)
    work.audit("review.read", "review_case", review_id, case.participant_id)
    return _Opened(review, case, row, interpreted)


def _hereditary(work: Work, parts: Parts, opened: _Opened) -> tuple[HereditaryPacket, ...]:
    said, build = opened.interpreted.interpretation, opened.interpreted.build
    under_review = findings_under_review(said)
    if not any(isinstance(finding, HereditaryFinding) for finding in under_review):
        return ()
    knowledge = _knowledge(parts, said)
    identity = _identity(work, opened)
    others = _other_results(work, parts, opened)
    packets = []
    for number, finding in enumerate(under_review):
        if not isinstance(finding, HereditaryFinding):
            continue
        evidence = finding_evidence(
            finding, said, build,
            policy=knowledge.policy if knowledge else None,
            clinvar=knowledge.clinvar(build) if knowledge else None,
        )  # fmt: skip
        history = _history(work, parts, finding, opened.interpreted, others)
        decision = _decision(work, opened, finding, number, identity)
        aid = counseling(finding.gene)
        missing = {"identity": identity, "finding": evidence, "history": history, "decision": decision}
        packets.append(
            HereditaryPacket(
                identity=identity,
                finding=evidence,
                history=history,
                decision=decision,
                counseling=aid,
                unavailable=(
                    *(name for section, value in missing.items() for name in absent(value, section)),
                    *NO_SOURCE,
                    *NOT_RECORDED,
                ),
            )
        )
    return tuple(packets)


def _knowledge(parts: Parts, said: Interpretation) -> HereditaryRisk | None:
    """The knowledge that was used; None where it is not at hand: people must be able to decide all the same."""
    try:
        interpreter = parts.made_by(said)
    except KnowledgeUnavailableError:
        return None
    return interpreter if isinstance(interpreter, HereditaryRisk) else None


def _identity(work: Work, opened: _Opened) -> IdentityAndGate:
    sample = results.must_get(work.session, SampleRow, opened.row.sample_id)
    owner = participants.get(work.session, opened.case.participant_id)
    known = participants.history(work.session, owner.participant_id)
    assessment = results.last_assessment(work.session, sample.sample_id)
    checks = tuple(
        QualityCheck(rule=rule["name"], outcome=rule["outcome"], measured=rule["measured"], reason=rule["reason"])
        for rule in (assessment.rules if assessment else ())
        if rule["name"] in SEX_CHECKS
    )
    refusals = choice_reasons(known, opened.case.module, work.policy, cases.as_of(known, work.at))
    documents = sorted({record.document for record in known.consents})
    answers = [latest([record for record in known.consents if record.document is document]) for document in documents]
    age = None if owner.birth_date is None else age_in_years(owner.birth_date, work.at.date())
    return IdentityAndGate(
        participant_id=owner.participant_id,
        sample_id=sample.sample_id,
        specimen=sample.specimen,
        collected_on=sample.collected_on,
        assay=sample.assay,
        build=opened.interpreted.build.value,
        sex_at_birth=owner.sex_at_birth,
        sex_in_manifest=sample.sex_at_birth,
        sex_checks=checks or None,
        contamination=sample.contamination,
        quality=None if assessment is None else assessment.verdict,
        language=owner.language,
        age_years=age,
        is_minor=None if age is None else "under_age" in refusals,
        vital_status=owner.vital_status,
        participation=owner.participation,
        consents=tuple(
            Answered(
                document=record.document.value,
                version=record.document_version,
                answer=record.answer.value,
                authored_at=record.authored_at,
            )
            for record in answers
            if record is not None
        ),
        hereditary_yes=not refusals,
        hereditary_refusals=refusals,
        identity_case_open=participants.in_open_identity_case(work.session, owner.participant_id),
    )


def _other_results(work: Work, parts: Parts, opened: _Opened) -> list[tuple[date, Interpreted]]:
    """What else is stored and can still be read of the same participant and module, newest first."""
    found = []
    for row in results.interpretations_of_cases(work.session, [opened.case.case_id]):
        if row.interpretation_id != opened.row.interpretation_id:
            with suppress(ErasedError):
                found.append((row.created_at.date(), vault.open_interpretation(work, parts.keys, row)))
    return found


def _history(
    work: Work,
    parts: Parts,
    finding: HereditaryFinding,
    interpreted: Interpreted,
    others: Sequence[tuple[date, Interpreted]],
) -> VariantHistory:
    build, variants = interpreted.build, curations.variants_of(finding)
    keys = {variant_key(finding.gene, variant, build) for variant in variants} - {None}
    return VariantHistory(
        decisions=tuple(
            curations.earlier(work, parts.variant_secret, finding.gene, variant, build) for variant in variants
        ),
        earlier_results=tuple(
            EarlierResult(
                knowledge_release=other.interpretation.knowledge_release,
                interpreted_on=made_on,
                outcome=said.outcome.value,
                is_same_variant=any(
                    variant_key(said.gene, variant, other.build) in keys for variant in curations.variants_of(said)
                ),
                classification=said.variant.classification,
                stars=said.variant.stars,
            )
            for made_on, other in others
            for said in other.interpretation.findings
            if isinstance(said, HereditaryFinding) and said.gene == finding.gene
        ),
    )


def _decision(
    work: Work, opened: _Opened, finding: HereditaryFinding, number: int, identity: IdentityAndGate
) -> DecisionState:
    review, case = opened.review, opened.case
    order = results.confirmation_of(work.session, review.review_id)
    return DecisionState(
        state=review.state,
        urgency=urgency(finding, Sex(identity.sex_at_birth)),
        due_at=review.due_at,
        is_overdue=review.closed_at is None and review.due_at < work.at,
        signatures_needed=signatures_needed(
            work.policy, case.module, positive_hereditary=Tier(review.tier) is Tier.LABORATORY_DIRECTOR
        ),
        signatures=tuple(
            Signed(
                signer=row.signer,
                role=row.role,
                disposition=Disposition(row.dispositions[number]),
                reason=row.reason,
                signed_at=row.signed_at,
            )
            for row in results.sign_offs(work.session, review.review_id)
        ),
        confirmation=case.confirmation,
        confirmation_order=None
        if order is None
        else ConfirmationOrder(
            laboratory=order.laboratory,
            ordered_at=order.ordered_at,
            result=order.result,
            reported_at=order.reported_at,
        ),
        disclosure=case.disclosure,
    )


def _in_short(finding: UnderReview) -> ToDecide:
    if isinstance(finding, HereditaryFinding):
        return ToDecide(gene=finding.gene, can_be_reported=can_be_reported(finding), reasons=finding.rule_path)
    return ToDecide(
        gene=finding.gene,
        can_be_reported=can_be_reported(finding),
        reasons=finding.reasons,
        diplotypes=finding.diplotypes or finding.haplotypes,
        phenotypes=finding.phenotypes,
        activity_score=finding.activity_score,
        consistent=finding.consistent[:CONSISTENT_SHOWN],
        consistent_total=len(finding.consistent),
        consistent_phenotypes=finding.consistent_phenotypes,
        positions_read=finding.positions_read,
        positions_total=finding.positions_total,
    )
