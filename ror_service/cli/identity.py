"""Commands over identity cases, in the name of a laboratory director."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from identity.alarms import Relationship
from ror_service import identity_cases
from ror_service.audit.log import Actor
from ror_service.cli.records import AsUser, Why
from ror_service.cli.running import service
from ror_service.cli.tables import show

identity = typer.Typer(help="Samples that may be another person's.", no_args_is_help=True)


def _director(user: str) -> Actor:
    return Actor(user, "laboratory_director", "identity")


@identity.command("list")
def list_cases(
    user: AsUser, resolved: Annotated[bool, typer.Option("--resolved", help="Those that are done.")] = False
) -> None:
    """Open identity cases, oldest first; audited."""
    table = Table(Column("case", no_wrap=True), "suspicion", "opened", "resolved by", "resolution")
    with service() as context, context.transaction(_director(user)) as work:
        for row in identity_cases.listed(work, resolved=resolved):
            opened = row.opened_at.date().isoformat()
            table.add_row(row.identity_case_id, row.reason, opened, row.resolved_by or "", row.resolution or "")
    show(table)


@identity.command("show")
def show_case(identity_case_id: str, user: AsUser) -> None:
    """Members, samples, and the samples compared anew; audited."""
    with service() as context, context.transaction(_director(user)) as work:
        found = identity_cases.show(work, context.fingerprints, identity_case_id)
    typer.echo(f"{found.case.reason}, concerns {', '.join(found.members)}")
    if found.case.resolved_at is not None:
        typer.echo(f"resolved by {found.case.resolved_by}: {found.case.resolution}, {found.case.resolution_reason}")
    samples = Table(Column("sample", no_wrap=True), "participant", "center", "specimen", "assay", "state")
    for sample in found.samples:
        samples.add_row(
            sample.sample_id, sample.participant_id, sample.genome_center, sample.specimen, sample.assay, sample.state
        )
    show(samples)
    pairs = Table("sample", "and sample", "are", "sites read in both", "equal genotypes", "kinship")
    for pair in found.pairs:
        seen = pair.comparison
        told = (
            ("erased", "", "", "")
            if seen is None
            else (seen.relation.value, str(seen.shared_sites), f"{seen.concordance:.1%}", f"{seen.kinship:.3f}")
        )
        pairs.add_row(pair.one, pair.other, *told)
    show(pairs)


@identity.command("resolve")
def resolve_case(
    identity_case_id: str,
    user: AsUser,
    reason: Why,
    wrong: Annotated[
        list[str] | None, typer.Option("--wrong", help="A sample that is not its participant's; ends what rests on it.")
    ] = None,
) -> None:
    """Resolve a case: results are back, but for what rests on a wrong sample, which is erased and recalled."""
    with service() as context, context.transaction(_director(user)) as work:
        resolution = identity_cases.resolve(work, identity_case_id, reason, wrong or ())
    typer.echo(f"{identity_case_id} is resolved by {user}: {resolution.value}.")


@identity.command("register")
def register_relationship(participant_id: str, relative_id: str, kind: Relationship, user: AsUser) -> None:
    """Register two participants as relatives by birth, who are expected to look alike."""
    with service() as context, context.transaction(_director(user)) as work:
        identity_cases.register_relationship(work, participant_id, relative_id, kind)
    typer.echo(f"Registered by {user}.")
