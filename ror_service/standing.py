"""How the service stands: what has waited longest, and what an operator must look at. Ages and counts; nobody is named.

Health, metrics and alarms all tell these figures: each alarm is explained in `docs/howto/alerts.md`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import AuditError, UnsafeConfigurationError
from ror_service.settings import Settings
from ror_service.storage import ages, jobs, migrations
from ror_service.work import Work

HEALTH = Actor("health", "service", "health")
LOOK_SECONDS = 5.0
"""For so long an answer on readiness is given again: whoever asks without a token costs the database nothing."""
PATIENCE_SECONDS = 30.0
"""Age from which such an answer does not count any more, when a look at the database does not end."""
CHECKPOINT_SECONDS = 60.0
"""The same of the place of checkpoints, which is read over the network and may list thousands."""


class Reason(StrEnum):
    """Why the service is not well. Codes alone: this is told to whoever asks."""

    DATABASE_UNREACHABLE = "database_unreachable"
    SCHEMA_DIFFERS = "schema_differs"
    JOBS_WAIT = "jobs_wait"
    NOTHING_CLAIMED = "nothing_claimed"
    JOBS_DEAD = "jobs_dead"
    DELIVERY_UNCERTAIN = "delivery_uncertain"
    RECALL_UNACKNOWLEDGED = "recall_unacknowledged"
    AUDIT_UNSIGNED = "audit_unsigned"
    CHECKPOINTS_UNREADABLE = "checkpoints_unreadable"
    STORE_FULL = "store_full"


STOPS = frozenset({Reason.DATABASE_UNREACHABLE, Reason.SCHEMA_DIFFERS})
"""What makes a process useless: no request can be served. The rest is an operator's to look at, while it serves on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Ages in seconds, of what has waited longest; 0 where nothing waits."""

    waiting_seconds: float
    """Of the first weekly job that could have begun; a backfill may wait."""
    claim_seconds: float | None
    """Since a worker last took a job; None: none ever did."""
    dead_jobs: int
    intent_seconds: float
    """Of the oldest delivery that was begun and has no receipt: it may be at the partner, or not."""
    recall_seconds: float
    """Of the oldest recall that a partner has not acknowledged."""
    unsigned_seconds: float | None
    """Of the oldest audit event that no checkpoint names; None: no place for checkpoints is set."""
    reviews_overdue: int
    identity_cases_open: int
    free_bytes: int
    schema_found: str | None
    schema_expected: str

    def to_json(self) -> dict[str, Any]:
        """Every figure by its name."""
        return asdict(self)


def standing(context: ServiceContext, work: Work, unsigned_seconds: float | None) -> Standing:
    """How the service stands at the moment of a transaction.

    Args:
        context: The service.
        work: The transaction.
        unsigned_seconds: What `unsigned` found.
    """
    session, at = work.session, work.at

    def age(of: datetime | None) -> float:
        return 0.0 if of is None else max(0.0, round((at - of).total_seconds(), 1))

    claimed = ages.last_claim(session)
    return Standing(
        waiting_seconds=age(jobs.oldest_due(session, at)),
        claim_seconds=None if claimed is None else age(claimed),
        dead_jobs=ages.dead_jobs(session),
        intent_seconds=age(ages.first_intent(session)),
        recall_seconds=age(ages.first_recall(session)),
        unsigned_seconds=unsigned_seconds,
        reviews_overdue=ages.overdue_reviews(session, at),
        identity_cases_open=ages.open_identity_cases(session),
        free_bytes=_free_bytes(context),
        schema_found=migrations.found(session.connection()),
        schema_expected=migrations.expected(),
    )


def _free_bytes(context: ServiceContext) -> int:
    """Free space of the store; none in one that cannot be reached."""
    try:
        return context.free_bytes()
    except OSError:
        return 0


def reasons(found: Standing, limits: Settings) -> list[Reason]:
    """What is not well, by the limits of the settings."""
    waits = found.waiting_seconds > limits.health_waiting_minutes * 60
    idle = found.claim_seconds is None or found.claim_seconds > limits.health_claim_minutes * 60
    told = {
        Reason.SCHEMA_DIFFERS: found.schema_found != found.schema_expected,
        Reason.JOBS_WAIT: waits,
        Reason.NOTHING_CLAIMED: idle and found.waiting_seconds > limits.health_claim_minutes * 60,
        Reason.JOBS_DEAD: found.dead_jobs > 0,
        Reason.DELIVERY_UNCERTAIN: found.intent_seconds > limits.health_intent_minutes * 60,
        Reason.RECALL_UNACKNOWLEDGED: found.recall_seconds > limits.health_recall_minutes * 60,
        Reason.AUDIT_UNSIGNED: (found.unsigned_seconds or 0.0) > limits.health_unsigned_minutes * 60,
        Reason.STORE_FULL: found.free_bytes < limits.store_reserve_mebibytes << 20,
    }
    return [reason for reason, holds in told.items() if holds]


def unsigned(context: ServiceContext, work: Work) -> float | None:
    """Seconds for which the oldest audit event that no checkpoint names has waited; None where no place is set.

    Raises:
        AuditError: If the newest checkpoint is not as it was signed.
        UnsafeConfigurationError: If the place cannot be read.
    """
    place = context.checkpoints()
    if place is None:
        return None
    last = place.latest()
    first = ages.first_event_after(work.session, 0 if last is None else last.sequence)
    return 0.0 if first is None else round((work.at - first).total_seconds(), 1)


class Readiness:
    """Looks now and then whether the service can work, and remembers the answer for some seconds.

    Args:
        context: The service.
        clock: Seconds of a clock that only goes forward.
    """

    def __init__(self, context: ServiceContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._context, self._clock = context, clock
        self._lock = threading.Lock()
        self._looked = self._looked_at_checkpoints = -CHECKPOINT_SECONDS
        self._found: tuple[Standing | None, list[Reason]] = (None, [Reason.DATABASE_UNREACHABLE])
        self._unsigned: tuple[float | None, list[Reason]] = (None, [])

    def look(self) -> tuple[Standing | None, list[Reason]]:
        """The figures, None where the database does not answer, and what is not well.

        One caller looks at a time and nobody waits for that: of a database that hangs others are told as of one that is
        away.
        """
        if self._lock.acquire(blocking=False):
            try:
                if self._clock() - self._looked >= LOOK_SECONDS:
                    self._found = self._look()
                    self._looked = self._clock()
            finally:
                self._lock.release()
        elif self._clock() - self._looked > PATIENCE_SECONDS:
            return None, [Reason.DATABASE_UNREACHABLE]
        return self._found

    def _look(self) -> tuple[Standing | None, list[Reason]]:
        try:
            with self._context.transaction(HEALTH) as work:
                if self._clock() - self._looked_at_checkpoints >= CHECKPOINT_SECONDS:
                    self._unsigned = self._of_checkpoints(work)
                    self._looked_at_checkpoints = self._clock()
                seconds, unreadable = self._unsigned
                found = standing(self._context, work, seconds)
        except SQLAlchemyError:
            if migrations.answers(self._context.engine):
                return None, [Reason.SCHEMA_DIFFERS]  # a table or column that is asked for is not there
            return None, [Reason.DATABASE_UNREACHABLE]
        return found, [*reasons(found, self._context.settings), *unreadable]

    def _of_checkpoints(self, work: Work) -> tuple[float | None, list[Reason]]:
        try:
            return unsigned(self._context, work), []
        except (AuditError, UnsafeConfigurationError):
            return None, [Reason.CHECKPOINTS_UNREADABLE]
