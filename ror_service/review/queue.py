"""The review queue: claim, sign, return, confirm on a second specimen, disclose.

Signers decide on every finding under review. A hereditary finding needs two different signers who decide alike; the
database itself refuses a second signature by the same person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from consent.decision import signatures_needed
from consent.types import Confirmation, Disclosure
from interpreters.findings import HereditaryFinding
from ror_service import cases, states
from ror_service.cases import Track
from ror_service.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError
from ror_service.review import appointments, outreach
from ror_service.review.appointments import Way
from ror_service.review.triage import Tier, Triage, UnderReview, can_be_reported
from ror_service.states import CaseState, ReviewState
from ror_service.storage import results
from ror_service.storage.tables import (
    ConfirmationOrderRow,
    ResultCaseRow,
    ReviewCaseRow,
    SignOffRow,
)
from ror_service.work import Work, new_id

OPEN_STATES = (ReviewState.NEW, ReviewState.CLAIMED, ReviewState.FIRST_SIGNED, ReviewState.RETURNED)
SIGNING_ROLES = ("genetic_counselor", "laboratory_director")


class Disposition(StrEnum):
    """What a signer decides on one finding."""

    REPORT = "report"
    """A hereditary finding is confirmed on a second specimen and reported; a pharmacogenomic call stands as it is."""
    DO_NOT_REPORT = "do_not_report"
    """It is left out of the report; of a pharmacogenomic call the report says that the data do not settle it."""


def open_review(
    work: Work,
    case: ResultCaseRow,
    interpretation_id: str,
    need: Triage,
    due: timedelta,
) -> None:
    """Put an interpretation of a case into the queue."""
    review = ReviewCaseRow(
        review_id=new_id("review"),
        case_id=case.case_id,
        interpretation_id=interpretation_id,
        tier=need.tier.value,
        state=ReviewState.NEW.value,
        reasons=list(need.reasons),
        urgency=need.urgency.value,
        due_at=work.at + due,
        created_at=work.at,
    )
    work.session.add(review)
    work.session.flush()
    work.audit("review.open", "review_case", review.review_id, case.participant_id, tier=need.tier.value)


def claim(work: Work, review_id: str, lease: timedelta) -> ReviewCaseRow:
    """Take a review for the time of the lease, or prolong one's own.

    Raises:
        ForbiddenError: If the caller may not sign.
        ConflictError: If somebody else holds it.
        IllegalTransitionError: If it is finished.
    """
    review, track = _open(work, review_id)
    _not_held_by_another(work, review)
    with work.as_service():
        review.assignee = work.actor.name
        review.lease_until = work.at + lease
        if ReviewState(review.state) in {ReviewState.NEW, ReviewState.RETURNED}:
            _move(review, ReviewState.CLAIMED)
        work.audit("review.claim", "review_case", review_id, track.participant_id)
    return review


def release(work: Work, review_id: str) -> None:
    """Give one's claim up before its time ends; without a claim of one's own nothing changes.

    Raises:
        ForbiddenError: If the caller may not sign.
        ConflictError: If somebody else holds it.
        IllegalTransitionError: If it is finished.
    """
    review, track = _open(work, review_id)
    _not_held_by_another(work, review)
    if review.assignee != work.actor.name:
        return
    with work.as_service():
        review.assignee = review.lease_until = None
        work.audit("review.release", "review_case", review_id, track.participant_id)


def sign(
    work: Work,
    review_id: str,
    dispositions: Sequence[Disposition],
    reason: str,
    *,
    findings: Sequence[UnderReview],
    confirmed: Collection[str] = (),
) -> bool:
    """Sign a claimed review; the last signature that is needed decides the case, or the next version beside it.

    Args:
        work: The transaction of the signer.
        review_id: Which review.
        dispositions: One decision for each finding under review, in its order.
        reason: The signer's reason, kept with the signature.
        findings: The findings under review.
        confirmed: Genes whose finding the report that is read holds already, and that is no stronger now: their
            confirmation and disclosure count on.

    Returns:
        Whether this was the last signature that is needed.

    Raises:
        ForbiddenError: If the caller may not sign, or does not hold the review.
        InvalidInputError: If a decision or the reason is missing, or a call without one clear meaning is to be
            reported.
        ConflictError: If the caller signed before, or decides otherwise than the first signer.
    """
    review, track = _open(work, review_id)
    earlier = results.sign_offs(work.session, review_id)
    _may_sign(work, review, earlier_signers={row.signer for row in earlier})
    if len(dispositions) != len(findings) or not reason.strip():
        raise InvalidInputError(f"give a reason and one decision for each of the {len(findings)} findings")
    pairs = zip(findings, dispositions, strict=True)
    reported = [(number, found) for number, (found, choice) in enumerate(pairs, 1) if choice is Disposition.REPORT]
    unclear = [str(number) for number, found in reported if not can_be_reported(found)]
    if unclear:
        raise InvalidInputError(f"finding {', '.join(unclear)} has no single result: decide do_not_report")
    decided = [disposition.value for disposition in dispositions]
    if any(row.dispositions != decided for row in earlier):
        raise ConflictError("the first signer decided otherwise; return the review with a reason")
    with work.as_service():
        work.session.add(
            SignOffRow(
                sign_off_id=new_id("sign-off"),
                review_id=review_id,
                signer=work.actor.name,
                role=work.actor.role,
                dispositions=decided,
                reason=reason,
                signed_at=work.at,
            )
        )
        work.session.flush()
        review.assignee = review.lease_until = None
        hereditary = Tier(review.tier) is Tier.LABORATORY_DIRECTOR
        needed = signatures_needed(work.policy, track.module, positive_hereditary=hereditary)
        _move(review, ReviewState.SECOND_SIGNED if earlier else ReviewState.FIRST_SIGNED)
        work.audit("review.sign", "review_case", review_id, track.participant_id, signature=len(earlier) + 1)
        is_last = len(earlier) + 1 >= needed
        if is_last:
            positive = {found.gene for _, found in reported if isinstance(found, HereditaryFinding)}
            _decide(work, review, track, positive=bool(positive), confirm=not positive.issubset(confirmed))
    return is_last


def decided(
    findings: Sequence[UnderReview], sign_offs: Sequence[SignOffRow]
) -> tuple[tuple[UnderReview, Disposition], ...]:
    """Each finding under review with the signers' decision on it.

    Raises:
        ConflictError: If the last signature does not hold exactly one decision for each finding.
    """
    dispositions = sign_offs[-1].dispositions if sign_offs else []
    if len(dispositions) != len(findings):
        raise ConflictError("the signatures do not hold one decision for each finding under review")
    return tuple((found, Disposition(choice)) for found, choice in zip(findings, dispositions, strict=True))


def not_reported(work: Work, interpretation_id: str, findings: Sequence[UnderReview]) -> frozenset[str]:
    """Genes that signers decided not to report of an interpretation; none while nobody has signed to the end.

    Args:
        work: The transaction.
        interpretation_id: Which interpretation.
        findings: Its findings under review.
    """
    review = results.review_about(work.session, interpretation_id)
    if review is None or ReviewState(review.state) is not ReviewState.CLOSED:
        return frozenset()
    signed = results.sign_offs(work.session, review.review_id)
    pairs = decided(findings, signed) if signed else ()
    return frozenset(found.gene for found, choice in pairs if choice is Disposition.DO_NOT_REPORT)


def supersede(work: Work, case: ResultCaseRow) -> None:
    """Close every unfinished review of a case: another interpretation has to be decided on, or none any more."""
    for review in results.unfinished_reviews(work.session, case.case_id):
        review.assignee = review.lease_until = None
        _close(work, review)
        work.audit("review.supersede", "review_case", review.review_id, case.participant_id)


def return_review(work: Work, review_id: str, reason: str) -> None:
    """Send a review back to the queue; signatures given so far are removed, their trace stays in the audit log.

    Raises:
        ForbiddenError: If the caller may not sign.
        ConflictError: If somebody else holds it.
        InvalidInputError: If the reason is missing.
        IllegalTransitionError: If nobody claimed it yet, or it is finished.
    """
    review, track = _open(work, review_id)
    _not_held_by_another(work, review)
    if not reason.strip():
        raise InvalidInputError("a returned review needs a reason")
    with work.as_service():
        removed = _send_back(work, review)
        work.audit("review.return", "review_case", review_id, track.participant_id, removed_signatures=removed)


def report_confirmation(work: Work, review_id: str, outcome: Confirmation) -> None:
    """Record what the clinical laboratory found in the second specimen.

    What was not confirmed goes back to the queue: two people decide whether to order again or not to report.

    Raises:
        IllegalTransitionError: If no confirmation is ordered, or its result is known.
        InvalidInputError: If `outcome` is no result.
    """
    if outcome not in {Confirmation.CONCORDANT, Confirmation.DISCORDANT, Confirmation.FAILED}:
        raise InvalidInputError("a confirmation is concordant, discordant or failed")
    with work.as_service():  # a laboratory sees its order, and no review or case
        _confirmed(work, review_id, outcome)


def _confirmed(work: Work, review_id: str, outcome: Confirmation) -> None:
    review, track = _locked(work, review_id)
    order = results.confirmation_of(work.session, review_id)
    if order is None or order.result is not None or track is None or CaseState(track.state) is not CaseState.CONFIRMING:
        raise IllegalTransitionError("no confirmation is waiting for its result")
    order.result = outcome.value
    order.laboratory = work.actor.name
    order.reported_by = work.actor.name
    order.reported_at = work.at
    track.confirmation = outcome.value
    work.audit("confirmation.report", "confirmation_order", order.order_id, track.participant_id)
    if outcome is Confirmation.CONCORDANT:
        _close(work, review)
        cases.advance(work, track, CaseState.SIGNED_OFF)
        return
    _send_back(work, review)
    cases.advance(work, track, CaseState.IN_REVIEW)


def schedule_disclosure(work: Work, case_id: str, starts_at: datetime, way: Way) -> None:
    """Record when and how a counselor and the participant meet; a new date takes the place of the one before.

    Raises:
        IllegalTransitionError: If the case is not signed off, or needs no disclosure.
        InvalidInputError: If the date does not lie ahead.
    """
    track = _to_disclose(work, case_id)
    with work.as_service():
        if CaseState(track.state) is not CaseState.DISCLOSURE_SCHEDULED:
            cases.advance(work, track, CaseState.DISCLOSURE_SCHEDULED)
        track.disclosure = Disclosure.SCHEDULED.value
        appointments.keep(work, track, starts_at, way)
        work.audit("disclosure.schedule", *cases.named(track), track.participant_id)


def complete_disclosure(work: Work, case_id: str, outcome: Disclosure) -> None:
    """Record that a counselor told the participant, or that the no-contact path was followed to its end.

    Raises:
        IllegalTransitionError: If the case does not wait for disclosure.
        InvalidInputError: If `outcome` is not an end.
        ConflictError: If not every step to reach the person was taken, or the time has not passed.
    """
    if outcome not in {Disclosure.COMPLETED, Disclosure.NO_CONTACT_PATH}:
        raise InvalidInputError("a disclosure ends completed or by the no-contact path")
    track = _to_disclose(work, case_id)
    if outcome is Disclosure.NO_CONTACT_PATH and not outreach.standing(work, track).exhausted:
        raise ConflictError("not every step to reach the person was taken yet; see the outreach of this case")
    with work.as_service():
        cases.advance(work, track, CaseState.DISCLOSED)
        track.disclosure = outcome.value
        cases.order_release(work, track)


def _decide(work: Work, review: ReviewCaseRow, track: Track, *, positive: bool, confirm: bool) -> None:
    """Follow the signers' common decision: order a confirmation, or let the result go on as they decided.

    Args:
        work: The transaction.
        review: What was signed.
        track: What the review decides.
        positive: Whether a hereditary finding is to be reported.
        confirm: Whether one of them has still to be found in a second specimen.
    """
    track.requires_confirmation = positive
    if not confirm:
        if positive:
            case = results.must_get(work.session, ResultCaseRow, track.case_id)
            track.confirmation, track.disclosure = case.confirmation, case.disclosure
        _close(work, review)
        cases.advance(work, track, CaseState.SIGNED_OFF)
        cases.order_release(work, track)
        return
    track.confirmation = Confirmation.PENDING.value
    order = ConfirmationOrderRow(
        order_id=new_id("order"),
        review_id=review.review_id,
        laboratory="unassigned",
        ordered_by=work.actor.name,
        ordered_at=work.at,
    )
    work.session.add(order)
    work.session.flush()
    cases.advance(work, track, CaseState.CONFIRMING)
    work.audit("confirmation.order", "confirmation_order", order.order_id, track.participant_id)


def _send_back(work: Work, review: ReviewCaseRow) -> int:
    """Put a review back into the queue without its signatures; returns how many were removed."""
    earlier = results.sign_offs(work.session, review.review_id)
    for row in earlier:
        work.session.delete(row)
    review.assignee = review.lease_until = None
    _move(review, ReviewState.RETURNED)
    return len(earlier)


def _open(work: Work, review_id: str) -> tuple[ReviewCaseRow, Track]:
    if work.actor.role not in SIGNING_ROLES:
        raise ForbiddenError("only genetic counselors and laboratory directors work the review queue")
    review, track = _locked(work, review_id)
    if ReviewState(review.state) not in OPEN_STATES or track is None or track.state != CaseState.IN_REVIEW:
        what = "another took its place" if track is None else f"its case {track.state}"
        raise IllegalTransitionError(f"the review is {review.state}, {what}: nothing to decide")
    return review, track


def _locked(work: Work, review_id: str) -> tuple[ReviewCaseRow, Track | None]:
    """A review, and the case or the next version that rests on what it is about; None where nothing does any more."""
    review = results.must_get(work.session, ReviewCaseRow, review_id)
    case, amendment = cases.locked(work, review.case_id)
    review = results.must_get(work.session, ReviewCaseRow, review_id, lock=True)
    about = (track for track in (amendment, case) if track and track.interpretation_id == review.interpretation_id)
    return review, next(about, None)


def _to_disclose(work: Work, case_id: str) -> Track:
    case, amendment = cases.locked(work, case_id)
    track = amendment or case
    if not track.requires_confirmation:
        raise IllegalTransitionError("this result needs no disclosure")
    return track


def _not_held_by_another(work: Work, review: ReviewCaseRow) -> None:
    held = review.lease_until is not None and review.lease_until > work.at
    if held and review.assignee != work.actor.name:
        raise ConflictError("another person holds this review; it is free again when their time ends")


def _may_sign(work: Work, review: ReviewCaseRow, *, earlier_signers: set[str]) -> None:
    if review.assignee != work.actor.name or review.lease_until is None or review.lease_until <= work.at:
        raise ForbiddenError("claim the review before you sign it")
    if work.actor.name in earlier_signers:
        raise ConflictError("the second signature must be another person's")


def _close(work: Work, review: ReviewCaseRow) -> None:
    _move(review, ReviewState.CLOSED)
    review.closed_at = work.at


def _move(review: ReviewCaseRow, target: ReviewState) -> None:
    states.move(states.REVIEW, review, target)
