"""The tables of legal transitions."""

from __future__ import annotations

import pytest

from ror_service import states
from ror_service.errors import IllegalTransitionError
from ror_service.states import CaseState, DeliveryState, RecallState, ReviewState, VersionState

TABLES = [
    (states.CASE, CaseState),
    (states.VERSION, VersionState),
    (states.REVIEW, ReviewState),
    (states.DELIVERY, DeliveryState),
    (states.RECALL, RecallState),
]
ENDS = {
    CaseState.DELETED,
    VersionState.WITHDRAWN,
    ReviewState.CLOSED,
    DeliveryState.RECALLED,
    RecallState.CERTIFIED,
}
CLOSED = {CaseState.REVOKED, CaseState.NOT_DELIVERABLE, CaseState.DELETION_ORDERED, CaseState.DELETED}


@pytest.mark.parametrize(("table", "kind"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_state_has_a_way_out_unless_it_is_an_end(table: states.Transitions, kind: type) -> None:
    assert set(table) == set(kind)
    assert {state for state, targets in table.items() if not targets} == ENDS & set(kind)


@pytest.mark.parametrize(("table", "kind"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_check_refuses_exactly_what_the_table_does_not_list(table: states.Transitions, kind: type) -> None:
    for now in kind:
        for target in kind:
            if target in table[now]:
                states.check(table, now, target)
            else:
                with pytest.raises(IllegalTransitionError, match=f"{now.value} does not lead to {target.value}"):
                    states.check(table, now, target)


def test_every_open_case_can_be_withdrawn_and_ends_deleted() -> None:
    for state in set(CaseState) - CLOSED:
        assert {CaseState.REVOKED, CaseState.NOT_DELIVERABLE} <= states.CASE[state]
    for ending in (CaseState.REVOKED, CaseState.NOT_DELIVERABLE):
        assert states.CASE[ending] == {CaseState.DELETION_ORDERED}
    assert states.CASE[CaseState.DELETION_ORDERED] == {CaseState.DELETED}


def test_every_delivery_can_be_recalled_whatever_became_of_it() -> None:
    for state in set(DeliveryState) - {DeliveryState.RECALLED}:
        assert DeliveryState.RECALLED in states.DELIVERY[state]


def test_a_closed_case_never_opens_again() -> None:
    assert all(states.CASE[state] <= CLOSED for state in CLOSED)


def test_a_reviewed_result_cannot_pass_by_its_review() -> None:
    assert CaseState.RELEASE_READY not in states.CASE[CaseState.IN_REVIEW]
    assert CaseState.RELEASE_READY not in states.CASE[CaseState.CONFIRMING]
    assert CaseState.CLEAR not in states.CASE[CaseState.IN_REVIEW]
