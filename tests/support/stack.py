"""The whole service around synthetic people: API over real HTTP, delivery partner, and jobs run here or by processes.

`embedded` and `production` give the same `Stack`, so that one test can take both through the same path.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from joserfc.jwk import KeySet
from pydantic import SecretStr
from sqlalchemy import select

from consent.types import ModuleAnswer
from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer
from ror_service.audit import log
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.sandbox.people import MODULES, SyntheticPerson
from ror_service.sandbox.programme import SyntheticProgramme
from ror_service.settings import Mode, Settings
from ror_service.storage import jobs, migrations, organizations, results
from ror_service.storage.tables import DeliveryRow, ReportRow, ReportVersionRow, ResultCaseRow
from ror_service.worker import relay
from ror_service.worker.celery_app import make_app
from support.database_roles import migrated_for_the_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ror_service.audit.log import Verification
    from ror_service.delivery.client import LedgerEntry

TESTER = Actor(name="tester", role="service", purpose="test")
JOBS_SECONDS = 240
"""How long the jobs of a step may take on a busy machine."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = JOBS_SECONDS) -> None:
    """Poll until a condition holds; fail with `what` when it does not in time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        pause.wait(0.05)


@dataclass
class Stack:
    """A running service with its partner and its programme."""

    context: ServiceContext
    partner: SandboxPartner
    programme: SyntheticProgramme
    run_jobs: Callable[[], None]
    """Returns when no job is open any more."""
    base_url: str
    """Where API and portal answer."""

    def take_in(self, person: SyntheticPerson, genome: Path, modules: tuple[str, ...] = MODULES) -> None:
        """Enroll a person who says yes to these modules alone, and submit the sample; jobs begin to run.

        Somebody who wants to know about medicines names those that he or she takes.
        """
        self.programme.enroll(
            person.participant_id, language=person.language, birth_date=person.birth_date, sex=person.declared_sex
        )
        for module in MODULES:
            answer = ModuleAnswer.YES if module in modules else ModuleAnswer.NO
            self.programme.choose(person.participant_id, module, answer)
        if "pharmacogenomics" in modules:
            self.programme.enter_medicines(person.participant_id, person.own_medicines)
        self.programme.submit(person.participant_id, genome, sex=person.declared_sex)

    def progress(self, person: SyntheticPerson) -> dict[str, str]:
        """Module to the state that the participant is told."""
        rows = self.programme.participant(person.participant_id).get(_results(person))
        return {row["module"]: row["state"] for row in rows}

    def read_all(self, person: SyntheticPerson) -> dict[str, bytes]:
        """Every file of every report that the participant can read."""
        reader, found = self.programme.participant(person.participant_id), {}
        for row in reader.get(_results(person)):
            for name in row["files"]:
                path = f"{row['module']}/{name}"
                found[path] = reader.read(f"{_results(person)}/{path}")
        return found

    def withdraw(self, person: SyntheticPerson) -> None:
        """The person leaves; returns when the API has answered."""
        path = f"/v1/participants/{person.participant_id}/withdrawal"
        self.programme.participant(person.participant_id).post(path)

    def content_digests(self) -> dict[tuple[str, str], str]:
        """Participant and module to the digest of the report's bytes, withdrawn ones too."""
        with self.context.transaction(TESTER) as work:
            query = select(ReportRow, ReportVersionRow).join(
                ReportVersionRow, ReportVersionRow.report_id == ReportRow.report_id
            )
            rows = work.session.execute(query).all()
            return {(report.participant_id, report.module): version.content_digest for report, version in rows}

    def cases(self, person: SyntheticPerson) -> list[ResultCaseRow]:
        """The person's cases."""
        with self.context.transaction(TESTER) as work:
            return list(results.cases_of(work.session, person.participant_id))

    def deliveries(self) -> list[DeliveryRow]:
        """All deliveries."""
        with self.context.transaction(TESTER) as work:
            return list(work.session.scalars(select(DeliveryRow)))

    def ledger(self, event: str) -> list[LedgerEntry]:
        """What the partner wrote down of one kind of event."""
        return [entry for entry in self.partner.ledger.entries() if entry.event == event]

    def verify_audit(self) -> Verification:
        """Walk the audit chain."""
        with self.context.transaction(TESTER) as work:
            return log.verify(work.session)

    def open_jobs(self) -> list[tuple[str, str | None]]:
        """Jobs that are neither done nor dead: task and last error."""
        with self.context.transaction(TESTER) as work:
            return [(job.task, job.last_error) for job in jobs.open_jobs(work.session)]

    def settle(self) -> None:
        """Wait until other processes have done every job; fail at once when one fails."""

        def done() -> bool:
            waiting = self.open_jobs()
            failed = [job for job in waiting if job[1]]
            assert not failed, f"jobs failed: {failed}"
            return not waiting

        wait_until(done, "all jobs done")
        with self.context.transaction(TESTER) as work:
            assert not [(job.task, job.last_error) for job in jobs.dead_jobs(work.session)]


