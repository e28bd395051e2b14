"""Steps to reach somebody, as they are taken: kept for ever, in order, all before anybody counts as out of reach."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.consent_facts import PERSON
from support.service import COUNSELOR, DIRECTOR, Service

from consent import outreach as rules
from consent.outreach import Tried
from consent.types import Answer, Disclosure, DocumentType, Participation
from ror_service import pipeline
from ror_service.errors import ConflictError, IllegalTransitionError, InvalidInputError
from ror_service.review import outreach
from ror_service.review.queue import Disposition
from ror_service.states import CaseState
from ror_service.storage.tables import OutreachTryRow


@pytest.fixture
def case_id(service: Service) -> str:
    """A confirmed finding of somebody who agreed to be contacted; it waits for a counselor to tell of it."""
    case_id, review_id = service.positive()
    service.consent(document=DocumentType.RE_CONTACT)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
    service.confirm(review_id)
    return case_id


def record(service: Service, case_id: str, tried: Tried) -> rules.Plan:
    with service.work(COUNSELOR) as work:
        return outreach.record(work, case_id, tried)


def take_every_step(service: Service, case_id: str) -> None:
    steps, gone = service.context.policy.outreach_steps, 0
    for step in steps:
        service.clock.advance(days=step.day - gone)
        gone = step.day
        record(service, case_id, Tried.NO_ANSWER if step.channel == "call" else Tried.SENT)


def test_nobody_counts_as_not_to_be_reached_before_every_step_was_taken(service: Service, case_id: str) -> None:
    for _ in range(2):
        with pytest.raises(ConflictError, match="not every step"):
            service.disclose(case_id, Disclosure.NO_CONTACT_PATH)
        if not service.rows(OutreachTryRow):
            take_every_step(service, case_id)
    service.clock.advance(days=60)
    service.disclose(case_id, Disclosure.NO_CONTACT_PATH)
    pipeline.release_report(service.context, case_id)
    assert service.state("hereditary_risk") is CaseState.AVAILABLE
    assert len(service.actions("outreach.record")) == len(service.context.policy.outreach_steps)


def test_a_plan_that_is_not_asked_would_let_a_finding_out_untold(
    service: Service, case_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = rules.Plan((), None, None, answered=False, may_be_missed=False, exhausted=True)
    monkeypatch.setattr(rules, "plan", lambda *_: over)
    service.disclose(case_id, Disclosure.NO_CONTACT_PATH)
    assert service.state("hereditary_risk") is CaseState.DISCLOSED


def test_steps_wait_for_their_day_and_end_as_they_can(service: Service, case_id: str) -> None:
    with pytest.raises(InvalidInputError, match="portal, which cannot end as no_answer"):
        record(service, case_id, Tried.NO_ANSWER)
    with pytest.raises(ConflictError, match="missed"):
        record(service, case_id, Tried.MISSED)
    plan = record(service, case_id, Tried.SENT)
    assert plan.next_step is not None
    assert plan.next_step.channel == "call"
    with pytest.raises(ConflictError, match="not before"):
        record(service, case_id, Tried.NO_ANSWER)
    service.clock.advance(days=2)
    assert record(service, case_id, Tried.REACHED).answered
    with pytest.raises(ConflictError, match="no step is left"):
        record(service, case_id, Tried.NO_ANSWER)
    service.schedule(case_id)
    assert record(service, case_id, Tried.MISSED).next_step is not None
    with service.work(COUNSELOR) as work:
        taken = outreach.read(work, case_id).taken
    assert [each.tried for each in taken] == [Tried.SENT, Tried.REACHED, Tried.MISSED]
    assert [event.actor for event in service.actions("outreach.read")] == [COUNSELOR.name]


def test_who_left_or_said_no_is_not_contacted(service: Service, case_id: str) -> None:
    service.clock.advance(minutes=1)
    service.consent(Answer.NO, DocumentType.RE_CONTACT)
    with pytest.raises(ConflictError, match="re_contact_consent_missing"):
        record(service, case_id, Tried.SENT)
    service.standing(PERSON, participation=Participation.DEACTIVATED)
    with pytest.raises(ConflictError, match="no_contact"):
        record(service, case_id, Tried.SENT)
    assert service.rows(OutreachTryRow) == []


def test_there_is_nothing_to_tell_before_a_finding_is_confirmed(service: Service) -> None:
    case_id, _ = service.positive()
    with pytest.raises(IllegalTransitionError, match="no disclosure"):
        record(service, case_id, Tried.SENT)


def test_a_step_that_was_taken_stays(service: Service, case_id: str) -> None:
    record(service, case_id, Tried.SENT)
    for change in ("UPDATE outreach_tries SET tried = 'reached'", "DELETE FROM outreach_tries"):
        with pytest.raises(IntegrityError, match="append-only"), service.work() as work:
            work.session.execute(text(change))
