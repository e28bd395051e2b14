"""Append to the audit chain and verify it.

Each event holds the hash of the one before, so a changed, removed or inserted row breaks the chain at a row that can be
named. What is cut off at the end shows against a checkpoint that is kept elsewhere. Details hold counts, codes and
opaque ids; never a genotype, a finding or a name.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
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
class Checkpoint:
    """The state of the chain at one moment. Sequence numbers have no gap, so that the last one is also their count."""

    sequence: int
    """Of the last event."""
    head: str
    """Its hash."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of events that a restored database has lost; the first one behind them is a `database.restored`."""

    first: int
    last: int


RESTORED = "database.restored"


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
    """Result of walking the chain to its end."""

    events: int
    """Number of the last event, which is their count where no restored database has lost some."""
    head: str
    """Hash of the last event."""


def append(session: Session, *, at: datetime, actor: Actor, events: Sequence[Event], behind: int | None = None) -> None:
    """Add events to the chain, in their order, within the caller's transaction.

    Holds the chain's lock until that transaction ends, so call it last.

    Args:
        session: The transaction.
        at: When.
        actor: Who acted.
        events: What was done.
        behind: The number that the first of them is to follow, where a restored database has lost events.
    """
    audit_events.lock_chain(session)
    last = audit_events.last(session)
    sequence, previous = (0, GENESIS) if last is None else (last.sequence, last.event_hash)
    for number, event in enumerate(events, (sequence if behind is None else behind) + 1):
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


def verify(
    session: Session,
    *,
    checkpoints: Iterable[Checkpoint] = (),
    since: Checkpoint | None = None,
    gaps: Collection[Gap] | None = (),
) -> Verification:
    """Walk the chain to its end, and compare it with states of it that were kept elsewhere.

    The chain alone shows what was changed, removed, inserted or exchanged. That its end was cut off, or that it was
    written anew with hashes that fit, only a checkpoint shows.

    Args:
        session: Where to read.
        checkpoints: What was kept elsewhere.
        since: The checkpoint to begin at, if what is before it was verified then; else at the first event.
        gaps: Events whose loss with a restored database was acknowledged elsewhere; None where nothing is kept
            elsewhere, so that only the log itself can tell.

    Raises:
        AuditError: Naming the first row that was changed, removed, inserted, exchanged, written anew or cut off.
    """
    first = 1 if since is None else since.sequence
    kept = {*checkpoints, *(() if since is None else (since,))}
    ahead = deque(sorted((point for point in kept if point.sequence >= first), key=attrgetter("sequence")))
    previous = GENESIS if since is None else None
    sequence = agreed = first - 1
    for row in audit_events.in_order(session, first):
        sequence += 1
        lost = Gap(sequence, row.sequence - 1)
        if lost == _lost_before(row) and (gaps is None or lost in gaps):
            sequence = row.sequence
        if row.sequence != sequence:
            raise AuditError(f"audit event {sequence} is missing: the next row is {row.sequence}")
        if previous is not None and row.previous_hash != previous:
            raise AuditError(f"audit event {sequence} does not follow the event before it")
        if event_hash(row) != row.event_hash:
            raise AuditError(f"audit event {sequence} was changed after it was written")
        previous = row.event_hash
        while ahead and ahead[0].sequence == sequence:
            if ahead.popleft().head != previous:
                raise AuditError(
                    f"audit event {sequence} is not the one that a checkpoint names: the log was written anew from one "
                    f"of the events {agreed + 1} to {sequence} on, or a fork of it was signed too"
                )
            agreed = sequence
    if ahead:
        unsure = f"; no checkpoint speaks for the events {agreed + 1} to {sequence}" if sequence > agreed else ""
        raise AuditError(
            f"audit event {sequence + 1} is missing: the log ends before it, and a checkpoint names event "
            f"{ahead[-1].sequence}{unsure}"
        )
    return Verification(sequence, previous or GENESIS)


def restored(session: Session, *, at: datetime, actor: Actor, lost: Gap) -> None:
    """Go on behind events that a restored database has lost, so that no number is given twice."""
    details = {"lost_from": lost.first, "lost_to": lost.last}
    event = Event(RESTORED, "database", "database", None, details)
    append(session, at=at, actor=actor, events=[event], behind=lost.last)


def _lost_before(row: AuditEventRow) -> Gap | None:
    """The events that were lost before this one, as it says itself."""
    return Gap(row.details.get("lost_from", 0), row.details.get("lost_to", 0)) if row.action == RESTORED else None


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
