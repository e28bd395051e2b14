"""Append to the audit chain and verify it.

Each event holds the hash of the one before, so a changed, removed or inserted row breaks the chain at a row that can be
named. Details hold counts, codes and opaque ids; never a genotype, a finding or a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from ror_service.errors import AuditError
from ror_service.storage import audit_events
from ror_service.storage.tables import AuditEventRow

GENESIS = "0" * 64
"""Stands for the event before the first one."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which role, and for which purpose."""

    name: str
    role: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Event:
    """What was done, to what and to whom."""

    action: str
    object_type: str
    object_id: str
    participant_id: str | None
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of walking the whole chain."""

    events: int
    head: str
    """Hash of the last event."""


def append(session: Session, *, at: datetime, actor: Actor, events: Sequence[Event]) -> None:
    """Add events to the chain, in their order, within the caller's transaction.

    Holds the chain's lock until that transaction ends, so call it late.
    """
    audit_events.lock_chain(session)
    last = audit_events.last(session)
    sequence, previous = (0, GENESIS) if last is None else (last.sequence, last.event_hash)
    for number, event in enumerate(events, sequence + 1):
        row = AuditEventRow(
            sequence=number,
            at=at,
            actor=actor.name,
            role=actor.role,
            purpose=actor.purpose,
            action=event.action,
            object_type=event.object_type,
            object_id=event.object_id,
            participant_id=event.participant_id,
            details=event.details,
            previous_hash=previous,
            event_hash="",
        )
        row.event_hash = previous = event_hash(row)
        session.add(row)
    session.flush()


def verify(session: Session, *, at_least: tuple[int, str] | None = None) -> Verification:
    """Walk the chain from its first event.

    Args:
        session: Where to read.
        at_least: Sequence number and hash of an event that was once the last, kept elsewhere: shows a cut-off tail.

    Raises:
        AuditError: Naming the first row that was changed, removed, inserted or cut off.
    """
    previous, sequence, seen = GENESIS, 0, at_least is None
    for row in audit_events.in_order(session):
        sequence += 1
        if row.sequence != sequence:
            raise AuditError(f"audit event {sequence} is missing: the next row is {row.sequence}")
        if row.previous_hash != previous:
            raise AuditError(f"audit event {row.sequence} does not follow the event before it")
        if event_hash(row) != row.event_hash:
            raise AuditError(f"audit event {row.sequence} was changed after it was written")
        previous = row.event_hash
        seen = seen or at_least == (sequence, previous)
    if not seen:
        raise AuditError(f"audit event {at_least[0] if at_least else 0} of the checkpoint is not in the log")
    return Verification(sequence, previous)


def event_hash(row: AuditEventRow) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of everything that the row says, its predecessor included."""
    content: dict[str, Any] = {
        "sequence": row.sequence,
        "at": row.at.astimezone(UTC).isoformat(),
        "actor": row.actor,
        "role": row.role,
        "purpose": row.purpose,
        "action": row.action,
        "object_type": row.object_type,
        "object_id": row.object_id,
        "participant_id": row.participant_id,
        "details": row.details,
        "previous_hash": row.previous_hash,
    }
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()
