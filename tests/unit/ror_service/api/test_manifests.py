"""Whole manifests over HTTP."""

from __future__ import annotations

import hashlib

import httpx
import pytest
from support.api import Api, problem_of
from support.manifests import ARRAY, as_csv, as_json, fields

from ror_service.api.problems import LARGEST_BODY
from ror_service.api.tokens import Role
from ror_service.intake import manifest_check
from ror_service.storage.tables import SampleRow

CENTER = Role.GENOME_CENTER
X = {"genotypes_sha256": hashlib.sha256(b"x").hexdigest(), "genotypes_size": 1}


@pytest.fixture
def api_with_people(api: Api) -> Api:
    for number in (1, 2):
        api.service.register(f"P-{number}")
    return api


def send(api: Api, content: bytes, subject: str = "center-1") -> httpx.Response:
    return api.call(CENTER, "POST", "/v1/manifests", content=content, subject=subject)


@pytest.mark.parametrize("write", [as_csv, lambda rows: as_json(rows, ARRAY)])
def test_each_row_gets_its_verdict_and_the_files_follow(api_with_people: Api, write: object) -> None:
    rows = [fields(1, ARRAY, **X), fields(2, ARRAY, specimen="hair"), fields(3, ARRAY)]
    answer = send(api_with_people, write(rows))  # type: ignore[operator]
    assert answer.status_code == 200, answer.text
    feedback = answer.json()
    assert (feedback["format"], feedback["refused"], feedback["waiting"]) == ("ror.manifest-feedback/1", 2, 1)
    assert [(row["sample_id"], row["verdict"], row["state"]) for row in feedback["rows"]] == [
        ("S-1", "accepted", "awaiting_file"), ("S-2", "refused", None), ("S-3", "refused", None),
    ]  # fmt: skip
    assert [[reason["code"] for reason in row["reasons"]] for row in feedback["rows"]] == [
        [], ["not_a_choice"], ["not_found"],
    ]  # fmt: skip
    sent = api_with_people.call(CENTER, "PUT", "/v1/samples/S-1/file", content=b"x", subject="center-1")
    assert sent.status_code == 201
    again = send(api_with_people, write(rows)).json()["rows"][0]  # type: ignore[operator]
    assert (again["verdict"], again["state"]) == ("accepted", "received")
    assert len(api_with_people.service.actions("sample.submit")) == 1


def test_a_stranger_learns_nothing_of_another_centers_sample(api_with_people: Api) -> None:
    send(api_with_people, as_csv([fields(1)]))
    (row,) = send(api_with_people, as_csv([fields(1)]), subject="center-2").json()["rows"]
    assert (row["verdict"], row["state"], row["holds"]) == ("refused", None, [])


def test_no_row_is_taken_from_what_is_no_manifest(api_with_people: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem_of(send(api_with_people, b"\x89PNG\r\n")) == (422, "bad_manifest")
    assert problem_of(send(api_with_people, b"")) == (422, "bad_manifest")
    large = b"schema\n" + b"x" * LARGEST_BODY
    assert send(api_with_people, large).status_code == 200, "longer than other bodies may be"
    elsewhere = api_with_people.call(CENTER, "POST", "/v1/samples", content=large)
    assert problem_of(elsewhere) == (413, "request_entity_too_large")
    monkeypatch.setattr(manifest_check, "MOST_BYTES", 100)
    assert problem_of(send(api_with_people, large)) == (422, "bad_manifest")
    assert api_with_people.service.rows(SampleRow) == []
