"""The review queue: genetic counselors and laboratory directors work it, clinical laboratories confirm."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict

from consent.outreach import Tried
from consent.types import Confirmation, Disclosure
from interpreters.serial import to_json
from ror_service import evidence
from ror_service.api.access import Begin, Context, working
from ror_service.api.fields import Body, Identifier, PlainText
from ror_service.api.tokens import Role
from ror_service.errors import NotFoundError
from ror_service.evidence import HereditaryPacket, ToDecide
from ror_service.review import notes, outreach, queue
from ror_service.review.appointments import Way
from ror_service.review.conditions import Urgency
from ror_service.review.queue import Disposition
from ror_service.states import ReviewState
from ror_service.storage import results
from ror_service.storage.tables import ReviewCaseRow
from ror_service.work import Work

router = APIRouter(prefix="/v1", tags=["reviews"])
Reviewer = Annotated[Begin, Depends(working("review", Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR))]
Confirmer = Annotated[Begin, Depends(working("confirmation", Role.CLINICAL_LABORATORY))]
Counselor = Annotated[Begin, Depends(working("disclosure", Role.GENETIC_COUNSELOR))]


class ReviewItem(BaseModel):
    """One row of the queue: nothing that is found, only why people must look."""

    review_id: str
    tier: str
    state: str
    reasons: list[str]
    urgency: Urgency
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
    to_decide: list[ToDecide]
    """The findings under review in short, in the order in which a signature decides on them."""
    hereditary: list[HereditaryPacket]
    """The whole evidence of each hereditary finding under review, in the same order."""
    notes: list[Note]


class Signature(Body):
    """A decision for each finding under review, in its order, and the reason."""

    dispositions: list[Disposition]
    reason: PlainText


class Returned(Body):
    """Why a review goes back to the queue."""

    reason: PlainText


class ConfirmationResult(Body):
    """What the second specimen showed."""

    outcome: Confirmation


class NewNote(Body):
    """What the others who work on the review should know."""

    text: PlainText


class Note(BaseModel):
    """A note on a review."""

    model_config = ConfigDict(from_attributes=True)

    author: str
    role: str
    text: str
    at: datetime


class Appointment(Body):
    """When and how a counselor and the participant meet."""

    starts_at: AwareDatetime
    way: Way


class DisclosureResult(Body):
    """How the disclosure ended."""

    outcome: Disclosure


@router.get("/reviews")
def reviews(begin: Reviewer, state: ReviewState | None = None) -> list[ReviewItem]:
    """The queue, the most urgent first; open reviews when no state is asked for."""
    states = queue.OPEN_STATES if state is None else (state,)
    with begin() as work:
        return [_item(work, row) for row in results.reviews(work.session, [s.value for s in states])]


@router.get("/reviews/{review_id}")
def evidence_packet(review_id: Identifier, begin: Reviewer, context: Context) -> Evidence:
    """Everything that a reviewer needs to decide. Reading it is audited."""
    with begin() as work:
        packet = evidence.packet(work, context, review_id)
        review = _item(work, packet.review)
        written = [Note.model_validate(note) for note in notes.of_review(work, review_id)]
    said = packet.interpretation
    return Evidence(
        review=review,
        case_id=packet.review.case_id,
        module=said.module,
        findings=[to_json(finding) for finding in packet.shown],
        not_tested=[to_json(item) for item in said.not_tested],
        limits=dict(said.limits),
        knowledge_release=said.knowledge_release,
        to_decide=list(packet.to_decide),
        hereditary=list(packet.hereditary),
        notes=written,
    )


@router.post("/reviews/{review_id}/claim")
def claim(review_id: Identifier, begin: Reviewer, context: Context) -> ReviewItem:
    """Take a review for some time, or prolong one's own."""
    with begin() as work:
        return _item(work, queue.claim(work, review_id, timedelta(minutes=context.settings.review_lease_minutes)))


@router.post("/reviews/{review_id}/release", status_code=201)
def release(review_id: Identifier, begin: Reviewer) -> None:
    """Give one's claim up."""
    with begin() as work:
        queue.release(work, review_id)


