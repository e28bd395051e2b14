"""`ror intake`: manifests and files that come over the disk or an object store instead of the API."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ror_service import upkeep
from ror_service.audit.log import Actor
from ror_service.cli.lab import FeedbackFile, read_manifest, show_feedback
from ror_service.cli.running import service
from ror_service.cli.tables import show
from ror_service.context import ServiceContext
from ror_service.intake import watched
from ror_service.intake.feedback import Taken, feedback_on
from ror_service.intake.manifest import Row
from ror_service.intake.progress import Progress, progress
from ror_service.intake.submission import Files, submit_manifest, submit_with_file
from ror_service.intake.watched import Inbox

Center = Annotated[str, typer.Option(help="The genome center in whose name it is submitted; audited.")]

OPERATOR = Actor("command-line", "operator", "intake status")

intake = typer.Typer(help="Manifests and their files.", no_args_is_help=True)


@intake.command()
def submit(
    manifest: Path,
    center: Center,
    folder: Annotated[Path | None, typer.Option(help="Folder of the genotype files; without it they follow.")] = None,
    feedback: FeedbackFile = None,
) -> None:
    """Submit a manifest, with its files. Again changes nothing. Status 1 when a row was refused or lacks its file."""
    checked = read_manifest(manifest)
    with service() as context:
        if folder is None:
            begin = partial(context.transaction, _actor(center))
            told = submit_manifest(begin, context.keys, checked)
        else:
            files = Inbox(str(folder.resolve())).open
            told = feedback_on(checked, lambda row: _take(context, center, row, files))
    show_feedback(told, feedback)
    raise typer.Exit(1 if told.refused or (told.waiting and folder is not None) else 0)


@intake.command()
def watch(
    url: Annotated[str, typer.Argument(help="Folder or prefix of one center, such as s3://bucket/center-1.")],
    center: Center,
    once: Annotated[bool, typer.Option("--once", help="One pass, then end.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Seconds between passes.")] = 60,
) -> None:
    """Take in each `*.manifest.csv` and `*.manifest.json` with the files beside it, and write the feedback there."""
    inbox = Inbox(url)
    with service() as context:
        while True:
            for name, told in watched.take_in(inbox, partial(_take, context, center)):
                problem = "" if told.problem is None else f"; {told.problem}"
                counts = f"{len(told.rows)} rows, {told.refused} refused, {told.waiting} without their file"
                typer.echo(f"{name}: {counts}{problem}")
            if once:
                break
            threading.Event().wait(every)


@intake.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Samples by center and state, files that wait, and the rate of the last hour. Status 1 if a reading gave up."""
    with service() as context, context.transaction(OPERATOR) as work:
        found = progress(work)
    if as_json:
        remaining = found.remaining and round(found.remaining.total_seconds())
        typer.echo(json.dumps({**asdict(found), "remaining_seconds": remaining}, default=str))
    else:
        _print_status(found)
    raise typer.Exit(1 if found.jobs.dead else 0)


@intake.command()
def index() -> None:
    """Make ahead what searches need: missing fingerprints, and the pieces of both indexes. Again does what is left."""
    with service() as context:
        done = upkeep.index_ahead(context)
    typer.echo(f"{done.fingerprints:,} samples got a fingerprint from what is stored of them")
    typer.echo(f"{done.readings:,} files are ordered to be read again for one")
    typer.echo(f"{done.gathered:,} fingerprints were put into pieces; the index of carried variants is up to date")
    if done.unreadable:
        typer.echo(f"of {done.unreadable:,} samples what is stored does not open")


def _print_status(found: Progress) -> None:
    table = Table("genome center", "state", "samples", "oldest submitted")
    for row in found.samples:
        table.add_row(row.genome_center, row.state, f"{row.samples:,}", f"{row.oldest:%Y-%m-%d %H:%M}")
    show(table)
    jobs = found.jobs
    typer.echo(f"{jobs.waiting:,} files wait, {jobs.running:,} are being read, {jobs.done:,} were in the last hour")
    if found.remaining is not None and jobs.waiting:
        typer.echo(f"at this rate all are read in {found.remaining.total_seconds() / 3600:,.1f} hours")
    if jobs.dead:
        typer.echo(f"{jobs.dead:,} readings gave up: see `ror deliveries show`")


def _take(context: ServiceContext, center: str, row: Row, files: Files) -> Taken:
    begin = partial(context.transaction, _actor(center))
    return submit_with_file(begin, context.keys, row, files, context.store)


def _actor(center: str) -> Actor:
    return Actor(center, "genome_center", "sample submission")
