"""The person whom a participant named asks for results after a death: recording, allowing, reading what was kept.

A genetic counselor records that the named person asks, with what was checked; a laboratory director, another person,
allows it. Then that counselor may read, until the time to ask is over: a grant as of break-glass, for another purpose.
Each reading asks the consent gate, which looks at the death, the naming and the grant, and at all that it asks besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consent.designee import is_named
from consent.types import Handover, VitalStatus
from ror_service import break_glass, cases, namings, reports
from ror_service.errors import ConflictError, ForbiddenError
from ror_service.namings import Named
from ror_service.reports import Opened
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import designees as rows
from ror_service.storage import participants
from ror_service.storage.participants import Lock
from ror_service.storage.row_security import COUNSELOR, DIRECTOR
from ror_service.storage.tables import BreakGlassGrantRow
from ror_service.work import Work

PURPOSE = "designee"
"""Purpose of everything that is done under such a grant."""


def request(work: Work, participant_id: str, checked: str) -> str:
    """Record that somebody asks as the one who was named; nothing can be read yet. Returns the grant's identifier.

    Args:
        work: The transaction of a genetic counselor.
        participant_id: Who died.
        checked: What was checked of the identity and of the death, in plain text.

    Raises:
        NotFoundError: If there is no such participant.
        ConflictError: If nothing is kept for anybody: no verified death, nobody named, not offered, or too late.
        ForbiddenError: If the caller is no genetic counselor.
        InvalidInputError: If it does not say what was checked.
    """
    _check_role(work, COUNSELOR)
    with work.as_service():  # nobody sees a participant without a case or a grant
        _kept_until(work, participant_id)
    return break_glass.request(work, participant_id, checked, PURPOSE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with whom the participant named: who asks must be that person."""

    grant: BreakGlassGrantRow
    named: Named | None


def look(work: Work, keys: KeyProvider, grant_id: str) -> Asked:
    """A request, and whom the participant named; audited.

    Raises:
        NotFoundError: If there is no such request.
        ErasedError: If the name was erased, as what was kept is.
    """
    grant = break_glass.find(work, grant_id, PURPOSE)
    with work.as_service():  # until it is allowed, nobody sees the participant
        return Asked(grant, namings.named(work, keys, grant.participant_id))


def approve(work: Work, grant_id: str) -> BreakGlassGrantRow:
    """Allow what a counselor recorded, until the time to ask is over.

    Raises:
        NotFoundError: If there is no such request.
        ForbiddenError: If the caller is the one who recorded it, or no laboratory director.
        ConflictError: If it was allowed or ended before, or nothing is kept any more.
    """
    _check_role(work, DIRECTOR)
    grant = break_glass.find(work, grant_id, PURPOSE)
    with work.as_service():
        until = _kept_until(work, grant.participant_id)
    return break_glass.allow(work, grant, ends_at=until, lapses_at=until)


def listed(work: Work) -> Sequence[BreakGlassGrantRow]:
    """Every request, the newest first; audited."""
    return break_glass.listed(work, PURPOSE)


def end(work: Work, grant_id: str) -> None:
    """Refuse a request, or end its grant; again changes nothing. What was kept stays until its time is over.

    Raises:
        NotFoundError: If there is no such request.
    """
    break_glass.end(work, grant_id, PURPOSE)


def read(work: Work, keys: KeyProvider, grant_id: str, module: str, name: str) -> Opened:
    """Open one file of the last released report, for the person who was named.

    Args:
        work: The transaction of the counselor who recorded the request; the audit events are part of it.
        keys: Holder of the key-encryption keys.
        grant_id: The request.
        module: Of which module.
        name: Which file.

    Raises:
        NotFoundError: If the caller recorded no such request, or nothing was kept of this module, or no such file.
        ForbiddenError: If nobody allowed it yet, or it is over.
        WithheldError: If the consent gate withholds.
        ErasedError: If the data key was destroyed.
    """
    grant = break_glass.in_force(work, grant_id, PURPOSE)
    handover = Handover(grant.requested_by, grant.approved_by, grant.expires_at)
    opened = reports.read(work, keys, grant.participant_id, module, name, handover=handover)
    work.audit(
        "designee.read", "designee_grant", grant_id, grant.participant_id, module=module, version=opened.version_id
    )
    return opened


def _check_role(work: Work, role: str) -> None:
    if work.actor.role != role:
        raise ForbiddenError("a genetic counselor records such a request, and a laboratory director allows it")


def _kept_until(work: Work, participant_id: str) -> datetime:
    """Until when what was kept may be asked for."""
    known = participants.history(work.session, participant_id, Lock.SHARED)
    kept = [version.kept_until for version in rows.kept_versions(work.session, participant_id)]
    ends = [until for until in kept if until is not None and until > work.at]
    if known.vital_status is not VitalStatus.DECEASED or not is_named(known, work.policy, cases.as_of(known, work.at)):
        ends = []
    if not ends:
        raise ConflictError("nothing of this participant can be handed over")
    return min(ends)
