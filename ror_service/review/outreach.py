"""Steps to reach somebody whose result a counselor tells first, as they are taken; the rules are `consent.outreach`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from consent import outreach
from consent.outreach import Plan, Tried, Try
from ror_service import cases
from ror_service.cases import Track
from ror_service.errors import ConflictError, IllegalTransitionError, InvalidInputError, NotFoundError
from ror_service.review import appointments
from ror_service.states import CaseState
from ror_service.storage import participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import AppointmentRow, OutreachTryRow
from ror_service.work import Work, new_id

_WAITING = {CaseState.SIGNED_OFF, CaseState.DISCLOSURE_SCHEDULED}


def standing(work: Work, track: Track) -> Plan:
    """Where the outreach of a result stands; the participant's lock is held until the transaction ends."""
    with work.as_service():
        known = participants.history(work.session, track.participant_id, Lock.SHARED)
    return outreach.plan(known, track.module, work.policy, _tries(work, track), cases.as_of(known, work.at))


@dataclass(frozen=True, slots=True)
class Reaching:
    """How far somebody was reached about a result."""

    plan: Plan
    taken: tuple[Try, ...]
    """Oldest first."""
    appointment: AppointmentRow | None
    """The one that counts, past or ahead."""


def read(work: Work, case_id: str) -> Reaching:
    """The plan of a case, the steps that were taken, and the appointment; audited.

    Raises:
        NotFoundError: If there is no such case.
        IllegalTransitionError: If its result waits for no disclosure.
    """
    track = _to_reach(work, case_id)
    work.audit("outreach.read", *cases.named(track), track.participant_id)
    return Reaching(standing(work, track), _tries(work, track), appointments.last(work, track))


def record(work: Work, case_id: str, tried: Tried) -> Plan:
    """Keep how the next step ended, or that an appointment was missed; returns what comes next.

    Raises:
        NotFoundError: If there is no such case.
        IllegalTransitionError: If its result waits for no disclosure.
        ConflictError: If nobody may be contacted, no step is left, the next is not due, or nothing could be missed.
        InvalidInputError: If a step of this channel cannot end so.
    """
    track = _to_reach(work, case_id)
    now = standing(work, track)
    if tried is Tried.MISSED:
        if not now.may_be_missed:
            raise ConflictError("only who was reached last can have missed an appointment")
        channel = "appointment"
    else:
        channel = _next(work, now, tried)
    _keep(work, track, channel, tried)
    return standing(work, track)


@dataclass(frozen=True, slots=True)
class Call:
    """A counselor has something to tell a participant."""

    asked_at: datetime | None
    """When the participant asked for a call, if that was the last that happened."""
    starts_at: datetime | None
    """The appointment, if one lies ahead."""


def waits_for_call(work: Work, participant_id: str) -> Call | None:
    """What waits to be told to this participant; None: nothing."""
    for track in _waiting_of(work, participant_id):
        asked = [each.at for each in _tries(work, track)[-1:] if each.tried is Tried.ASKED]
        last = appointments.last(work, track)
        ahead = last is not None and last.starts_at > work.at
        return Call(asked[0] if asked else None, last.starts_at if last is not None and ahead else None)
    return None


def ask_for_call(work: Work, participant_id: str) -> None:
    """Keep that the participant asks for a call about what waits to be told; asking again changes nothing.

    Raises:
        NotFoundError: If there is no such participant, or nothing waits to be told.
    """
    participants.get(work.session, participant_id, Lock.SHARED)
    waiting = _waiting_of(work, participant_id)
    if not waiting:
        raise NotFoundError("there is nothing to call about")
    for track in waiting:
        with work.as_service():
            cases.locked(work, track.case_id)  # of two requests at the same moment the second finds the first
        if not any(each.tried is Tried.ASKED for each in _tries(work, track)[-1:]):
            _keep(work, track, "portal", Tried.ASKED)


def _waiting_of(work: Work, participant_id: str) -> list[Track]:
    with work.as_service():
        tracks: list[Track] = [
            results.open_amendment(work.session, case.case_id) or case
            for case in results.cases_of(work.session, participant_id)
        ]
    return [track for track in tracks if track.requires_confirmation and CaseState(track.state) in _WAITING]


def _keep(work: Work, track: Track, channel: str, tried: Tried) -> None:
    with work.as_service():
        row = OutreachTryRow(
            try_id=new_id("try"),
            participant_id=track.participant_id,
            interpretation_id=str(track.interpretation_id),
            number=len(_tries(work, track)) + 1,
            channel=channel,
            tried=tried.value,
            recorded_by=work.actor.name,
            at=work.at,
        )
        work.session.add(row)
        work.session.flush()
        work.audit("outreach.record", *cases.named(track), track.participant_id, channel=channel, tried=tried.value)


def _next(work: Work, now: Plan, tried: Tried) -> str:
    if now.stopped:
        raise ConflictError(f"nobody may be contacted about this result: {', '.join(now.stopped)}")
    if now.next_step is None or now.due_at is None:
        raise ConflictError("no step is left: the person answered, or every step was taken")
    if work.at < now.due_at:
        raise ConflictError(f"the next step is due on {now.due_at:%Y-%m-%d %H:%M} UTC, not before")
    if not outreach.fits(now.next_step, tried):
        raise InvalidInputError(f"the next step is a {now.next_step.channel}, which cannot end as {tried}")
    return now.next_step.channel


def _to_reach(work: Work, case_id: str) -> Track:
    case, amendment = cases.locked(work, case_id)
    track = amendment or case
    if not track.requires_confirmation or CaseState(track.state) not in _WAITING:
        raise IllegalTransitionError("this result waits for no disclosure")
    return track


def _tries(work: Work, track: Track) -> tuple[Try, ...]:
    with work.as_service():
        rows = work.session.scalars(
            select(OutreachTryRow)
            .where(OutreachTryRow.interpretation_id == track.interpretation_id)
            .order_by(OutreachTryRow.number)
        ).all()
    return tuple(Try(row.channel, Tried(row.tried), row.at) for row in rows)
