"""Entry point of the command `ror`."""

from __future__ import annotations

import typer

from ror_service.cli import records, running
from ror_service.cli.demo import demo
from ror_service.cli.interpret import interpret
from ror_service.cli.knowledge import knowledge
from ror_service.errors import ServiceError

app = typer.Typer(name="ror", help="Return of genomic results.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (interpret, demo, running.api, running.worker, running.relay, running.token):
    app.command()(command)
app.add_typer(running.database, name="db")
app.add_typer(running.partners, name="partners")
app.add_typer(records.reviews, name="reviews")
app.add_typer(records.consent, name="consent")
app.add_typer(records.audit, name="audit")
app.add_typer(records.deliveries, name="deliveries")
app.add_typer(knowledge, name="knowledge")


def main() -> None:
    """Run the command line; what the service refuses is told in one line, without a trace."""
    try:
        app()
    except ServiceError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise SystemExit(1) from error
