"""The relay: turns due rows of the outbox into broker messages, and sweeps up what was lost."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from celery import Celery

from ror_service import audit_checkpoints
from ror_service.context import ServiceContext
from ror_service.storage import jobs
from ror_service.worker.jobs import WORKER

_log = logging.getLogger(__name__)
ROUND_SECONDS = 1.0
"""Longest pause between two looks at the outbox."""


def relay_once(context: ServiceContext, app: Celery) -> int:
    """Send one message for every due job; returns how many.

    A message that was lost, or whose worker died, is sent again after the lease time.
    """
    with context.transaction(WORKER) as work:
        lost_after = timedelta(seconds=context.settings.lease_seconds)
        due = [(row.task, row.job_id) for row in jobs.issue_due(work.session, work.at, lost_after=lost_after)]
    for task, job_id in due:
        app.send_task(task, args=[job_id]) if not app.conf.task_always_eager else app.tasks[task].apply(args=[job_id])
    return len(due)


def drain(context: ServiceContext, app: Celery) -> None:
    """Relay until nothing is due any more; with in-process Celery this does all the work there is."""
    while relay_once(context, app):
        pass


def keep_checkpoint(context: ServiceContext) -> None:
    """Verify the newest part of the audit log and sign its state, if the settings name a place to keep that in.

    What fails is told, and tried again when the next one is due.
    """
    try:
        place = context.checkpoints()
        if place is not None:
            with context.transaction(WORKER) as work:
                audit_checkpoints.take(work.session, place, work.at)
    except Exception as error:  # noqa: BLE001 - a store that is away for a while must not stop the relay
        _log.exception("no audit checkpoint", extra={"code": type(error).__name__})


def run(context: ServiceContext, app: Celery, stop: threading.Event) -> None:
    """Relay until `stop` is set, at once after work was ordered in this process and at least once a round.

    A database or a broker that cannot be reached for a while stops nothing: the next round tries again.
    """
    next_checkpoint = time.monotonic()
    while not stop.is_set():
        if time.monotonic() >= next_checkpoint:
            keep_checkpoint(context)
            next_checkpoint += context.settings.audit_checkpoint_minutes * 60
        context.work_ordered.clear()
        try:
            sent = relay_once(context, app)
        except Exception as error:  # noqa: BLE001 - without its relay the service does nothing any more
            _log.warning("relay failed", extra={"code": type(error).__name__})
            sent = 0
        if not sent:
            context.work_ordered.wait(ROUND_SECONDS)
