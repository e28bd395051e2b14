"""Genome centers: manifest rows and their files."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select
from support.api import SUBJECTS, Api, problem_of
from support.consent_facts import PERSON

from ror_service.api.tokens import Role
from ror_service.storage.tables import DataFileRow, JobRow

CENTER = Role.GENOME_CENTER
CONTENT = b"##fileformat=VCFv4.2\n" * 1000


def row(**changes: object) -> dict[str, Any]:
    return {
        "sample_id": "S-1", "participant_id": PERSON, "specimen": "saliva", "assay": "wgs", "sex_at_birth": "female",
        "contamination": 0.01, "collected_on": "2026-09-01", "file_sha256": hashlib.sha256(CONTENT).hexdigest(),
        "file_size": len(CONTENT),
    } | changes  # fmt: skip


@pytest.fixture
def submitted(api: Api) -> Api:
    api.service.register()
    answer = api.post(CENTER, "/v1/samples", row())
    assert (answer.status_code, answer.json()["state"]) == (201, "awaiting_file")
    return api


def stored(api: Api) -> list[str]:
    return sorted(path.name for path in api.service.context.store.iterdir())


def put(api: Api, content: bytes = CONTENT, sample: str = "S-1", subject: str | None = None) -> httpx.Response:
    return api.call(CENTER, "PUT", f"/v1/samples/{sample}/file", content=content, subject=subject)


def test_the_same_row_again_changes_nothing_and_another_one_conflicts(submitted: Api) -> None:
    assert submitted.post(CENTER, "/v1/samples", row()).status_code == 201
    assert len(submitted.service.actions("sample.submit")) == 1
    changed = submitted.post(CENTER, "/v1/samples", row(assay="array"))
    assert problem_of(changed) == (409, "conflict")
    by_another_center = submitted.post(CENTER, "/v1/samples", row(), subject="center-2")
    assert problem_of(by_another_center) == (409, "conflict")
    assert SUBJECTS[CENTER] not in by_another_center.text


@pytest.mark.parametrize(
    "changes",
    [
        {"sample_id": ".."}, {"sample_id": "S 1"}, {"sample_id": "S\n"}, {"file_sha256": "A" * 64}, {"file_size": 0},
        {"file_size": 1 << 40}, {"contamination": 1.5}, {"name_in_file": "a\0b"}, {"specimen": "hair"},
        {"build": "GRCh36"}, {"note": "BRCA2"},
    ],
)  # fmt: skip
def test_a_malformed_row_is_refused(submitted: Api, changes: dict[str, object]) -> None:
    assert problem_of(submitted.post(CENTER, "/v1/samples", row(**changes))) == (422, "invalid_input")


def test_the_declared_file_is_kept_once_and_read(submitted: Api) -> None:
    answer = put(submitted)
    assert (answer.status_code, answer.json()) == (201, {"sample_id": "S-1", "state": "received", "reasons": []})
    assert put(submitted).status_code == 201
    (file,) = submitted.service.rows(DataFileRow)
    assert stored(submitted) == [file.file_id]
    assert CONTENT not in (submitted.service.context.store / file.file_id).read_bytes()
    assert [job.task for job in submitted.service.rows(JobRow)] == ["extract_sample"]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"x" * len(CONTENT), (409, "conflict")),
        (CONTENT[:-1], (409, "conflict")),
        (b"", (409, "conflict")),
        (CONTENT + b"x", (422, "invalid_input")),
    ],
)
def test_another_file_is_refused_and_leaves_nothing(submitted: Api, content: bytes, refusal: tuple[int, str]) -> None:
    assert problem_of(put(submitted, content)) == refusal
    assert stored(submitted) == []
    assert submitted.get(CENTER, "/v1/samples/S-1").json()["state"] == "awaiting_file"


def test_a_cut_upload_leaves_nothing(submitted: Api) -> None:
    address = urlsplit(str(submitted.client.base_url))
    token = submitted.headers(CENTER)["Authorization"]
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        head = (
            f"PUT /v1/samples/S-1/file HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 21000\r\n\r\n"
        )
        connection.sendall(head.encode() + CONTENT[:5000])
        wait_until(lambda: stored(submitted) != [])
    wait_until(lambda: stored(submitted) == [])
    assert submitted.get(CENTER, "/v1/samples/S-1").json()["state"] == "awaiting_file"


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline


def test_a_sample_of_another_center_reads_as_one_that_is_not_there(submitted: Api) -> None:
    other = [submitted.get(CENTER, "/v1/samples/S-1", subject="center-2"), put(submitted, subject="center-2")]
    absent = [submitted.get(CENTER, "/v1/samples/S-2"), put(submitted, sample="S-2")]
    assert [answer.content for answer in other] == [answer.content for answer in absent]
    assert {problem_of(answer) for answer in other} == {(404, "not_found")}
    assert stored(submitted) == []


def test_the_center_learns_why_a_sample_is_held_and_nothing_of_the_results(submitted: Api) -> None:
    submitted.service.verdict("S-1", None)
    answer = submitted.get(CENTER, "/v1/samples/S-1").json()
    assert answer == {"sample_id": "S-1", "state": "unreadable", "reasons": ["not_a_vcf"]}


def test_a_sample_needs_a_participant(api: Api) -> None:
    assert problem_of(api.post(CENTER, "/v1/samples", row())) == (404, "not_found")
    with api.service.work() as work:
        assert work.session.scalars(select(DataFileRow)).all() == []
