"""Break-glass: somebody without the case reads a participant's reports, for a reason, with a second person's leave.

Handing over after a death (`designees`) has grants of the same kind, told apart by their purpose.

A grant ends by itself, or earlier on request, and lets nobody do more than read: each reading asks the consent gate as
the participant's own does, so that nothing comes back that was withdrawn, withheld or erased. The participant sees who
asked, who allowed and what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ror_service import reports
from ror_service.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from ror_service.reports import Opened
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import participants
from ror_service.storage.tables import BreakGlassGrantRow
from ror_service.work import Work, new_id

PURPOSE = "break_glass"
"""Purpose of everything that is done under a grant, as the audit log and the participant see it."""


def request(work: Work, participant_id: str, reason: str, purpose: str = PURPOSE) -> str:
    """Ask to read a participant's reports; nothing can be read yet. Returns the request's identifier.

    Raises:
        NotFoundError: If there is no such participant.
        InvalidInputError: If the reason is missing.
    """
    if not reason.strip():
        raise InvalidInputError("say why you need to read this participant's results")
    with work.as_service():  # whoever asks does not see the participant
        participants.get(work.session, participant_id)
    grant = BreakGlassGrantRow(
        grant_id=new_id("grant"),
        purpose=purpose,
        participant_id=participant_id,
        requested_by=work.actor.name,
        reason=reason.strip(),
        requested_at=work.at,
    )
    work.session.add(grant)
    work.session.flush()
    _audit(work, "request", grant)
    return grant.grant_id


def approve(work: Work, grant_id: str, lifetime: timedelta) -> BreakGlassGrantRow:
    """Allow what somebody else asked for, from now on for this time.

    Raises:
        NotFoundError: If there is no such request.
        ForbiddenError: If the caller is the one who asked.
        ConflictError: If it was allowed or ended before, or is older than a grant may live: it must be asked anew.
    """
    grant = find(work, grant_id, PURPOSE)
    return allow(work, grant, ends_at=work.at + lifetime, lapses_at=grant.requested_at + lifetime)


def find(work: Work, grant_id: str, purpose: str) -> BreakGlassGrantRow:
    """A request or grant for this purpose, locked.

    Raises:
        NotFoundError: If there is no such request.
    """
    grant = work.session.get(BreakGlassGrantRow, grant_id, with_for_update=True, populate_existing=True)
    if grant is None or grant.purpose != purpose:
        raise NotFoundError("no such grant")
    return grant


def allow(work: Work, grant: BreakGlassGrantRow, *, ends_at: datetime, lapses_at: datetime) -> BreakGlassGrantRow:
    """Allow what somebody else asked for, until `ends_at`; from `lapses_at` on nobody does.

    Raises:
        ForbiddenError: If the caller is the one who asked.
        ConflictError: If it was allowed or ended before, or has lapsed.
    """
    if grant.requested_by == work.actor.name:
        raise ForbiddenError("a second person must allow this")
    if grant.approved_at is not None or grant.ended_at is not None or work.at >= lapses_at:
        raise ConflictError("this request was answered before, or lapsed; ask again")
    grant.approved_by, grant.approved_at, grant.expires_at = work.actor.name, work.at, ends_at
    work.session.flush()
    _audit(work, "approve", grant)
    return grant


def end(work: Work, grant_id: str, purpose: str = PURPOSE) -> None:
    """End a grant before it expires, or refuse a request; ending it again changes nothing.

    Raises:
        NotFoundError: If there is no such grant.
    """
    grant = find(work, grant_id, purpose)
    if grant.ended_at is None:
        grant.ended_at = work.at
        work.session.flush()
        _audit(work, "end", grant)


def read(work: Work, keys: KeyProvider, grant_id: str, module: str, name: str) -> Opened:
    """Open one file of a report under a grant of one's own.

    Args:
        work: The transaction of the reader, whose purpose is `PURPOSE`; the audit event is part of it.
        keys: Holder of the key-encryption keys.
        grant_id: The grant.
        module: Of which module.
        name: Which file.

    Raises:
        NotFoundError: If the caller has no such grant, or there is no such report or file.
        ForbiddenError: If nobody allowed it yet, or it expired or was ended.
        WithheldError: If the consent gate withholds.
        ErasedError: If the data key was destroyed.
    """
    grant = in_force(work, grant_id)
    opened = reports.read(work, keys, grant.participant_id, module, name)
    _audit(work, "read", grant)
    return opened


def listed(work: Work, purpose: str = PURPOSE) -> Sequence[BreakGlassGrantRow]:
    """Every request and grant, the newest first; audited."""
    rows = work.session.scalars(
        select(BreakGlassGrantRow)
        .where(BreakGlassGrantRow.purpose == purpose)
        .order_by(BreakGlassGrantRow.requested_at.desc(), BreakGlassGrantRow.grant_id)
    ).all()
    work.audit(f"{purpose}.list", f"{purpose}_grants", "all", None, grants=len(rows))
    return rows


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests and grants there are."""

    waiting: int
    in_force: int
    granted: int
    """Since the beginning."""


def count(work: Work) -> Counts:
    """Count them, without telling whose they are."""
    row = BreakGlassGrantRow
    living = row.ended_at.is_(None)
    query = select(func.count()).select_from(row).where(row.purpose == PURPOSE)

    def number(session: Session, *where: object) -> int:
        return session.scalar(query.where(*where)) or 0  # type: ignore[arg-type]

    with work.as_service():
        return Counts(
            waiting=number(work.session, living, row.approved_at.is_(None)),
            in_force=number(work.session, living, row.expires_at > work.at),
            granted=number(work.session, row.approved_at.is_not(None)),
        )


def in_force(work: Work, grant_id: str, purpose: str = PURPOSE) -> BreakGlassGrantRow:
    """A grant of the caller's own that may be used at this moment, held so that nobody ends it meanwhile.

    Raises:
        NotFoundError: If the caller has no such grant.
        ForbiddenError: If nobody allowed it yet, or it expired or was ended.
    """
    grant = work.session.get(BreakGlassGrantRow, grant_id, with_for_update={"read": True}, populate_existing=True)
    if grant is None or (grant.requested_by, grant.purpose) != (work.actor.name, purpose):
        raise NotFoundError("no such grant")
    if grant.expires_at is None or grant.ended_at is not None or grant.expires_at <= work.at:
        raise ForbiddenError("nobody allowed this yet, or its time is over; ask for a new grant")
    return grant


def _audit(work: Work, what: str, grant: BreakGlassGrantRow) -> None:
    work.audit(f"{grant.purpose}.{what}", f"{grant.purpose}_grant", grant.grant_id, grant.participant_id)
