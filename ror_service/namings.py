"""Whom a participant names for after a death: the one person who may ask for results. Append-only; the last one counts.

Whether it counts at all is asked at the death (`consent.designee`): it needs the participant's yes to the form that
speaks of it, said before or after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from consent.types import Participation, VitalStatus, latest
from ror_service.errors import ConflictError, InvalidInputError
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import data_keys, designees, participants
from ror_service.storage.participants import Lock
from ror_service.storage.tables import DesigneeNamingRow
from ror_service.work import Work

_CLOCKS_DIFFER_BY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a participant named."""

    name: str
    contact: str
    """How to reach the person."""


def name(
    work: Work, keys: KeyProvider, participant_id: str, named: Named, *, event_id: str, authored_at: datetime
) -> None:
    """Append whom the participant names. The name before is erased; a replay of the event changes nothing.

    Raises:
        NotFoundError: If there is no such participant.
        ConflictError: If the event id was used for another answer, the participant is not known to be alive or has
            left, or the programme does not offer it.
        InvalidInputError: If it is dated in the future.
    """
    row = _begin(work, participant_id, event_id, authored_at, somebody=True)
    if row is None:
        return
    participation = Participation(participants.get(work.session, participant_id).participation)
    if participation is Participation.WITHDRAWN or not work.policy.designee.offered:
        raise ConflictError("nobody can be named now")
    with work.as_service():  # who names somebody makes no keys
        vault.keep_naming(work, keys, row, {"name": named.name, "contact": named.contact})
        _append(work, row)
    work.audit("designee.name", "designee_naming", event_id, participant_id)


def take_back(work: Work, participant_id: str, *, event_id: str, authored_at: datetime) -> None:
    """Append that the participant names nobody; who was named is erased. A replay of the event changes nothing.

    Raises:
        NotFoundError: If there is no such participant.
        ConflictError: If the event id was used for another answer, or the participant is not known to be alive.
        InvalidInputError: If it is dated in the future.
    """
    row = _begin(work, participant_id, event_id, authored_at, somebody=False)
    if row is None:
        return
    with work.as_service():
        _append(work, row)
    work.audit("designee.take_back", "designee_naming", event_id, participant_id)


def named(work: Work, keys: KeyProvider, participant_id: str) -> Named | None:
    """Whom the participant named last, if anybody; asking is audited.

    Raises:
        NotFoundError: If there is no such participant.
        ErasedError: If the name was erased with the participant's data.
    """
    participants.get(work.session, participant_id, Lock.SHARED)
    work.audit("designee.look", "participant", participant_id, participant_id)
    naming = latest(designees.namings(work.session, participant_id))
    said = {} if naming is None else vault.open_naming(work, keys, naming)
    return Named(**said) if said else None


def _begin(
    work: Work, participant_id: str, event_id: str, authored_at: datetime, *, somebody: bool
) -> DesigneeNamingRow | None:
    """The row to append, the participant locked; None where it is there."""
    participants.take_turn(work.session, participant_id)
    vital_status = VitalStatus(participants.get(work.session, participant_id, Lock.EXCLUSIVE).vital_status)
    if authored_at > work.at + _CLOCKS_DIFFER_BY:
        raise InvalidInputError("authored_at lies in the future; check the sender's clock")
    with work.as_service():  # the identifier may be taken by somebody's answer whom the caller does not see
        before = work.session.get(DesigneeNamingRow, event_id)
    if before is not None:
        same = (before.participant_id, before.sealed is not None, before.authored_at)
        if same != (participant_id, somebody, authored_at):
            raise ConflictError("the event id was used for another answer")
        return None
    if vital_status is not VitalStatus.ALIVE:
        raise ConflictError("nobody can be named now")
    return DesigneeNamingRow(
        event_id=event_id, participant_id=participant_id, authored_at=authored_at, received_at=work.at
    )


def _append(work: Work, row: DesigneeNamingRow) -> None:
    work.session.add(row)
    work.session.flush()
    said = designees.namings(work.session, row.participant_id)
    counts = latest(said)
    data_keys.destroy_keys(
        work.session, [each.data_key_id for each in said if each is not counts and each.data_key_id], work.at
    )
