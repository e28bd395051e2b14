"""The whole service under kills: API, Celery workers and relay as processes, a partner behind a bad network.

People agree, get reports and leave over HTTP, while process after process dies by SIGKILL in the middle of its work.
In the end the network works again, and the checker of the other tests of delivery says what was promised and not kept.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from joserfc.jwk import KeySet
from pydantic import SecretStr

from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.context import database_clock
from ror_service.delivery.client import LedgerEvent
from ror_service.sandbox.partner import SandboxPartner
from ror_service.settings import Mode, Settings
from ror_service.storage import migrations
from ror_service.storage.tables import DeliveryRow, JobRow
from support.fault_proxy import FaultProxy
from support.promises_of_release import Leaving, broken_promises
from support.service import FastContext, Service
from support.shared import PROJECT
from support.stack import bare_environment, environment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

MODULE = "traits"
LEASE_SECONDS = 5
TIMEOUT_SECONDS = 2
PEOPLE_A_KILL = 2
MOST_JOBS_A_LIFE = 8
"""Jobs after which a worker is killed at the latest, while it does the next."""
LEAVERS = 0.4
"""Share of people who leave while there are kills."""
LAST_LEAVERS = 3
"""People who leave after that, most of whom have their report by then."""
BAD_ROUNDS, ROUNDS = 2, 10
"""How often five hours pass after the last kill, while the network is still bad and after that; in all less than the
three days after which a delivery is given up."""


class SharedClock:
    """The database's clock, moved forward by as many seconds as a file says: all processes see the same time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self, session: Session) -> datetime:
        return database_clock(session) + self._ahead

    @property
    def now(self) -> datetime:
        """A little behind, so that nothing is dated in the future."""
        return datetime.now(UTC) + self._ahead - timedelta(seconds=1)

    def advance(self, **span: float) -> None:
        """Let time pass."""
        seconds = (self._ahead + timedelta(**span)).total_seconds()
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)

    @property
    def _ahead(self) -> timedelta:
        return timedelta(seconds=float(self._file.read_text()))


