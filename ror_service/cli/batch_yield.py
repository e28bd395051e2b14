"""`ror yield`: whether a batch of samples gave as many hereditary candidates as it should."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from ror_service import batch_yield
from ror_service.batch_yield import Alarm, BatchYield, YieldPolicy
from ror_service.cli.running import service
from ror_service.cli.tables import show

_WORDS = {
    Alarm.TOO_FEW: "too few candidates: look for a wrong build, unread regions, or a rule that no longer fires",
    Alarm.TOO_MANY: "too many candidates: look for an artefact, contamination, or a rule that no longer holds back",
    Alarm.ONE_VARIANT: "one variant makes too many of the candidates: look at its reads, and for a swapped plate",
}


def count_yield(
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Interpreted on this day (UTC) or later; all if not.")
    ] = None,
    genome_center: Annotated[str | None, typer.Option(help="Only samples of this genome center.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Count a batch's hereditary outcomes; ends with status 1 when the yield is an alarm.

    Prints counts alone. Every candidate is opened to compare its variants, which is audited.
    """
    policy = batch_yield.load_policy()
    with service() as context:
        batch = batch_yield.count(context, since and since.replace(tzinfo=UTC), genome_center)
    found = batch_yield.alarms(batch, policy)
    if as_json:
        typer.echo(json.dumps({**asdict(batch), "samples": batch.samples, "policy": policy.version, "alarms": found}))
    else:
        _print(batch, policy, found)
    raise typer.Exit(1 if found else 0)


def _print(batch: BatchYield, policy: YieldPolicy, found: tuple[Alarm, ...]) -> None:
    table = Table("outcome", "samples", "share")
    for name, number in {"candidate": batch.candidates, "review": batch.reviews, "neither": batch.others}.items():
        table.add_row(name, f"{number:,}", f"{number / max(batch.samples, 1):.2%}")
    show(table)
    typer.echo(
        f"{batch.samples:,} samples; the commonest variant is in {batch.commonest:,} of {batch.compared:,} candidates"
        f" ({batch.commonest_share:.1%}) whose variants were compared"
    )
    limits = (
        f"alarm below {policy.yield_below:.1%} or above {policy.yield_above:.1%} candidates, or for one variant in more"
        f" than {policy.one_variant_above:.0%} of them (policy {policy.version}, {policy.status})"
    )
    if batch.samples < policy.minimum_samples:
        typer.echo(f"No judgement: fewer than {policy.minimum_samples:,} samples; {limits}")
    elif found:
        for alarm in found:
            typer.echo(f"ALARM {alarm}: {_WORDS[alarm]}")
        typer.echo(limits)
    else:
        typer.echo(f"No alarm; {limits}")
