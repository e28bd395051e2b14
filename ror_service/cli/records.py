"""Commands over records: reviews, consent, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

import typer
from rich.table import Column, Table

from ror_service import cases, evidence, upkeep
from ror_service.audit.log import Actor
from ror_service.cli.interpret_text import interpretation_lines
from ror_service.cli.packet_text import packet_lines
from ror_service.cli.running import OPERATOR, service
from ror_service.cli.tables import show
from ror_service.delivery.reconciliation import SETTLED_HERE
from ror_service.errors import NotFoundError
from ror_service.evidence import ToDecide
from ror_service.review import queue
from ror_service.review.queue import Disposition
from ror_service.storage import deliveries as delivery_rows
from ror_service.storage import jobs, organizations, participants, results
from ror_service.storage.tables import PartnerBreakerRow, ReconciliationRow

AsUser = Annotated[str, typer.Option("--as", help="Who acts.")]
AsRole = Annotated[Literal["genetic_counselor", "laboratory_director"], typer.Option("--role", help="In which role.")]
Why = Annotated[str, typer.Option("--reason", help="Kept with the decision.")]

reviews = typer.Typer(help="The review queue.", no_args_is_help=True)


@reviews.command("list")
def list_reviews() -> None:
    """Open reviews, the most urgent first."""
    table = Table(Column("review", no_wrap=True), "urgency", "tier", "state", "why", "claimed by", "due")
    with service() as context, context.transaction(OPERATOR) as work:
        for row in results.reviews(work.session, [state.value for state in queue.OPEN_STATES]):
            why = ", ".join(row.reasons)
            due = row.due_at.date().isoformat()
            table.add_row(row.review_id, row.urgency, row.tier, row.state, why, row.assignee or "", due)
    show(table)


@reviews.command("show")
def show_review(review_id: str, user: AsUser, role: AsRole) -> None:
    """The evidence of a review; reading it is audited."""
    with service() as context, context.transaction(Actor(user, role, "review")) as work:
        packet = evidence.packet(work, context, review_id)
    said = packet.interpretation
    typer.echo(f"{said.module} {said.version}, knowledge {said.knowledge_release}")
    for line in interpretation_lines(said, explain=True):
        typer.echo(f"  {line}")
    typer.echo(f"To decide: {len(packet.to_decide)}, with one --decide for each in this order")
    for number, item in enumerate(packet.to_decide, 1):
        for line in _to_decide_lines(number, item):
            typer.echo(f"  {line}")
    for found in packet.hereditary:
        for line in packet_lines(found):
            typer.echo(line)


@reviews.command("claim")
def claim_review(review_id: str, user: AsUser, role: AsRole) -> None:
    """Take a review."""
    with service() as context, context.transaction(Actor(user, role, "review")) as work:
        review = queue.claim(work, review_id, timedelta(minutes=context.settings.review_lease_minutes))
    typer.echo(f"{review_id} is {user}'s until {review.lease_until}.")


@reviews.command("sign")
def sign_review(
    review_id: str,
    user: AsUser,
    role: AsRole,
    reason: Why,
    decide: Annotated[list[Disposition] | None, typer.Option(help="One for each finding, in order.")] = None,
) -> None:
    """Sign a claimed review; a hereditary finding needs two different people.

    `report` lets the laboratory's top-scored call of a gene stand; `do_not_report` says that the data do not settle it.
    """
    with service() as context, context.transaction(Actor(user, role, "review")) as work:
        evidence.sign(work, context, review_id, decide or (), reason)
    typer.echo(f"Signed by {user}.")


@reviews.command("return")
def return_review(review_id: str, user: AsUser, role: AsRole, reason: Why) -> None:
    """Send a review back to the queue."""
    with service() as context, context.transaction(Actor(user, role, "review")) as work:
        queue.return_review(work, review_id, reason)
    typer.echo(f"{review_id} is back in the queue.")


def _to_decide_lines(number: int, item: ToDecide) -> Iterator[str]:
    yield f"{number}. {item.gene}: {'report or do_not_report' if item.can_be_reported else 'do_not_report only'}"
    if item.positions_total:
        score = "" if item.activity_score is None else f", activity score {item.activity_score}"
        called = " or ".join(item.diplotypes) or "no call"
        yield f"   top-scored: {called}, {' or '.join(item.phenotypes) or 'no phenotype'}{score}"
        more = item.consistent_total - len(item.consistent)
        fitting = ", ".join(item.consistent) + (f" and {more} more" if more else "")
        yield f"   fits the data: {fitting or 'not known'} ({', '.join(item.consistent_phenotypes) or 'no phenotype'})"
        yield f"   {item.positions_read} of {item.positions_total} positions read"
    yield f"   reasons: {', '.join(item.reasons)}"


_EXPLAINING = Actor("command-line", "operator", "explaining a decision")
consent = typer.Typer(help="Consent decisions.", no_args_is_help=True)


@consent.command("explain")
def explain_consent(participant_id: str) -> None:
    """What the consent gate says about each result of a participant at this moment, rule by rule; audited."""
    with service() as context, context.transaction(_EXPLAINING) as work, work.as_service():
        participants.get(work.session, participant_id)
        newest = {case.module: case for case in results.cases_of(work.session, participant_id)}
        for module, case in newest.items():
            decision = cases.explain(work, case)
            table = Table("rule", "says", title=f"{module}: {'release' if decision.released else 'withhold'}")
            for outcome in decision.outcomes:
                table.add_row(outcome.rule, outcome.reason or "content")
            show(table)
        work.audit("consent.explain", "participant", participant_id, participant_id)


deliveries = typer.Typer(help="Deliveries, and jobs that operators must look at.", no_args_is_help=True)


@deliveries.command("show")
def show_jobs() -> None:
    """Jobs that gave up, and those that still wait; partners that do not answer; the last comparisons of ledgers."""
    waiting = Table(Column("job", no_wrap=True), "task", "tries", "last error", "state")
    partners = Table("partner", "compared", "deliveries", "differences", "failures in a row", "left alone until")
    with service() as context, context.transaction(OPERATOR) as work:
        for row in jobs.dead_jobs(work.session):
            waiting.add_row(row.job_id, row.task, str(row.attempts), row.last_error or "", "needs an operator")
        for row in jobs.open_jobs(work.session):
            waiting.add_row(row.job_id, row.task, str(row.attempts), row.last_error or "", "waits")
        last = {row.partner_id: row for row in delivery_rows.last_reconciliations(work.session)}
        for document in organizations.delivery_partners(work.session):
            partner_id = str(document["partner_id"])
            breaker = organizations.breaker(work.session, partner_id)
            partners.add_row(partner_id, *_compared(last.get(partner_id)), *_breaker(breaker))
    show(waiting)
    show(partners)


def _compared(row: ReconciliationRow | None) -> tuple[str, str, str]:
    if row is None:
        return "never", "", ""
    return f"{row.began_at:%Y-%m-%d %H:%M}", str(row.deliveries), str(len(row.differences))


def _breaker(row: PartnerBreakerRow | None) -> tuple[str, str]:
    if row is None:
        return "0", ""
    return str(row.failures), "" if row.paused_until is None else f"{row.paused_until:%Y-%m-%d %H:%M:%S}"


@deliveries.command("retry")
def retry_job(job_id: str) -> None:
    """Give a job that gave up another try."""
    with service() as context, context.transaction(OPERATOR) as work:
        revived = jobs.revive(work.session, job_id, work.at)
        if not revived:
            raise NotFoundError(f"there is no job {job_id} that gave up; see ror deliveries show")
        work.audit("job.retry", "job", job_id, None)
    typer.echo(f"{job_id} will run again.")


@deliveries.command("reconcile")
def reconcile() -> None:
    """Compare every delivery with the partners' own ledgers now, not only each night; exit status 1 on a difference."""
    differences = Table("partner", "difference", Column("delivery", no_wrap=True), "what happens")
    with service() as context:
        with context.transaction(OPERATOR) as work:
            partners = [str(document["partner_id"]) for document in organizations.delivery_partners(work.session)]
        for partner_id in partners:
            upkeep.reconcile_partner(context, partner_id)
        with context.transaction(OPERATOR) as work:
            for row in delivery_rows.last_reconciliations(work.session):
                typer.echo(f"{row.partner_id}: {row.deliveries} deliveries, {row.entries} entries in its ledger")
                for found in row.differences:
                    settled = found["difference"] in SETTLED_HERE
                    does = "settled by a new send or recall" if settled else "needs an operator"
                    differences.add_row(row.partner_id, found["difference"], found["delivery"], does)
    if differences.row_count:
        show(differences)
        raise typer.Exit(1)
