"""Nobody is contacted who may not be; the steps come one after the other, and an end only after all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.consent_facts import NOW, POLICY, consent, history, module_decision

from consent import outreach
from consent.outreach import Plan, Tried, Try, fits, stop_reasons
from consent.policy import OutreachStep
from consent.types import Answer, DocumentType, History, ModuleAnswer, Participation, VitalStatus

MODULE = "hereditary_risk"
DAY = timedelta(days=1)
ASKED = history()
REACHABLE = replace(ASKED, consents=(*ASKED.consents, consent(DocumentType.RE_CONTACT)))
"""Somebody who asks for the result and agreed to be contacted."""
STOPS: dict[str, Callable[[History], History]] = {
    "deceased": lambda known: replace(known, vital_status=VitalStatus.DECEASED),
    "death_reported": lambda known: replace(known, vital_status=VitalStatus.DEATH_REPORTED),
    "withdrawn": lambda known: replace(known, participation=Participation.WITHDRAWN),
    "no_contact": lambda known: replace(known, participation=Participation.DEACTIVATED),
    "re_contact_consent_missing": lambda known: replace(known, consents=known.consents[:-1]),
    "consent_revoked": lambda known: replace(
        known,
        consents=(*known.consents, consent(event_id="later", answer=Answer.NO, authored_at=NOW - DAY / 2)),
    ),
    "informing_loop_no": lambda known: replace(known, decisions=(module_decision(MODULE, answer=ModuleAnswer.NO),)),
}


def planned(tries: list[Try], known: History = REACHABLE, days: float = 0) -> Plan:
    return outreach.plan(known, MODULE, POLICY, tries, NOW + days * DAY)


def tried_all(last: Tried = Tried.SENT) -> list[Try]:
    steps = POLICY.outreach_steps
    told = [Tried.NO_ANSWER if step.channel == "call" else Tried.SENT for step in steps]
    return [Try(step.channel, how, NOW + step.day * DAY) for step, how in zip(steps, [*told[:-1], last], strict=True)]


def test_the_steps_come_in_their_order_and_time() -> None:
    tries: list[Try] = []
    for step in POLICY.outreach_steps:
        plan = planned(tries, days=step.day)
        assert (plan.next_step, plan.due_at, plan.exhausted) == (step, NOW + step.day * DAY, False)
        tries.append(Try(step.channel, Tried.WRONG_CONTACT, NOW + step.day * DAY))
    assert planned(tries, days=POLICY.give_up_days - 1) == Plan(
        (), None, None, answered=False, may_be_missed=False, exhausted=False
    )
    assert planned(tries, days=POLICY.give_up_days).exhausted


@pytest.mark.parametrize("reason", STOPS)
@pytest.mark.parametrize("tries", [[], tried_all()], ids=["none", "all"])
def test_who_may_not_be_contacted_is_not_and_nothing_ends_meanwhile(reason: str, tries: list[Try]) -> None:
    known = STOPS[reason](REACHABLE)
    assert reason in stop_reasons(known, MODULE, POLICY, NOW)
    plan = planned(tries, known, days=POLICY.give_up_days)
    assert reason in plan.stopped
    assert (plan.next_step, plan.due_at, plan.exhausted) == (None, None, False)


@pytest.mark.parametrize("answer", [Tried.REACHED, Tried.DECLINED, Tried.ASKED])
def test_who_answered_is_left_alone(answer: Tried) -> None:
    plan = planned([Try("portal", answer, NOW)], days=POLICY.give_up_days)
    assert plan.answered
    assert (plan.next_step, plan.exhausted) == (None, False)
    assert not planned([*tried_all(), Try("portal", answer, NOW)], days=POLICY.give_up_days).exhausted


def test_a_missed_appointment_lets_the_steps_go_on() -> None:
    tries = [Try("portal", Tried.REACHED, NOW)]
    assert planned(tries).may_be_missed
    tries.append(Try("appointment", Tried.MISSED, NOW + 5 * DAY))
    plan = planned(tries, days=5)
    assert plan.next_step == POLICY.outreach_steps[1]
    assert not plan.answered
    assert not plan.may_be_missed
    assert not planned([Try("portal", Tried.DECLINED, NOW)]).may_be_missed


@pytest.mark.parametrize("channel", ["portal", "email", "sms", "letter"])
def test_a_message_is_sent_and_a_call_is_answered_or_not(channel: str) -> None:
    assert fits(OutreachStep(channel, 0), Tried.SENT)
    assert not fits(OutreachStep(channel, 0), Tried.NO_ANSWER)
    assert not fits(OutreachStep("call", 0), Tried.SENT)
    assert fits(OutreachStep("call", 0), Tried.MESSAGE_LEFT)
    assert not fits(OutreachStep("call", 0), Tried.MISSED)


@given(
    how=st.lists(st.sampled_from(Tried), max_size=9),
    stops=st.sets(st.sampled_from(sorted(STOPS)), max_size=2),
    days=st.integers(0, 100),
)
def test_a_plan_never_says_two_things(how: list[Tried], stops: set[str], days: int) -> None:
    known = REACHABLE
    for stop in stops:
        known = STOPS[stop](known)
    plan = planned([Try("call", each, NOW + at * DAY) for at, each in enumerate(how)], known, days)
    goes_on = plan.next_step is not None
    assert goes_on == (plan.due_at is not None)
    assert goes_on + bool(plan.stopped) + (plan.answered and not plan.stopped) + plan.exhausted <= 1
    assert not plan.exhausted or sum(each not in outreach.NO_STEPS for each in how) >= len(POLICY.outreach_steps)
