"""The outbox: work for the queue. The broker message is only a hint; these rows are the truth."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ror_service import traces
from ror_service.storage.tables import JobRow

ORDERED = "ror.work_ordered"
"""Entry of `Session.info` that is true once the session ordered work."""
_OPEN = and_(JobRow.done_at.is_(None), JobRow.dead_at.is_(None))
_NEEDS_MESSAGE = and_(
    _OPEN,
    JobRow.available_at <= bindparam("at", type_=JobRow.available_at.type),
    or_(JobRow.issued_at.is_(None), JobRow.issued_at <= bindparam("lost", type_=JobRow.issued_at.type)),
    or_(JobRow.lease_until.is_(None), JobRow.lease_until <= bindparam("at", type_=JobRow.available_at.type)),
)
"""Due at `at`, and not issued since `lost`, nor anybody's."""


def queue_of(task: str) -> str:
    """The queue of a task: `extract` for `extract_sample`."""
    return task.partition("_")[0]


def enqueue(
    session: Session, task: str, subject_id: str, at: datetime, *, backfill: bool = False, urgent: bool = False
) -> None:
    """Order `task` for `subject_id` once; ordering it again after it ran, or while it runs, makes it run again.

    Args:
        session: The transaction.
        task: Which step.
        subject_id: What it is about.
        at: Now.
        backfill: Whether it may wait for the weekly work; the last order says.
        urgent: Whether it goes before all other work; once it is, it stays so.
    """
    again = {
        "backfill": backfill,
        "available_at": at,
        "issued_at": None,
        "lease_until": None,
        "lease_token": None,
        "attempts": 0,
        "first_attempt_at": None,
        "last_error": None,
        "done_at": None,
        "dead_at": None,
        "traceparent": traces.current(),
    }
    values = {
        "job_id": f"job-{uuid.uuid4().hex}",
        "task": task,
        "subject_id": subject_id,
        "created_at": at,
        "urgent": urgent,
        **again,
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    changed = again | ({"urgent": True} if urgent else {})
    session.execute(
        dialect.insert(JobRow).values(values).on_conflict_do_update(index_elements=["task", "subject_id"], set_=changed)
    )
    session.info[ORDERED] = True


def tasks_due(session: Session, tasks: Sequence[str], at: datetime, *, lost_after: timedelta) -> list[str]:
    """Those of the tasks that have a job for which a message must be sent, in one look."""
    found = session.execute(_any_due(tuple(tasks)), {"at": at, "lost": at - lost_after}).one()
    return [task for task, is_due in zip(tasks, found, strict=True) if is_due]


@cache
def _any_due(tasks: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    # Asked each second: each part ends at the first row of its index.
    return select(*[exists().where(JobRow.task == task, _NEEDS_MESSAGE) for task in tasks])


def issue_due(
    session: Session, task: str, at: datetime, *, lost_after: timedelta, most: int, for_backfill: int
) -> list[JobRow]:
    """Jobs that a message must be sent for: due ones not yet issued, and those whose message or worker was lost.

    Args:
        session: The transaction.
        task: Which step.
        at: Now.
        lost_after: Age from which a message that no worker took counts as lost.
        most: Jobs that may be issued and unfinished at once. What is beyond waits here, where its order can still be
            chosen, and not in the broker.
        for_backfill: How many of these a backfill gets though weekly work waits; else weekly work comes first.
    """
    lost = at - lost_after
    issued = dict.fromkeys((False, True), 0)
    for backfill, number in session.execute(
        select(JobRow.backfill, func.count())
        .where(JobRow.task == task, _OPEN, JobRow.issued_at.is_not(None))
        .where(or_(JobRow.issued_at > lost, JobRow.lease_until > at))
        .group_by(JobRow.backfill)
    ):
        issued[backfill] = number
    room = max(0, most - sum(issued.values()))
    urgent = _due(session, task, at, lost, urgent=True, limit=room)
    room -= len(urgent)
    weekly, waiting = (_due(session, task, at, lost, backfill=kind, limit=room) for kind in (False, True))
    kept_free = min(len(waiting), max(0, for_backfill - issued[True]), room)
    rows = [*weekly[: room - kept_free]]
    rows += waiting[: room - len(rows)]
    rows = [*urgent, *rows]
    for row in rows:
        row.issued_at = at
    return rows


def _due(
    session: Session,
    task: str,
    at: datetime,
    lost: datetime,
    *,
    limit: int,
    backfill: bool | None = None,
    urgent: bool = False,
) -> Sequence[JobRow]:
    """The first jobs of one kind that need a message, locked; of a backfill and not where nothing is said."""
    of_kind = () if backfill is None else (JobRow.backfill.is_(backfill),)
    return session.scalars(
        select(JobRow)
        .where(JobRow.task == task, JobRow.urgent.is_(urgent), *of_kind, _NEEDS_MESSAGE)
        .order_by(JobRow.available_at, JobRow.job_id)
        .limit(limit)
        .with_for_update(skip_locked=True),
        {"at": at, "lost": lost},
    ).all()


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
    row.claimed_at = at
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
    return session.scalars(select(JobRow).where(_OPEN).order_by(JobRow.created_at)).all()


def dead_jobs(session: Session) -> Sequence[JobRow]:
    """Jobs that an operator must look at, oldest first."""
    return session.scalars(select(JobRow).where(JobRow.dead_at.is_not(None)).order_by(JobRow.dead_at)).all()


def oldest_due(session: Session, at: datetime) -> datetime | None:
    """Since when the first weekly job that waits could have begun."""
    waits = or_(JobRow.lease_until.is_(None), JobRow.lease_until <= at)
    query = select(func.min(JobRow.available_at)).where(JobRow.backfill.is_(False), _OPEN, waits)
    return session.scalars(query.where(JobRow.available_at <= at)).one()


def count_open(session: Session, task: str, *, most: int) -> int:
    """Jobs of a task that are neither done nor dead; counted no further than asked."""
    some = select(JobRow.job_id).where(JobRow.task == task, _OPEN).limit(most).subquery()
    return session.scalars(select(func.count()).select_from(some)).one()


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of one task are where."""

    waiting: int = 0
    """Not begun, or to be tried again."""
    running: int = 0
    dead: int = 0
    """Given up: an operator must look."""
    done: int = 0
    """Done lately."""
    oldest_due: datetime | None = None
    """Since when the first of those that wait could have been done."""


def count(session: Session, at: datetime, *, done_since: datetime) -> dict[tuple[str, bool], JobCounts]:
    """Count the jobs by task and by whether they are of a backfill; a pair without any is left out."""
    runs = and_(_OPEN, JobRow.lease_until.is_not(None), JobRow.lease_until > at)
    waits = and_(_OPEN, ~runs)
    which = (waits, runs, JobRow.dead_at.is_not(None), JobRow.done_at >= done_since)
    counted = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in which]
    oldest = func.min(case((waits, JobRow.available_at)))
    rows = session.execute(
        select(JobRow.task, JobRow.backfill, *counted, oldest)
        # What was done long ago is by far the most.
        .where(or_(JobRow.done_at.is_(None), JobRow.done_at >= done_since))
        .group_by(JobRow.task, JobRow.backfill)
    )
    return {(task, backfill): JobCounts(*counts) for task, backfill, *counts in rows}


def revive(session: Session, job_id: str, at: datetime) -> bool:
    """Give a dead job another try; False when there is no such dead job."""
    row = session.get(JobRow, job_id)
    if row is None or row.dead_at is None:
        return False
    enqueue(session, row.task, row.subject_id, at, backfill=row.backfill)
    return True
