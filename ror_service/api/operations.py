"""Operators and auditors: is the service well, what waits, does the audit chain hold."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from ror_service.api.access import Begin, Context, working
from ror_service.api.tokens import Role
from ror_service.audit import log
from ror_service.standing import STOPS, Readiness, Reason
from ror_service.storage import jobs

router = APIRouter(tags=["operations"])
Operator = Annotated[Begin, Depends(working("operation", Role.OPERATOR))]
Auditor = Annotated[Begin, Depends(working("audit", Role.AUDITOR))]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Whether the service can work, and codes of what is not well."""

    status: Literal["ready", "degraded", "not_ready"]
    reasons: list[Reason]


class Health(Ready):
    """The same with every figure; none where the database does not answer."""

    figures: dict[str, float | int | str | None]


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
def alive() -> Alive:
    """Whether this process answers: no reason to restart it while it does. Asks nothing of the database."""
    return Alive()


@router.get("/health/ready", responses={503: {"model": Ready}})
def ready(request: Request, response: Response) -> Ready:
    """Whether the service can work: 503 where it cannot. Needs no token and tells codes alone."""
    _, found = _readiness(request).look()
    told = Ready(status=_status(found), reasons=found)
    if told.status == "not_ready":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return told


@router.get("/v1/health")
def health(request: Request, _begin: Operator) -> Health:
    """The same with how long what has waited, for operators."""
    figures, found = _readiness(request).look()
    return Health(status=_status(found), reasons=found, figures={} if figures is None else figures.to_json())


def _readiness(request: Request) -> Readiness:
    return cast("Readiness", request.app.state.readiness)


def _status(found: list[Reason]) -> Literal["ready", "degraded", "not_ready"]:
    if STOPS.intersection(found):
        return "not_ready"
    return "degraded" if found else "ready"


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
