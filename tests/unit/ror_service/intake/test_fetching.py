"""Files that lie in a center's folder are fetched by jobs: each version once, whole or not at all, and told back."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from support.api import problem_of, running_api
from support.genotype_files import vcf_text
from support.manifests import as_csv, fields
from support.service import CENTER, OPERATOR, Service, running_service

from ror_service import pipeline
from ror_service.api.tokens import Role
from ror_service.cli.intake import Taking
from ror_service.context import ServiceContext
from ror_service.errors import ConflictError, NoRoomError
from ror_service.intake import watched
from ror_service.intake.incoming import Incoming
from ror_service.intake.sweep import SAFE_AGE, sweep
from ror_service.intake.watched import Inbox
from ror_service.states import SampleState
from ror_service.storage import jobs
from ror_service.storage.tables import DataFileRow, DataKeyRow, JobRow, ListedFileRow, SampleRow
from ror_service.worker import relay
from ror_service.worker.celery_app import make_app
from ror_service.worker.jobs import run_job

CONTENT = vcf_text(["chr1 500 . A G 50 PASS . GT:DP:GQ 0/1:30:99"])
OTHER = CONTENT + b"chr2\t501\t.\tA\tG\t50\tPASS\t.\tGT\t0/1\n"
LARGE = CONTENT + b"".join(b"chr2\t%d\t.\tA\tG\t50\tPASS\t.\tGT\t0/1\n" % number for number in range(1, 120_000))
"""More than the limit of `little_room`, which the database of a test does not reach."""
ROOM_BYTES = 2 << 20


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service whose jobs are run by workers: by `work`, one after the other."""
    with running_service(tmp_path / "service", broker_url="memory://fetching") as running:
        for number in range(1, 4):
            running.register(f"P-{number}")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "center-1"
    made.mkdir()
    return made


def declare(folder: Path, *contents: bytes) -> None:
    """A manifest of samples S-1, S-2... with these files, which are not there yet."""
    rows = [
        fields(number, genotypes_sha256=hashlib.sha256(content).hexdigest(), genotypes_size=len(content))
        for number, content in enumerate(contents, 1)
    ]
    (folder / "week.manifest.csv").write_bytes(as_csv(rows))


def look(service: Service, folder: Path, *, backfill: bool = False) -> list[tuple[str | None, list[str]]]:
    """One pass; state and reasons of each row as the center reads them."""
    inbox = Inbox(str(folder))
    taking = Taking(service.context, CENTER.name, inbox, backfill=backfill, at_once=False)
    list(watched.take_in(inbox, taking.take, taking.again))
    told = json.loads((folder / "week.manifest.csv.feedback.json").read_text())
    return [(row["state"], [reason["code"] for reason in row["reasons"]]) for row in told["rows"]]


def work(service: Service, task: str = "fetch_file") -> int:
    """Run the jobs of a task that are due, as a worker does."""
    due = [row for row in service.rows(JobRow, JobRow.task == task) if row.done_at is None]
    for row in due:
        run_job(service.context, row.job_id)
    return len(due)


def in_store(service: Service) -> list[str]:
    return sorted(path.name for path in service.context.store.iterdir())


def test_a_pass_orders_and_workers_fetch(service: Service, folder: Path) -> None:
    declare(folder, CONTENT, OTHER)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    assert look(service, folder) == [("awaiting_file", []), ("awaiting_file", ["no_file"])]
    assert in_store(service) == [], "a pass waits for no file"
    assert look(service, folder) == [("awaiting_file", []), ("awaiting_file", ["no_file"])]
    assert work(service) == 1
    (kept,) = service.rows(DataFileRow)
    assert in_store(service) == [kept.file_id]
    assert service.job("extract_sample", "S-1").done_at is None
    assert look(service, folder) == [("received", []), ("awaiting_file", ["no_file"])]
    (folder / "S-2.vcf.gz").write_bytes(OTHER)
    look(service, folder)
    assert work(service) == 1, "only the one that came"
    assert look(service, folder) == [("received", []), ("received", [])]
    assert len(service.actions("sample.outside_calls", "sample.submit")) == 2, "rows are submitted once"
    assert {row.actor for row in service.actions("sample.file")} == {CENTER.name}