@dataclass
class Nursery:
    """The process that forks the others, and those that run."""

    process: subprocess.Popen[str]
    port: int
    running: dict[str, int] = field(default_factory=dict)

    def start(self, role: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(f"api {self.port}" if role == "api" else role, file=self.process.stdin, flush=True)
        self.running[role] = int(self.process.stdout.readline())

    def kill(self, role: str) -> None:
        """SIGKILL a process with all its children, as when its machine dies."""
        os.killpg(self.running[role], signal.SIGKILL)


@dataclass
class Outcome:
    """What came of a run."""

    kills: Counter[str] = field(default_factory=Counter)
    struck: int = 0
    """Kills of a worker that was at work."""
    people: int = 0
    left: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    accepted_in_flight: int = 0
    """Accepted after the person left, from a sender that had been killed; each was called back."""
    violations: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """The running service."""

    service: Service
    proxy: FaultProxy
    nursery: Nursery
    issuer: EmbeddedIssuer
    draw: random.Random
    outcome: Outcome = field(default_factory=Outcome)
    people: list[str] = field(default_factory=list)
    left: dict[str, Future[None]] = field(default_factory=dict)

    def run(self, kills: int) -> Outcome:
        """Kill so many processes while people come and go; then let everything come to an end, and check it."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            for _ in range(kills):
                self._people_come()
                self._somebody_leaves(pool)
                self._kill_one()
            self._settle(BAD_ROUNDS)
            for _ in range(LAST_LEAVERS):
                self._somebody_leaves(pool, most=1)
            self.proxy.calm()
            wait(self.left.values())
            self._settle(ROUNDS)
        self.outcome.people, self.outcome.left = len(self.people), len(self.left)
        self.outcome.faults = Counter({fault.value: number for fault, number in self.proxy.struck.items()})
        self._check()
        return self.outcome

    def _people_come(self) -> None:
        for _ in range(PEOPLE_A_KILL):
            person = f"P-{len(self.people):06}"
            self.service.enroll(person, [MODULE])
            self.service.sample(person)
            self.service.found(MODULE, person)
            self.people.append(person)

    def _somebody_leaves(self, pool: ThreadPoolExecutor, most: float = LEAVERS) -> None:
        stay = [person for person in self.people if person not in self.left]
        if len(self.left) < most * len(self.people) and stay:
            person = self.draw.choice(stay)
            self.left[person] = pool.submit(self._leave, person)

    def _leave(self, person: str) -> None:
        """Withdraw by the API, as often as it takes until it answers."""
        token = self.issuer.issue(person, Role.PARTICIPANT)
        url = f"http://127.0.0.1:{self.nursery.port}/v1/participants/{person}/withdrawal"

        def answered() -> bool:
            with suppress(httpx.HTTPError):
                answer = httpx.post(url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False)
                return answer.is_success
            return False

        wait_until(answered, "the API takes a withdrawal")
        self.service.forbidden_after[person] = self.service.last_entry()

    def _kill_one(self) -> None:
        role = self.draw.choices(["worker", "relay", "api"], [8, 1, 1])[0]
        if role == "worker":
            enough = self._done() + self.draw.randrange(MOST_JOBS_A_LIFE)
            wait_until(lambda: self._works_after(enough), "a worker is at work")
            threading.Event().wait(self.draw.random() * 0.05)
        self.nursery.kill(role)
        self.outcome.kills[role] += 1
        if role == "worker":
            self.outcome.struck += self._at_work()
        # Nobody has to wait for the lease of the dead.
        self.service.clock.advance(seconds=LEASE_SECONDS + 1)
        self.nursery.start(role)

    def _works_after(self, done: int) -> bool:
        """Whether a job is being done after so many others; where there is nothing to do, more people come."""
        if not self._due():
            self._people_come()
        return self._done() >= done and self._at_work()

    def _done(self) -> int:
        with self.service.work() as work:
            return work.session.query(JobRow).where(JobRow.done_at.is_not(None)).count()

    def _at_work(self) -> bool:
        return bool(self.service.rows(JobRow, JobRow.done_at.is_(None), JobRow.lease_token.is_not(None)))

    def _settle(self, rounds: int) -> None:
        """Let time pass until nothing is left to do, or so often."""
        for _ in range(rounds):
            self.service.clock.advance(hours=5)
            wait_until(lambda: not self._due(), "all that is due is done")
            if not self.service.rows(JobRow, JobRow.done_at.is_(None), JobRow.dead_at.is_(None)):
                return

    def _due(self) -> bool:
        with self.service.work() as work:
            due = (JobRow.done_at.is_(None), JobRow.dead_at.is_(None), JobRow.available_at <= work.at)
            return work.session.query(JobRow).where(*due).first() is not None

    def _check(self) -> None:
        found = self.outcome.violations
        late = self._accepted_in_flight()
        self.outcome.accepted_in_flight = len(late)
        for person in self.people:
            leaving = Leaving.WITHDRAW if person in self.left else None
            if person in late:
                # The words of the protocol: a killed sender takes its lock along, and only the recall closes that hole.
                del self.service.forbidden_after[person]
            found += [f"{person}: {each}" for each in broken_promises(self.service, person, MODULE, leaving)]
        found += [each for each in self.service.violations() if each not in found]
        if len(late) > self.outcome.kills["worker"]:
            found.append("more was accepted too late than senders were killed")

    def _accepted_in_flight(self) -> set[str]:
        """People of whom something was accepted after they had left."""
        owners = {row.delivery_id: row.participant_id for row in self.service.rows(DeliveryRow)}
        assert self.service.partner is not None
        return {
            owners[entry.delivery_id]
            for entry in self.service.partner.ledger.entries()
            if entry.event is LedgerEvent.ACCEPTED
            and entry.sequence > self.service.forbidden_after.get(owners[entry.delivery_id], sys.maxsize)
        }


@contextmanager
def scene(folder: Path, database_url: str, broker_url: str, *, seed: int, broken: str = "") -> Iterator[Scene]:
    """The service on an empty database and broker, with its partner behind the proxy."""
    clock_file = folder / "clock"
    clock_file.write_text("0")
    issuer = EmbeddedIssuer(Settings(home=folder / "issuer"))
    key_set = folder / "issuer-keys.json"
    key_set.write_text(json.dumps(KeySet([issuer.public_key]).as_dict(private=False)))
    settings = Settings(
        mode=Mode.PRODUCTION,
        database_url=SecretStr(database_url),
        broker_url=SecretStr(broker_url),
        key_folder=folder / "keys",
        store_folder=folder / "store",
        issuer_keys_file=key_set,
        partner_networks="127.0.0.0/8",
        lease_seconds=LEASE_SECONDS,
        partner_timeout_seconds=TIMEOUT_SECONDS,
    )
    clock = SharedClock(clock_file)
    context = FastContext(settings, clock=clock)
    with ExitStack() as exits:
        exits.callback(context.close)
        migrations.upgrade(context.engine)
        service = Service(context, clock)  # type: ignore[arg-type]
        signer = context.sender.signer
        partner = exits.enter_context(SandboxPartner(folder / "partner", senders={signer.key_id: signer.public_key}))
        proxy = exits.enter_context(FaultProxy(partner.registration.base_url, seed))
        partner.registration = replace(partner.registration, base_url=proxy.base_url)
        service.register_partner(partner)
        nursery = exits.enter_context(_nursery(folder, settings, broken))
        for role in ("api", "relay", "worker"):
            nursery.start(role)
        yield Scene(service, proxy, nursery, issuer, random.Random(seed))  # noqa: S311 - no secret


@contextmanager
def _nursery(folder: Path, settings: Settings, broken: str) -> Iterator[Nursery]:
    logs = folder / "logs"
    logs.mkdir()
    command = [sys.executable, "-m", "support.stack_nursery", str(folder / "clock"), str(logs), *filter(None, [broken])]
    variables = {**environment(settings), **bare_environment(), "PYTHONPATH": str(PROJECT / "tests")}
    with (logs / "nursery.log").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=variables, text=True
        )
    nursery = Nursery(process, _free_port())
    try:
        yield nursery
    finally:
        for leader in nursery.running.values():
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port
