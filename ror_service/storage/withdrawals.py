"""Withdrawals as rows, and queries of what is still to be done for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ror_service.storage.tables import DataFileRow, DeliveryRow, RecallRow, SampleRow, WithdrawalRow


def of_participant(session: Session, participant_id: str) -> Sequence[WithdrawalRow]:
    """A participant's withdrawals, the first first."""
    return session.scalars(
        select(WithdrawalRow)
        .where(WithdrawalRow.participant_id == participant_id)
        .order_by(WithdrawalRow.requested_at, WithdrawalRow.withdrawal_id)
    ).all()


def uncertified(session: Session) -> Sequence[WithdrawalRow]:
    """Withdrawals that are not all done, the oldest first."""
    return session.scalars(
        select(WithdrawalRow)
        .where(WithdrawalRow.certified_at.is_(None))
        .order_by(WithdrawalRow.requested_at, WithdrawalRow.withdrawal_id)
    ).all()


def recalls_of(session: Session, participant_id: str) -> Sequence[tuple[RecallRow, str]]:
    """Every recall of a participant's deliveries with its partner, the first first."""
    rows = session.execute(
        select(RecallRow, DeliveryRow.partner_id)
        .join(DeliveryRow, DeliveryRow.delivery_id == RecallRow.delivery_id)
        .where(DeliveryRow.participant_id == participant_id)
        .order_by(RecallRow.ordered_at, RecallRow.recall_id)
    ).all()
    return [(recall, partner_id) for recall, partner_id in rows]


def files_of(session: Session, participant_id: str) -> Sequence[str]:
    """Identifiers of the participant's files, removed ones too."""
    return session.scalars(
        select(DataFileRow.file_id)
        .join(SampleRow, SampleRow.sample_id == DataFileRow.sample_id)
        .where(SampleRow.participant_id == participant_id)
    ).all()


def recalls_by_state(session: Session, at: datetime) -> Sequence[tuple[str, str, int, int]]:
    """Partner, state, number of recalls, and how many of these are overdue."""
    overdue = RecallRow.acknowledged_at.is_(None) & (RecallRow.due_at < at)
    rows = session.execute(
        select(DeliveryRow.partner_id, RecallRow.state, func.count(), func.count().filter(overdue))
        .join(DeliveryRow, DeliveryRow.delivery_id == RecallRow.delivery_id)
        .group_by(DeliveryRow.partner_id, RecallRow.state)
        .order_by(DeliveryRow.partner_id, RecallRow.state)
    ).all()
    return [(partner_id, state, number, late) for partner_id, state, number, late in rows]