def test_a_file_that_is_not_the_declared_one_is_fetched_once_a_version(service: Service, folder: Path) -> None:
    declare(folder, CONTENT)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT[:-1] + b"x")
    look(service, folder)
    work(service)
    assert in_store(service) == []
    assert look(service, folder) == [("awaiting_file", ["conflict"])]
    (folder / "unrelated").write_bytes(b"x")
    assert look(service, folder) == [("awaiting_file", ["conflict"])]
    assert work(service) == 0, "the folder changed, and not this file"
    (folder / "S-1.vcf.gz").write_bytes(CONTENT + b"#")
    look(service, folder)
    work(service)
    assert look(service, folder) == [("awaiting_file", ["invalid_input"])]
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    look(service, folder)
    work(service)
    assert look(service, folder) == [("received", [])]
    pipeline.fetch_file(service.context, "S-1")
    assert len(service.rows(DataFileRow)) == 1


def test_a_file_that_goes_or_changes_before_it_is_fetched(
    service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, CONTENT)
    file = folder / "S-1.vcf.gz"
    file.write_bytes(CONTENT)
    look(service, folder)
    file.unlink()
    work(service)
    assert look(service, folder) == [("awaiting_file", ["no_file"])]
    file.write_bytes(b"another one")
    look(service, folder)

    def listed_meanwhile(self: Inbox, name: str) -> object:
        monkeypatch.undo()
        (folder / name).write_bytes(CONTENT)
        look(service, folder)
        (folder / name).write_bytes(b"")
        return Inbox.open(self, name)

    monkeypatch.setattr(Inbox, "open", listed_meanwhile)
    run_job(service.context, service.job("fetch_file", "S-1").job_id)
    (listed,) = service.rows(ListedFileRow)
    assert listed.refused_as is None, "what was said of the older version is not said of the newer one"
    file.write_bytes(CONTENT)
    assert work(service) == 1, "ordered again while it ran"
    assert service.rows(SampleRow)[0].state == SampleState.RECEIVED


def test_who_left_meanwhile_is_not_fetched_for(service: Service, folder: Path) -> None:
    declare(folder, CONTENT)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    look(service, folder)
    service.withdraw("P-1")
    work(service)
    assert in_store(service) == []
    assert service.rows(DataFileRow) == []
    assert {row.wrapped for row in service.rows(DataKeyRow)} == {None}


def test_a_backfill_is_declared_with_its_manifest(service: Service, folder: Path) -> None:
    declare(folder, CONTENT, OTHER)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    look(service, folder, backfill=True)
    work(service)
    assert [row.backfill for row in service.rows(SampleRow)] == [True, True]
    assert {row.task: row.backfill for row in service.rows(JobRow)} == {"fetch_file": True, "extract_sample": True}


# Back-pressure


def test_nothing_is_fetched_while_too_much_waits_or_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"most_unread_samples": 2, "store_reserve_mebibytes": 10}
    with running_service(tmp_path / "service", broker_url="memory://back-pressure", **settings) as service:
        free = [11 << 20]
        monkeypatch.setattr(ServiceContext, "free_bytes", lambda _: free[0])
        app = make_app(service.context)
        with service.work() as work:
            for number in range(5):
                work.enqueue("fetch_file", f"S-{number}")
            for number in range(2):
                work.enqueue("extract_sample", f"S-{number}")
        relay.relay_once(service.context, app)
        assert not service.rows(JobRow, JobRow.task == "fetch_file", JobRow.issued_at.is_not(None)), "two wait"
        with service.work() as work:
            job = jobs.claim(work.session, service.job("extract_sample", "S-0").job_id, work.at, timedelta(minutes=1))
            assert job is not None
            jobs.finish(work.session, job.job_id, str(job.lease_token), work.at)
        free[0] = (10 << 20) - 1
        assert relay.relay_once(service.context, app) == 0, "the disk is too full"

        def unreachable(_: object) -> int:
            raise OSError

        with monkeypatch.context() as broken:
            broken.setattr(ServiceContext, "free_bytes", unreachable)
            assert relay.relay_once(service.context, app) == 0
        assert "store not reached" in caplog.messages
        free[0] = 10 << 20
        assert relay.relay_once(service.context, app) == 5


# A disk that fills up


