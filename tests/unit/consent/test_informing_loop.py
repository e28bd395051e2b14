"""What is put off is offered again at a date, a few times, and never to somebody who must not be asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.consent_facts import NOW, POLICY, consent, history, hours, module_decision

from consent.informing_loop import is_offered_again, may_be_contacted, offered_again_at
from consent.types import (
    Answer,
    DocumentType,
    History,
    ModuleAnswer,
    ModuleDecision,
    Participation,
    Validation,
    VitalStatus,
)

LATER = ModuleAnswer.MAYBE_LATER
LONG_AGO = NOW - timedelta(days=200)
AGREED = consent(DocumentType.RE_CONTACT)


def put_off(times: int = 1, **changes: object) -> tuple[ModuleDecision, ...]:
    """So many "maybe later" in a row, the last one 200 days ago."""
    return tuple(
        module_decision(
            "traits", event_id=f"later-{n}", authored_at=LONG_AGO - hours(times - n), answer=LATER, **changes
        )
        for n in range(1, times + 1)
    )


def person(**changes: object) -> History:
    return history(**({"decisions": put_off()} | changes))


def test_an_offer_comes_again_on_its_day_and_not_before() -> None:
    due = LONG_AGO + timedelta(days=POLICY.re_offer_days)
    assert offered_again_at(put_off(), POLICY) == due
    assert is_offered_again(person(), "traits", POLICY, due)
    assert not is_offered_again(person(), "traits", POLICY, due - timedelta(seconds=1))


@pytest.mark.parametrize("times", range(1, 6))
def test_it_comes_again_a_few_times_in_a_row_and_then_rests(times: int) -> None:
    assert is_offered_again(person(decisions=put_off(times)), "traits", POLICY, NOW) is (times <= POLICY.most_re_offers)


@pytest.mark.parametrize("answer", [ModuleAnswer.YES, ModuleAnswer.NO])
def test_another_answer_ends_the_row(answer: ModuleAnswer) -> None:
    rows = put_off(4)
    among = (rows[0], replace(rows[1], answer=answer), *rows[2:])
    assert is_offered_again(person(decisions=among), "traits", POLICY, NOW)
    last = (*rows[:3], replace(rows[3], answer=answer))
    assert offered_again_at(last, POLICY) is None


def test_nothing_was_put_off_by_somebody_who_never_answered() -> None:
    assert offered_again_at((), POLICY) is None
    assert not is_offered_again(person(), "ancestry", POLICY, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        *({"vital_status": status} for status in VitalStatus if status is not VitalStatus.ALIVE),
        *({"participation": standing} for standing in Participation if standing is not Participation.ACTIVE),
    ],
    ids=str,
)
def test_nobody_is_asked_who_must_not_be(changes: dict[str, object]) -> None:
    assert not is_offered_again(person(**changes), "traits", POLICY, NOW)
    assert not may_be_contacted(person(consents=(AGREED,), **changes), NOW)


@pytest.mark.parametrize(
    ("records", "allowed"),
    [
        ((), False),
        ((AGREED,), True),
        ((consent(DocumentType.RESEARCH_USE),), False),
        ((replace(AGREED, answer=Answer.NOT_SURE),), False),
        ((replace(AGREED, answer=Answer.NO),), False),
        ((replace(AGREED, validation=Validation.INVALID),), False),
        ((replace(AGREED, authored_at=NOW + hours(1)),), False),
        ((AGREED, replace(AGREED, event_id="no", answer=Answer.NO, authored_at=NOW - hours(1))), False),
    ],
)
def test_outreach_needs_a_yes_to_contact_and_an_offer_where_the_policy_says_so(
    records: tuple[object, ...], allowed: bool
) -> None:
    strict = replace(POLICY, re_offer_needs_re_contact_consent=True)
    assert may_be_contacted(person(consents=records), NOW) is allowed
    assert is_offered_again(person(consents=records), "traits", strict, NOW) is allowed
    assert is_offered_again(person(consents=records), "traits", POLICY, NOW)
