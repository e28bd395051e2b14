"""Workers that are killed at each step of intake, on PostgreSQL and RabbitMQ: nothing lost, nothing twice, no scratch.

Some points in each run; all of them with `ROR_EVERY_CRASH=1 script/test tests/integration/test_intake_crash.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections import Counter
from datetime import date, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import select
from support.crashing_worker import POINTS
from support.genotype_files import vcf_text
from support.manifests import as_csv, fields
from support.shared import PROJECT
from support.stack import TESTER, Processes, Stack, production, wait_until

from consent.types import ModuleAnswer
from interpreters.genotypes import Sex
from ror_service.cli.intake import Taking
from ror_service.intake import watched
from ror_service.intake.progress import STEPS
from ror_service.intake.sweep import sweep
from ror_service.intake.watched import Inbox
from ror_service.sealing import vault
from ror_service.storage import jobs
from ror_service.storage.tables import (
    AuditEventRow,
    DataFileRow,
    InterpretationRow,
    QcAssessmentRow,
    SampleRow,
    StoredGenotypesRow,
)

if TYPE_CHECKING:
    from pathlib import Path

LEASE_SECONDS = 2
ALL = bool(os.environ.get("ROR_EVERY_CRASH"))
SOME = {
    "fetch": ["after the file is synced", "after the row is committed"],
    "extract": ["after the fingerprint", "before the extraction is done"],
    "interpret": ["before the interpretation is committed", "before the interpretation is done"],
}
CHOSEN = {queue: list(points) for queue, points in POINTS.items()} if ALL else SOME
LAST = "before the extraction is done"
ONCE = ("sample.file", "genotypes.keep", "sample.fingerprint", "interpretation.keep")
"""Events that there is one of for each sample."""


def _genome(number: int) -> bytes:
    return vcf_text([f"chr1 {position} . A G 50 PASS . GT:DP:GQ 0/1:30:99" for position in (500, 500 + number)])


def _send(stack: Stack, folder: Path, *numbers: int) -> None:
    """People who want to know their traits, and their files in the center's folder, which is looked at once."""
    rows = []
    for number in numbers:
        person, content = f"P-{number}", _genome(number)
        stack.programme.enroll(person, language="en", birth_date=date(1980, 1, 1), sex=Sex.FEMALE)
        stack.programme.choose(person, "traits", ModuleAnswer.YES)
        declared = {"genotypes_sha256": hashlib.sha256(content).hexdigest(), "genotypes_size": len(content)}
        rows.append(fields(number, **declared))
        (folder / f"S-{number}.vcf.gz").write_bytes(content)
    (folder / f"{numbers[0]}.manifest.csv").write_bytes(as_csv(rows))
    _look(stack, folder)


def _look(stack: Stack, folder: Path) -> int:
    """One pass over the folder; how many rows still wait for their file."""
    inbox = Inbox(str(folder))
    taking = Taking(stack.context, "center-1", inbox, backfill=False, at_once=False)
    return sum(told.waiting for _, told in watched.take_in(inbox, taking.take, taking.again))


def _done(stack: Stack) -> bool:
    with stack.context.transaction(TESTER) as work:
        failed = [(job.task, job.last_error) for job in jobs.open_jobs(work.session) if job.last_error]
        assert not failed
        return not sum(jobs.count_open(work.session, task, most=1) for task in STEPS)


def _violations(stack: Stack, folder: Path) -> list[str]:
    """What is against the promise that nothing is lost, nothing is there twice and no scratch is left."""
    found = []
    with stack.context.transaction(TESTER) as work:
        samples = work.session.scalars(select(SampleRow)).all()
        found += [f"{row.sample_id} is {row.state}" for row in samples if row.state != "read"]
        for kind in (DataFileRow, QcAssessmentRow, StoredGenotypesRow, InterpretationRow):
            counted = Counter(work.session.scalars(select(kind.sample_id)))
            found += [
                f"{counted[row.sample_id]} of {kind.__tablename__}" for row in samples if counted[row.sample_id] != 1
            ]
        for action in ONCE:
            events = work.session.scalars(select(AuditEventRow).where(AuditEventRow.action == action)).all()
            found += [f"{len(events)} times {action}"] if len(events) != len(samples) else []
        for row in work.session.scalars(select(DataFileRow)):
            owner = work.session.get_one(SampleRow, row.sample_id).participant_id
            file = vault.open_file(work, stack.context.keys, owner, row, stack.context.store)
            content = b"".join(file.chunks())
            found += ["a file is another one"] if hashlib.sha256(content).hexdigest() != row.sha256 else []
        found += ["a job gave up"] if jobs.dead_jobs(work.session) else []
        named = set(work.session.scalars(select(DataFileRow.file_id)))
    sweep(partial(stack.context.transaction, TESTER), stack.context.store, timedelta(0))
    found += [f"scratch: {path.name}" for path in stack.context.store.iterdir() if path.name not in named]
    found += [f"scratch: {path.name}" for path in folder.iterdir() if path.name.startswith(".")]
    stack.verify_audit()
    return found


def test_a_worker_killed_at_each_step_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str
) -> None:
    folder = tmp_path / "center-1"
    folder.mkdir()
    more = {"lease_seconds": LEASE_SECONDS, "partner_timeout_seconds": 1}
    with (
        production(tmp_path, postgres_url, rabbitmq_url) as stack,
        Processes(stack.context.settings, tmp_path, PYTHONPATH=str(PROJECT / "tests")) as processes,
    ):
        workers = {queue: [*points, None] for queue, points in CHOSEN.items()}
        # Later the same with a service that forgets to look what was kept already.
        workers["extract"] += [f"careless: {LAST}", None]
        program = [sys.executable, "-m", "support.crashing_worker", str(tmp_path), json.dumps(workers)]
        processes.run(program, **more)
        processes.start("relay", **more)
        # A job that died behind its commit is done: for each such point of a queue, and for the end, a sample.
        _send(stack, folder, *range(1, 4 if ALL else 3))
        wait_until(lambda: _done(stack), "all samples are interpreted")
        deaths = (tmp_path / "deaths").read_text().splitlines()
        assert Counter(deaths) == Counter(chain.from_iterable(CHOSEN.values())), "each point was reached"
        assert _violations(stack, folder) == []
        assert _look(stack, folder) == 0
        os.kill(int((tmp_path / "extract.pid").read_text()), signal.SIGTERM)
        _send(stack, folder, 4)
        wait_until(lambda: _done(stack), "the last sample is interpreted")
        assert "2 of qc_assessments" in _violations(stack, folder)