@contextmanager
def little_room() -> Iterator[None]:
    """No file may grow beyond `ROOM_BYTES`: the kernel refuses the write, as a full disk or a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_keeps_nothing_and_the_fetch_resumes(service: Service, folder: Path) -> None:
    declare(folder, LARGE)
    (folder / "S-1.vcf.gz").write_bytes(LARGE)
    look(service, folder)
    keys = len(service.rows(DataKeyRow))
    with little_room():
        work(service)
    job = service.job("fetch_file", "S-1")
    assert (job.last_error, job.done_at, job.dead_at) == (NoRoomError.code, None, None)
    assert in_store(service) == service.rows(DataFileRow) == []
    assert len(service.rows(DataKeyRow)) == keys, "no key without its file"
    assert service.rows(SampleRow)[0].state == SampleState.AWAITING_FILE
    assert look(service, folder) == [("awaiting_file", [])], "nothing is said against the file"
    service.clock.advance(minutes=5)
    work(service)
    assert look(service, folder) == [("received", [])]
    assert len(in_store(service)) == 1


def test_a_file_that_would_take_the_reserve_waits(
    service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, CONTENT)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    look(service, folder)
    reserve = service.context.settings.store_reserve_mebibytes << 20
    for free, error in ((reserve + len(CONTENT) - 1, NoRoomError.code), (reserve + len(CONTENT), None)):
        monkeypatch.setattr(ServiceContext, "free_bytes", lambda _, free=free: free)
        work(service)
        assert service.job("fetch_file", "S-1").last_error == error
        service.clock.advance(minutes=5)
    assert look(service, folder) == [("received", [])]


def test_an_upload_to_a_full_disk_is_told_and_leaves_nothing(service: Service) -> None:
    declared = {"file_sha256": hashlib.sha256(LARGE).hexdigest(), "file_size": len(LARGE)}
    row = {"sample_id": "S-1", "participant_id": "P-1", "specimen": "saliva", "assay": "wgs", "sex_at_birth": "female"}
    with running_api(service) as api:
        api.post(Role.GENOME_CENTER, "/v1/samples", row | declared)
        with little_room():
            answer = api.call(Role.GENOME_CENTER, "PUT", "/v1/samples/S-1/file", content=LARGE)
        assert problem_of(answer) == (507, "no_room")
        assert "make room" in answer.json()["detail"]
        assert in_store(service) == service.rows(DataFileRow) == []
        assert api.call(Role.GENOME_CENTER, "PUT", "/v1/samples/S-1/file", content=LARGE).status_code == 201


def test_other_faults_of_the_disk_are_not_taken_for_a_full_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Incoming(tmp_path / "absent", "P-1", 10)


# What a crash leaves


def test_what_nobody_waits_for_is_swept_after_a_safe_age(service: Service, folder: Path) -> None:
    declare(folder, CONTENT)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    look(service, folder)
    work(service)
    (kept,) = in_store(service)
    store, begin = service.context.store, partial(service.context.transaction, OPERATOR)
    assert sweep(begin, store, timedelta(0)) == 0, "a row names it"
    for name in ("file-young", "file-old"):
        (store / name).write_bytes(b"noise")
    past = (store / "file-old").stat().st_mtime - SAFE_AGE.total_seconds() - 1
    for name in ("file-old", kept):
        os.utime(store / name, (past, past))
    assert sweep(begin, store) == 1
    assert in_store(service) == sorted(["file-young", kept])
    assert [event.details for event in service.actions("store.sweep")] == [{"files": 1}]


def test_what_was_swept_while_it_arrived_is_never_taken_for_received(tmp_path: Path) -> None:
    with Incoming(tmp_path, "P-1", 10) as arriving:
        arriving.write(b"x")
        (tmp_path / arriving.file_id).unlink()
        with pytest.raises(ConflictError, match="send it again"):
            arriving.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_commit_whose_answer_is_lost_loses_no_file(
    service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row may be there: so its bytes are, too."""
    declare(folder, CONTENT)
    (folder / "S-1.vcf.gz").write_bytes(CONTENT)
    look(service, folder)
    original = ServiceContext.transaction

    @contextmanager
    def answer_is_lost(context: ServiceContext, actor: object) -> Iterator[object]:
        with original(context, actor) as begun:  # type: ignore[arg-type]
            yield begun
        if actor == CENTER:
            monkeypatch.undo()
            raise ConnectionError

    monkeypatch.setattr(ServiceContext, "transaction", answer_is_lost)
    work(service)
    (kept,) = service.rows(DataFileRow)
    assert in_store(service) == [kept.file_id]
