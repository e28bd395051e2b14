"""Queries of the audit chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ror_service.storage.tables import AuditEventRow

_CHAIN_LOCK = 7_265_714_011
"""Any fixed number: names the advisory lock that makes appending one at a time."""


def lock_chain(session: Session) -> None:
    """Let nobody else append before this transaction ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})


class Head(NamedTuple):
    """The newest event, as much of it as the next one needs."""

    sequence: int
    event_hash: str


def last(session: Session) -> Head | None:
    """The end of the chain. Everybody who writes has to follow it, also who sees no event of it."""
    if session.get_bind().dialect.name == "postgresql":
        query = text("SELECT number, head FROM ror_audit_head() WHERE number IS NOT NULL")
        found = session.execute(query).one_or_none()
    else:
        newest = select(AuditEventRow.sequence, AuditEventRow.event_hash).order_by(AuditEventRow.sequence.desc())
        found = session.execute(newest.limit(1)).one_or_none()
    return None if found is None else Head(*found)


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
