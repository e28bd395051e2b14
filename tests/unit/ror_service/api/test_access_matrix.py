"""Every route of the OpenAPI document, called in every role, for one's own, another's and an absent object."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.api import Api, problem_of, running_api
from support.consent_facts import ANOTHER_PERSON, NOW, PERSON
from support.manifests import WGS, fields
from support.service import COUNSELOR, DIRECTOR, POSITIVE, Service, running_service

from ror_service import identity_cases
from ror_service.api.tokens import Role
from ror_service.audit.log import Actor
from ror_service.review.queue import Disposition

CALLERS = (*Role, "no token", "bad token")
OBJECTS = ("own", "other", "absent")
PARTICIPANT, PORTAL, CENTER = Role.PARTICIPANT, Role.PORTAL, Role.GENOME_CENTER
COUNSELOR_ROLE, DIRECTOR_ROLE, AUDITOR = Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR

_CHOICE = {PARTICIPANT: (201, 404, 404), PORTAL: (201, 201, 404)}
_OWN = {PARTICIPANT: (204, 404, 404), PORTAL: (204, 204, 404)}
_READ = {PARTICIPANT: (200, 404, 404)}
_REVIEW = {COUNSELOR_ROLE: (201, 201, 404), DIRECTOR_ROLE: (201, 201, 404)}
_REVIEW_READ = {COUNSELOR_ROLE: (200, 200, 404), DIRECTOR_ROLE: (200, 200, 404)}

MATRIX: dict[str, dict[Role, tuple[int, int, int]]] = {
    "POST /v1/samples": {CENTER: (201, 409, 404)},
    "POST /v1/manifests": {CENTER: (200, 200, 200)},  # each row has a verdict of its own
    "PUT /v1/samples/{sample_id}/file": {CENTER: (201, 404, 404)},
    "GET /v1/samples/{sample_id}": {CENTER: (200, 404, 404)},
    "POST /v1/participants": {PORTAL: (201, 201, 201)},
    "POST /v1/participants/{participant_id}/consents": _CHOICE,
    "POST /v1/participants/{participant_id}/choices": _CHOICE,
    "PUT /v1/participants/{participant_id}/medicines": _OWN,
    "GET /v1/participants/{participant_id}/medicines": _READ,
    "DELETE /v1/participants/{participant_id}/medicines": _OWN,
    "POST /v1/participants/{participant_id}/withdrawal": _CHOICE,
    "GET /v1/participants/{participant_id}/withdrawal": _READ,
    "POST /v1/participants/{participant_id}/standing": {Role.OPERATOR: (201, 201, 404)},
    "GET /v1/participants/{participant_id}/results": _READ,
    "GET /v1/participants/{participant_id}/results/{module}/{file}": _READ,
    "GET /v1/participants/{participant_id}/access-log": _READ,
    "GET /v1/participants/{participant_id}/decisions/{module}": {**_REVIEW_READ, AUDITOR: (200, 200, 404)},
    "GET /v1/reviews": {COUNSELOR_ROLE: (200, 200, 200), DIRECTOR_ROLE: (200, 200, 200)},
    "GET /v1/reviews/{review_id}": _REVIEW_READ,
    "POST /v1/reviews/{review_id}/claim": _REVIEW_READ,
    "POST /v1/reviews/{review_id}/signatures": _REVIEW,
    "POST /v1/reviews/{review_id}/return": _REVIEW,
    "POST /v1/reviews/{review_id}/confirmation": {Role.CLINICAL_LABORATORY: (201, 404, 404)},
    "POST /v1/cases/{case_id}/disclosure/appointment": {COUNSELOR_ROLE: (201, 409, 404)},
    "POST /v1/cases/{case_id}/disclosure": {COUNSELOR_ROLE: (201, 409, 404)},
    "GET /v1/identity-cases": {DIRECTOR_ROLE: (200, 200, 200)},
    "GET /v1/identity-cases/{identity_case_id}": {DIRECTOR_ROLE: (200, 200, 404)},
    "POST /v1/identity-cases/{identity_case_id}/resolution": {DIRECTOR_ROLE: (201, 409, 404)},
    "POST /v1/relationships": {DIRECTOR_ROLE: (201, 201, 404)},
    "GET /metrics": {Role.OPERATOR: (200, 200, 200)},
    "GET /v1/jobs": {Role.OPERATOR: (200, 200, 200)},
    "GET /v1/audit/verification": {AUDITOR: (200, 200, 200)},
}
"""What each role gets for one's own, another's and an absent object; roles that are not named get 403."""
WITHOUT_TOKEN = {"GET /health": 200, "POST /v1/partners/{partner_id}/events": 401}
"""Routes that ask for no token; events carry a signature of their own, which these calls do not."""


class World:
    """Two people with a report to read and a result in review, one who waits for confirmation, one for disclosure."""

    def __init__(self, api: Api) -> None:
        self.api = api
        service = api.service
        self._database = service.context.settings.home / "ror.sqlite3"
        for person in (PERSON, ANOTHER_PERSON):
            service.available("traits", person)
            service.found(POSITIVE, person)
            service.claim(self._review(person), Actor("reviewer-1", "genetic_counselor", "review"))
        for person in ("P-0003", "P-0004"):
            service.interpreted(POSITIVE, person)
            for signer in (COUNSELOR, DIRECTOR):
                service.sign(self._review(person), signer, Disposition.REPORT)
        service.confirm(self._review("P-0004"))
        for person, center in ((PERSON, "center-1"), (ANOTHER_PERSON, "center-2")):
            answer = api.post(CENTER, "/v1/samples", self._sample(f"S-{person}", person), subject=center)
            assert answer.status_code == 201, answer.text
        for case in ("identity-1", "identity-2"):
            service.identity_case("P-0003", identity_case_id=case)
        with service.work(DIRECTOR) as work:
            identity_cases.resolve(work, "identity-2", "as seen")
        self.names = {
            "identity_case_id": ("identity-1", "identity-2", "identity-9"),
            "sample_id": (f"S-{PERSON}", f"S-{ANOTHER_PERSON}", "S-9"),
            "participant_id": (PERSON, ANOTHER_PERSON, "P-9"),
            "review_id": (self._review(PERSON), self._review(ANOTHER_PERSON), "review-9"),
            "case_id": (
                service.case("P-0004", "hereditary_risk").case_id,
                service.case(PERSON, "hereditary_risk").case_id,
                "case-9",
            ),
            "confirmation": (self._review("P-0003"), self._review(PERSON), "review-9"),
            "module": ("traits",) * 3,
            "file": ("participant.en.html",) * 3,
            "partner_id": ("partner-1",) * 3,
        }
        self._kept = self._copy()

    def call(self, route: str, caller: Role | str, which: str) -> httpx.Response:
        """One cell of the matrix, on the world as it was made."""
        method, _, path = route.partition(" ")
        position = OBJECTS.index(which)
        names = {name: values[position] for name, values in self.names.items()}
        if path.endswith("/confirmation"):
            names["review_id"] = names["confirmation"]
        headers = {"Authorization": "Bearer bad"} if caller == "bad token" else {}
        if isinstance(caller, Role):
            headers = self.api.headers(caller)
        request: dict[str, Any] = {"json": self._body(route, names, which)} if method in {"POST", "PUT"} else {}
        if path.endswith("/file"):
            request = {"content": b"x"}
        answer = self.api.client.request(method, path.format(**names), headers=headers, **request)
        if method != "GET" and answer.is_success:
            self._restore()
        return answer

    def _review(self, person: str) -> str:
        return self.api.service.review("hereditary_risk", person).review_id

    def _copy(self) -> bytes:
        self.api.service.context.engine.dispose()
        return self._database.read_bytes()

    def _restore(self) -> None:
        self._copy()
        for leftover in self._database.parent.glob("ror.sqlite3-*"):
            leftover.unlink()
        self._database.write_bytes(self._kept)

    def _sample(self, sample_id: str, person: str) -> dict[str, Any]:
        sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of one letter x
        return {
            "sample_id": sample_id, "participant_id": person, "specimen": "saliva", "assay": "wgs",
            "sex_at_birth": "female", "file_sha256": sha256, "file_size": 1,
        }  # fmt: skip

    def _body(self, route: str, names: dict[str, str], which: str) -> dict[str, Any]:
        event = {"event_id": f"event-{which}", "authored_at": NOW.isoformat()}
        bodies: dict[str, dict[str, Any]] = {
            "samples": self._sample(names["sample_id"], names["participant_id"]),
            "manifests": {
                "schema": WGS,
                "rows": [fields(7, participant_id=names["participant_id"], sample_id=names["sample_id"], schema=None)],
            },
            "participants": {
                "participant_id": {"own": PERSON, "other": ANOTHER_PERSON, "absent": "P-8"}[which],
                "language": "en", "birth_date": "1980-05-17", "sex_at_birth": "female", "residence_state": "CA",
            },
            "consents": event | {
                "document": "primary", "document_version": "1.0", "language": "en", "answer": "yes",
                "evidence_sha256": "e" * 64,
            },
            "choices": event | {"module": "traits", "answer": "yes", "script_version": "1.0"},
            "medicines": {"medicines": ["warfarin"]},
            "standing": {"participation": "deactivated"},
            "signatures": {"dispositions": ["report"], "reason": "as seen"},
            "return": {"reason": "look again"},
            "confirmation": {"outcome": "concordant"},
            "disclosure": {"outcome": "completed"},
            "resolution": {"reason": "as seen"},
            "relationships": {"participant_id": names["participant_id"], "relative_id": "P-0004", "kind": "twin"},
        }  # fmt: skip
        return bodies.get(route.rpartition("/")[2], {})


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder) / "service") as service,
        running_api(service) as api,
    ):
        yield World(api)


def operations(document: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def expected(route: str, caller: Role | str, which: str) -> int:
    if route in WITHOUT_TOKEN:
        return WITHOUT_TOKEN[route]
    if not isinstance(caller, Role):
        return 401
    return MATRIX[route].get(caller, (403,) * 3)[OBJECTS.index(which)]


def test_the_matrix_names_every_route_and_no_other(world: World) -> None:
    assert operations(world.api.client.get("/v1/openapi.json").json()) == {*MATRIX, *WITHOUT_TOKEN}


def test_a_route_that_nobody_wrote_into_the_matrix_is_noticed(service: Service) -> None:
    with running_api(service) as api:
        api.app.get("/v1/everything")(lambda: "all secrets")
        assert operations(api.client.get("/v1/openapi.json").json()) - {*MATRIX, *WITHOUT_TOKEN} == {
            "GET /v1/everything"
        }


@pytest.mark.parametrize("route", [*MATRIX, *WITHOUT_TOKEN])
def test_every_role_gets_what_the_matrix_says(world: World, route: str) -> None:
    answers = {
        (caller, which): world.call(route, caller, which) for caller, which in itertools.product(CALLERS, OBJECTS)
    }
    found = {cell: answer.status_code for cell, answer in answers.items()}
    assert found == {(caller, which): expected(route, caller, which) for caller, which in answers}
    strangers = {"P-0003", "P-0004", ANOTHER_PERSON, "center-2", COUNSELOR.name, DIRECTOR.name}
    for answer in answers.values():
        assert answer.headers["cache-control"] == "no-store"
        if answer.is_error:
            problem_of(answer)
            assert not [name for name in strangers if name in answer.text]
    for caller in (PARTICIPANT, CENTER, Role.CLINICAL_LABORATORY):
        if found[caller, "other"] == found[caller, "absent"] >= 400:
            assert answers[caller, "other"].content == answers[caller, "absent"].content


def test_outsiders_cannot_tell_another_object_from_none() -> None:
    for route, rows in MATRIX.items():
        for role in {PARTICIPANT, CENTER, Role.CLINICAL_LABORATORY}.intersection(rows):
            _, other, absent = rows[role]
            assert other == absent or route == "POST /v1/samples", route
    # One identifier names one sample in the whole programme: submitting one that is taken cannot be but refused.
    assert MATRIX["POST /v1/samples"][CENTER][1] == 409


def test_only_reviewers_see_findings_and_only_the_participant_sees_reports() -> None:
    readers = {route: set(rows) for route, rows in MATRIX.items() if route.startswith("GET")}
    assert readers["GET /v1/reviews/{review_id}"] == {COUNSELOR_ROLE, DIRECTOR_ROLE}
    assert readers["GET /v1/participants/{participant_id}/results/{module}/{file}"] == {PARTICIPANT}
    assert readers["GET /v1/participants/{participant_id}/medicines"] == {PARTICIPANT}
    assert [route for route, roles in readers.items() if PORTAL in roles] == []
