"""The relay: turns due rows of the outbox into broker messages, and sweeps up what was lost."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from functools import partial

from celery import Celery

from ror_service.context import ServiceContext
from ror_service.delivery import reconciliation
from ror_service.errors import NoRoomError
from ror_service.intake.sweep import sweep
from ror_service.pipeline import STEPS
from ror_service.storage import jobs
from ror_service.work import Work
from ror_service.worker.jobs import WORKER

_log = logging.getLogger(__name__)
ROUND_SECONDS = 1.0
"""Longest pause between two looks at the outbox."""
SWEEP_SECONDS = 3600.0
"""Between two looks for files that a crash left in the store."""


def relay_once(context: ServiceContext, app: Celery) -> int:
    """Send a message for every due job that there is room for; returns how many.

    A message that was lost, or whose worker died, is sent again after the lease time.
    """
    settings = context.settings
    with context.transaction(WORKER) as work:
        due = [
            (row.task, row.job_id)
            for task in STEPS
            if task != "fetch_file" or _may_fetch(context, work)
            for row in jobs.issue_due(
                work.session,
                task,
                work.at,
                lost_after=timedelta(seconds=settings.lease_seconds),
                most=settings.queue_depth,
                for_backfill=settings.messages_for_backfill,
            )
        ]
    for task, job_id in due:
        app.send_task(task, args=[job_id]) if not app.conf.task_always_eager else app.tasks[task].apply(args=[job_id])
    return len(due)


def _may_fetch(context: ServiceContext, work: Work) -> bool:
    """Whether few enough samples wait for extraction, and the store has room for more files."""
    most = context.settings.most_unread_samples
    if jobs.count_open(work.session, "extract_sample", most=most) >= most:
        return False
    try:
        context.check_room()
    except NoRoomError:
        return False
    except OSError as error:
        _log.warning("store not reached", extra={"code": type(error).__name__})
        return False
    return True


def drain(context: ServiceContext, app: Celery) -> None:
    """Relay until nothing is due any more; with in-process Celery this does all the work there is."""
    while relay_once(context, app):
        pass


def run(context: ServiceContext, app: Celery, stop: threading.Event) -> None:
    """Relay until `stop` is set, at once after work was ordered in this process and at least once a round; and sweep.

    A database or a broker that cannot be reached for a while stops nothing: the next round tries again.
    """
    swept: float | None = None
    while not stop.is_set():
        context.work_ordered.clear()
        try:
            if swept is None or time.monotonic() - swept >= SWEEP_SECONDS:
                swept = time.monotonic()
                sweep(partial(context.transaction, WORKER), context.store)
            with context.transaction(WORKER) as work:
                reconciliation.order_due(work)
            sent = relay_once(context, app)
        except Exception as error:  # noqa: BLE001 - without its relay the service does nothing any more
            _log.warning("relay failed", extra={"code": type(error).__name__})
            sent = 0
        if not sent:
            context.work_ordered.wait(ROUND_SECONDS)
