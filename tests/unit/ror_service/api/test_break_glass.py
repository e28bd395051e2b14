"""Break-glass: nothing is read alone, for ever, or past the consent gate; participant and auditor see it all."""

from __future__ import annotations

import logging
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.exc import IntegrityError
from support.api import Api, problem_of
from support.consent_facts import ANOTHER_PERSON, PERSON
from support.service import FILES

from ror_service import break_glass
from ror_service.api.tokens import Role
from ror_service.storage.tables import AuditEventRow, BreakGlassGrantRow
from ror_service.work import Work

COUNSELOR, DIRECTOR, AUDITOR = Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR
ANNA, BORIS = "anna", "boris"
"""The counselor who asks, and the director who allows."""


@pytest.fixture(autouse=True)
def _report(api: Api) -> None:
    api.service.available("traits")


def ask(api: Api, person: str = PERSON) -> str:
    body = {"participant_id": person, "reason": "in the emergency room, and unconscious"}
    answer = api.post(COUNSELOR, "/v1/break-glass", body, subject=ANNA)
    assert answer.status_code == 201, answer.text
    grant_id: str = answer.json()["grant_id"]
    return grant_id


def allow(api: Api, grant_id: str, subject: str = BORIS) -> httpx.Response:
    return api.post(DIRECTOR, f"/v1/break-glass/{grant_id}/approval", subject=subject)


def granted(api: Api) -> str:
    grant_id = ask(api)
    assert allow(api, grant_id).status_code == 201
    return grant_id


def read(api: Api, grant_id: str, subject: str = ANNA, name: str = FILES[0]) -> httpx.Response:
    return api.get(COUNSELOR, f"/v1/break-glass/{grant_id}/results/traits/{name}", subject=subject)


def test_two_people_and_a_reason_open_a_report_for_an_hour(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ror_service.api.break_glass")
    grant_id = ask(api)
    assert problem_of(read(api, grant_id)) == (403, "forbidden")
    allowed = allow(api, grant_id).json()
    assert (allowed["requested_by"], allowed["approved_by"]) == (ANNA, BORIS)
    answer = read(api, grant_id)
    assert answer.content == api.service.read()
    assert answer.headers["cache-control"] == "no-store"
    events = api.service.rows(AuditEventRow, AuditEventRow.purpose == break_glass.PURPOSE)
    assert [(row.actor, row.action) for row in events] == [
        (ANNA, "break_glass.request"),
        (BORIS, "break_glass.approve"),
        (ANNA, "report.read"),
        (ANNA, "break_glass.read"),
    ]
    assert [record.code for record in caplog.records] == ["break_glass_granted", "break_glass_read"]  # type: ignore[attr-defined]
    assert not [record for record in caplog.records if PERSON in record.getMessage() or ANNA in record.getMessage()]


def test_the_participant_the_auditor_and_the_operator_see_it(api: Api) -> None:
    read(api, granted(api))
    told = api.get(Role.PARTICIPANT, f"/v1/participants/{PERSON}/access-log").json()
    seen = [(row["role"], row["action"]) for row in told if row["purpose"] == break_glass.PURPOSE]
    assert {action for _, action in seen} == {
        "break_glass.request", "break_glass.approve", "break_glass.read", "report.read",
    }  # fmt: skip
    assert ANNA not in str(told)
    (row,) = api.get(AUDITOR, "/v1/break-glass").json()
    assert (row["participant_id"], row["reason"]) == (PERSON, "in the emergency room, and unconscious")
    ask(api)
    numbers = api.get(Role.OPERATOR, "/metrics").text
    for line in ("ror_break_glass_waiting 1.0", "ror_break_glass_in_force 1.0", "ror_break_glass_granted_total 1.0"):
        assert line in numbers
    assert PERSON not in numbers


def one_person_alone(api: Api) -> None:
    grant_id = ask(api)
    assert problem_of(allow(api, grant_id, subject=ANNA)) == (403, "forbidden")
    assert read(api, grant_id).status_code == 403


def expired(api: Api) -> None:
    grant_id = granted(api)
    api.service.clock.advance(minutes=59, seconds=59)
    assert read(api, grant_id).status_code == 200
    api.service.clock.advance(seconds=1)
    assert problem_of(read(api, grant_id)) == (403, "forbidden")


def ended(api: Api) -> None:
    grant_id = granted(api)
    for _ in range(2):
        assert api.post(AUDITOR, f"/v1/break-glass/{grant_id}/end").status_code == 201
    assert problem_of(read(api, grant_id)) == (403, "forbidden")
    assert problem_of(allow(api, grant_id)) == (409, "conflict")


def another_reader(api: Api) -> None:
    grant_id = granted(api)
    assert problem_of(read(api, grant_id, subject=BORIS)) == problem_of(read(api, "grant-9")) == (404, "not_found")


def withdrawn(api: Api) -> None:
    grant_id = granted(api)
    api.service.withdraw()
    assert problem_of(read(api, grant_id))[0] in {403, 404, 410}


def withheld(api: Api) -> None:
    grant_id = granted(api)
    api.service.identity_case(PERSON)
    assert problem_of(read(api, grant_id)) == (403, "withheld")
    (event,) = api.service.actions("report.read_refused")
    assert (event.actor, event.purpose) == (ANNA, break_glass.PURPOSE)


RULES = (one_person_alone, expired, ended, another_reader, withdrawn, withheld)


@pytest.mark.parametrize("rule", RULES)
def test_what_must_not_be_read_is_not(api: Api, rule: object) -> None:
    rule(api)  # type: ignore[operator]


def _any_grant(work: Work, grant_id: str) -> BreakGlassGrantRow:
    return work.session.get_one(BreakGlassGrantRow, grant_id)


@pytest.mark.parametrize("rule", [one_person_alone, expired, ended])
def test_a_reading_that_asks_nothing_of_its_grant_is_caught(
    api: Api, monkeypatch: pytest.MonkeyPatch, rule: object
) -> None:
    monkeypatch.setattr(break_glass, "in_force", _any_grant)
    with pytest.raises(AssertionError):
        rule(api)  # type: ignore[operator]


def test_a_grant_that_overrides_the_gate_is_caught(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    content = break_glass.Opened("version", "text/html", b"as it was")
    monkeypatch.setattr(break_glass.reports, "read", lambda *_: content)
    for rule in (withdrawn, withheld):
        with pytest.raises((AssertionError, KeyError)):
            rule(api)
        ask(api, PERSON)


def test_code_that_lets_people_allow_their_own_requests_meets_the_database(api: Api) -> None:
    grant_id = ask(api)
    with pytest.raises(IntegrityError), api.service.work() as work:
        row = work.session.get_one(BreakGlassGrantRow, grant_id)
        row.approved_by, row.approved_at, row.expires_at = ANNA, work.at, work.at + timedelta(hours=1)


def test_requests_lapse_and_need_a_reason_and_a_participant(api: Api) -> None:
    grant_id = ask(api)
    api.service.clock.advance(minutes=60)
    assert problem_of(allow(api, grant_id)) == (409, "conflict")
    for person, reason, status in ((PERSON, " ", 422), ("P-9", "why", 404), (ANOTHER_PERSON, "", 422)):
        body = {"participant_id": person, "reason": reason}
        assert api.post(COUNSELOR, "/v1/break-glass", body, subject=ANNA).status_code == status
    assert problem_of(read(api, granted(api), name="../secret")) == (404, "not_found")
