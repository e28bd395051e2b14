"""How far intake is: what came in, what waits and for how long, and when the present backlog will be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ror_service.states import SampleState
from ror_service.storage import jobs, results
from ror_service.storage.jobs import JobCounts
from ror_service.work import Work

STEPS = ("fetch_file", "extract_sample", "interpret_sample")
"""The jobs of intake, each a queue."""
WINDOW = timedelta(hours=1)
"""The rate is that of the last hour."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Samples of one genome center in one state. No sample and no person is named."""

    genome_center: str
    state: SampleState
    samples: int
    oldest: datetime
    """When the first of them was submitted."""


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """One step, and either its weekly work or its backfill."""

    task: str
    backfill: bool
    jobs: JobCounts
    remaining: timedelta | None
    """Until all that is there is done, at the rate of the last hour; None where nothing was done in it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts at one moment."""

    samples: tuple[Waiting, ...]
    """By genome center and state."""
    queues: tuple[QueueProgress, ...]

    @property
    def dead(self) -> int:
        """Jobs that an operator must look at."""
        return sum(queue.jobs.dead for queue in self.queues)


def progress(work: Work) -> Progress:
    """What a look at the database says; audited nowhere, since it is about no person."""
    rows = results.samples_by_state(work.session)
    waiting = tuple(Waiting(center, SampleState(state), count, oldest) for center, state, count, oldest in rows)
    counted = jobs.count(work.session, work.at, done_since=work.at - WINDOW)
    pairs = ((task, backfill) for task in STEPS for backfill in (False, True))
    return Progress(waiting, tuple(_of_queue(*pair, counted.get(pair, JobCounts())) for pair in pairs))


def _of_queue(task: str, backfill: bool, counts: JobCounts) -> QueueProgress:  # noqa: FBT001 - half of a pair
    left = counts.waiting + counts.running
    return QueueProgress(task, backfill, counts, left / counts.done * WINDOW if counts.done else None)
