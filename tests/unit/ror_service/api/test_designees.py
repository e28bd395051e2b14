"""Naming somebody for after a death, and handing over, through the API: who does what, and what each is told."""

from __future__ import annotations

import pytest
from support.api import Api, problem_of
from support.consent_facts import OFFERS_DESIGNEE, PERSON
from support.service import FILES

from consent.types import DocumentType, VitalStatus
from ror_service.api.tokens import Role

COUNSELOR, DIRECTOR, PARTICIPANT = Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.PARTICIPANT
ANNA, BORIS = "anna", "boris"
SISTER = {"name": "Maria Example", "contact": "+1 555 0100"}
OWN = f"/v1/participants/{PERSON}/designee"


@pytest.fixture(autouse=True)
def _report(api: Api) -> None:
    api.service.context.policy = OFFERS_DESIGNEE
    api.service.clock.advance(days=1)
    api.service.available("traits")
    api.service.consent(document=DocumentType.FAMILY_SHARING, document_version="1.2")


def say(api: Api, event: str, designee: dict[str, str] | None) -> int:
    body = {"event_id": event, "authored_at": api.service.clock.now.isoformat(), "designee": designee}
    return api.call(PARTICIPANT, "PUT", OWN, json=body).status_code


def recorded(api: Api) -> str:
    """The path of a request about somebody who named a sister and died."""
    assert say(api, "naming-1", SISTER) == 204
    api.service.standing(vital_status=VitalStatus.DECEASED)
    body = {"participant_id": PERSON, "checked": "passport and certificate of death seen"}
    answer = api.post(COUNSELOR, "/v1/designee-requests", body, subject=ANNA)
    assert answer.status_code == 201, answer.text
    return f"/v1/designee-requests/{answer.json()['request_id']}"


def test_a_participant_names_one_person_and_takes_it_back(api: Api) -> None:
    assert api.get(PARTICIPANT, OWN).json() is None
    assert say(api, "naming-1", SISTER) == 204
    assert api.get(PARTICIPANT, OWN).json() == SISTER
    assert say(api, "naming-2", None) == 204
    assert api.get(PARTICIPANT, OWN).json() is None
    assert say(api, "naming-3", {"name": "Maria Example"}) == 422
    told = api.get(PARTICIPANT, f"/v1/participants/{PERSON}/access-log").json()
    assert {"designee.name", "designee.take_back"} <= {event["action"] for event in told}


def test_a_counselor_records_a_director_allows_and_that_counselor_reads(api: Api) -> None:
    path = recorded(api)
    file = f"{path}/results/traits/{FILES[0]}"
    assert problem_of(api.get(COUNSELOR, file, subject=ANNA)) == (403, "forbidden")
    seen = api.get(DIRECTOR, path, subject=BORIS).json()
    assert (seen["designee"], seen["recorded_by"], seen["approved_by"]) == (SISTER, ANNA, None)
    assert problem_of(api.post(COUNSELOR, f"{path}/approval", subject="carla")) == (403, "forbidden")
    assert problem_of(api.post(DIRECTOR, f"{path}/approval", subject=ANNA)) == (403, "forbidden")
    assert api.post(DIRECTOR, f"{path}/approval", subject=BORIS).json()["approved_by"] == BORIS
    answer = api.get(COUNSELOR, file, subject=ANNA)
    assert answer.content.startswith(b"a report about ")
    assert answer.headers["cache-control"] == "no-store"
    assert problem_of(api.get(COUNSELOR, file, subject="carla")) == (404, "not_found")
    assert problem_of(api.get(COUNSELOR, f"{path}/results/traits/nothing", subject=ANNA)) == (404, "not_found")
    (listed,) = api.get(Role.AUDITOR, "/v1/designee-requests").json()
    assert listed["checked"] == "passport and certificate of death seen"
    assert api.post(DIRECTOR, f"{path}/end", subject=BORIS).status_code == 201
    assert problem_of(api.get(COUNSELOR, file, subject=ANNA)) == (403, "forbidden")


def test_what_the_gate_withholds_is_told_with_its_reason_and_leaves_a_trace(api: Api) -> None:
    path = recorded(api)
    assert api.post(DIRECTOR, f"{path}/approval", subject=BORIS).status_code == 201
    api.service.identity_case(PERSON)
    answer = api.get(COUNSELOR, f"{path}/results/traits/{FILES[0]}", subject=ANNA)
    assert problem_of(answer) == (403, "withheld")
    assert answer.json()["reasons"] == ["identity_case_open"]
    (event,) = api.service.actions("report.read_refused")
    assert (event.actor, event.purpose) == (ANNA, "designee")


def test_of_the_living_nothing_is_handed_over(api: Api) -> None:
    assert say(api, "naming-1", SISTER) == 204
    for status in (VitalStatus.ALIVE, VitalStatus.DEATH_REPORTED):
        api.service.standing(vital_status=status)
        body = {"participant_id": PERSON, "checked": "she says so"}
        assert problem_of(api.post(COUNSELOR, "/v1/designee-requests", body)) == (409, "conflict")
