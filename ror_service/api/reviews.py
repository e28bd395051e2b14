"""The review queue: genetic counselors and laboratory directors work it, clinical laboratories confirm."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from consent.types import Confirmation, Disclosure
from interpreters.serial import to_json
from ror_service import evidence
from ror_service.api.access import Context, working
from ror_service.api.tokens import Role
from ror_service.review import queue
from ror_service.review.queue import Disposition
from ror_service.states import ReviewState
from ror_service.storage import results
from ror_service.storage.tables import ReviewCaseRow
from ror_service.work import Work

router = APIRouter(prefix="/v1", tags=["reviews"])
Reviewer = Annotated[Work, Depends(working("review", Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR), scope="function")]
Confirmer = Annotated[Work, Depends(working("confirmation", Role.CLINICAL_LABORATORY), scope="function")]
Counselor = Annotated[Work, Depends(working("disclosure", Role.GENETIC_COUNSELOR), scope="function")]
Reason = Annotated[str, Field(min_length=1, max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReviewItem(BaseModel):
    """One row of the queue: nothing that is found, only why people must look."""

    review_id: str
    tier: str
    state: str
    reasons: list[str]
    assignee: str | None
    due_at: datetime
    signatures: int


class Evidence(BaseModel):
    """What a reviewer sees: the case, the findings with their rule paths, and what was decided so far."""

    review: ReviewItem
    case_id: str
    module: str
    findings: list[dict[str, Any]]
    not_tested: list[dict[str, Any]]
    limits: dict[str, str]
    knowledge_release: str
    to_decide: int


class Signature(_Body):
    """A decision for each finding under review, in its order, and the reason."""

    dispositions: list[Disposition]
    reason: Reason


class Returned(_Body):
    """Why a review goes back to the queue."""

    reason: Reason


class ConfirmationResult(_Body):
    """What the second specimen showed."""

    outcome: Confirmation


class DisclosureResult(_Body):
    """How the disclosure ended."""

    outcome: Disclosure


@router.get("/reviews")
def reviews(work: Reviewer, state: ReviewState | None = None) -> list[ReviewItem]:
    """The queue, the most urgent first; open reviews when no state is asked for."""
    states = queue.OPEN_STATES if state is None else (state,)
    return [_item(work, row) for row in results.reviews(work.session, [s.value for s in states])]


@router.get("/reviews/{review_id}")
def evidence_packet(review_id: str, work: Reviewer, context: Context) -> Evidence:
    """Everything that a reviewer needs to decide. Reading it is audited."""
    packet = evidence.packet(work, context.keys, review_id)
    said = packet.interpretation
    return Evidence(
        review=_item(work, packet.review),
        case_id=packet.review.case_id,
        module=said.module,
        findings=[to_json(finding) for finding in said.findings],
        not_tested=[to_json(item) for item in said.not_tested],
        limits=dict(said.limits),
        knowledge_release=said.knowledge_release,
        to_decide=packet.to_decide,
    )


@router.post("/reviews/{review_id}/claim")
def claim(review_id: str, work: Reviewer, context: Context) -> ReviewItem:
    """Take a review for some time, or prolong one's own."""
    return _item(work, queue.claim(work, review_id, timedelta(minutes=context.settings.review_lease_minutes)))


@router.post("/reviews/{review_id}/signatures", status_code=201)
def sign(review_id: str, body: Signature, work: Reviewer, context: Context) -> None:
    """Sign; the second signature must be another person's."""
    packet = evidence.packet(work, context.keys, review_id)
    queue.sign(work, review_id, tuple(body.dispositions), body.reason, findings=packet.to_decide)


@router.post("/reviews/{review_id}/return", status_code=201)
def return_review(review_id: str, body: Returned, work: Reviewer) -> None:
    """Send a review back to the queue with a reason."""
    queue.return_review(work, review_id, body.reason)


@router.post("/reviews/{review_id}/confirmation", status_code=201)
def confirm(review_id: str, body: ConfirmationResult, work: Confirmer) -> None:
    """Report what the second specimen showed."""
    queue.report_confirmation(work, review_id, body.outcome)


@router.post("/cases/{case_id}/disclosure/appointment", status_code=201)
def schedule(case_id: str, work: Counselor) -> None:
    """Record the participant's appointment with a counselor."""
    queue.schedule_disclosure(work, case_id)


@router.post("/cases/{case_id}/disclosure", status_code=201)
def disclose(case_id: str, body: DisclosureResult, work: Counselor) -> None:
    """Record how the disclosure ended."""
    queue.complete_disclosure(work, case_id, body.outcome)


def _item(work: Work, row: ReviewCaseRow) -> ReviewItem:
    return ReviewItem(
        review_id=row.review_id,
        tier=row.tier,
        state=row.state,
        reasons=row.reasons,
        assignee=row.assignee,
        due_at=row.due_at,
        signatures=len(results.sign_offs(work.session, row.review_id)),
    )
