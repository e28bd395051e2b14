"""What a result report holds, apart from its wording. Every type is immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from interpreters.findings import HereditaryFinding, HereditaryVariant, Interpretation
from interpreters.genotypes import Assay, Build, Sex
from interpreters.knowledge import Source


class ContentError(ValueError):
    """A report cannot be made from what was given; the message names the field, never a finding."""


class OpenFindingError(ContentError):
    """A hereditary finding has no recorded decision, so neither a positive nor a negative report would be true."""


class Language(StrEnum):
    """Language of a report."""

    EN = "en"
    ES = "es"


class Audience(StrEnum):
    """Whom a version of a report is written for."""

    PARTICIPANT = "participant"
    CLINICIAN = "clinician"
    """A professional whom the participant shows the report to. The participant may read it as well."""


LocalText = Mapping[Language, str]
"""One text in every language."""


class ReportKind(StrEnum):
    """Why this version of a report exists."""

    ORIGINAL = "original"
    AMENDED = "amended"
    """New knowledge or a new reading changed the content."""
    CORRECTED = "corrected"
    """The version before held a mistake."""
    ADDENDUM = "addendum"
    """Something was added; what was said before stands."""


class SpecimenKind(StrEnum):
    """What the DNA was taken from."""

    BLOOD = "whole_blood"
    SALIVA = "saliva"


class SignerRole(StrEnum):
    """Role in which a person signed."""

    GENETIC_COUNSELOR = "genetic_counselor"
    LABORATORY_DIRECTOR = "laboratory_director"
    PHARMACIST = "pharmacist"


class FindingOutcome(StrEnum):
    """What the review decided on one hereditary finding."""

    CONFIRMED = "confirmed"
    """A clinical laboratory found it in a second specimen: the only outcome that is shown as a finding."""
    NOT_CONFIRMED = "not_confirmed"
    """The clinical laboratory did not find it."""
    NOT_REPORTED = "not_reported"
    """The review decided that it is not to be reported."""


class NoteChoice(StrEnum):
    """Parts of a condition's wording that a reviewer chooses, because the data cannot."""

    SPECIFIC_VARIANT = "specific_variant"
    OTHER_VARIANT = "other_variant"
    HIGHEST_RISK_VARIANT = "highest_risk_variant"
    YOUNG_CHILD_OR_PREGNANCY = "young_child_or_pregnancy"


@dataclass(frozen=True, slots=True)
class Programme:
    """The research programme, as a report names it."""

    name: str
    support_contact: str
    """Phone number or page of the support team."""
    counselor_contact: str
    """Phone number or page of the genetic counseling service."""


@dataclass(frozen=True, slots=True)
class ParticipantReference:
    """The two identifiers that a report carries; no name and no address."""

    programme_id: str
    birth_year: int


@dataclass(frozen=True, slots=True)
class Specimen:
    """What was tested and how."""

    kind: SpecimenKind
    collected: date | None
    received: date | None
    assay: Assay
    build: Build


@dataclass(frozen=True, slots=True)
class SignOff:
    """One signature below the report."""

    name: str
    role: SignerRole
    signed_on: date


class DifferenceKind(StrEnum):
    """How a statement differs from the version before."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a version says of one subject, in the field's terms."""

    text: str
    rule: str = ""
    """Code of the rule that it rests on; empty where a module has none."""
    label: str = ""
    """A short form that reads the same in every language; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a version says otherwise than the version before. It tells a person's result."""

    kind: DifferenceKind
    topic: str
    """What the subject is; see `report_templates.differences.Topic`."""
    subject: str
    """Gene, medicine, trait or region."""
    before: Statement | None
    after: Statement | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a version that is not the original says about itself."""

    previous_version: int
    previous_issued: date
    reason: LocalText
    """Short reviewed reason, as a clause without a full stop."""
    differences: tuple[Difference, ...] = ()
    """Everything that it says otherwise than the version before."""
    knowledge: tuple[str, str] | None = None
    """Knowledge releases of the version before and of this one, where they differ."""
    note: LocalText | None = None
    """What a person added for the participant."""


@dataclass(frozen=True, slots=True)
class FindingDecision:
    """The review's decision on one hereditary finding."""

    gene: str
    variant: str
    """As `variant_key` writes it."""
    outcome: FindingOutcome
    laboratory: str | None = None
    """Clinical laboratory that looked for it in the second specimen."""
    decided_on: date | None = None
    notes: tuple[NoteChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class WordingReview:
    """Who approved the health wording. Without one, a health report says that its wording awaits review."""

    reviewer: str
    approved_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything that one version of one report says. Holds no clock: `issued` is given.

    Raises:
        ContentError: If the version, the kind and the change do not go together, or a text lacks a language.
        OpenFindingError: If a hereditary finding has no decision.
    """

    interpretation: Interpretation
    programme: Programme
    participant: ParticipantReference
    accession: str
    """Unique number of this report."""
    version: int
    issued: date
    specimen: Specimen
    sources: tuple[Source, ...]
    """Sources of the knowledge release that the interpretation rests on."""
    sign_offs: tuple[SignOff, ...] = ()
    kind: ReportKind = ReportKind.ORIGINAL
    change: Change | None = None
    """Required for every kind but the original."""
    sex_at_birth: Sex = Sex.UNKNOWN
    decisions: tuple[FindingDecision, ...] = ()
    wording_review: WordingReview | None = None
    own_medicines: tuple[str, ...] = ()
    """The participant's own list of medicines, each entry as it was typed; empty if none was given."""
    family_letter: bool = False
    """Whether the participant agreed to be given a letter to relatives."""
    made_from: str = ""
    """What it was made from: the order or the interpretation, and whether the letter was agreed to. Not shown."""
    reason: str = ""
    """Code of why this version exists; empty for the original. Not shown."""

    def __post_init__(self) -> None:
        original = self.kind is ReportKind.ORIGINAL
        if original != (self.version == 1) or original != (self.change is None):
            raise ContentError(
                "version, kind and change: version 1 is the original; every later version gives a change"
            )
        if self.change is not None and set(self.change.reason) != set(Language):
            raise ContentError("change.reason: give the reason in every language")
        decided = {(decision.gene, decision.variant) for decision in self.decisions}
        if any((finding.gene, variant_key(finding.variant)) not in decided for finding in self.candidates):
            raise OpenFindingError("decisions: record the review's decision on every hereditary finding first")

    @property
    def module(self) -> str:
        """Module that the report is about."""
        return self.interpretation.module

    @property
    def candidates(self) -> tuple[HereditaryFinding, ...]:
        """Hereditary findings that need a decision: all but those that the policy does not report."""
        return tuple(
            finding
            for finding in self.interpretation.findings
            if isinstance(finding, HereditaryFinding) and finding.outcome != "NOT_REPORTABLE"
        )

    def decision_on(self, finding: HereditaryFinding) -> FindingDecision:
        """The decision on a finding of `candidates`."""
        key = (finding.gene, variant_key(finding.variant))
        return next(decision for decision in self.decisions if (decision.gene, decision.variant) == key)


def variant_key(variant: HereditaryVariant) -> str:
    """Name of a variant in `FindingDecision`: chromosome, position, reference and alternate, joined by hyphens."""
    return f"{variant.chrom}-{variant.pos}-{variant.ref}-{variant.alt}"
