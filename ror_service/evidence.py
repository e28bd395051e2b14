"""The evidence packet of a review: what a person needs in order to decide, opened for this purpose and audited."""

from __future__ import annotations

from dataclasses import dataclass

from interpreters.findings import Interpretation
from ror_service.errors import ErasedError
from ror_service.review.triage import findings_under_review
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import results
from ror_service.storage.tables import InterpretationRow, ResultCaseRow, ReviewCaseRow
from ror_service.work import Work


@dataclass(frozen=True, slots=True)
class Packet:
    """What a reviewer sees."""

    review: ReviewCaseRow
    interpretation: Interpretation
    to_decide: int
    """How many findings need a decision."""


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
    return Packet(review, interpretation, len(findings_under_review(interpretation)))
