"""Commands over withdrawals: what is not done yet, and the receipt of a participant."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from ror_service import withdrawals
from ror_service.cli.running import OPERATOR, service
from ror_service.cli.tables import show
from ror_service.storage import withdrawals as rows

withdrawal = typer.Typer(help="Withdrawals, their recalls and certificates.", no_args_is_help=True)


@withdrawal.command("list")
def list_withdrawals(
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those with a recall that is overdue.")] = False,
) -> None:
    """Withdrawals that are not certified yet, the oldest first; exit status 1 when a recall is overdue."""
    table = Table(Column("withdrawal", no_wrap=True), "kind", "requested", "not acknowledged by", "overdue")
    late = 0
    with service() as context, context.transaction(OPERATOR) as work:
        for row in rows.uncertified(work.session):
            receipts = withdrawals.receipts(work, row.participant_id)
            receipt = next(each for each in receipts if each.withdrawal_id == row.withdrawal_id)
            waiting = [recall for recall in receipt.recalls if recall.acknowledged_at is None]
            is_late = [recall for recall in waiting if recall.overdue]
            late += len(is_late)
            if is_late or not overdue:
                partners = ", ".join(sorted({recall.partner for recall in waiting}))
                when = f"{row.requested_at:%Y-%m-%d %H:%M}"
                table.add_row(row.withdrawal_id, row.kind, when, partners, str(len(is_late)))
    show(table)
    if late:
        raise typer.Exit(1)


@withdrawal.command("show")
def show_withdrawals(participant_id: str) -> None:
    """The receipt of each withdrawal of a participant, as the participant reads it; audited."""
    with service() as context, context.transaction(OPERATOR) as work:
        found = withdrawals.receipts(work, participant_id)
        work.audit("withdrawal.read", "participant", participant_id, participant_id)
    for receipt in found:
        typer.echo(f"{receipt.withdrawal_id}: {receipt.kind}, {receipt.requested_at:%Y-%m-%d %H:%M:%S} UTC")
        typer.echo(f"  erased: {', '.join(receipt.erased) or 'nothing'}")
        typer.echo(f"  kept: {', '.join(receipt.kept)}")
        for recall in receipt.recalls:
            typer.echo(f"  {recall.partner}: {recall.state}{', overdue' if recall.overdue else ''}")
        typer.echo(f"  certificate: {receipt.certificate or 'not yet'}")
