"""While the audit log takes nothing more, the API reads nobody's data and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import text
from support.api import Api, problem_of
from support.consent_facts import PERSON
from support.service import POSITIVE

from ror_service.api.tokens import Role
from ror_service.audit import log
from ror_service.storage.tables import OwnMedicinesRow, ViewEventRow

ME = f"/v1/participants/{PERSON}"


def _full(api: Api) -> None:
    """The database refuses every new row of the log, as on a full disk."""
    with api.service.context.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER no_room BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no room'); END")
        )


def _calls(api: Api) -> list[Callable[[], httpx.Response]]:
    """Every reading that opens what is sealed, explains a person's decision or shows evidence; and some changes."""
    review = api.service.review().review_id
    return [
        lambda: api.get(Role.PARTICIPANT, f"{ME}/results/traits/participant.en.html"),
        lambda: api.get(Role.PARTICIPANT, f"{ME}/medicines"),
        lambda: api.get(Role.AUDITOR, f"{ME}/decisions/traits"),
        lambda: api.get(Role.GENETIC_COUNSELOR, f"/v1/reviews/{review}"),
        lambda: api.get(Role.LABORATORY_DIRECTOR, "/v1/identity-cases"),
        lambda: api.get(Role.LABORATORY_DIRECTOR, "/v1/identity-cases/identity-1"),
        lambda: api.post(Role.GENETIC_COUNSELOR, f"/v1/reviews/{review}/claim"),
        lambda: api.call(Role.PARTICIPANT, "PUT", f"{ME}/medicines", json={"medicines": ["aspirin"]}),
        lambda: api.post(Role.PARTICIPANT, f"{ME}/withdrawal"),
    ]


@pytest.fixture
def full(api: Api) -> Api:
    """Somebody with a report, a list of medicines and a review; the log is full."""
    api.service.available()
    api.service.enter_medicines("warfarin")
    api.service.found(POSITIVE)
    api.service.register("P-0002")
    api.service.identity_case("P-0002")
    assert [call().status_code for call in _calls(api)[:6]] == [200] * 6
    _full(api)
    return api


def _leaks(api: Api) -> list[int]:
    """Which of the calls were answered, and whether anything was changed."""
    before = api.service.rows(ViewEventRow), [row.sealed for row in api.service.rows(OwnMedicinesRow)]
    answers = [call() for call in _calls(api)]
    for answer in answers:
        if answer.is_error:
            assert problem_of(answer) == (500, "audit_failed")
            assert "warfarin" not in answer.text
    after = api.service.rows(ViewEventRow), [row.sealed for row in api.service.rows(OwnMedicinesRow)]
    changed = [] if [len(before[0]), before[1]] == [len(after[0]), after[1]] else [-1]
    return [number for number, answer in enumerate(answers) if not answer.is_error] + changed


def test_nothing_is_read_or_changed_while_the_audit_log_cannot_be_written(full: Api) -> None:
    assert _leaks(full) == []


def test_a_service_that_goes_on_without_its_audit_log_would_be_caught(
    full: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "append", lambda *_, **__: None)
    assert set(range(6)) <= set(_leaks(full))
