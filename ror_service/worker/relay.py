"""The relay: turns due rows of the outbox into broker messages, and sweeps up what was lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from celery import Celery

from ror_service import audit_checkpoints, kept_reports, participants
from ror_service.context import ServiceContext
from ror_service.delivery import reconciliation
from ror_service.errors import NoRoomError
from ror_service.intake.sweep import sweep
from ror_service.logs import places
from ror_service.pipeline import STEPS
from ror_service.storage import jobs
from ror_service.work import Work
from ror_service.worker.jobs import WORKER

_log = logging.getLogger(__name__)
ROUND_SECONDS = 1.0
"""Longest pause between two looks at the outbox."""
SWEEP_SECONDS = 3600.0
"""Between two looks for files that a crash left in the store."""
RECONCILE_SECONDS = 600.0
"""Between two looks whether a day has passed since a partner's ledger was compared."""
OFFER_SECONDS = 600.0
"""Between two looks for what is to be offered again."""
KEPT_SECONDS = 600.0
"""Between two looks for what was kept after a death until now."""

JOURNAL_SECONDS = 10.0
"""Between two looks for what was erased and is not written down outside of the database."""


def relay_once(context: ServiceContext, app: Celery) -> int:
    """Send a message for every due job that there is room for; returns how many.

    A message that was lost, or whose worker died, is sent again after the lease time.
    """
    settings = context.settings
    lost_after = timedelta(seconds=settings.lease_seconds)
    with context.transaction(WORKER) as work:
        due = [
            (row.task, row.job_id)
            for task in jobs.tasks_due(work.session, list(STEPS), work.at, lost_after=lost_after)
            if task != "fetch_file" or _may_fetch(context, work)
            for row in jobs.issue_due(
                work.session,
                task,
                work.at,
                lost_after=lost_after,
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


@dataclass
class Chore:
    """Something that the relay does besides, now and then."""

    name: str
    every_seconds: float
    does: Callable[[], object]
    due: float = field(default_factory=time.monotonic)

    def do_if_due(self) -> None:
        """Do it when its time has come. What fails is told and tried the next time: it must not stop the relay."""
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + self.every_seconds
        try:
            self.does()
        except Exception as error:  # noqa: BLE001 - a store that is away for a while must not stop the relay
            about = {"task": self.name, "code": type(error).__name__}
            _log.error("chore failed", extra={**about, "trace": places(error.__traceback__)})


def chores(context: ServiceContext) -> list[Chore]:
    """What keeps the service in order: no file left over, ledgers compared, the audit log signed."""
    work = partial(context.transaction, WORKER)
    checkpoint_seconds = context.settings.audit_checkpoint_minutes * 60.0
    return [
        Chore("sweep", SWEEP_SECONDS, lambda: sweep(work, context.store)),
        Chore("reconcile", RECONCILE_SECONDS, lambda: order_reconciliations(context)),
        Chore("erasures", JOURNAL_SECONDS, lambda: keep_erasures(context)),
        Chore("offer", OFFER_SECONDS, lambda: order_offers(context)),
        Chore("kept", KEPT_SECONDS, lambda: order_erasures(context)),
        Chore("checkpoint", checkpoint_seconds, lambda: keep_checkpoint(context)),
    ]


def order_reconciliations(context: ServiceContext) -> None:
    """Order the comparison with each partner whose last one is a day old."""
    with context.transaction(WORKER) as work:
        reconciliation.order_due(work)


def order_offers(context: ServiceContext) -> None:
    """Order the offers of what was put off until now."""
    with context.transaction(WORKER) as work:
        participants.order_offers(work)


def order_erasures(context: ServiceContext) -> None:
    """Order the erasure of what was kept after a death until now."""
    with context.transaction(WORKER) as work:
        kept_reports.order_erasures(work)


def keep_checkpoint(context: ServiceContext) -> None:
    """Verify the newest part of the audit log and sign its state, if the settings name a place to keep that in.

    Raises:
        AuditError: If the log does not hold: nothing is signed then.
        OSError: If the place cannot be written.
    """
    place = context.checkpoints()
    if place is not None:
        with context.transaction(WORKER) as work:
            audit_checkpoints.take(work.session, place, work.at)


def keep_erasures(context: ServiceContext) -> None:
    """Write down outside of the database what was erased, if the settings name a place.

    Raises:
        UnsafeConfigurationError: If the place cannot be written.
    """
    if context.erasures is not None:
        with context.transaction(WORKER) as work:
            context.erasures.keep(work)


def run(context: ServiceContext, app: Celery, stop: threading.Event) -> None:
    """Relay until `stop` is set, at once after work was ordered in this process and at least once a round; and tidy up.

    A database or a broker that cannot be reached for a while stops nothing: the next round tries again.
    """
    besides = chores(context)
    while not stop.is_set():
        context.work_ordered.clear()
        for chore in besides:
            chore.do_if_due()
        try:
            sent = relay_once(context, app)
        except Exception as error:  # noqa: BLE001 - without its relay the service does nothing any more
            about = {"code": type(error).__name__, "trace": places(error.__traceback__)}
            _log.warning("relay failed", extra=about)
            sent = 0
        if not sent:
            context.work_ordered.wait(ROUND_SECONDS)
