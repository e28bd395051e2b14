"""What waits, and since when: the queries behind health, metrics and alarms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ror_service.states import DeliveryState, RecallState, ReviewState
from ror_service.storage.tables import (
    AuditEventRow,
    DeliveryRow,
    IdentityCaseRow,
    JobRow,
    PartnerBreakerRow,
    RecallRow,
    ReviewCaseRow,
)

_DECIDED = (ReviewState.SECOND_SIGNED.value, ReviewState.CLOSED.value)


def last_claim(session: Session) -> datetime | None:
    """When a worker last took a job."""
    return session.scalars(select(func.max(JobRow.claimed_at))).one()


def dead_jobs(session: Session) -> int:
    """Jobs that gave up."""
    return session.scalars(select(func.count()).where(JobRow.dead_at.is_not(None))).one()


def first_intent(session: Session) -> datetime | None:
    """When the oldest delivery was begun that has no receipt."""
    begun = DeliveryRow.state == DeliveryState.INTENDED.value
    return session.scalars(select(func.min(DeliveryRow.intended_at)).where(begun)).one()


def first_recall(session: Session) -> datetime | None:
    """When the oldest recall was ordered that is not acknowledged."""
    open_ = RecallRow.state == RecallState.ORDERED.value
    return session.scalars(select(func.min(RecallRow.ordered_at)).where(open_)).one()


def first_event_after(session: Session, sequence: int) -> datetime | None:
    """When the first audit event behind a number was written."""
    return session.scalars(select(func.min(AuditEventRow.at)).where(AuditEventRow.sequence > sequence)).one()


def overdue_reviews(session: Session, at: datetime) -> int:
    """Reviews past their date that people have not decided."""
    late = select(func.count()).where(ReviewCaseRow.due_at < at, ReviewCaseRow.state.not_in(_DECIDED))
    return session.scalars(late).one()


def open_identity_cases(session: Session) -> int:
    """Suspected mix-ups that nobody resolved."""
    return session.scalars(select(func.count()).where(IdentityCaseRow.resolved_at.is_(None))).one()


def breakers(session: Session) -> Sequence[PartnerBreakerRow]:
    """Partners that failed to answer at some time."""
    return session.scalars(select(PartnerBreakerRow).order_by(PartnerBreakerRow.partner_id)).all()
