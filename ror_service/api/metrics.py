"""Numbers for Prometheus: counts, rates and ages from the database, and the disk of the store. None names a person."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ror_service.api.access import Context
from ror_service.api.operations import Operator
from ror_service.intake.progress import WINDOW
from ror_service.pipeline import STEPS
from ror_service.storage import jobs, results, withdrawals
from ror_service.storage.jobs import JobCounts
from ror_service.work import Work

router = APIRouter(tags=["operations"])
_KIND = ["queue", "kind"]


class Numbers(Collector):
    """What the metrics say at one moment.

    Args:
        work: The transaction in which it is counted.
        free_bytes: Free space of the store.
    """

    def __init__(self, work: Work, free_bytes: int) -> None:
        self._work, self._free_bytes = work, free_bytes

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        at = self._work.at
        counted = jobs.count(self._work.session, at, done_since=at - WINDOW)
        of_queue = {
            "waiting": GaugeMetricFamily("ror_jobs_waiting", "Jobs not begun, or to be tried again", labels=_KIND),
            "running": GaugeMetricFamily("ror_jobs_running", "Jobs that a worker has", labels=_KIND),
            "dead": GaugeMetricFamily("ror_jobs_dead", "Jobs that an operator must look at", labels=_KIND),
            "done": GaugeMetricFamily("ror_jobs_done_last_hour", "Jobs done in the last hour", labels=_KIND),
        }
        oldest = GaugeMetricFamily("ror_jobs_oldest_waiting_seconds", "How long the first has been due", labels=_KIND)
        ages = []
        for task in STEPS:
            for backfill, kind in ((False, "weekly"), (True, "backfill")):
                counts = counted.get((task, backfill), JobCounts())
                age = 0.0 if counts.oldest_due is None else max(0.0, (at - counts.oldest_due).total_seconds())
                ages.append(age)
                oldest.add_metric([jobs.queue_of(task), kind], age)
                for name, family in of_queue.items():
                    family.add_metric([jobs.queue_of(task), kind], getattr(counts, name))
        yield from of_queue.values()
        yield oldest
        yield GaugeMetricFamily("ror_outbox_age_seconds", "How long the first of all jobs has been due", max(ages))
        yield GaugeMetricFamily("ror_store_free_bytes", "Free space of the store", self._free_bytes)
        samples = GaugeMetricFamily("ror_samples", "Samples", labels=["genome_center", "state"])
        for center, state, number, _ in results.samples_by_state(self._work.session):
            samples.add_metric([center, state], number)
        yield samples
        recalls = GaugeMetricFamily("ror_recalls", "Recalls", labels=["partner", "state"])
        overdue = GaugeMetricFamily(
            "ror_recalls_overdue", "Recalls not acknowledged in time", labels=["partner", "state"]
        )
        for partner, state, number, late in withdrawals.recalls_by_state(self._work.session, at):
            recalls.add_metric([partner, state], number)
            overdue.add_metric([partner, state], late)
        yield recalls
        yield overdue


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(context: Context, begin: Operator) -> Response:
    """Numbers in the text form of Prometheus. All processes share one database: asking one API is enough."""
    registry = CollectorRegistry()
    with begin() as work:
        registry.register(Numbers(work, context.free_bytes()))
        text = generate_latest(registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
