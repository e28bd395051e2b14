"""Queries of deliveries by the partner that they go to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from ror_service.states import DeliveryState, RecallState
from ror_service.storage.organizations import DELIVERY_PARTNER
from ror_service.storage.tables import (
    DeliveryRow,
    JobRow,
    OrganizationRow,
    RecallRow,
    ReceiptRow,
    ReconciliationRow,
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of one delivery."""

    participant_id: str
    idempotency_key: str
    manifest_sha256: str
    state: DeliveryState
    receipt_at: datetime | None
    """When the receipt of its acceptance was kept."""
    recall: RecallState | None
    recalled_at: datetime | None
    """When the partner acknowledged its recall."""


def known_to(session: Session, partner_id: str) -> dict[str, Known]:
    """Every delivery to a partner by its identifier."""
    receipts = (
        select(ReceiptRow.delivery_id, func.min(ReceiptRow.received_at).label("at"))
        .where(ReceiptRow.status == "accepted")
        .group_by(ReceiptRow.delivery_id)
        .subquery()
    )
    rows = session.execute(
        select(DeliveryRow, receipts.c.at, RecallRow)
        .outerjoin(receipts, receipts.c.delivery_id == DeliveryRow.delivery_id)
        .outerjoin(RecallRow, RecallRow.delivery_id == DeliveryRow.delivery_id)
        .where(DeliveryRow.partner_id == partner_id)
    )
    return {
        row.delivery_id: Known(
            row.participant_id,
            row.idempotency_key,
            row.manifest_sha256,
            DeliveryState(row.state),
            receipt_at,
            None if recall is None else RecallState(recall.state),
            None if recall is None else recall.acknowledged_at,
        )
        for row, receipt_at, recall in rows
    }


def partners_to_reconcile(session: Session, before: datetime, task: str) -> Sequence[str]:
    """Delivery partners with whom nothing was compared since `before`, and for whom no such job is open or dead."""
    last = (
        select(ReconciliationRow.partner_id, func.max(ReconciliationRow.began_at).label("at"))
        .group_by(ReconciliationRow.partner_id)
        .subquery()
    )
    unfinished = and_(
        JobRow.task == task, JobRow.subject_id == OrganizationRow.organization_id, JobRow.done_at.is_(None)
    )
    return session.scalars(
        select(OrganizationRow.organization_id)
        .outerjoin(last, last.c.partner_id == OrganizationRow.organization_id)
        .where(
            OrganizationRow.kind == DELIVERY_PARTNER,
            func.coalesce(last.c.at < before, True),
            ~select(JobRow.job_id).where(unfinished).exists(),
        )
        .order_by(OrganizationRow.organization_id)
    ).all()


def last_reconciliations(session: Session) -> Sequence[ReconciliationRow]:
    """The newest comparison with each partner."""
    newest = (
        select(ReconciliationRow.partner_id, func.max(ReconciliationRow.began_at).label("at"))
        .group_by(ReconciliationRow.partner_id)
        .subquery()
    )
    return session.scalars(
        select(ReconciliationRow)
        .join(
            newest,
            and_(newest.c.partner_id == ReconciliationRow.partner_id, newest.c.at == ReconciliationRow.began_at),
        )
        .order_by(ReconciliationRow.partner_id)
    ).all()
