"""What people who work on a review write for each other, apart from the reasons of their signatures. Never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from ror_service.errors import ForbiddenError, InvalidInputError
from ror_service.review.queue import SIGNING_ROLES
from ror_service.storage import results
from ror_service.storage.tables import ResultCaseRow, ReviewCaseRow, ReviewNoteRow
from ror_service.work import Work, new_id


def add(work: Work, review_id: str, text: str) -> None:
    """Append a note to a review, open or finished.

    Raises:
        ForbiddenError: If the caller does not work the queue.
        NotFoundError: If there is no such review.
        InvalidInputError: If nothing is written.
    """
    if work.actor.role not in SIGNING_ROLES:
        raise ForbiddenError("only genetic counselors and laboratory directors work the review queue")
    if not text.strip():
        raise InvalidInputError("a note needs words")
    review = results.must_get(work.session, ReviewCaseRow, review_id)
    with work.as_service():
        case = results.must_get(work.session, ResultCaseRow, review.case_id)
        note = ReviewNoteRow(
            note_id=new_id("note"),
            review_id=review_id,
            author=work.actor.name,
            role=work.actor.role,
            text=text.strip(),
            at=work.at,
        )
        work.session.add(note)
        work.session.flush()
        work.audit("review.note", "review_case", review_id, case.participant_id)


def of_review(work: Work, review_id: str) -> Sequence[ReviewNoteRow]:
    """The notes on a review, oldest first. Whoever shows them has read the review, which is audited."""
    return work.session.scalars(
        select(ReviewNoteRow)
        .where(ReviewNoteRow.review_id == review_id)
        .order_by(ReviewNoteRow.at, ReviewNoteRow.note_id)
    ).all()
