"""Every delivery compared with what the partner says that it has, night by night: two ledgers that must agree.

The partner's ledger is read first and our rows after it, so that what is on its way in between is no difference: an
intent is committed before anything leaves, and a receipt we hold was given before the reading began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ror_service.delivery.client import LedgerEntry, LedgerEvent
from ror_service.participants import recall_what_left
from ror_service.states import DeliveryState, RecallState
from ror_service.storage import deliveries, results
from ror_service.storage.deliveries import Known
from ror_service.storage.tables import DeliveryRow, ReconciliationRow
from ror_service.work import Work, new_id

EVERY = timedelta(hours=24)
TASK = "reconcile_partner"


class Difference(StrEnum):
    """What the two ledgers say differently."""

    NOT_OURS = "not_ours"
    """The partner accepted a delivery that is not known here: a restored backup, or a forged sender."""
    OTHER_CONTENT = "other_content"
    """It accepted other bytes, or under another key, than were sent."""
    ACCEPTED_TWICE = "accepted_twice"
    NO_INTENT = "no_intent"
    """It has what was never meant to have left: a restored backup."""
    RECEIPT_MISSING = "receipt_missing"
    """It has what was given up here."""
    NOT_THERE = "not_there"
    """It gave a receipt and has no entry."""
    NOT_RECALLED = "not_recalled"
    """It has what was withdrawn here before it should have left."""
    RECALL_NOT_THERE = "recall_not_there"
    """It acknowledged a recall and has no entry of it."""
    ACCEPTED_AFTER_RECALL = "accepted_after_recall"


_ACKNOWLEDGED = {RecallState.ACKNOWLEDGED, RecallState.CERTIFIED}
SETTLED_HERE = frozenset({Difference.NO_INTENT, Difference.RECEIPT_MISSING, Difference.NOT_RECALLED})
"""Differences that the comparison settles itself: sent again under the same key for its receipt, or recalled."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One difference."""

    difference: Difference
    delivery_id: str


def compare(known: Mapping[str, Known], ledger: Iterable[LedgerEntry], began: datetime) -> list[Finding]:
    """Compare our deliveries to one partner with its whole ledger.

    Args:
        known: Our deliveries by identifier, read after the ledger.
        ledger: The partner's entries in its order. Refusals are no evidence: the partner kept nothing.
        began: When the reading of the ledger began, by our clock, UTC.

    Returns:
        Every difference, sorted.
    """
    accepted: dict[str, list[LedgerEntry]] = {}
    recalled: dict[str, LedgerEntry] = {}
    for entry in ledger:
        if entry.event is LedgerEvent.ACCEPTED:
            accepted.setdefault(entry.delivery_id, []).append(entry)
        elif entry.event is LedgerEvent.RECALLED:
            recalled.setdefault(entry.delivery_id, entry)
    found = {Finding(Difference.NOT_OURS, name) for name in accepted.keys() - known.keys()}
    for name, ours in known.items():
        differences = _differences(ours, accepted.get(name, ()), recalled.get(name), began)
        found |= {Finding(difference, name) for difference in differences}
    return sorted(found)


def _differences(
    ours: Known, accepted: Sequence[LedgerEntry], recalled: LedgerEntry | None, began: datetime
) -> Iterable[Difference]:
    if len(accepted) > 1:
        yield Difference.ACCEPTED_TWICE
    if any((e.idempotency_key, e.manifest_sha256) != (ours.idempotency_key, ours.manifest_sha256) for e in accepted):
        yield Difference.OTHER_CONTENT
    if accepted:
        if ours.state is DeliveryState.QUEUED:
            yield Difference.NO_INTENT
        if ours.state is DeliveryState.DEAD_LETTER:
            yield Difference.RECEIPT_MISSING
        if ours.state is DeliveryState.RECALLED and ours.recall is None:
            yield Difference.NOT_RECALLED
        if recalled is not None and accepted[-1].sequence > recalled.sequence:
            yield Difference.ACCEPTED_AFTER_RECALL
    elif ours.receipt_at is not None and ours.receipt_at < began:
        yield Difference.NOT_THERE
    if recalled is None and ours.recall in _ACKNOWLEDGED and ours.recalled_at and ours.recalled_at < began:
        yield Difference.RECALL_NOT_THERE


def order_due(work: Work) -> None:
    """Order the comparison with each partner whose last one is a day old."""
    for partner_id in deliveries.partners_to_reconcile(work.session, work.at - EVERY, TASK):
        work.enqueue(TASK, partner_id)


def settle(work: Work, partner_id: str, ledger: Sequence[LedgerEntry], began: datetime) -> list[Finding]:
    """Compare, keep what was found, and set right what can be set right from here.

    Args:
        work: The transaction.
        partner_id: Whose ledger it is.
        ledger: Its entries, whole.
        began: When its reading began.
    """
    known = deliveries.known_to(work.session, partner_id)
    found = compare(known, ledger, began)
    owner = {name: delivery.participant_id for name, delivery in known.items()}
    for finding in found:
        if finding.difference is Difference.NOT_RECALLED:
            recall_what_left(work, results.must_get(work.session, DeliveryRow, finding.delivery_id), "reconciliation")
        elif finding.difference in SETTLED_HERE:
            work.enqueue("deliver_report", finding.delivery_id)
        work.audit(
            "delivery.difference", "delivery", finding.delivery_id, owner.get(finding.delivery_id),
            difference=finding.difference.value, partner=partner_id,
        )  # fmt: skip
    work.session.add(
        ReconciliationRow(
            reconciliation_id=new_id("reconciliation"),
            partner_id=partner_id,
            began_at=began,
            entries=len(ledger),
            deliveries=len(known),
            differences=[
                {"difference": finding.difference.value, "delivery": finding.delivery_id} for finding in found
            ],
        )
    )
    work.audit("partner.reconcile", "organization", partner_id, None, deliveries=len(known), differences=len(found))
    return found
