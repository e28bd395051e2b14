"""The outbox: work for the queue. The broker message is only a hint; these rows are the truth."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ror_service.storage.tables import JobRow

ORDERED = "ror.work_ordered"
"""Entry of `Session.info` that is true once the session ordered work."""


def enqueue(session: Session, task: str, subject_id: str, at: datetime) -> None:
    """Order `task` for `subject_id` once; ordering it again after it ran, or while it runs, makes it run again."""
    again = {
        "available_at": at,
        "issued_at": None,
        "lease_until": None,
        "lease_token": None,
        "attempts": 0,
        "first_attempt_at": None,
        "last_error": None,
        "done_at": None,
        "dead_at": None,
    }
    values = {"job_id": f"job-{uuid.uuid4().hex}", "task": task, "subject_id": subject_id, "created_at": at, **again}
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(JobRow).values(values).on_conflict_do_update(index_elements=["task", "subject_id"], set_=again)
    )
    session.info[ORDERED] = True


def issue_due(session: Session, at: datetime, *, lost_after: timedelta, limit: int = 100) -> Sequence[JobRow]:
    """Jobs that a message must be sent for: due ones not yet issued, and those whose message or worker was lost."""
    rows = session.scalars(
        select(JobRow)
        .where(
            JobRow.done_at.is_(None),
            JobRow.dead_at.is_(None),
            JobRow.available_at <= at,
            or_(JobRow.issued_at.is_(None), JobRow.issued_at <= at - lost_after),
            or_(JobRow.lease_until.is_(None), JobRow.lease_until <= at),
        )
        .order_by(JobRow.available_at, JobRow.job_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.issued_at = at
    return rows


def claim(session: Session, job_id: str, at: datetime, lease: timedelta) -> JobRow | None:
    """Take a job for the time of the lease, or None when it is done, not due, or somebody else's."""
    row = session.scalars(select(JobRow).where(JobRow.job_id == job_id).with_for_update(skip_locked=True)).one_or_none()
    if row is None or row.done_at is not None or row.dead_at is not None or row.available_at > at:
        return None
    if row.lease_until is not None and row.lease_until > at:
        return None
    row.lease_until = at + lease
    row.lease_token = uuid.uuid4().hex
    row.attempts += 1
    row.first_attempt_at = row.first_attempt_at or at
    return row


def finish(session: Session, job_id: str, lease_token: str, at: datetime) -> None:
    """Mark a job done, unless it was ordered again or its lease passed to another worker meanwhile."""
    session.execute(
        update(JobRow)
        .where(JobRow.job_id == job_id, JobRow.lease_token == lease_token)
        .values(done_at=at, lease_until=None, lease_token=None, last_error=None)
    )


def fail(
    session: Session, job_id: str, lease_token: str, at: datetime, *, error: str, retry_at: datetime | None
) -> None:
    """Set a job aside until `retry_at`, or for an operator (dead letter) when that is None."""
    values: dict[str, object] = {"lease_until": None, "lease_token": None, "issued_at": None, "last_error": error}
    values |= {"dead_at": at} if retry_at is None else {"available_at": retry_at}
    session.execute(update(JobRow).where(JobRow.job_id == job_id, JobRow.lease_token == lease_token).values(**values))


def put_off(session: Session, job_id: str, lease_token: str, until: datetime) -> None:
    """Let a job wait as if it had not been tried: nothing was done, and the time to give up does not draw nearer."""
    session.execute(
        update(JobRow)
        .where(JobRow.job_id == job_id, JobRow.lease_token == lease_token)
        .values(
            lease_until=None,
            lease_token=None,
            issued_at=None,
            available_at=until,
            attempts=JobRow.attempts - 1,
            first_attempt_at=case((JobRow.attempts <= 1, None), else_=JobRow.first_attempt_at),
        )
    )


def open_jobs(session: Session) -> Sequence[JobRow]:
    """Jobs that are neither done nor dead, oldest first."""
    return session.scalars(
        select(JobRow).where(JobRow.done_at.is_(None), JobRow.dead_at.is_(None)).order_by(JobRow.created_at)
    ).all()


def dead_jobs(session: Session) -> Sequence[JobRow]:
    """Jobs that an operator must look at, oldest first."""
    return session.scalars(select(JobRow).where(JobRow.dead_at.is_not(None)).order_by(JobRow.dead_at)).all()


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of one task are where."""

    waiting: int
    """Not begun, or to be tried again."""
    running: int
    dead: int
    """Given up: an operator must look."""
    done: int
    """Done lately."""


def count(session: Session, task: str, at: datetime, *, done_since: datetime) -> JobCounts:
    """Count the jobs of a task."""
    is_open = and_(JobRow.done_at.is_(None), JobRow.dead_at.is_(None))
    runs = and_(is_open, JobRow.lease_until.is_not(None), JobRow.lease_until > at)
    which = (and_(is_open, ~runs), runs, JobRow.dead_at.is_not(None), JobRow.done_at >= done_since)
    counted = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in which]
    waiting, running, dead, done = session.execute(select(*counted).where(JobRow.task == task)).one()
    return JobCounts(waiting, running, dead, done)


def revive(session: Session, job_id: str, at: datetime) -> bool:
    """Give a dead job another try; False when there is no such dead job."""
    row = session.get(JobRow, job_id)
    if row is None or row.dead_at is None:
        return False
    enqueue(session, row.task, row.subject_id, at)
    return True
