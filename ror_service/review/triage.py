"""Which results a person must look at before they go on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation, PharmacogenomicFinding
from interpreters.genotypes import Sex
from ror_service.review.conditions import Urgency, most_urgent, urgency

UnderReview = HereditaryFinding | PharmacogenomicFinding
"""A finding that people decide about."""


class Tier(StrEnum):
    """Who has to look."""

    NONE = "none"
    COUNSELOR = "counselor"
    LABORATORY_DIRECTOR = "laboratory_director"


@dataclass(frozen=True, slots=True)
class Triage:
    """What a result needs. `reasons` are neutral codes that name neither gene nor variant."""

    tier: Tier
    reasons: tuple[str, ...]
    urgency: Urgency = Urgency.ROUTINE


def triage(interpretation: Interpretation, sex: Sex = Sex.UNKNOWN) -> Triage:
    """Sort a result into the tier of its most demanding finding, and tell the urgency of its most urgent one.

    Args:
        interpretation: The result.
        sex: At birth; some conditions are more urgent in one sex.

    Raises:
        WordingError: If no condition has the gene of a hereditary finding.
    """
    findings = findings_under_review(interpretation)
    reasons = tuple(sorted({_reason(finding) for finding in findings}))
    hereditary = [finding for finding in findings if isinstance(finding, HereditaryFinding)]
    if hereditary:
        return Triage(Tier.LABORATORY_DIRECTOR, reasons, most_urgent(urgency(finding, sex) for finding in hereditary))
    return Triage(Tier.COUNSELOR if findings else Tier.NONE, reasons)


def findings_under_review(interpretation: Interpretation) -> tuple[UnderReview, ...]:
    """Findings that people must decide about one by one, in the order of the interpretation."""
    return tuple(
        finding
        for finding in interpretation.findings
        if (isinstance(finding, HereditaryFinding) and finding.outcome is not HereditaryOutcome.NOT_REPORTABLE)
        or (isinstance(finding, PharmacogenomicFinding) and finding.requires_review)
    )


def can_be_reported(finding: UnderReview) -> bool:
    """Whether the signers may decide to report a finding: any hereditary one, and a call with one clear phenotype."""
    return finding.acceptable if isinstance(finding, PharmacogenomicFinding) else True


def reason_of(outcome: HereditaryOutcome) -> str:
    """Why people look at a hereditary finding: a neutral code."""
    return f"hereditary_{outcome.value.lower()}"


def _reason(finding: UnderReview) -> str:
    if isinstance(finding, HereditaryFinding):
        return reason_of(finding.outcome)
    return "pharmacogenomic_call_uncertain"
