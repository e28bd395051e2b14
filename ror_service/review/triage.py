"""Which results a person must look at before they go on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from interpreters.findings import (
    AncestryFinding,
    GeneAssessment,
    HereditaryFinding,
    HereditaryOutcome,
    Interpretation,
    PharmacogenomicFinding,
    TraitFinding,
)


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
    hereditary = findings_under_review(interpretation)
    if hereditary:
        reasons = {f"hereditary_{finding.outcome.value.lower()}" for finding in hereditary}
        return Triage(Tier.LABORATORY_DIRECTOR, tuple(sorted(reasons)))
    reasons = {reason for finding in interpretation.findings for reason in _reasons(finding)}
    return Triage(Tier.COUNSELOR if reasons else Tier.NONE, tuple(sorted(reasons)))


def findings_under_review(interpretation: Interpretation) -> tuple[HereditaryFinding, ...]:
    """Hereditary findings that two people must decide about, in the order of the interpretation."""
    return tuple(
        finding
        for finding in interpretation.findings
        if isinstance(finding, HereditaryFinding) and finding.outcome is not HereditaryOutcome.NOT_REPORTABLE
    )


def _reasons(
    finding: AncestryFinding | TraitFinding | PharmacogenomicFinding | HereditaryFinding | GeneAssessment,
) -> tuple[str, ...]:
    match finding:
        case PharmacogenomicFinding(requires_review=True):
            return ("pharmacogenomic_call_uncertain",)
        case _:
            return ()