@contextmanager
def embedded(folder: Path) -> Iterator[Stack]:
    """SQLite and Celery in this process: `run_jobs` does the work."""
    context = ServiceContext(Settings(home=folder / "service"))
    migrations.upgrade(context.engine)
    app = make_app(context)
    with _around(context, EmbeddedIssuer(context.settings), folder, lambda _: relay.drain(context, app)) as stack:
        yield stack


@contextmanager
def production(folder: Path, database_url: str, broker_url: str, **more: object) -> Iterator[Stack]:
    """PostgreSQL for a role that owns nothing, a broker, the API as in production; `Processes` starts others."""
    issuer = EmbeddedIssuer(Settings(home=folder / "issuer"))
    key_set = folder / "issuer-keys.json"
    key_set.write_text(json.dumps(KeySet([issuer.public_key]).as_dict(private=False)))
    settings = Settings(
        mode=Mode.PRODUCTION,
        home=folder / "unused",
        database_url=SecretStr(migrated_for_the_service(database_url)),
        broker_url=SecretStr(broker_url),
        key_folder=folder / "keys",
        store_folder=folder / "store",
        issuer_keys_file=key_set,
        partner_networks="127.0.0.0/8",
        **more,  # type: ignore[arg-type]
    )
    context = ServiceContext(settings)
    with _around(context, issuer, folder, Stack.settle) as stack:
        yield stack
    assert not (folder / "unused").exists(), "production writes nowhere but where it is told to"


@contextmanager
def _around(
    context: ServiceContext, issuer: EmbeddedIssuer, folder: Path, run_jobs: Callable[[Stack], None]
) -> Iterator[Stack]:
    """Partner, API and programme around a context."""
    signer = context.sender.signer
    with ExitStack() as exits:
        exits.callback(context.close)
        senders = {signer.key_id: signer.public_key}
        partner = exits.enter_context(SandboxPartner(folder / "partner", senders=senders, keep_opened=True))
        with context.transaction(TESTER) as work:
            document = partner.registration.to_document()
            organizations.register_partner(work.session, document["partner_id"], document, work.at)
        api = LoopbackServer()
        exits.callback(api.close)
        api.start(create_app(context))
        programme = SyntheticProgramme(api.base_url, issuer.issue)
        exits.callback(programme.close)
        stack = Stack(context, partner, programme, lambda: run_jobs(stack), api.base_url)
        yield stack


class Processes:
    """Processes of the service: real commands, settings in their environment. A context manager that ends them all.

    Args:
        settings: What they are told.
        logs: Folder of their output.
        variables: More of their environment.
    """

    def __init__(self, settings: Settings, logs: Path, **variables: str) -> None:
        self._settings = settings
        self._variables = variables
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill(process)

    def start(self, *command: str, **more: object) -> subprocess.Popen[bytes]:
        """Start `ror COMMAND...` in a process group of its own."""
        ror = os.path.join(os.path.dirname(sys.executable), "ror")  # noqa: PTH118, PTH120 - no resolving: the venv's
        return self.run([ror, *command], **more)

    def run(self, command: Sequence[str], **more: object) -> subprocess.Popen[bytes]:
        """Start a program of ours in a process group of its own, with the settings in its environment."""
        with (self._logs / f"process-{len(self._running)}.log").open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                env=environment(self._settings, **more) | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL a process with all its children, as when its machine dies."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def output(self) -> str:
        """Everything that the processes wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._logs.glob("*.log")))


def environment(settings: Settings, **more: object) -> dict[str, str]:
    """The environment of a process with these settings and nothing else of ours, but for what measures coverage."""
    values = {name: value for name, value in settings if name in settings.model_fields_set} | more
    told = {
        f"ROR_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }
    return bare_environment() | told


def bare_environment() -> dict[str, str]:
    """What every process needs, without any setting of the service."""
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **coverage}


def _results(person: SyntheticPerson) -> str:
    return f"/v1/participants/{person.participant_id}/results"
