"""Commands over the audit log: does it hold, and keep a signed state of it in a second place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ror_service import audit_checkpoints
from ror_service.audit import log
from ror_service.cli.running import AUDITOR, service
from ror_service.errors import UnsafeConfigurationError
from ror_service.sealing.key_sets import read_key_file

audit = typer.Typer(help="The audit log.", no_args_is_help=True)


@audit.command("verify")
def verify(
    keys: Annotated[
        Path | None, typer.Option(help="Key set of earlier audit keys, as `ror keys publish --audit` wrote.")
    ] = None,
) -> None:
    """Walk the audit chain and compare it with its checkpoints; exit status 1 names the first broken row."""
    trusted = {} if keys is None else read_key_file(keys)
    with service(restored=True) as context, context.transaction(AUDITOR) as work:
        place = context.checkpoints(trusted)
        kept = [] if place is None else place.kept()
        gaps = None if place is None else place.gaps()
        verified = log.verify(work.session, checkpoints=kept, gaps=gaps)
    typer.echo(f"The chain holds: {verified.events} events, last hash {verified.head}.")
    typer.echo("None is missing, none was changed, and each follows the one before.")
    for gap in sorted(gaps or (), key=lambda gap: gap.first):
        typer.echo(
            f"Events {gap.first} to {gap.last} were lost with a database that was restored, as was acknowledged."
        )
    if not kept:
        why = "ROR_AUDIT_CHECKPOINTS is not set" if place is None else "none is kept yet"
        typer.echo(f"No checkpoints, since {why}: a cut-off end, or a log that was written anew, would not show.")
        return
    newest = kept[-1]
    typer.echo(
        f"Checkpoints: {len(kept)}, each signed and in the log. The newest is of {newest.at.isoformat()} and names "
        f"event {newest.sequence}; {verified.events - newest.sequence} events are newer, whose loss would not show yet."
    )


@audit.command("checkpoint")
def checkpoint() -> None:
    """Verify what was written since the newest checkpoint, and keep a new one."""
    with service() as context, context.transaction(AUDITOR) as work:
        place = context.checkpoints()
        if place is None:
            raise UnsafeConfigurationError("ROR_AUDIT_CHECKPOINTS names no place to keep checkpoints in")
        taken = audit_checkpoints.take(work.session, place, work.at)
    typer.echo("Nothing was written since the newest one." if taken is None else f"Kept: event {taken.sequence}.")
