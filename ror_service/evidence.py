"""The evidence packet of a review: what a person needs in order to decide, opened for this purpose and audited."""

from __future__ import annotations

from dataclasses import dataclass, replace

from interpreters.findings import Finding, HereditaryFinding, Interpretation, PharmacogenomicFinding
from ror_service.errors import ErasedError
from ror_service.review.triage import UnderReview, can_be_reported, findings_under_review
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import results
from ror_service.storage.tables import InterpretationRow, ResultCaseRow, ReviewCaseRow
from ror_service.work import Work

CONSISTENT_SHOWN = 20
"""Of all diplotypes that fit the data, how many are named. Where little was read, tens of thousands may fit."""


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


@dataclass(frozen=True, slots=True)
class Packet:
    """What a reviewer sees."""

    review: ReviewCaseRow
    interpretation: Interpretation

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


def packet(work: Work, keys: KeyProvider, review_id: str) -> Packet:
    """Open the evidence of a review.

    Raises:
        NotFoundError: If there is no such review.
        ErasedError: If the participant withdrew meanwhile.
    """
    review = results.must_get(work.session, ReviewCaseRow, review_id)
    case = results.must_get(work.session, ResultCaseRow, review.case_id)
    if case.interpretation_id is None:
        raise ErasedError("there is nothing to review any more")
    row = results.must_get(work.session, InterpretationRow, case.interpretation_id)
    interpretation = vault.open_interpretation(work, keys, row).interpretation
    work.audit("review.read", "review_case", review_id, case.participant_id)
    return Packet(review, interpretation)


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