@router.post("/reviews/{review_id}/notes", status_code=201)
def add_note(review_id: Identifier, body: NewNote, begin: Reviewer) -> None:
    """Write a note for the others who work on a review; it is never changed."""
    with begin() as work:
        notes.add(work, review_id, body.text)


@router.post("/reviews/{review_id}/signatures", status_code=201)
def sign(review_id: Identifier, body: Signature, begin: Reviewer, context: Context) -> None:
    """Sign; the second signature must be another person's."""
    with begin() as work:
        evidence.sign(work, context, review_id, body.dispositions, body.reason)


@router.post("/reviews/{review_id}/return", status_code=201)
def return_review(review_id: Identifier, body: Returned, begin: Reviewer) -> None:
    """Send a review back to the queue with a reason."""
    with begin() as work:
        queue.return_review(work, review_id, body.reason)


@router.post("/reviews/{review_id}/confirmation", status_code=201)
def confirm(review_id: Identifier, body: ConfirmationResult, begin: Confirmer) -> None:
    """Report what the second specimen showed. A laboratory learns nothing of reviews that await no confirmation."""
    with begin() as work:
        order = results.confirmation_of(work.session, review_id)
        if order is None or order.reported_by not in {None, work.actor.name}:
            raise NotFoundError("no confirmation is ordered under this identifier")
        queue.report_confirmation(work, review_id, body.outcome)


@router.post("/cases/{case_id}/disclosure/appointment", status_code=201)
def schedule(case_id: Identifier, body: Appointment, begin: Counselor) -> None:
    """Record the participant's appointment with a counselor, or its new date."""
    with begin() as work:
        queue.schedule_disclosure(work, case_id, body.starts_at, body.way)


@router.post("/cases/{case_id}/disclosure", status_code=201)
def disclose(case_id: Identifier, body: DisclosureResult, begin: Counselor) -> None:
    """Record how the disclosure ended."""
    with begin() as work:
        queue.complete_disclosure(work, case_id, body.outcome)


class OutreachStepTaken(BaseModel):
    """A step that was taken to reach somebody, and how it ended."""

    channel: str
    tried: Tried
    at: datetime


class Outreach(BaseModel):
    """Where the steps to reach somebody stand."""

    stopped: list[str]
    next_channel: str | None
    due_at: datetime | None
    answered: bool
    exhausted: bool
    taken: list[OutreachStepTaken]
    appointment_at: datetime | None


class OutreachResult(Body):
    """How the next step ended."""

    tried: Tried


@router.get("/cases/{case_id}/outreach")
def outreach_of(case_id: Identifier, begin: Counselor) -> Outreach:
    """The steps to reach the participant: those taken, the next one, or why there is none. Audited."""
    with begin() as work:
        reaching = outreach.read(work, case_id)
    plan, date = reaching.plan, reaching.appointment
    step = plan.next_step
    return Outreach(
        stopped=list(plan.stopped),
        next_channel=None if step is None else step.channel,
        due_at=plan.due_at,
        answered=plan.answered,
        exhausted=plan.exhausted,
        taken=[OutreachStepTaken(channel=each.channel, tried=each.tried, at=each.at) for each in reaching.taken],
        appointment_at=None if date is None else date.starts_at,
    )


@router.post("/cases/{case_id}/outreach", status_code=201)
def reached_out(case_id: Identifier, body: OutreachResult, begin: Counselor) -> None:
    """Record how the next step ended."""
    with begin() as work:
        outreach.record(work, case_id, body.tried)


def _item(work: Work, row: ReviewCaseRow) -> ReviewItem:
    return ReviewItem(
        review_id=row.review_id,
        tier=row.tier,
        state=row.state,
        reasons=row.reasons,
        urgency=Urgency(row.urgency),
        assignee=row.assignee,
        due_at=row.due_at,
        signatures=len(results.sign_offs(work.session, row.review_id)),
    )
