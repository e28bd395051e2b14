"""When a counselor and a participant meet about a result; a new date takes the place of the one before."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from ror_service.cases import Track
from ror_service.errors import InvalidInputError
from ror_service.storage.tables import AppointmentRow
from ror_service.work import Work, new_id


class Way(StrEnum):
    """How they meet."""

    PHONE = "phone"
    VIDEO = "video"
    IN_PERSON = "in_person"


def keep(work: Work, track: Track, starts_at: datetime, way: Way) -> None:
    """Append the date of an appointment about a result; the caller holds the case.

    Raises:
        InvalidInputError: If it does not lie ahead.
    """
    if starts_at <= work.at:
        raise InvalidInputError("an appointment lies ahead; a call that was made is recorded as told")
    before = last(work, track)
    work.session.add(
        AppointmentRow(
            appointment_id=new_id("appointment"),
            participant_id=track.participant_id,
            interpretation_id=str(track.interpretation_id),
            number=1 if before is None else before.number + 1,
            starts_at=starts_at,
            way=way.value,
            recorded_by=work.actor.name,
            at=work.at,
        )
    )
    work.session.flush()


def last(work: Work, track: Track) -> AppointmentRow | None:
    """The appointment about a result that counts, past or ahead."""
    with work.as_service():
        return work.session.scalars(
            select(AppointmentRow)
            .where(AppointmentRow.interpretation_id == track.interpretation_id)
            .order_by(AppointmentRow.number.desc())
            .limit(1)
        ).first()
