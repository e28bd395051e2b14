"""Operators and auditors: is the service well, what waits, does the audit chain hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import text

from ror_service.api.access import Begin, Context, working
from ror_service.api.tokens import Role
from ror_service.audit import log
from ror_service.storage import jobs

router = APIRouter(tags=["operations"])
Operator = Annotated[Begin, Depends(working("operation", Role.OPERATOR))]
Auditor = Annotated[Begin, Depends(working("audit", Role.AUDITOR))]


class Health(BaseModel):
    """Whether the service can work."""

    status: str
    open_jobs: int
    dead_jobs: int
    oldest_open_job_seconds: float


class Job(BaseModel):
    """A job that is not done."""

    job_id: str
    task: str
    created_at: datetime
    available_at: datetime
    attempts: int
    last_error: str | None
    dead: bool


class ChainVerification(BaseModel):
    """The audit chain was walked to its end and holds."""

    events: int
    head: str
    checkpoints: int
    """Signed states of the chain, kept in a second place, that were compared with it."""
    checkpoint_event: int
    """The last event that the newest of them names; a loss of later ones would not show yet."""


@router.get("/health")
def health(context: Context) -> Health:
    """Whether the database answers, and how long the oldest job waits. Needs no token and tells no more than that."""
    with context.transaction(log.Actor("health", "service", "health")) as work:
        work.session.execute(text("SELECT 1"))
        waiting, dead, oldest = jobs.standing(work.session)
        age = 0.0 if oldest is None else (work.at - oldest).total_seconds()
    return Health(status="ok", open_jobs=waiting, dead_jobs=dead, oldest_open_job_seconds=round(max(age, 0.0), 1))


@router.get("/v1/jobs")
def open_jobs(begin: Operator) -> list[Job]:
    """Jobs that wait, and those that an operator must look at."""
    with begin() as work:
        rows = [*jobs.dead_jobs(work.session), *jobs.open_jobs(work.session)]
    return [
        Job(
            job_id=row.job_id,
            task=row.task,
            created_at=row.created_at,
            available_at=row.available_at,
            attempts=row.attempts,
            last_error=row.last_error,
            dead=row.dead_at is not None,
        )
        for row in rows
    ]


@router.get("/v1/audit/verification")
def verify_audit(begin: Auditor, context: Context) -> ChainVerification:
    """Walk the audit chain from its first event, and compare it with its checkpoints."""
    place = context.checkpoints()
    kept = [] if place is None else place.kept()
    with begin() as work:
        verified = log.verify(work.session, checkpoints=kept, gaps=None if place is None else place.gaps())
    return ChainVerification(
        events=verified.events,
        head=verified.head,
        checkpoints=len(kept),
        checkpoint_event=max((point.sequence for point in kept), default=0),
    )
