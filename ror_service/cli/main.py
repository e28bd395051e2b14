"""Entry point of the command `ror`. Only the module of the command that is asked for is imported: starting is quick."""

from __future__ import annotations

import faulthandler
import os
import sys
from importlib import import_module

import typer

from ror_service import logs, memory
from ror_service.errors import ServiceError

COMMANDS = {
    "interpret": "ror_service.cli.interpret:interpret",
    "demo": "ror_service.cli.demo:demo",
    "verify": "ror_service.cli.verify:verify",
    "api": "ror_service.cli.running:api",
    "worker": "ror_service.cli.running:worker",
    "relay": "ror_service.cli.running:relay",
    "token": "ror_service.cli.running:token",
    "db": "ror_service.cli.running:database",
    "partners": "ror_service.cli.running:partners",
    "reviews": "ror_service.cli.records:reviews",
    "reports": "ror_service.cli.reports:group",
    "identity": "ror_service.cli.identity:identity",
    "consent": "ror_service.cli.records:consent",
    "audit": "ror_service.cli.audit:audit",
    "deliveries": "ror_service.cli.records:deliveries",
    "lab": "ror_service.cli.lab:lab",
    "intake": "ror_service.cli.intake:intake",
    "withdrawal": "ror_service.cli.withdrawals:withdrawal",
    "keys": "ror_service.cli.keys:keys",
    "knowledge": "ror_service.cli.knowledge:knowledge",
    "reference": "ror_service.cli.reference:reference",
    "reanalyze": "ror_service.cli.reanalyze:reanalyze",
    "affected": "ror_service.cli.affected:affected",
    "yield": "ror_service.cli.batch_yield:count_yield",
    "prove": "ror_service.cli.prove:prove",
}
"""Command to the function, or the group of commands, that runs it."""


def make_app(wanted: str | None = None) -> typer.Typer:
    """The command line with one command, or with all where `wanted` names none (for the overview)."""
    app = typer.Typer(
        name="ror", help="Return of genomic results.", no_args_is_help=True, pretty_exceptions_enable=False
    )
    app.callback()(_ror)
    for name in (wanted,) if wanted in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _ror() -> None:
    """Return of genomic results."""


def prepare() -> None:
    """See that no message, trace or memory dump of this process holds what it works on."""
    memory.keep()
    logs.configure()
    faulthandler.enable()  # of a crash in native code it tells the places in the program, no value


def main() -> None:
    """Run the command line; what the service refuses is told in one line, without a trace."""
    # Before numpy is loaded: its matrices are small here, and threads that wait for each other only cost time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    prepare()
    try:
        make_app(next(iter(sys.argv[1:]), None))()
    except ServiceError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise SystemExit(1) from error
