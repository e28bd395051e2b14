"""Intent before effect, one key, one copy, a recall for every intent; and that the checker sees when it is not so."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.consent_facts import PERSON
from support.service import LEASE, OPERATOR, PIPELINE, Service, dead_jobs, running_partner

from consent.types import Answer, ModuleAnswer, Participation, VitalStatus
from ror_service import participants, pipeline
from ror_service.delivery import dispatch
from ror_service.delivery.client import LedgerEvent, PartnerClient
from ror_service.errors import (
    DeliveryRecalledError,
    DeliveryRefusedError,
    DeliveryUnavailableError,
    IllegalTransitionError,
)
from ror_service.sandbox.partner_faults import Fault
from ror_service.sealing.receipts import ReceiptStatus
from ror_service.states import CaseState, DeliveryState, RecallState
from ror_service.storage import jobs, organizations, results
from ror_service.storage.tables import DeliveryAttemptRow, DeliveryRow, JobRow, RecallRow, ReceiptRow, ResultCaseRow


@pytest.fixture
def queued(delivering: Service) -> Service:
    """A service with one report that waits to be sent."""
    delivering.available()
    return delivering


def _intend(service: Service) -> bool:
    delivery_id = service.delivery().delivery_id
    with service.work(PIPELINE) as work:
        return dispatch.intend(work, delivery_id, LEASE)


def _client(service: Service) -> PartnerClient:
    with service.work(PIPELINE) as work:
        return service.context.partner_client(work, service.partner.registration.partner_id)


def _kinds(service: Service) -> list[LedgerEvent]:
    return [entry.event for entry in service.partner.ledger.entries()]


def _later(service: Service) -> None:
    """Let every pause between tries pass, and run what is due."""
    for _ in range(4):
        service.clock.advance(hours=5)
        service.run_jobs()


# --- The way of a delivery


def test_a_report_is_sealed_and_queued_and_nothing_leaves_before_its_job_runs(queued: Service) -> None:
    delivery = queued.delivery()
    assert (delivery.state, delivery.intended_at) == (DeliveryState.QUEUED, None)
    assert delivery.bundle is not None
    assert PERSON.encode() not in delivery.bundle
    assert not _kinds(queued)
    assert queued.job("deliver_report", delivery.delivery_id).done_at is None


def test_the_way_of_a_delivery(queued: Service) -> None:
    queued.run_jobs()
    delivery = queued.delivery()
    assert (delivery.state, delivery.bundle) == (DeliveryState.RECEIVED, None)
    assert queued.state() is CaseState.DELIVERED
    (receipt,) = queued.rows(ReceiptRow)
    assert (receipt.status, receipt.manifest_sha256) == (ReceiptStatus.ACCEPTED, delivery.manifest_sha256)
    (attempt,) = queued.rows(DeliveryAttemptRow)
    assert attempt.action == "deliver"
    order = [row.action for row in queued.actions("delivery.intend", "delivery.received")]
    assert order == ["delivery.intend", "delivery.received"]
    assert _kinds(queued) == [LedgerEvent.ACCEPTED]
    assert queued.violations() == []


def test_the_intent_is_committed_before_anything_leaves(queued: Service) -> None:
    queued.partner.faults.next(Fault.RESET)
    with pytest.raises(DeliveryUnavailableError):
        pipeline.deliver_report(queued.context, queued.delivery().delivery_id)
    assert queued.delivery().state == DeliveryState.INTENDED
    assert queued.delivery().intended_at == queued.clock.now
    assert not _kinds(queued)


def test_the_key_is_the_same_over_tries_and_tells_the_partner_nothing(queued: Service) -> None:
    key = queued.delivery().idempotency_key
    queued.partner.faults.next(Fault.INTERNAL_ERROR, Fault.UNAVAILABLE, Fault.LOST_ACKNOWLEDGEMENT)
    queued.run_jobs()
    _later(queued)
    assert {entry.idempotency_key for entry in queued.partner.ledger.entries()} == {key}
    assert len(queued.rows(DeliveryAttemptRow)) == 4
    assert PERSON not in key
    assert queued.violations() == []


def test_an_acknowledgement_that_is_lost_leads_to_one_accepted_copy(queued: Service) -> None:
    queued.partner.faults.next(Fault.LOST_ACKNOWLEDGEMENT)
    queued.run_jobs()
    assert queued.delivery().state == DeliveryState.INTENDED
    assert _kinds(queued) == [LedgerEvent.ACCEPTED], "it arrived, and nobody here knows"
    _later(queued)
    assert queued.delivery().state == DeliveryState.RECEIVED
    assert _kinds(queued) == [LedgerEvent.ACCEPTED]
    assert queued.violations() == []


def test_a_delivery_that_arrived_is_not_sent_again(queued: Service) -> None:
    queued.run_jobs()
    assert _intend(queued) is False
    pipeline.deliver_report(queued.context, queued.delivery().delivery_id)
    with queued.work(PIPELINE) as work:
        assert dispatch.shipment(work, work.session.query(DeliveryRow).one().delivery_id) is None
    assert len(queued.rows(DeliveryAttemptRow)) == 1


def test_each_partner_gets_its_own_copy_under_its_own_key(delivering: Service, tmp_path: object) -> None:
    with running_partner(delivering, tmp_path / "second", "second-partner"):
        delivering.available()
        delivering.run_jobs()
        first, second = delivering.rows(DeliveryRow)
        assert {first.partner_id, second.partner_id} == {"sandbox-partner", "second-partner"}
        assert first.idempotency_key != second.idempotency_key
        assert {first.state, second.state} == {DeliveryState.RECEIVED}
        delivering.withdraw()
        assert delivering.state() is CaseState.DELETION_ORDERED
        one, other = delivering.rows(RecallRow)
        pipeline.recall_delivery(delivering.context, one.recall_id)
        assert delivering.state() is CaseState.DELETION_ORDERED, "one partner has not yet said so"
        pipeline.recall_delivery(delivering.context, other.recall_id)
        assert delivering.state() is CaseState.DELETED


# --- What comes between intent and send


def test_a_withdrawal_between_intent_and_send_sends_nothing_and_orders_a_recall(queued: Service) -> None:
    assert _intend(queued)
    queued.withdraw()
    pipeline.deliver_report(queued.context, queued.delivery().delivery_id)
    assert not _kinds(queued)
    assert len(queued.rows(RecallRow)) == 1
    queued.run_jobs()
    assert _kinds(queued) == [LedgerEvent.RECALLED], "a tombstone for what may still arrive"
    assert queued.state() is CaseState.DELETED
    assert queued.violations() == []


def test_the_gate_is_asked_at_the_intent_and_again_at_the_send(queued: Service) -> None:
    queued.standing(vital_status=VitalStatus.DEATH_REPORTED)
    assert _intend(queued) is False
    assert queued.delivery().state == DeliveryState.QUEUED
    queued.standing(vital_status=VitalStatus.ALIVE)
    assert _intend(queued)
    queued.standing(vital_status=VitalStatus.DEATH_REPORTED)
    pipeline.deliver_report(queued.context, queued.delivery().delivery_id)
    with queued.work(PIPELINE) as work:
        assert dispatch.shipment(work, work.session.query(DeliveryRow).one().delivery_id) is None
    assert not _kinds(queued)


def test_nothing_is_queued_that_the_gate_withholds(delivering: Service) -> None:
    service = delivering
    service.available()
    case_id = service.case().case_id
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    with service.work(PIPELINE) as work:
        case = results.must_get(work.session, ResultCaseRow, case_id)
        version = results.versions_of_cases(work.session, [case.case_id])[0]
        partner = service.context.partners(work)[0]
        dispatch.queue(work, service.context.sender, partner, case=case, version=version, artifacts=())
    assert len(service.rows(DeliveryRow)) == 1


# --- Refusals


def test_a_refusal_goes_to_an_operator_who_can_try_again(queued: Service) -> None:
    queued.partner.faults.next(Fault.REFUSED)
    queued.run_jobs()
    assert queued.delivery().state == DeliveryState.DEAD_LETTER
    (dead,) = dead_jobs(queued)
    assert (dead.task, dead.last_error) == ("deliver_report", "delivery_refused")
    _later(queued)
    assert not _kinds(queued), "nobody tries by itself"
    with queued.work(OPERATOR) as work:
        assert jobs.revive(work.session, dead.job_id, work.at)
    queued.run_jobs()
    assert queued.delivery().state == DeliveryState.RECEIVED
    assert queued.violations() == []


def test_a_tombstone_at_the_partner_ends_the_delivery(queued: Service) -> None:
    delivery = queued.delivery()
    _client(queued).recall(
        delivery.delivery_id, delivery.idempotency_key, delivery.manifest_sha256, "consent_withdrawn"
    )
    queued.run_jobs()
    assert queued.delivery().state == DeliveryState.DEAD_LETTER
    (dead,) = dead_jobs(queued)
    assert dead.last_error == "delivery_recalled"
    assert LedgerEvent.ACCEPTED not in _kinds(queued)


def test_giving_up_what_is_no_longer_under_way_changes_nothing(queued: Service) -> None:
    delivery_id = queued.delivery().delivery_id
    with queued.work(PIPELINE) as work:
        dispatch.give_up(work, delivery_id)
    assert queued.delivery().state == DeliveryState.QUEUED
    assert not queued.actions("delivery.dead_letter")


def test_a_receipt_for_what_was_not_sent_is_refused(queued: Service) -> None:
    delivery_id = queued.delivery().delivery_id
    with queued.work(PIPELINE) as work, pytest.raises(IllegalTransitionError):
        dispatch.received(work, delivery_id, None)


# --- Recalls


def test_a_late_send_after_the_recall_is_refused_by_the_partner(queued: Service) -> None:
    delivery = queued.delivery()
    assert _intend(queued)
    queued.withdraw()
    queued.run_jobs()
    with pytest.raises(DeliveryRecalledError):
        _client(queued).deliver(delivery.delivery_id, delivery.idempotency_key, delivery.bundle)
    assert _kinds(queued) == [LedgerEvent.RECALLED, LedgerEvent.REFUSED]
    assert queued.violations() == []


def test_a_case_is_deleted_only_when_its_recall_is_acknowledged(queued: Service) -> None:
    queued.run_jobs()
    queued.partner.faults.next(Fault.RESET, Fault.LOST_ACKNOWLEDGEMENT)
    queued.withdraw()
    queued.run_jobs()
    assert queued.state() is CaseState.DELETION_ORDERED
    _later(queued)
    assert queued.state() is CaseState.DELETED
    (recall,) = queued.rows(RecallRow)
    assert recall.state == RecallState.CERTIFIED
    assert [row.status for row in queued.rows(ReceiptRow)] == [ReceiptStatus.ACCEPTED, ReceiptStatus.RECALLED]
    assert not queued.partner.opened_folder(recall.delivery_id).exists()


def test_an_acknowledgement_that_comes_twice_counts_once(queued: Service) -> None:
    queued.run_jobs()
    queued.withdraw()
    (recall,) = queued.rows(RecallRow)
    pipeline.recall_delivery(queued.context, recall.recall_id)
    pipeline.recall_delivery(queued.context, recall.recall_id)
    with queued.work(PIPELINE) as work:
        dispatch.recall_acknowledged(work, recall.recall_id, None)
    assert len(queued.actions("recall.acknowledged")) == 1
    assert _kinds(queued).count(LedgerEvent.RECALLED) == 1


def test_a_recall_is_tried_for_ever_while_the_partner_is_away(queued: Service) -> None:
    queued.run_jobs()
    queued.partner.faults.always(Fault.UNAVAILABLE)
    queued.withdraw()
    for _ in range(3):
        queued.run_jobs()
        queued.clock.advance(hours=30)
    assert not dead_jobs(queued)
    queued.run_jobs()
    queued.partner.faults.clear()
    _later(queued)
    assert queued.state() is CaseState.DELETED
    assert queued.violations() == []


# --- Opened at the partner


def test_an_opened_delivery_names_its_version(queued: Service) -> None:
    queued.run_jobs()
    delivery = queued.delivery()
    for _ in range(2):
        with queued.work(PIPELINE) as work:
            assert dispatch.opened(work, delivery.delivery_id, "sandbox-partner") == delivery.version_id
    assert queued.delivery().state == DeliveryState.OPENED
    with queued.work(PIPELINE) as work:
        assert dispatch.opened(work, delivery.delivery_id, "another-partner") is None
    queued.withdraw()
    with queued.work(PIPELINE) as work:
        assert dispatch.opened(work, delivery.delivery_id, "sandbox-partner") is None


# --- The checker sees what is broken


def _unchecked_shipment(change: Callable[[dispatch.Shipment], dispatch.Shipment]) -> Callable[..., object]:
    """A shipment from the row alone, whatever the gate would say."""

    def shipment(work: object, delivery_id: str) -> object:
        row = results.must_get(work.session, DeliveryRow, delivery_id)
        ready = dispatch.Shipment(row.delivery_id, row.partner_id, row.idempotency_key, row.bundle)
        return SimpleNamespace(payload=change(ready))

    return shipment


def test_the_checker_sees_a_withdrawal_without_recall(queued: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    queued.run_jobs()
    monkeypatch.setattr(participants, "order_recall", lambda *_: False)
    queued.withdraw()
    queued.run_jobs()
    assert "withdrawn and not recalled" in queued.violations()


def test_the_checker_sees_a_gate_that_is_not_asked_at_the_send(
    queued: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "shipment", _unchecked_shipment(lambda ready: ready))
    assert _intend(queued)
    monkeypatch.setattr(dispatch, "intend", lambda *_: True)
    queued.standing(vital_status=VitalStatus.DEATH_REPORTED)
    queued.run_jobs()
    assert "accepted after it was forbidden" in queued.violations()


def test_the_checker_sees_a_new_key_at_each_try(queued: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def new_key(ready: dispatch.Shipment) -> dispatch.Shipment:
        return replace(ready, idempotency_key=uuid.uuid4().hex)

    monkeypatch.setattr(dispatch, "shipment", _unchecked_shipment(new_key))
    queued.partner.faults.next(Fault.LOST_ACKNOWLEDGEMENT)
    queued.run_jobs()
    _later(queued)
    assert "delivered twice" in queued.violations()


def test_the_checker_sees_an_acknowledgement_before_the_send(queued: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(context: object, delivery_id: str) -> None:
        with context.transaction(PIPELINE) as work:
            if not dispatch.intend(work, delivery_id, LEASE):
                return
            row = results.must_get(work.session, DeliveryRow, delivery_id)
            row.state = DeliveryState.RECEIVED.value
            ready = dispatch.Shipment(row.delivery_id, row.partner_id, row.idempotency_key, row.bundle)
        _client(queued).deliver(ready.delivery_id, ready.idempotency_key, ready.bundle)

    monkeypatch.setitem(pipeline.STEPS, "deliver_report", deliver)
    queued.partner.faults.next(Fault.RESET)
    queued.run_jobs()
    _later(queued)
    found = queued.violations()
    assert "said to be delivered and is not" in found
    assert "delivered without an audit event" in found


def test_the_checker_sees_a_delivery_that_was_forgotten(queued: Service) -> None:
    with queued.work() as work:
        for row in work.session.query(JobRow):
            row.done_at = work.at
    queued.run_jobs()
    assert queued.violations() == ["consented and healthy and not delivered"]


# --- All together: orders of events, each with the same promises kept


STEPS: dict[str, Callable[[Service], None]] = {
    "lost": lambda service: service.partner.faults.next(Fault.LOST_ACKNOWLEDGEMENT),
    "reset": lambda service: service.partner.faults.next(Fault.RESET),
    "run": lambda service: service.run_jobs(),
    "revoke": lambda service: service.choose(ModuleAnswer.NO, authored_at=service.clock.advance(minutes=1)),
    "consent": lambda service: service.choose(ModuleAnswer.YES, authored_at=service.clock.advance(minutes=1)),
    "no": lambda service: service.consent(Answer.NO, authored_at=service.clock.advance(minutes=1)),
    "death": lambda service: service.standing(vital_status=VitalStatus.DEATH_REPORTED),
    "alive": lambda service: (service.standing(vital_status=VitalStatus.ALIVE), service.forbidden_after.clear()),
    "withdraw": lambda service: service.withdraw(),
    "deactivate": lambda service: service.standing(participation=Participation.DEACTIVATED),
}


@pytest.mark.parametrize(
    "schedule",
    [
        "lost run revoke",
        "lost run revoke consent",
        "reset run revoke run consent",
        "run revoke consent no",
        "death run alive",
        "reset run death run alive",
        "lost run withdraw",
        "deactivate lost run",
        "run death withdraw",
        "lost run death alive revoke",
    ],
)
def test_the_promises_hold_in_every_order(queued: Service, schedule: str) -> None:
    for step in schedule.split():
        STEPS[step](queued)
    _later(queued)
    if queued.state() is CaseState.ACCEPTED:
        queued.found()
        _later(queued)
        assert queued.state() is CaseState.DELIVERED
    assert queued.violations() == []
    assert not dead_jobs(queued)


def test_a_partner_without_recall_needs_an_operator(queued: Service) -> None:
    queued.run_jobs()
    document = queued.partner.registration.to_document() | {"recall_supported": False}
    with queued.work(OPERATOR) as work:
        organizations.register_partner(work.session, document["partner_id"], document, work.at)
    queued.withdraw()
    queued.run_jobs()
    (dead,) = dead_jobs(queued)
    assert (dead.task, dead.last_error) == ("recall_delivery", DeliveryRefusedError.code)
    assert queued.state() is CaseState.DELETION_ORDERED
