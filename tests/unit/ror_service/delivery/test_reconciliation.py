"""Two ledgers that must agree: every way in which they may not is found, told, and settled where it can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.consent_facts import NOW, PERSON
from support.service import OPERATOR, Service

from ror_service import pipeline, upkeep
from ror_service.delivery import reconciliation
from ror_service.delivery.client import LedgerEntry, LedgerEvent
from ror_service.delivery.reconciliation import EVERY, TASK, Difference, Finding, compare
from ror_service.states import DeliveryState, RecallState
from ror_service.storage import jobs
from ror_service.storage.deliveries import Known
from ror_service.storage.tables import DeliveryRow, JobRow, RecallRow, ReconciliationRow

KEY, DIGEST = "key-1", "d" * 64
BEFORE, AFTER = NOW - timedelta(hours=1), NOW + timedelta(seconds=1)
SENT = Known("P-1", KEY, DIGEST, DeliveryState.RECEIVED, BEFORE, None, None)
INTENDED = replace(SENT, state=DeliveryState.INTENDED, receipt_at=None)
RECALLED = replace(SENT, state=DeliveryState.RECALLED, recall=RecallState.ACKNOWLEDGED, recalled_at=BEFORE)
NEVER_LEFT = replace(INTENDED, state=DeliveryState.RECALLED)


def _entry(event: LedgerEvent, sequence: int, **changes: object) -> LedgerEntry:
    return replace(LedgerEntry(sequence, BEFORE, event, "d-1", KEY, DIGEST, None, None), **changes)


def _accepted(sequence: int = 1, **changes: object) -> LedgerEntry:
    return _entry(LedgerEvent.ACCEPTED, sequence, **changes)


def _recalled(sequence: int = 2, **changes: object) -> LedgerEntry:
    return _entry(LedgerEvent.RECALLED, sequence, **changes)


def _found(known: Known | None, *ledger: LedgerEntry) -> list[Difference]:
    found = compare({} if known is None else {"d-1": known}, ledger, NOW)
    assert all(finding.delivery_id == "d-1" for finding in found)
    return [finding.difference for finding in found]


@pytest.mark.parametrize(
    ("known", "ledger"),
    [
        (SENT, [_accepted()]),
        (replace(SENT, state=DeliveryState.OPENED), [_accepted()]),
        (RECALLED, [_accepted(), _recalled()]),
        (replace(RECALLED, receipt_at=None), [_recalled()]),
        (NEVER_LEFT, []),
        (INTENDED, []),
        (INTENDED, [_accepted()]),
        (replace(INTENDED, state=DeliveryState.QUEUED), []),
        (replace(INTENDED, state=DeliveryState.DEAD_LETTER), []),
        (INTENDED, [_entry(LedgerEvent.REFUSED, 1), _accepted(2)]),
        (replace(RECALLED, recall=RecallState.ORDERED, recalled_at=None), [_accepted()]),
        (replace(SENT, receipt_at=AFTER), []),
        (replace(RECALLED, receipt_at=None, recalled_at=AFTER), []),
        (None, [_entry(LedgerEvent.REFUSED, 1)]),
        (None, [_recalled()]),
    ],
)
def test_what_agrees_or_is_on_its_way_is_no_difference(known: Known | None, ledger: list[LedgerEntry]) -> None:
    assert _found(known, *ledger) == []


@pytest.mark.parametrize(
    ("known", "ledger", "difference"),
    [
        (None, [_accepted()], Difference.NOT_OURS),
        (SENT, [_accepted(idempotency_key="key-2")], Difference.OTHER_CONTENT),
        (SENT, [_accepted(manifest_sha256="e" * 64)], Difference.OTHER_CONTENT),
        (SENT, [_accepted(1), _accepted(2)], Difference.ACCEPTED_TWICE),
        (replace(INTENDED, state=DeliveryState.QUEUED), [_accepted()], Difference.NO_INTENT),
        (replace(INTENDED, state=DeliveryState.DEAD_LETTER), [_accepted()], Difference.RECEIPT_MISSING),
        (SENT, [], Difference.NOT_THERE),
        (NEVER_LEFT, [_accepted()], Difference.NOT_RECALLED),
        (RECALLED, [_accepted()], Difference.RECALL_NOT_THERE),
        (RECALLED, [_recalled(1), _accepted(2)], Difference.ACCEPTED_AFTER_RECALL),
    ],
)
def test_each_difference_is_found(known: Known | None, ledger: list[LedgerEntry], difference: Difference) -> None:
    assert _found(known, *ledger) == [difference]


@given(st.permutations([f"d-{number}" for number in range(6)]), st.integers(0, 6))
def test_a_delivery_says_nothing_about_another(names: list[str], lost: int) -> None:
    known = {name: replace(SENT, idempotency_key=name) for name in names}
    ledger = [_accepted(n, delivery_id=name, idempotency_key=name) for n, name in enumerate(names[lost:], 1)]
    assert compare(known, ledger, NOW) == [Finding(Difference.NOT_THERE, name) for name in sorted(names[:lost])]


# --- With a partner


def _partner(service: Service) -> str:
    return service.partner.registration.partner_id


def _last(service: Service) -> list[str]:
    return [found["difference"] for found in service.rows(ReconciliationRow)[-1].differences]


def _change(service: Service, **facts: object) -> None:
    """Change our row as a restored backup would."""
    with service.work(OPERATOR) as work:
        row = work.session.get_one(DeliveryRow, service.delivery().delivery_id)
        for name, value in facts.items():
            setattr(row, name, value)


@pytest.fixture
def delivered(delivering: Service) -> Service:
    """A service whose one report arrived."""
    delivering.available()
    delivering.run_jobs()
    delivering.clock.advance(minutes=1)
    return delivering


def test_a_partner_with_whom_we_agree(delivered: Service) -> None:
    upkeep.reconcile_partner(delivered.context, _partner(delivered))
    (row,) = delivered.rows(ReconciliationRow)
    assert (row.entries, row.deliveries, row.differences) == (1, 1, [])
    (event,) = delivered.actions("partner.reconcile")
    assert event.details == {"deliveries": 1, "differences": 0}


def test_what_was_given_up_and_arrived_all_the_same_gets_its_receipt(delivered: Service) -> None:
    _change(delivered, state=DeliveryState.DEAD_LETTER.value)
    upkeep.reconcile_partner(delivered.context, _partner(delivered))
    assert _last(delivered) == ["receipt_missing"]
    (event,) = delivered.actions("delivery.difference")
    assert (event.participant_id, event.details["difference"]) == (PERSON, "receipt_missing")
    assert delivered.job("deliver_report", delivered.delivery().delivery_id).done_at is None, "ordered again"


def test_what_arrived_though_it_should_never_have_left_is_recalled(delivered: Service) -> None:
    _change(delivered, state=DeliveryState.RECALLED.value, intended_at=None)
    upkeep.reconcile_partner(delivered.context, _partner(delivered))
    assert _last(delivered) == ["not_recalled"]
    delivered.run_jobs()
    (recall,) = delivered.rows(RecallRow)
    assert (recall.cause, recall.state) == ("reconciliation", RecallState.ACKNOWLEDGED)
    delivered.clock.advance(minutes=1)
    upkeep.reconcile_partner(delivered.context, _partner(delivered))
    assert _last(delivered) == [], "and then the ledgers agree"


def test_a_service_that_settles_nothing_is_caught(delivered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "recall_what_left", lambda *_: None)
    _change(delivered, state=DeliveryState.RECALLED.value, intended_at=None)
    for _ in range(2):
        upkeep.reconcile_partner(delivered.context, _partner(delivered))
        delivered.run_jobs()
    assert _last(delivered) == ["not_recalled"]


def test_the_comparison_is_ordered_once_a_day(delivered: Service) -> None:
    def order() -> list[JobRow]:
        with delivered.work(OPERATOR) as work:
            reconciliation.order_due(work)
        return [row for row in delivered.rows(JobRow, JobRow.task == TASK) if row.done_at is None]

    assert [job.subject_id for job in order()] == [_partner(delivered)], "never compared"
    assert len(order()) == 1
    delivered.run_jobs()
    assert order() == []
    delivered.clock.advance(hours=EVERY / timedelta(hours=1), seconds=1)
    assert len(order()) == 1


def test_a_comparison_that_was_given_up_waits_for_its_operator(delivered: Service) -> None:
    with delivered.work(OPERATOR) as work:
        reconciliation.order_due(work)
        work.session.flush()
        job = work.session.query(JobRow).where(JobRow.task == TASK).one()
        job.dead_at = work.at
    with delivered.work(OPERATOR) as work:
        reconciliation.order_due(work)
        assert jobs.open_jobs(work.session) == []


def test_the_step_is_a_job() -> None:
    assert pipeline.STEPS[TASK] is upkeep.reconcile_partner
