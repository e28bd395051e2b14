"""Kills and stops a process of the service at every point of a step, while people leave, on a real database.

The points are not written down anywhere: they are every statement that the step sends to the database, every commit
before and after it takes effect, and every call of the partner before and after it. So none can be forgotten when the
step changes. Each schedule is a person of its own; the step runs in a forked process that stops or kills itself.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, NoReturn

from pydantic import SecretStr
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from consent.types import ModuleAnswer
from ror_service import pipeline
from ror_service.delivery.client import PartnerClient
from ror_service.sandbox.partner_faults import Fault
from ror_service.settings import Settings
from ror_service.storage import migrations
from ror_service.storage.tables import JobRow, RecallRow
from ror_service.worker.jobs import run_job
from support.promises_of_release import Leaving, broken_promises
from support.service import FastContext, Service, SettableClock, running_partner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

MODULE = "traits"
LEAVE = "leave"
"""The step in which a person who has a report leaves, besides those of the pipeline."""
STEPS = ("release_report", "deliver_report", "recall_delivery", LEAVE)
AFTER_LEAVING = frozenset({LEAVE, "recall_delivery"})
"""Steps after which the person has left, whatever the moment."""
PAUSE_SECONDS = 0.002
"""Between two looks at another process. Nothing is decided by how long anything takes."""


class Moment(StrEnum):
    """When the person leaves, seen from the process that runs the step."""

    NEVER = "never"
    BEFORE = "before it begins"
    STOPPED = "while it stands still, which then goes on"
    STOPPED_KILLED = "while it stands still, which is then killed"
    AFTER_KILL = "after it was killed"
    AFTER_ALL = "when all is done"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run: which step is struck at which of its points, and when the person leaves."""

    step: str
    point: int
    moment: Moment
    leaving: Leaving = Leaving.WITHDRAW
    fault: Fault | None = None


@dataclass
class Points:
    """Counts the points that a process reaches, and does something at one of them."""

    at: int | None = None
    does: signal.Signals = signal.SIGKILL
    names: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self.at:
            os.kill(os.getpid(), self.does)

    def watch(self, context: FastContext) -> None:
        """See every statement, commit and call of the partner of this process from now on."""

        def statement(_connection: object, _cursor: object, words: str, *_: object) -> None:
            self.reach(" ".join(words.split()[:3]))

        event.listen(context.engine, "before_cursor_execute", statement)
        event.listen(context.engine, "commit", lambda _: self.reach("commit"))
        event.listen(Session, "after_commit", lambda _: self.reach("committed"))
        points, send = self, PartnerClient._send

        def watched(*arguments: object, **more: object) -> object:
            points.reach("before the partner")
            answer = send(*arguments, **more)  # type: ignore[arg-type]
            points.reach("after the partner")
            return answer

        PartnerClient._send = watched  # type: ignore[assignment,method-assign]


