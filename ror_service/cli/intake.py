"""`ror intake`: manifests and files that come over the disk or an object store instead of the API."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ror_service.audit.log import Actor
from ror_service.cli.lab import FeedbackFile, read_manifest, show_feedback
from ror_service.cli.running import service
from ror_service.context import ServiceContext
from ror_service.intake import watched
from ror_service.intake.feedback import Taken, feedback_on
from ror_service.intake.manifest import Row
from ror_service.intake.submission import Files, submit_manifest, submit_with_file
from ror_service.intake.watched import Inbox

Center = Annotated[str, typer.Option(help="The genome center in whose name it is submitted; audited.")]

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


def _take(context: ServiceContext, center: str, row: Row, files: Files) -> Taken:
    begin = partial(context.transaction, _actor(center))
    return submit_with_file(begin, context.keys, row, files, context.store)


def _actor(center: str) -> Actor:
    return Actor(center, "genome_center", "sample submission")
