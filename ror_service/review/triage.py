"""Which results a person must look at before they go on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation, PharmacogenomicFinding

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


def triage(interpretation: Interpretation) -> Triage:
    """Sort a result into the tier of its most demanding finding."""
    findings = findings_under_review(interpretation)
    reasons = tuple(sorted({_reason(finding) for finding in findings}))
    if any(isinstance(finding, HereditaryFinding) for finding in findings):
        return Triage(Tier.LABORATORY_DIRECTOR, reasons)
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


def _reason(finding: UnderReview) -> str:
    if isinstance(finding, HereditaryFinding):
        return f"hereditary_{finding.outcome.value.lower()}"
    return "pharmacogenomic_call_uncertain"
