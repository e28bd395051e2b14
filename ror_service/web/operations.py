"""The status page of operators: what came in, what waits where, partners, what needs a hand. Nobody is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from ror_service import batch_yield, standing
from ror_service.api.tokens import Role
from ror_service.intake import progress
from ror_service.storage import ages, deliveries, jobs, organizations, results
from ror_service.web.staff import Member, member

router = APIRouter(prefix="/operations")
Operator = Annotated[Member, Depends(member("operation", Role.OPERATOR))]
_JOBS_SHOWN = 100


@router.get("")
def status(who: Operator) -> Response:
    """Everything at one moment, what has waited longest first."""
    with who.begin() as work:
        found = standing.standing(who.context, work, None)
        said = {row.partner_id: row for row in deliveries.last_reconciliations(work.session)}
        breakers = {row.partner_id: row for row in ages.breakers(work.session)}
        names = [each["partner_id"] for each in organizations.delivery_partners(work.session)]
        partners = [(name, breakers.get(name), said.get(name)) for name in names]
        intake = progress.progress(work)
        states = results.cases_by_state(work.session)
        dead = jobs.dead_jobs(work.session)[:_JOBS_SHOWN]
        waiting = sorted(jobs.open_jobs(work.session), key=lambda job: job.created_at)[:_JOBS_SHOWN]
        at = work.at
    return who.page(
        "operations", "operations", figures=found.to_json(), reasons=standing.reasons(found, who.context.settings),
        partners=partners, came=sorted(intake.samples, key=lambda each: each.oldest), queues=intake.queues,
        states=states, dead=dead, waiting=waiting, at=at,
    )  # fmt: skip


@router.get("/yield")
def batch(who: Operator, days: Annotated[int, Query(ge=1, le=366)] = 7) -> Response:
    """How many samples of the last days gave a hereditary candidate, and whether that is an alarm; audited."""
    with who.begin() as work:
        since = work.at - timedelta(days=days)
    policy = batch_yield.load_policy()
    found = batch_yield.count(who.context, since)
    alarms = batch_yield.alarms(found, policy)
    return who.page("yield", "operations", batch=found, policy=policy, alarms=alarms, days=days)
