"""Deliveries and recalls as rows: intent before effect, one stable key, one copy, a recall for every intent."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from consent.gate import Release, Withheld
from ror_service import cases, certificates, states
from ror_service.delivery import breaker
from ror_service.delivery.client import VerifiedReceipt
from ror_service.delivery.partners import Partner
from ror_service.sealing.bundle import Artifact, BundleContent, Priority, build_bundle, manifest_digest
from ror_service.sealing.signing import Signer
from ror_service.states import CaseState, DeliveryState, RecallState
from ror_service.storage import participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import (
    DeliveryAttemptRow,
    DeliveryRow,
    RecallRow,
    ReceiptRow,
    ReportVersionRow,
    ResultCaseRow,
)
from ror_service.work import Work, new_id


@dataclass(frozen=True, slots=True)
class Sender:
    """The service as partners know it."""

    signer: Signer
    idempotency_secret: bytes
    """Key of the hash that names a delivery; must outlive every rotation of the signing key."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """What is sent: the same bytes under the same key at every try."""

    delivery_id: str
    partner_id: str
    idempotency_key: str
    bundle: bytes


@dataclass(frozen=True, slots=True)
class RecallOrder:
    """What is called back."""

    delivery_id: str
    partner_id: str
    idempotency_key: str
    manifest_sha256: str
    cause: str


def queue(
    work: Work,
    sender: Sender,
    partner: Partner,
    *,
    case: ResultCaseRow,
    version: ReportVersionRow,
    artifacts: tuple[Artifact, ...],
    urgent: bool = False,
) -> None:
    """Seal a report version to a partner and queue it, if the gate lets it through."""
    delivery_id = new_id("delivery")
    content = BundleContent(
        delivery_id=delivery_id,
        participant_id=case.participant_id,
        module=case.module,
        report_id=version.report_id,
        version=version.number,
        kind=version.kind,
        supersedes=version.number - 1 or None,
        priority=Priority.URGENT if urgent else Priority.ROUTINE,
        artifacts=artifacts,
    )
    outcome = cases.ask_gate(work, case, content, "seal")
    if isinstance(outcome, Withheld):
        return
    sealed = build_bundle(
        outcome, recipient=partner.recipient_key_at(work.at), signer=sender.signer, created_at=work.at
    )
    work.session.add(
        DeliveryRow(
            delivery_id=delivery_id,
            version_id=version.version_id,
            case_id=case.case_id,
            participant_id=case.participant_id,
            partner_id=partner.partner_id,
            idempotency_key=_idempotency_key(sender, case, version, partner),
            state=DeliveryState.QUEUED.value,
            manifest_sha256=manifest_digest(sealed),
            bundle=sealed,
            created_at=work.at,
        )
    )
    work.session.flush()
    work.enqueue("deliver_report", delivery_id, urgent=urgent)


def intend(work: Work, delivery_id: str, trial: timedelta) -> bool:
    """Write down, under the consent lock, that a delivery is about to leave. False when it must not or need not.

    Args:
        work: The transaction.
        delivery_id: The delivery.
        trial: How long one send may take, where it is the trial of a partner that did not answer lately.

    Raises:
        PartnerPausedError: If the partner is left alone for now.
    """
    delivery, case = _locked(work, delivery_id)
    if DeliveryState(delivery.state) not in {DeliveryState.QUEUED, DeliveryState.INTENDED, DeliveryState.DEAD_LETTER}:
        return False
    if isinstance(cases.ask_gate(work, case, None, "send"), Withheld):
        return False
    breaker.admit(work, delivery.partner_id, trial)
    if DeliveryState(delivery.state) is not DeliveryState.INTENDED:
        states.move(states.DELIVERY, delivery, DeliveryState.INTENDED)
    delivery.intended_at = delivery.intended_at or work.at
    work.session.add(
        DeliveryAttemptRow(
            attempt_id=new_id("attempt"),
            delivery_id=delivery_id,
            action="deliver",
            outcome="begun",
            attempted_at=work.at,
        )
    )
    work.audit("delivery.intend", "delivery", delivery_id, delivery.participant_id, partner=delivery.partner_id)
    return True


def shipment(work: Work, delivery_id: str) -> Release[Shipment] | None:
    """What to send now, or None. The consent lock is held until the transaction ends: send before that."""
    participant_id = results.must_get(work.session, DeliveryRow, delivery_id).participant_id
    participants.stand_in_line(work.session, participant_id)
    delivery, case = _locked(work, delivery_id)
    if DeliveryState(delivery.state) is not DeliveryState.INTENDED or delivery.bundle is None:
        return None
    ready = Shipment(delivery_id, delivery.partner_id, delivery.idempotency_key, delivery.bundle)
    outcome = cases.ask_gate(work, case, ready, "send")
    return outcome if isinstance(outcome, Release) else None


def received(work: Work, delivery_id: str, verified: VerifiedReceipt) -> None:
    """Keep the partner's receipt, with state and audit event in the transaction of the send."""
    delivery = results.must_get(work.session, DeliveryRow, delivery_id)
    case = results.must_get(work.session, ResultCaseRow, delivery.case_id, lock=True)
    states.move(states.DELIVERY, delivery, DeliveryState.RECEIVED)
    delivery.bundle = None
    breaker.answered(work, delivery.partner_id)
    _keep_receipt(work, delivery, verified)
    if CaseState(case.state) is CaseState.AVAILABLE:
        cases.advance(work, case, CaseState.DELIVERED)
    work.audit(
        "delivery.received", "delivery", delivery_id, delivery.participant_id, manifest_sha256=delivery.manifest_sha256
    )


