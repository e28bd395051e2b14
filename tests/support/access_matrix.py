"""Every route of the OpenAPI document, in every role, for one's own, another's and no object: a world and a table.

`leaks` says what is wrong with the answers to one route; the tests and `benchmarks/access_matrix.py` ask it of all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from consent.types import VitalStatus
from ror_service import designees, identity_cases
from ror_service.api.tokens import Role
from ror_service.audit.log import Actor
from ror_service.review.queue import Disposition
from ror_service.settings import Settings
from support.api import Api, running_api
from support.consent_facts import ANOTHER_PERSON, NOW, OFFERS_DESIGNEE, PERSON
from support.database_roles import as_the_service, run_statements
from support.manifests import WGS, fields
from support.service import (
    COUNSELOR,
    DIRECTOR,
    POSITIVE,
    FastContext,
    Service,
    running_service,
    service_on_database,
)

CALLERS = (*Role, "no token", "bad token")
DEAD = ("P-0005", "P-0006")
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
    "GET /v1/participants/{participant_id}/fhir": _READ,
    "GET /v1/participants/{participant_id}/versions/{module}": {**_READ, **_REVIEW_READ, AUDITOR: (200, 200, 404)},
    "GET /v1/participants/{participant_id}/decisions/{module}": {**_REVIEW_READ, AUDITOR: (200, 200, 404)},
    "GET /v1/reviews": {COUNSELOR_ROLE: (200, 200, 200), DIRECTOR_ROLE: (200, 200, 200)},
    "GET /v1/reviews/{review_id}": _REVIEW_READ,
    "POST /v1/reviews/{review_id}/claim": _REVIEW_READ,
    "POST /v1/reviews/{review_id}/release": _REVIEW,
    "POST /v1/reviews/{review_id}/notes": _REVIEW,
    "POST /v1/reviews/{review_id}/signatures": _REVIEW,
    "POST /v1/reviews/{review_id}/return": _REVIEW,
    "POST /v1/reviews/{review_id}/confirmation": {Role.CLINICAL_LABORATORY: (201, 404, 404)},
    "POST /v1/cases/{case_id}/disclosure/appointment": {COUNSELOR_ROLE: (201, 409, 404)},
    "POST /v1/cases/{case_id}/disclosure": {COUNSELOR_ROLE: (201, 409, 404)},
    "GET /v1/cases/{case_id}/outreach": {COUNSELOR_ROLE: (200, 409, 404)},
    "POST /v1/cases/{case_id}/outreach": {COUNSELOR_ROLE: (409, 409, 404)},
    "GET /v1/identity-cases": {DIRECTOR_ROLE: (200, 200, 200)},
    "GET /v1/identity-cases/{identity_case_id}": {DIRECTOR_ROLE: (200, 200, 404)},
    "POST /v1/identity-cases/{identity_case_id}/resolution": {DIRECTOR_ROLE: (201, 409, 404)},
    "POST /v1/relationships": {DIRECTOR_ROLE: (201, 201, 404)},
    "POST /v1/break-glass": {COUNSELOR_ROLE: (201, 201, 404), DIRECTOR_ROLE: (201, 201, 404)},
    "GET /v1/break-glass": dict.fromkeys((COUNSELOR_ROLE, DIRECTOR_ROLE, AUDITOR), (200, 200, 200)),
    # Of one's own request, of another's, of none: nobody allows their own.
    "POST /v1/break-glass/{grant_id}/approval": {COUNSELOR_ROLE: (403, 201, 404), DIRECTOR_ROLE: (403, 201, 404)},
    "POST /v1/break-glass/{grant_id}/end": dict.fromkeys((COUNSELOR_ROLE, DIRECTOR_ROLE, AUDITOR), (201, 201, 404)),
    "GET /v1/break-glass/{grant_id}/results/{module}/{file}": {
        COUNSELOR_ROLE: (200, 404, 404), DIRECTOR_ROLE: (200, 404, 404),
    },
    "PUT /v1/participants/{participant_id}/designee": {PARTICIPANT: (204, 404, 404)},
    "GET /v1/participants/{participant_id}/designee": _READ,
    "POST /v1/designee-requests": {COUNSELOR_ROLE: (201, 201, 404)},
    "GET /v1/designee-requests": dict.fromkeys((COUNSELOR_ROLE, DIRECTOR_ROLE, AUDITOR), (200, 200, 200)),
    "GET /v1/designee-requests/{request_id}": _REVIEW_READ,
    # A counselor records, a laboratory director allows, never one and the same person.
    "POST /v1/designee-requests/{request_id}/approval": {DIRECTOR_ROLE: (403, 201, 404)},
    "POST /v1/designee-requests/{request_id}/end": _REVIEW,
    "GET /v1/designee-requests/{request_id}/results/{module}/{file}": {COUNSELOR_ROLE: (200, 404, 404)},
    "GET /metrics": {Role.OPERATOR: (200, 200, 200)},
    "GET /v1/health": {Role.OPERATOR: (200, 200, 200)},
    "GET /v1/jobs": {Role.OPERATOR: (200, 200, 200)},
    "GET /v1/audit/verification": {AUDITOR: (200, 200, 200)},
}  # fmt: skip
"""What each role gets for one's own, another's and an absent object; roles that are not named get 403."""
WITHOUT_TOKEN = {"GET /health": 200, "GET /health/ready": 200, "POST /v1/partners/{partner_id}/events": 401}
"""Routes that ask for no token; events carry a signature of their own, which these calls do not."""


Keep = Callable[[], Callable[[], None]]
"""Remembers the database as it is; what it returns brings that back."""


class World:
    """Two people with a report to read and a result in review, one who waits for confirmation, one for disclosure.

    Two who named somebody and died.
    """

    def __init__(self, api: Api, service: Service, keep: Keep) -> None:
        self.api = api
        self.service = service
        service.clock.advance(days=1)  # the first on which the form that speaks of naming somebody can be answered
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
        # Two that were asked for and two that are in force, of the one who calls and of another.
        for grant, person, name in (("ask-1", PERSON, "reviewer-1"), ("ask-2", ANOTHER_PERSON, COUNSELOR.name)):
            for allowed in (False, True):
                service.grant(f"{grant}{'-allowed' * allowed}", person, name, allowed=allowed)
        self._deaths()
        self.names = {
            "dead": (*DEAD, "P-9"),
            "request_id": ("designee-1", "designee-2", "designee-9"),
            "designee-allowed": ("designee-1-allowed", "designee-2-allowed", "designee-9"),
            "grant_id": ("ask-1", "ask-2", "ask-9"),
            "allowed": ("ask-1-allowed", "ask-2-allowed", "ask-9"),
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
        self._restore = keep()

    def _deaths(self) -> None:
        """Two who named somebody and died; of each a request that waits and one that was allowed."""
        service = self.service
        service.context.policy = self.api.service.context.policy = OFFERS_DESIGNEE
        for number, (person, counselor) in enumerate(zip(DEAD, ("reviewer-1", COUNSELOR.name), strict=True), start=1):
            service.available("traits", person)
            service.names_somebody(person)
            service.standing(person, vital_status=VitalStatus.DECEASED)
            for allowed in (False, True):
                grant = f"designee-{number}{'-allowed' * allowed}"
                service.grant(grant, person, counselor, allowed=allowed, purpose=designees.PURPOSE)

    def call(self, route: str, caller: Role | str, which: str) -> httpx.Response:
        """One cell of the matrix, on the world as it was made."""
        method, _, path = route.partition(" ")
        position = OBJECTS.index(which)
        names = {name: values[position] for name, values in self.names.items()}
        if path.endswith("/confirmation"):
            names["review_id"] = names["confirmation"]
        if "/results/" in path:
            names["grant_id"], names["request_id"] = names["allowed"], names["designee-allowed"]
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
        return self.service.review("hereditary_risk", person).review_id

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
            "designee": event | {"designee": {"name": "Maria Example", "contact": "+1 555 0100"}},
            "designee-requests": {"participant_id": names["dead"], "checked": "passport seen"},
            "standing": {"participation": "deactivated"},
            "signatures": {"dispositions": ["report"], "reason": "as seen"},
            "return": {"reason": "look again"},
            "confirmation": {"outcome": "concordant"},
            "disclosure": {"outcome": "completed"},
            "outreach": {"tried": "sent"},
            "notes": {"text": "the reads were looked at"},
            "appointment": {"starts_at": "2099-01-01T10:00:00Z", "way": "phone"},
            "resolution": {"reason": "as seen"},
            "break-glass": {"participant_id": names["participant_id"], "reason": "an emergency"},
            "relationships": {"participant_id": names["participant_id"], "relative_id": "P-0004", "kind": "twin"},
        }  # fmt: skip
        return bodies.get(route.rpartition("/")[2], {})


@contextmanager
def world_on_sqlite(folder: Path) -> Iterator[World]:
    """The world on the embedded database."""
    with running_service(folder) as service, running_api(service) as api:
        file = folder / "ror.sqlite3"

        def keep() -> Callable[[], None]:
            service.context.engine.dispose()
            kept = file.read_bytes()

            def restore() -> None:
                service.context.engine.dispose()
                for leftover in folder.glob("ror.sqlite3-*"):
                    leftover.unlink()
                file.write_bytes(kept)

            return restore

        yield World(api, service, keep)


@contextmanager
def world_on_postgresql(folder: Path, url: str) -> Iterator[World]:
    """The world on an empty PostgreSQL database: made as its superuser, called as a role that owns nothing."""
    name, server = make_url(url).database, make_url(url).set(database="postgres").render_as_string(hide_password=False)
    with service_on_database(folder, url) as builder:
        as_service = Settings(home=folder, database_url=SecretStr(as_the_service(url)))
        context = FastContext(as_service, clock=builder.clock)
        try:
            with running_api(Service(context, builder.clock)) as api:

                def copied(source: str, target: str) -> None:
                    context.engine.dispose()
                    builder.context.engine.dispose()
                    run_statements(server, f"DROP DATABASE IF EXISTS {target} WITH (FORCE);\n"
                                           f"CREATE DATABASE {target} TEMPLATE {source}")  # fmt: skip

                def keep() -> Callable[[], None]:
                    copied(str(name), f"{name}_kept")
                    return lambda: copied(f"{name}_kept", str(name))

                yield World(api, builder, keep)
        finally:
            context.close()
            run_statements(server, f"DROP DATABASE IF EXISTS {name}_kept WITH (FORCE)")


def operations(document: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def expected(route: str, caller: Role | str, which: str) -> int:
    if route in WITHOUT_TOKEN:
        return WITHOUT_TOKEN[route]
    if not isinstance(caller, Role):
        return 401
    return MATRIX[route].get(caller, (403,) * 3)[OBJECTS.index(which)]


STRANGERS = {"P-0003", "P-0004", *DEAD, ANOTHER_PERSON, "center-2", COUNSELOR.name, DIRECTOR.name}
"""Names that no refusal may tell."""


def leaks(world: World, route: str) -> tuple[int, list[str]]:
    """Call a route as everybody for every object; how many calls, and what they tell or do that they must not."""
    cells = list(itertools.product(CALLERS, OBJECTS))
    answers = {cell: world.call(route, *cell) for cell in cells}
    found = [
        f"{route} as {caller} for {which}: {answer.status_code}, not {expected(route, caller, which)}"
        for (caller, which), answer in answers.items()
        if answer.status_code != expected(route, caller, which)
    ]
    for (caller, which), answer in answers.items():
        where = f"{route} as {caller} for {which}"
        if answer.headers["cache-control"] != "no-store":
            found.append(f"{where}: may be cached")
        if answer.is_error and answer.headers["content-type"] != "application/problem+json":
            found.append(f"{where}: refused otherwise than by problem+json")
        if answer.is_error and any(name in answer.text for name in STRANGERS):
            found.append(f"{where}: tells a name")
    for caller in CALLERS:
        other, absent = answers[caller, "other"], answers[caller, "absent"]
        if other.status_code == absent.status_code >= HTTPStatus.BAD_REQUEST and other.content != absent.content:
            found.append(f"{route} as {caller}: another's object is told from none")
    return len(cells), found
