"""How far intake is: what came in, what waits and for how long, and when the present backlog will be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ror_service.states import SampleState
from ror_service.storage import jobs, results
from ror_service.work import Work

READING = "interpret_sample"
"""The job that reads a sample's file."""
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
class Progress:
    """Counts at one moment."""

    samples: tuple[Waiting, ...]
    """By genome center and state."""
    jobs: jobs.JobCounts
    """Of the readings."""

    @property
    def remaining(self) -> timedelta | None:
        """Time until everything that waits is read at the rate of the last hour; None while nothing is being read."""
        left = self.jobs.waiting + self.jobs.running
        return left / self.jobs.done * WINDOW if self.jobs.done else None


def progress(work: Work) -> Progress:
    """What a look at the database says; audited nowhere, since it is about no person."""
    rows = results.samples_by_state(work.session)
    waiting = tuple(Waiting(center, SampleState(state), count, oldest) for center, state, count, oldest in rows)
    return Progress(waiting, jobs.count(work.session, READING, work.at, done_since=work.at - WINDOW))
