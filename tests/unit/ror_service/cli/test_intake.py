"""`ror intake` as an operator meets it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from support.manifests import as_csv, fields
from support.service import Service

from interpreters.genotypes import Build
from ror_service.cli.intake import OPERATOR
from ror_service.intake.progress import WINDOW, progress
from ror_service.sealing import vault
from ror_service.storage import indexes, jobs
from ror_service.storage.tables import DataFileRow, JobRow, SampleRow

SHA256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of one letter x


@pytest.fixture
def inbox(home: Service, tmp_path: Path) -> Path:
    home.register("P-1")
    folder = tmp_path / "center-1"
    folder.mkdir()
    (folder / "week.manifest.csv").write_bytes(as_csv([fields(1, genotypes_sha256=SHA256, genotypes_size=1)]))
    return folder


def test_submit_with_and_without_files(home: Service, inbox: Path, ror: Callable[..., Any]) -> None:
    manifest = inbox / "week.manifest.csv"
    alone = ror("intake", "submit", manifest, "--center", "center-1")
    assert (alone.status, alone.out) == (0, "verdicts: 1 accepted\nsamples: 1 awaiting_file\n")
    lacking = ror("intake", "submit", manifest, "--center", "center-1", "--folder", inbox)
    assert (lacking.status, "no_file" in lacking.out) == (1, True)
    (inbox / "S-1.vcf.gz").write_bytes(b"x")
    complete = ror("intake", "submit", manifest, "--center", "center-1", "--folder", inbox, "--feedback", "f.csv")
    assert (complete.status, complete.out) == (0, "verdicts: 1 accepted\nsamples: 1 received\n")
    assert [row.genome_center for row in home.rows(SampleRow)] == ["center-1"]
    assert len(home.rows(DataFileRow)) == 1


def test_a_manifest_without_a_readable_row_is_refused_in_one_line(
    inbox: Path, refused: Callable[..., str], home: Service
) -> None:
    (inbox / "bad.csv").write_bytes(b"\x89PNG\n")
    assert refused("intake", "submit", inbox / "bad.csv", "--center", "center-1").startswith("bad_manifest: line 1: ")
    assert home.rows(SampleRow) == []


def test_watch_takes_in_what_is_new_until_it_is_stopped(
    inbox: Path, ror: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = ror("intake", "watch", inbox, "--center", "center-1", "--once")
    assert once.out == "week.manifest.csv: 1 rows, 0 refused, 1 without their file\n"
    waits = []

    def between_passes(_: object, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            (inbox / "S-1.vcf.gz").write_bytes(b"x")
            (inbox / "worse.manifest.csv").write_bytes(b"x\n")
        if len(waits) == 3:
            raise SystemExit

    monkeypatch.setattr(threading.Event, "wait", between_passes)
    lines = ror("intake", "watch", inbox, "--center", "center-1", "--every", 5).out.splitlines()
    assert lines[0] == "week.manifest.csv: 1 rows, 0 refused, 0 without their file"
    assert lines[1].startswith("worse.manifest.csv: 0 rows, 0 refused, 0 without their file; line 1: ")
    assert (len(lines), waits) == (2, [5, 5, 5])


def test_status_counts_and_tells_how_long_the_backlog_takes(home: Service, ror: Callable[..., Any]) -> None:
    for number, person in enumerate(("P-1", "P-2", "P-3", "P-4"), 1):
        home.register(person)
        home.sample(person, sample_id=f"S-{number}")
    at = datetime.now(UTC)  # the command asks the database what time it is
    with home.context.transaction(OPERATOR) as work:
        for number in range(1, 5):
            jobs.enqueue(work.session, "extract_sample", f"S-{number}", at)
            jobs.enqueue(work.session, "interpret_sample", f"S-{number}", at, backfill=True)
        jobs.enqueue(work.session, "deliver_report", "D-1", at)
    change(home, "S-1", done_at=at)
    told = ror("intake", "status")
    assert told.status == 0
    rows = [line.replace("│", " ").split() for line in told.out.splitlines()]
    assert ["extract", "weekly", "3", "0", "1", "0", "3.0", "h"] in rows
    assert ["extract", "backfill", "0", "0", "0", "0"] in rows
    assert ["interpret", "backfill", "4", "0", "0", "0"] in rows
    change(home, "S-2", lease_until=at + WINDOW)
    change(home, "S-3", dead_at=at)
    failed = ror("intake", "status", "--json")
    assert failed.status == 1
    said = json.loads(failed.out)
    (extraction,) = (row for row in said["queues"] if row["task"] == "extract_sample" and not row["backfill"])
    assert {name: extraction["jobs"][name] for name in ("waiting", "running", "dead", "done")} == dict.fromkeys(
        ("waiting", "running", "dead", "done"), 1
    )
    assert extraction["remaining"] == 7200
    assert [row["samples"] for row in said["samples"]] == [4]
    assert "S-1" not in failed.out
    assert "1 jobs gave up" in ror("intake", "status").out
    home.clock.advance(days=36500)
    with home.context.transaction(OPERATOR) as work:
        assert {queue.jobs.done for queue in progress(work).queues} == {0}


def change(home: Service, sample_id: str, **values: object) -> None:
    job = (JobRow.subject_id == sample_id, JobRow.task == "extract_sample")
    with home.context.transaction(OPERATOR) as work:
        work.session.execute(update(JobRow).where(*job).values(**values))


def test_a_backfill_is_declared_with_its_manifest(home: Service, inbox: Path, ror: Callable[..., Any]) -> None:
    (inbox / "S-1.vcf.gz").write_bytes(b"x")
    sent = ror("intake", "submit", inbox / "week.manifest.csv", "--center", "center-1", "--folder", inbox, "--backfill")
    assert sent.status == 0
    assert [(row.task, row.backfill) for row in home.rows(JobRow)] == [("extract_sample", True)]


def test_orphans_are_swept(home: Service, ror: Callable[..., Any]) -> None:
    orphan = home.context.store / "file-orphan"
    orphan.write_bytes(b"noise")
    assert ror("intake", "sweep").out == "0 files removed\n"
    past = time.time() - 7200
    os.utime(orphan, (past, past))
    assert ror("intake", "sweep", "--older-than", 1).out == "1 files removed\n"


def test_index_tells_what_it_made_and_what_is_left(home: Service, ror: Callable[..., Any]) -> None:
    home.register("P-1")
    home.sample("P-1")
    orders = "1 files are ordered to be read again for one"
    assert orders in ror("intake", "index").out.splitlines()
    with home.work(OPERATOR) as work:
        indexes.add_catalogue(work.session, "d" * 64, lambda: b"", work.at)
        vault.keep_genotypes(
            work, home.context.keys, "P-1", "sample-of-P-1", b"of another program", build=Build.GRCH38,
            catalogue="d" * 64,
        )  # fmt: skip
    told = ror("intake", "index")
    assert (told.status, told.out.splitlines()) == (
        0,
        [
            "0 samples got a fingerprint from what is stored of them",
            orders,
            "0 fingerprints were put into pieces; the index of carried variants is up to date",
            "of 1 samples what is stored does not open",
        ],
    )
