"""Running one job of the outbox: claim it by lease, run its step, write down how it ended."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta

from opentelemetry.trace import SpanKind

from ror_service import traces
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.delivery import breaker
from ror_service.delivery.retry import FIRST_WINDOW, LONGEST_WINDOW, next_attempt
from ror_service.errors import DeliveryRefusedError, DeliveryUnavailableError, PartnerPausedError, ServiceError
from ror_service.logs import places
from ror_service.pipeline import GIVING_UP, STEPS
from ror_service.storage import jobs

WORKER = Actor(name="worker", role="service", purpose="running jobs")
_jitter: Callable[[], float] = random.random
_log = logging.getLogger(__name__)


def run_job(context: ServiceContext, job_id: str) -> None:
    """Run a job if it is due and nobody else has it; its outcome is kept, and nothing is raised.

    A failure is tried again with growing, random pauses; a refusal, or no success in 72 hours, goes to an operator. A
    recall is never given up while the partner may still be reached: somebody may be reading there.
    """
    with context.transaction(WORKER) as work:
        job = jobs.claim(work.session, job_id, work.at, timedelta(seconds=context.settings.lease_seconds))
        if job is None or job.lease_token is None or job.first_attempt_at is None:
            return
        task, subject, lease, first, attempts, caused_by = (
            job.task,
            job.subject_id,
            job.lease_token,
            job.first_attempt_at,
            job.attempts,
            job.traceparent,
        )
    traced: dict[str, str | int] = {"ror.job.id": job_id, "ror.job.task": task, "ror.job.attempts": attempts}
    try:
        with traces.span("job", traced, kind=SpanKind.CONSUMER, caused_by=caused_by, root=True):
            STEPS[task](context, subject)
    except PartnerPausedError as pause:
        with context.transaction(WORKER) as work:
            jobs.put_off(work.session, job_id, lease, pause.until + FIRST_WINDOW * _jitter())
        return
    except Exception as error:  # noqa: BLE001 - whatever happened, the row must say so; the process goes on
        code = error.code if isinstance(error, ServiceError) else type(error).__name__
        # The message may quote data: only the class of the failure is kept, and in the log its places in the program.
        about = {"job_id": job_id, "task": task, "code": code, "attempts": attempts}
        _log.warning("job failed", extra={**about, "trace": places(error.__traceback__)})
        asked = error.retry_after if isinstance(error, DeliveryUnavailableError) else None
        if isinstance(error, DeliveryUnavailableError) and error.partner_id is not None:
            with context.transaction(WORKER) as work:
                breaker.failed(work, error.partner_id, _jitter)
        with context.transaction(WORKER) as work:
            final = isinstance(error, DeliveryRefusedError)
            retry_at = None if final else next_attempt(first, attempts, work.at, _jitter, asked)
            if retry_at is None and not final and task == "recall_delivery":
                retry_at = work.at + LONGEST_WINDOW
            if retry_at is None and task in GIVING_UP:
                # Before the job's own row: a withdrawal locks the participant first, too.
                GIVING_UP[task](work, subject)
            jobs.fail(work.session, job_id, lease, work.at, error=code, retry_at=retry_at)
        return
    with context.transaction(WORKER) as work:
        jobs.finish(work.session, job_id, lease, work.at)
