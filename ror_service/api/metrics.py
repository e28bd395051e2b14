"""Numbers for Prometheus: counts, rates and ages from the database, and the disk of the store. None names a person."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ror_service import break_glass
from ror_service.api.access import Context
from ror_service.api.operations import Operator
from ror_service.errors import AuditError, UnsafeConfigurationError
from ror_service.intake.progress import WINDOW
from ror_service.pipeline import STEPS
from ror_service.standing import Standing, standing, unsigned
from ror_service.storage import ages, deliveries, jobs, results, withdrawals
from ror_service.storage.jobs import JobCounts
from ror_service.work import Work

router = APIRouter(tags=["operations"])
_KIND = ["queue", "kind"]


class Numbers(Collector):
    """What the metrics say at one moment.

    Args:
        work: The transaction in which it is counted.
        standing: How the service stands.
    """

    def __init__(self, work: Work, standing: Standing) -> None:
        self._work, self._standing = work, standing

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
        yield from _of_standing(self._standing)
        yield from _of_partners(self._work)
        samples = GaugeMetricFamily("ror_samples", "Samples", labels=["genome_center", "state"])
        for center, state, number, _ in results.samples_by_state(self._work.session):
            samples.add_metric([center, state], number)
        yield samples
        glass = break_glass.count(self._work)
        yield GaugeMetricFamily("ror_break_glass_waiting", "Requests that nobody answered", glass.waiting)
        yield GaugeMetricFamily("ror_break_glass_in_force", "Grants that can be used now", glass.in_force)
        yield CounterMetricFamily("ror_break_glass_granted", "Grants ever made", glass.granted)
        recalls = GaugeMetricFamily("ror_recalls", "Recalls", labels=["partner", "state"])
        overdue = GaugeMetricFamily(
            "ror_recalls_overdue", "Recalls not acknowledged in time", labels=["partner", "state"]
        )
        for partner, state, number, late in withdrawals.recalls_by_state(self._work.session, at):
            recalls.add_metric([partner, state], number)
            overdue.add_metric([partner, state], late)
        yield recalls
        yield overdue


def _of_standing(standing: Standing) -> Iterator[Metric]:
    """How the service stands. An age is left out where there is nothing that could have one."""
    figures = {
        "ror_last_claim_age_seconds": ("Since a worker last took a job", standing.claim_seconds),
        "ror_intent_age_seconds": ("Of the oldest delivery that was begun and has no receipt", standing.intent_seconds),
        "ror_recall_age_seconds": ("Of the oldest recall that is not acknowledged", standing.recall_seconds),
        "ror_audit_unsigned_age_seconds": (
            "Of the oldest audit event that no checkpoint names; infinite where checkpoints cannot be read",
            standing.unsigned_seconds,
        ),
        "ror_reviews_overdue": ("Reviews past their date", standing.reviews_overdue),
        "ror_identity_cases_open": ("Suspected mix-ups that wait for people", standing.identity_cases_open),
        "ror_schema_is_expected": (
            "Whether the database has the schema of this program",
            int(standing.schema_found == standing.schema_expected),
        ),
        "ror_store_free_bytes": ("Free space of the store", standing.free_bytes),
    }
    for name, (meaning, value) in figures.items():
        yield GaugeMetricFamily(name, meaning, value)


def _of_partners(work: Work) -> Iterator[Metric]:
    """Of each delivery partner, by the identifier that it is registered under."""
    compared = GaugeMetricFamily("ror_ledger_compared_age_seconds", "Since its ledger was compared", labels=["partner"])
    differences = GaugeMetricFamily("ror_ledger_differences", "Differences found then", labels=["partner"])
    for row in deliveries.last_reconciliations(work.session):
        compared.add_metric([row.partner_id], max(0.0, (work.at - row.began_at).total_seconds()))
        differences.add_metric([row.partner_id], len(row.differences))
    paused = GaugeMetricFamily("ror_partner_paused", "Left alone, for it did not answer", labels=["partner"])
    for breaker in ages.breakers(work.session):
        paused.add_metric(
            [breaker.partner_id], int(breaker.paused_until is not None and breaker.paused_until > work.at)
        )
    yield from (compared, differences, paused)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(context: Context, begin: Operator) -> Response:
    """Numbers in the text form of Prometheus. All processes share one database: asking one API is enough."""
    registry = CollectorRegistry()
    with begin() as work:
        try:
            unsigned_seconds = unsigned(context, work)
        except (AuditError, UnsafeConfigurationError):
            unsigned_seconds = math.inf
        registry.register(Numbers(work, standing(context, work, unsigned_seconds)))
        text = generate_latest(registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
