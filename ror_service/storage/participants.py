"""Queries of participants and what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from consent.types import (
    Answer,
    Capacity,
    ConsentRecord,
    DesigneeNaming,
    DocumentType,
    History,
    ModuleAnswer,
    ModuleDecision,
    Participation,
    Validation,
    VitalStatus,
)
from ror_service.errors import NotFoundError
from ror_service.states import CaseState
from ror_service.storage.database import among
from ror_service.storage.tables import (
    ConsentRecordRow,
    DesigneeNamingRow,
    IdentityCaseMemberRow,
    IdentityCaseRow,
    ModuleDecisionRow,
    OwnMedicinesRow,
    ParticipantRow,
    ResultCaseRow,
)


class Lock(StrEnum):
    """How the participant's row, which is the consent lock, is held until the transaction ends."""

    NONE = "none"
    SHARED = "shared"
    """Others may send and read, nobody may withdraw."""
    EXCLUSIVE = "exclusive"


LINES = 0x726F72
"""First half of the advisory locks in which people stand in line; the second is a hash of the participant."""


class Standing(NamedTuple):
    """Whether a participant is still one."""

    participation: Participation
    vital_status: VitalStatus


def get(session: Session, participant_id: str, lock: Lock = Lock.NONE) -> ParticipantRow:
    """The participant's row.

    Raises:
        NotFoundError: If there is none.
    """
    query = select(ParticipantRow).where(ParticipantRow.participant_id == participant_id)
    if lock is not Lock.NONE:
        query = query.with_for_update(read=lock is Lock.SHARED)
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFoundError("no such participant")
    return row


def take_turn(session: Session, participant_id: str) -> None:
    """Stand in line before the consent lock, as whoever changes an answer does first; PostgreSQL.

    Row locks alone know no line: new shared holders go past a change that waits for the exclusive one, again and again.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(LINES, func.hashtext(participant_id))))


def stand_in_line(session: Session, participant_id: str) -> None:
    """Stand in line with others who only send, behind every change that waits; until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(LINES, func.hashtext(participant_id))))


def standings(session: Session, participant_ids: Iterable[str], lock: Lock) -> dict[str, Standing]:
    """The standing of each of these participants who is registered; locked in one order, whatever theirs is.

    Args:
        session: Database session.
        participant_ids: Some hundreds at most.
        lock: How each is held; not `NONE`.
    """
    rows = session.scalars(
        select(ParticipantRow)
        .where(among(session, ParticipantRow.participant_id, set(participant_ids)))
        .order_by(ParticipantRow.participant_id)
        .with_for_update(read=lock is Lock.SHARED)
        .execution_options(populate_existing=True)
    )
    return {
        row.participant_id: Standing(Participation(row.participation), VitalStatus(row.vital_status)) for row in rows
    }


def history(session: Session, participant_id: str, lock: Lock = Lock.NONE) -> History:
    """Everything about a participant that the consent decision depends on, read after the lock is held.

    Raises:
        NotFoundError: If there is no such participant.
    """
    row = get(session, participant_id, lock)
    # Read to the end at once: a question left open when an error comes would keep SQLite's lock.
    consents = session.scalars(select(ConsentRecordRow).where(ConsentRecordRow.participant_id == participant_id)).all()
    decisions = session.scalars(
        select(ModuleDecisionRow).where(ModuleDecisionRow.participant_id == participant_id)
    ).all()
    namings = session.scalars(select(DesigneeNamingRow).where(DesigneeNamingRow.participant_id == participant_id)).all()
    return History(
        participant_id=row.participant_id,
        birth_date=row.birth_date,
        residence_state=row.residence_state,
        vital_status=VitalStatus(row.vital_status),
        participation=Participation(row.participation),
        consents=tuple(
            ConsentRecord(
                event_id=record.event_id,
                document=DocumentType(record.document),
                document_version=record.document_version,
                answer=Answer(record.answer),
                authored_at=record.authored_at,
                received_at=record.received_at,
                validation=Validation(record.validation),
                capacity=Capacity(record.capacity),
            )
            for record in consents
        ),
        decisions=tuple(
            ModuleDecision(
                event_id=decision.event_id,
                module=decision.module,
                answer=ModuleAnswer(decision.answer),
                script_version=decision.script_version,
                authored_at=decision.authored_at,
                received_at=decision.received_at,
                re_offer_at=decision.re_offer_at,
                capacity=Capacity(decision.capacity),
            )
            for decision in decisions
        ),
        namings=tuple(
            DesigneeNaming(naming.event_id, naming.sealed is not None, naming.authored_at, naming.received_at)
            for naming in namings
        ),
    )


_OVER = (CaseState.REVOKED, CaseState.DELETION_ORDERED, CaseState.DELETED)


def put_off_until(session: Session, at: datetime, limit: int) -> Sequence[str]:
    """Participants alive and active who put off a module until `at` or before and were not offered it since.

    The answer may not be their last one: who is offered what is decided by the consent package alone.
    """
    said, later = ModuleDecisionRow, aliased(ModuleDecisionRow)
    this_module = and_(later.participant_id == said.participant_id, later.module == said.module)
    newest = aliased(ResultCaseRow)
    case = and_(ResultCaseRow.participant_id == said.participant_id, ResultCaseRow.module == said.module)
    generation = (
        select(func.max(newest.generation))
        .where(newest.participant_id == said.participant_id, newest.module == said.module)
        .scalar_subquery()
    )
    return session.scalars(
        select(said.participant_id)
        .join(ParticipantRow, ParticipantRow.participant_id == said.participant_id)
        .join(ResultCaseRow, and_(case, ResultCaseRow.generation == generation))
        .where(
            said.re_offer_at <= at,
            ParticipantRow.vital_status == VitalStatus.ALIVE.value,
            ParticipantRow.participation == Participation.ACTIVE.value,
            ResultCaseRow.state.in_([state.value for state in (CaseState.DEFERRED, *_OVER)]),
            ~select(later.event_id).where(this_module, later.authored_at > said.authored_at).exists(),
        )
        .distinct()
        .order_by(said.participant_id)
        .limit(limit)
    ).all()


def in_open_identity_case(session: Session, participant_id: str) -> bool:
    """Whether an unresolved identity case concerns the participant."""
    query = (
        select(IdentityCaseMemberRow.participant_id)
        .join(IdentityCaseRow, IdentityCaseRow.identity_case_id == IdentityCaseMemberRow.identity_case_id)
        .where(IdentityCaseMemberRow.participant_id == participant_id, IdentityCaseRow.resolved_at.is_(None))
        .limit(1)
    )
    return session.scalars(query).first() is not None


def consent_event(session: Session, event_id: str) -> ConsentRecordRow | None:
    """A consent record by its event id."""
    return session.get(ConsentRecordRow, event_id)


def decision_event(session: Session, event_id: str) -> ModuleDecisionRow | None:
    """An informing-loop decision by its event id."""
    return session.get(ModuleDecisionRow, event_id)


def own_medicines(session: Session, participant_id: str) -> OwnMedicinesRow | None:
    """The participant's last list of medicines, also when it was removed."""
    return session.scalars(
        select(OwnMedicinesRow).where(OwnMedicinesRow.participant_id == participant_id)
    ).one_or_none()


def all_ids(session: Session) -> Sequence[str]:
    """Identifiers of all participants, in order."""
    return session.scalars(select(ParticipantRow.participant_id).order_by(ParticipantRow.participant_id)).all()