def give_up(work: Work, delivery_id: str) -> None:
    """Set a delivery aside for an operator."""
    delivery, _ = _locked(work, delivery_id)
    if DeliveryState(delivery.state) is DeliveryState.INTENDED:
        states.move(states.DELIVERY, delivery, DeliveryState.DEAD_LETTER)
        work.audit("delivery.dead_letter", "delivery", delivery_id, delivery.participant_id)


def recall_order(work: Work, recall_id: str) -> RecallOrder | None:
    """What to call back, or None when the partner acknowledged already."""
    recall = results.must_get(work.session, RecallRow, recall_id, lock=True)
    if recall.acknowledged_at is not None:
        return None
    if RecallState(recall.state) is RecallState.ORDERED:
        states.move(states.RECALL, recall, RecallState.SENT)
        recall.sent_at = work.at
    delivery = results.must_get(work.session, DeliveryRow, recall.delivery_id)
    work.session.add(
        DeliveryAttemptRow(
            attempt_id=new_id("attempt"),
            delivery_id=delivery.delivery_id,
            action="recall",
            outcome="begun",
            attempted_at=work.at,
        )
    )
    return RecallOrder(
        delivery.delivery_id, delivery.partner_id, delivery.idempotency_key, delivery.manifest_sha256, recall.cause
    )


def recall_acknowledged(work: Work, recall_id: str, verified: VerifiedReceipt) -> None:
    """Keep the partner's acknowledgement; the last one of a case certifies its deletion."""
    recall = results.must_get(work.session, RecallRow, recall_id)
    delivery, case = _locked(work, recall.delivery_id)
    recall = results.must_get(work.session, RecallRow, recall_id, lock=True)
    if recall.acknowledged_at is not None:
        return
    states.move(states.RECALL, recall, RecallState.ACKNOWLEDGED)
    recall.acknowledged_at = work.at
    breaker.answered(work, delivery.partner_id)
    _keep_receipt(work, delivery, verified)
    work.session.flush()
    work.audit("recall.acknowledged", "delivery", delivery.delivery_id, delivery.participant_id, cause=recall.cause)
    open_recalls = [r for r in results.recalls_of_case(work.session, case.case_id) if r.acknowledged_at is None]
    if not open_recalls and CaseState(case.state) is CaseState.DELETION_ORDERED:
        cases.advance(work, case, CaseState.DELETED)
    certificates.look_again(work, delivery.participant_id)


def opened(work: Work, delivery_id: str, partner_id: str) -> str | None:
    """Note that the participant opened the delivery at the partner. Returns the version, None when it is not readable.

    Raises:
        NotFoundError: If the partner has no such delivery.
    """
    results.must_get(work.session, DeliveryRow, delivery_id)
    with work.as_service():
        return _opened(work, delivery_id, partner_id)


def _opened(work: Work, delivery_id: str, partner_id: str) -> str | None:
    delivery, _ = _locked(work, delivery_id)
    if delivery.partner_id != partner_id or DeliveryState(delivery.state) not in {
        DeliveryState.RECEIVED,
        DeliveryState.OPENED,
    }:
        return None
    if DeliveryState(delivery.state) is not DeliveryState.OPENED:
        states.move(states.DELIVERY, delivery, DeliveryState.OPENED)
    return delivery.version_id


def _locked(work: Work, delivery_id: str) -> tuple[DeliveryRow, ResultCaseRow]:
    """A delivery and its case, locked after the participant, as everywhere."""
    delivery = results.must_get(work.session, DeliveryRow, delivery_id)
    participants.get(work.session, delivery.participant_id, Lock.SHARED)
    delivery = results.must_get(work.session, DeliveryRow, delivery_id, lock=True)
    return delivery, results.must_get(work.session, ResultCaseRow, delivery.case_id, lock=True)


def _keep_receipt(work: Work, delivery: DeliveryRow, verified: VerifiedReceipt) -> None:
    work.session.add(
        ReceiptRow(
            receipt_id=new_id("receipt"),
            delivery_id=delivery.delivery_id,
            status=verified.receipt.status.value,
            token=verified.token,
            # A partner that was told of the recall before anything arrived has no manifest to name.
            manifest_sha256=verified.receipt.manifest_sha256 or "",
            received_at=work.at,
        )
    )


def _idempotency_key(sender: Sender, case: ResultCaseRow, version: ReportVersionRow, partner: Partner) -> str:
    """A keyed hash of person, module, version and partner: stable over tries, meaningless to the partner."""
    parts = (case.participant_id, case.module, str(case.generation), str(version.number), partner.partner_id)
    return hmac.new(sender.idempotency_secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()
