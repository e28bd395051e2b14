"""Commands over reports that were returned, in the name of a person who answers for it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from ror_service import amendments, corrections, reports
from ror_service.amendments import Added, Fault
from ror_service.audit.log import Actor
from ror_service.cli.records import AsRole, AsUser, Why
from ror_service.cli.running import service
from ror_service.cli.tables import show

group = typer.Typer(help="Reports that were returned: their versions, corrections, additions.", no_args_is_help=True)
Code = Annotated[Fault, typer.Option("--fault", help="What was wrong; it tells nothing of the result.")]


def _director(user: str) -> Actor:
    return Actor(user, "laboratory_director", "report versions")


@group.command("versions")
def versions(
    participant_id: str,
    module: str,
    user: AsUser,
    role: AsRole,
    show_results: Annotated[
        bool, typer.Option("--show-results", help="Also print what each says otherwise. Keep the output safe.")
    ] = False,
) -> None:
    """Every version of a report, oldest first; asking is audited."""
    with service() as context, context.transaction(Actor(user, role, "report versions")) as work, work.as_service():
        found = reports.versions(work, context.keys, participant_id, module, with_differences=show_results)
    table = Table("version", "kind", "reason", "state", "released", "first viewed")
    for version in found:
        state = f"{version.state} ({version.withdrawn_cause})" if version.withdrawn_cause else version.state
        viewed = "" if version.viewed_at is None else f"{version.viewed_at:%Y-%m-%d}"
        released = f"{version.released_at:%Y-%m-%d}"
        table.add_row(str(version.number), version.kind, version.reason, state, released, viewed)
    show(table)
    for version in found:
        for difference in version.differences:
            before, after = (_said(difference[side]) for side in ("before", "after"))
            typer.echo(f"version {version.number}: {difference['topic']} {difference['subject']}: {before} -> {after}")


def _said(statement: dict[str, Any] | None) -> str:
    return "nothing" if statement is None else str(statement["text"])


@group.command("correct")
def correct(participant_id: str, module: str, user: AsUser, fault: Code, reason: Why) -> None:
    """Withdraw a wrong report at once, make its result again, open a review of it. Again goes on where it stopped."""
    with service() as context:
        corrections.correct(context, _director(user), participant_id, module, fault=fault, note=reason)
    typer.echo("The report is withdrawn and recalled; its correction waits for a review: see ror reviews list.")


@group.command("withdraw")
def withdraw(participant_id: str, module: str, user: AsUser, fault: Code, reason: Why) -> None:
    """Take a report back without another: unreadable at once, recalled at each partner."""
    with service() as context, context.transaction(_director(user)) as work:
        amendments.withdraw(work, context.keys, participant_id, module, fault=fault, note=reason)
    typer.echo("The report is withdrawn and recalled.")


@group.command("add")
def add(
    participant_id: str,
    module: str,
    what: Added,
    *,
    user: AsUser,
    role: AsRole,
    reason: Why,
    english: Annotated[str, typer.Option("--en", help="The note for the participant in English.")] = "",
    spanish: Annotated[str, typer.Option("--es", help="The same in Spanish.")] = "",
) -> None:
    """Issue an addendum: the result stands, and something is added to its report."""
    text = {language: said for language, said in (("en", english), ("es", spanish)) if said}
    with service() as context, context.transaction(Actor(user, role, "report versions")) as work:
        amendments.add(work, context.keys, participant_id, module, what=what, note=reason, text=text)
    typer.echo("The addendum will be made and sent.")
