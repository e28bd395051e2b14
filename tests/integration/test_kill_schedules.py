"""A process killed or stopped at every point of release, delivery, recall and withdrawal, on PostgreSQL.

Some three hundred schedules, which strike each point at least once; ROR_KILL_SCHEDULES=10000 plays so many more, drawn
at random, with faults of the partner and both ways of leaving.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from support.kill_schedules import LEAVE, Moment, Schedule, Theatre, theatre
from support.service import LEASE
from support.shared import PROJECT

from ror_service import participants, pipeline
from ror_service.delivery import dispatch
from ror_service.states import DeliveryState
from ror_service.storage import jobs, results
from ror_service.storage.tables import DeliveryRow, RecallRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ror_service.work import Work

pytestmark = pytest.mark.no_cover  # these lines are covered elsewhere, and each schedule is a process
ON_DEMAND = os.environ.get("ROR_KILL_SCHEDULES", "0")


@pytest.fixture
def stage(tmp_path: Path, postgres_url: str) -> Iterator[Theatre]:
    with theatre(tmp_path, postgres_url) as played:
        yield played


def test_every_promise_is_kept_at_every_point(postgres_url: str) -> None:
    command = [
        sys.executable,
        PROJECT / "benchmarks/kill_schedules.py",
        "--drawn",
        ON_DEMAND,
        "--database",
        postgres_url,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "300 schedules struck" in ran.stdout or ON_DEMAND != "0"


def test_the_points_are_those_of_the_protocol(stage: Theatre) -> None:
    points = stage.points("deliver_report")
    sent = points.index("before the partner")
    assert points[sent + 1] == "after the partner"
    assert points[:sent].count("committed") == 2, "the claim of the job and the intent are committed before the send"
    assert "commit" not in points[points.index("committed", points.index("committed") + 1) + 1 : sent], "then no more"


# --- Broken services that the same checker must catch


def _unchecked(work: Work, delivery_id: str) -> dispatch.Shipment:
    row = results.must_get(work.session, DeliveryRow, delivery_id)
    return dispatch.Shipment(row.delivery_id, row.partner_id, row.idempotency_key, row.bundle)


def _consent_is_read_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dispatch, "shipment", lambda work, name: SimpleNamespace(payload=_unchecked(work, name)))


def _a_new_key_at_each_try(patch: pytest.MonkeyPatch) -> None:
    def shipment(work: Work, delivery_id: str) -> SimpleNamespace:
        return SimpleNamespace(payload=replace(_unchecked(work, delivery_id), idempotency_key=uuid.uuid4().hex))

    patch.setattr(dispatch, "shipment", shipment)


def _received_before_it_was_sent(patch: pytest.MonkeyPatch) -> None:
    def deliver(context: object, delivery_id: str) -> None:
        with context.transaction(pipeline.PIPELINE) as work:
            if not dispatch.intend(work, delivery_id, LEASE):
                return
            ready = _unchecked(work, delivery_id)
            results.must_get(work.session, DeliveryRow, delivery_id).state = DeliveryState.RECEIVED.value
            client = context.partner_client(work, ready.partner_id)
        client.deliver(ready.delivery_id, ready.idempotency_key, ready.bundle)

    patch.setitem(pipeline.STEPS, "deliver_report", deliver)


def _no_recall(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(participants, "order_recall", lambda *_: False)


def _no_intent_before_the_send(patch: pytest.MonkeyPatch) -> None:
    def deliver(context: object, delivery_id: str) -> None:
        with context.transaction(pipeline.PIPELINE) as work:
            if dispatch.intend(work, delivery_id, LEASE):
                ready = _unchecked(work, delivery_id)
                client = context.partner_client(work, ready.partner_id)
                receipt = client.deliver(ready.delivery_id, ready.idempotency_key, ready.bundle)
                dispatch.received(work, delivery_id, receipt)

    patch.setitem(pipeline.STEPS, "deliver_report", deliver)


def _keys_that_live_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(results, "destroy_keys", lambda *_: 0)


def _nobody_sweeps(patch: pytest.MonkeyPatch) -> None:
    issue = jobs.issue_due

    def once(*arguments: object, **more: object) -> list[object]:
        return [row for row in issue(*arguments, **more) if not row.attempts]

    patch.setattr(jobs, "issue_due", once)


def _acknowledged_before_it_was_recalled(patch: pytest.MonkeyPatch) -> None:
    def recall(context: object, recall_id: str) -> None:
        with context.transaction(pipeline.PIPELINE) as work:
            order = dispatch.recall_order(work, recall_id)
            if order is None:
                return
            results.must_get(work.session, RecallRow, recall_id).state = "acknowledged"
            client = context.partner_client(work, order.partner_id)
        client.recall(order.delivery_id, order.idempotency_key, order.manifest_sha256, order.cause)

    patch.setitem(pipeline.STEPS, "recall_delivery", recall)


BROKEN = {
    _consent_is_read_once: ("deliver_report", "before the partner", Moment.STOPPED),
    _a_new_key_at_each_try: ("deliver_report", "after the partner", Moment.NEVER),
    _received_before_it_was_sent: ("deliver_report", "before the partner", Moment.NEVER),
    _no_recall: ("deliver_report", "after the partner", Moment.AFTER_KILL),
    _no_intent_before_the_send: ("deliver_report", "after the partner", Moment.AFTER_KILL),
    _keys_that_live_on: (LEAVE, "commit", Moment.AFTER_KILL),
    _nobody_sweeps: ("deliver_report", "before the partner", Moment.NEVER),
    _acknowledged_before_it_was_recalled: ("recall_delivery", "before the partner", Moment.NEVER),
}
"""What is broken, and a schedule that shows it."""


def test_each_broken_service_is_caught(stage: Theatre) -> None:
    caught: Mapping[str, Sequence[str]] = {}
    for breaks, (step, name, moment) in BROKEN.items():
        with pytest.MonkeyPatch.context() as patch:
            # Of the service as it is: a broken one goes through the same points up to where it is struck.
            breaks(patch)
            point = stage.points(step).index(name)
            stage.service.run_jobs()
            caught |= {breaks.__name__: stage.play(Schedule(step, point, moment))}
            stage.forget()
    assert all(caught.values()), {name for name, found in caught.items() if not found}
