"""A center's prefix of an object store: a real S3 server over HTTP, and the library that production uses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from support.genotype_files import vcf_text
from support.manifests import as_csv, fields
from support.service import CENTER, Service, running_service

from ror_service.cli.intake import Taking
from ror_service.errors import InvalidInputError
from ror_service.intake import watched
from ror_service.intake.feedback import Feedback
from ror_service.intake.watched import Inbox
from ror_service.storage.tables import DataFileRow, JobRow, SampleRow
from ror_service.worker.jobs import run_job

CONTENT = vcf_text(["chr1 500 . A G 50 PASS . GT:DP:GQ 0/1:30:99"])
OTHER = CONTENT + b"chr2\t501\t.\tA\tG\t50\tPASS\t.\tGT\t0/1\n"
PREFIX = "s3://genomes/center-1"


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The objects of an empty bucket; where they are is told by the environment, as in production."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    files, _ = fsspec.core.url_to_fs(PREFIX, skip_instance_cache=True)
    files.clear_instance_cache()
    files.mkdir("genomes")
    yield files
    files.clear_instance_cache()
    server.stop()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "service", broker_url="memory://object-store") as running:
        for number in (1, 2):
            running.register(f"P-{number}")
        yield running


def look(service: Service) -> list[Feedback]:
    inbox = Inbox(PREFIX)
    taking = Taking(service.context, CENTER.name, inbox, backfill=False, at_once=False)
    return [told for _, told in watched.take_in(inbox, taking.take, taking.again)]


def fetch(service: Service) -> int:
    due = [row for row in service.rows(JobRow, JobRow.task == "fetch_file") if row.done_at is None]
    for row in due:
        run_job(service.context, row.job_id)
    return len(due)


def test_objects_are_listed_fetched_and_answered_and_a_replay_changes_nothing(service: Service, objects: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidInputError, match="no such folder"):
        Inbox(PREFIX).listing()
    rows = [
        fields(number, genotypes_sha256=hashlib.sha256(content).hexdigest(), genotypes_size=len(content))
        for number, content in ((1, CONTENT), (2, OTHER))
    ]
    objects.pipe_file(f"{PREFIX}/week.manifest.csv", as_csv(rows))
    objects.pipe_file(f"{PREFIX}/S-1.vcf.gz", CONTENT)
    objects.pipe_file(f"{PREFIX}/S-2.vcf.gz", CONTENT)
    (first,) = look(service)
    assert [row.reasons for row in first.rows] == [[], []]
    # Replaced between listing and reading: by the declared file in one row, by another one in the other.
    objects.pipe_file(f"{PREFIX}/S-1.vcf.gz", b"something else")
    objects.pipe_file(f"{PREFIX}/S-2.vcf.gz", OTHER)
    assert fetch(service) == 2
    (second,) = look(service)
    assert [row.state for row in second.rows] == ["awaiting_file", "received"]
    assert fetch(service) == 1, "another object is another version"
    (third,) = look(service)
    assert [[reason.code for reason in row.reasons] for row in third.rows] == [["conflict"], []]
    assert (fetch(service), look(service)) == (0, [])
    objects.pipe_file(f"{PREFIX}/S-1.vcf.gz", CONTENT)
    look(service)
    fetch(service)
    (last,) = look(service)
    assert (last.waiting, last.refused) == (0, 0)
    told = Feedback.model_validate_json(objects.cat_file(f"{PREFIX}/week.manifest.csv.feedback.json"))
    assert told == last
    assert b"S-1,accepted,received" in objects.cat_file(f"{PREFIX}/week.manifest.csv.feedback.csv")
    before = {row.sample_id: row.sha256 for row in service.rows(DataFileRow)}
    assert before == {"S-1": hashlib.sha256(CONTENT).hexdigest(), "S-2": hashlib.sha256(OTHER).hexdigest()}
    objects.pipe_file(f"{PREFIX}/replay.manifest.csv", as_csv(rows[::-1]))
    (replayed,) = look(service)
    assert [row.state for row in replayed.rows] == ["received", "received"]
    assert fetch(service) == 0
    assert len(service.rows(DataFileRow)) == len(service.rows(SampleRow)) == 2
    assert len(service.actions("sample.submit")) == 2