@dataclass
class Theatre:
    """A service on PostgreSQL with a partner, in which schedules are played one after the other."""

    service: Service
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    kills: int = 0
    stops: int = 0

    # --- The way to each step

    def _prepare(self, step: str) -> tuple[str, Callable[[], None]]:
        """A new person for whom just this step waits. Returns the person and what a process is to do."""
        person = f"P-{next(self.numbers):06}"
        service = self.service
        service.enroll(person, [MODULE])
        service.sample(person)
        case_id = service.found(MODULE, person).case_id
        subject = case_id
        if step != "release_report":
            pipeline.release_report(service.context, case_id)
            subject = service.delivery(person).delivery_id
        if step in AFTER_LEAVING:
            pipeline.deliver_report(service.context, subject)
        if step == LEAVE:
            return person, lambda: self._leave(person, Leaving.WITHDRAW)
        if step == "recall_delivery":
            service.withdraw(person)
            (recall,) = service.rows(RecallRow, RecallRow.delivery_id == subject)
            subject = recall.recall_id
        job_id = service.job(step, subject).job_id
        return person, lambda: run_job(service.context, job_id)

    def points(self, step: str) -> list[str]:
        """Every point of a step, in order, as one undisturbed run reaches them."""
        _, does = self._prepare(step)
        reading, writing = os.pipe()
        process = self._fork(does, Points(), report=writing)
        os.close(writing)
        with os.fdopen(reading) as report:
            names: list[str] = json.loads(report.read())
        assert os.waitpid(process, 0)[1] == 0
        return names

    def play(self, schedule: Schedule) -> list[str]:
        """Play a schedule to its end, until nothing is left to do; what was promised and not kept."""
        # One that was killed before it came to the partner left a fault behind.
        assert self.service.partner is not None
        self.service.partner.faults.clear()
        person, does = self._prepare(schedule.step)
        leaves = schedule.moment is not Moment.NEVER
        leave = (lambda: self._leave(person, schedule.leaving)) if leaves else lambda: None
        if schedule.moment is Moment.BEFORE:
            leave()
        if schedule.fault is not None:
            self.service.partner.faults.next(schedule.fault)
        stops = schedule.moment in {Moment.STOPPED, Moment.STOPPED_KILLED}
        process = self._fork(does, Points(schedule.point, signal.SIGSTOP if stops else signal.SIGKILL))
        _, status = os.waitpid(process, os.WUNTRACED)
        self.kills += os.WIFSIGNALED(status) or schedule.moment is Moment.STOPPED_KILLED
        if os.WIFSTOPPED(status):
            self.stops += 1
            self._leave_while_it_stands_still(leave, process, schedule.moment)
        elif stops and os.WIFEXITED(status):
            leave()  # the fault made its way shorter: it ended before it came to the point
        else:
            assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"{schedule}: the step failed"
        if schedule.moment is Moment.AFTER_KILL:
            leave()
        self._run_all()
        if schedule.moment is Moment.AFTER_ALL:
            leave()
            self._run_all()
        left = schedule.leaving if leaves or schedule.step in AFTER_LEAVING else None
        return broken_promises(self.service, person, MODULE, left)

    def forget(self) -> None:
        """Call what is left undone done, after a schedule of a broken service."""
        with self.service.work() as work:
            for row in work.session.query(JobRow):
                row.done_at = row.done_at or work.at

    # --- What others do

    def _leave(self, person: str, leaving: Leaving) -> None:
        if leaving is Leaving.WITHDRAW:
            self.service.withdraw(person)
        else:
            # After the yes, by the time that both are dated with: else their names alone would tell which one counts.
            self.service.clock.advance(minutes=1)
            self.service.choose(ModuleAnswer.NO, MODULE, person)
            self.service.forbidden_after[person] = self.service.last_entry()

    def _leave_while_it_stands_still(self, leave: Callable[[], None], process: int, moment: Moment) -> None:
        """The person leaves; when the process holds the consent lock, that waits, and so the process goes on first."""
        leaving = threading.Thread(target=leave)
        leaving.start()
        while leaving.is_alive() and not self._somebody_waits():
            leaving.join(PAUSE_SECONDS)
        os.kill(process, signal.SIGCONT if moment is Moment.STOPPED else signal.SIGKILL)
        os.waitpid(process, 0)
        leaving.join()

    def _somebody_waits(self) -> bool:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with self.service.context.engine.connect() as connection:
            return bool(connection.execute(waiting).scalar_one())

    def _run_all(self) -> None:
        """Let leases and pauses pass, as often as a lost try and a fault can ask for, and run what is due."""
        for _ in range(3):
            self.service.clock.advance(hours=5)
            self.service.run_jobs()
            if not self.service.rows(JobRow, JobRow.done_at.is_(None)):
                break

    def _fork(self, does: Callable[[], None], points: Points, report: int | None = None) -> int:
        process = os.fork()
        if process == 0:
            self._child(does, points, report)
        return process

    def _child(self, does: Callable[[], None], points: Points, report: int | None) -> NoReturn:
        status = 1
        try:
            # Connections of the parent must not be used by its children.
            self.service.context.engine.dispose(close=False)
            points.watch(self.service.context)
            does()
            if report is not None:
                os.write(report, json.dumps(points.names).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - a child must never come back into the tests of its parent
            traceback.print_exc()
        finally:
            os._exit(status)


@contextmanager
def theatre(folder: Path, database_url: str) -> Iterator[Theatre]:
    """A service on an empty PostgreSQL database with one partner; its clock stands still until it is moved."""
    clock = SettableClock()
    context = FastContext(Settings(home=folder / "service", database_url=SecretStr(database_url)), clock=clock)
    migrations.upgrade(context.engine)
    service = Service(context, clock)
    try:
        with running_partner(service, folder / "partner"):
            yield Theatre(service)
    finally:
        context.close()


def every_schedule(points: Mapping[str, Sequence[str]]) -> list[Schedule]:
    """Each point of each step with each moment at which the person may leave.

    In an order in which the first as many as there are points strike each point once, with all moments in turn.
    """
    passes: list[list[Schedule]] = [[] for _ in Moment]
    for step, names in points.items():
        # Who left already does not leave; whose leaving was killed does so again.
        moments = {LEAVE: [Moment.AFTER_KILL], "recall_delivery": [Moment.NEVER]}.get(step, list(Moment))
        for point in range(len(names)):
            for number in range(len(moments)):
                passes[number].append(Schedule(step, point, moments[(point + number) % len(moments)]))
    return [schedule for each in passes for schedule in each]


def drawn_schedules(points: Mapping[str, Sequence[str]], number: int, seed: int) -> Iterator[Schedule]:
    """Schedules at random, with a fault of the partner and both ways of leaving besides."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    every = every_schedule(points)
    faults = [None, Fault.LOST_ACKNOWLEDGEMENT, Fault.RESET, Fault.GARBAGE, Fault.INTERNAL_ERROR]
    for _ in range(number):
        schedule = draw.choice(every)
        leaving = Leaving.WITHDRAW if schedule.step in AFTER_LEAVING else draw.choice(list(Leaving))
        yield replace(schedule, leaving=leaving, fault=draw.choice(faults))
