"""Queries of the audit chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ror_service.storage.tables import AuditEventRow

_CHAIN_LOCK = 7_265_714_011
"""Any fixed number: names the advisory lock that makes appending one at a time."""


def lock_chain(session: Session) -> None:
    """Let nobody else append before this transaction ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})


def last(session: Session) -> AuditEventRow | None:
    """The newest event."""
    return session.scalars(select(AuditEventRow).order_by(AuditEventRow.sequence.desc()).limit(1)).first()


def in_order(session: Session, first: int = 1) -> Iterator[AuditEventRow]:
    """All events from this sequence number on, oldest first, read in portions."""
    # A row that was inserted before the first event has to be seen too.
    chosen = select(AuditEventRow) if first == 1 else select(AuditEventRow).where(AuditEventRow.sequence >= first)
    yield from session.scalars(
        chosen.order_by(AuditEventRow.sequence).execution_options(yield_per=1000, populate_existing=True)
    )


def of_actions(session: Session, actions: Sequence[str], since: int, limit: int) -> Sequence[AuditEventRow]:
    """Events of some kinds behind a sequence number, oldest first."""
    chosen = select(AuditEventRow).where(AuditEventRow.sequence > since, AuditEventRow.action.in_(actions))
    return session.scalars(chosen.order_by(AuditEventRow.sequence).limit(limit)).all()


def of_participant(session: Session, participant_id: str) -> Sequence[AuditEventRow]:
    """Events about one participant, newest first."""
    return session.scalars(
        select(AuditEventRow)
        .where(AuditEventRow.participant_id == participant_id)
        .order_by(AuditEventRow.sequence.desc())
    ).all()
