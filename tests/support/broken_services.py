"""Services that are broken on purpose in one place each: the checkers of release and delivery must catch every one."""

from __future__ import annotations

import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ror_service import participants, pipeline
from ror_service.delivery import dispatch
from ror_service.states import DeliveryState
from ror_service.storage import data_keys, jobs, results
from ror_service.storage.tables import DeliveryRow, RecallRow
from support.service import LEASE

if TYPE_CHECKING:
    import pytest

    from ror_service.work import Work


def _unchecked(work: Work, delivery_id: str) -> dispatch.Shipment:
    row = results.must_get(work.session, DeliveryRow, delivery_id)
    return dispatch.Shipment(row.delivery_id, row.partner_id, row.idempotency_key, row.bundle)


def consent_is_read_once(patch: pytest.MonkeyPatch) -> None:
    """Whether the participant still agrees is not asked again before the send, nor is the consent lock held."""
    patch.setattr(dispatch, "shipment", lambda work, name: SimpleNamespace(payload=_unchecked(work, name)))


def a_new_key_at_each_try(patch: pytest.MonkeyPatch) -> None:
    """Each try has an idempotency key of its own."""

    def shipment(work: Work, delivery_id: str) -> SimpleNamespace:
        return SimpleNamespace(payload=replace(_unchecked(work, delivery_id), idempotency_key=uuid.uuid4().hex))

    patch.setattr(dispatch, "shipment", shipment)


def received_before_it_was_sent(patch: pytest.MonkeyPatch) -> None:
    """A delivery counts as received before the partner has it."""

    def deliver(context: object, delivery_id: str) -> None:
        with context.transaction(pipeline.PIPELINE) as work:
            if not dispatch.intend(work, delivery_id, LEASE):
                return
            ready = _unchecked(work, delivery_id)
            results.must_get(work.session, DeliveryRow, delivery_id).state = DeliveryState.RECEIVED.value
            client = context.partner_client(work, ready.partner_id)
        client.deliver(ready.delivery_id, ready.idempotency_key, ready.bundle)

    patch.setitem(pipeline.STEPS, "deliver_report", deliver)


def no_recall(patch: pytest.MonkeyPatch) -> None:
    """Who leaves is not called back from any partner."""
    patch.setattr(participants, "order_recall", lambda *_: False)


def no_intent_before_the_send(patch: pytest.MonkeyPatch) -> None:
    """What is sent is written down only afterwards."""

    def deliver(context: object, delivery_id: str) -> None:
        with context.transaction(pipeline.PIPELINE) as work:
            if dispatch.intend(work, delivery_id, LEASE):
                ready = _unchecked(work, delivery_id)
                client = context.partner_client(work, ready.partner_id)
                receipt = client.deliver(ready.delivery_id, ready.idempotency_key, ready.bundle)
                dispatch.received(work, delivery_id, receipt)

    patch.setitem(pipeline.STEPS, "deliver_report", deliver)


def keys_that_live_on(patch: pytest.MonkeyPatch) -> None:
    """Leaving destroys no key."""
    patch.setattr(data_keys, "destroy_keys", lambda *_: 0)


def nobody_sweeps(patch: pytest.MonkeyPatch) -> None:
    """What was begun once is never begun again."""
    issue = jobs.issue_due

    def once(*arguments: object, **more: object) -> list[object]:
        return [row for row in issue(*arguments, **more) if not row.attempts]

    patch.setattr(jobs, "issue_due", once)


def acknowledged_before_it_was_recalled(patch: pytest.MonkeyPatch) -> None:
    """A recall counts as acknowledged before the partner knows of it."""

    def recall(context: object, recall_id: str) -> None:
        with context.transaction(pipeline.PIPELINE) as work:
            order = dispatch.recall_order(work, recall_id)
            if order is None:
                return
            row = results.must_get(work.session, RecallRow, recall_id)
            row.state, row.acknowledged_at = "acknowledged", work.at
            client = context.partner_client(work, order.partner_id)
        client.recall(order.delivery_id, order.idempotency_key, order.manifest_sha256, order.cause)

    patch.setitem(pipeline.STEPS, "recall_delivery", recall)
