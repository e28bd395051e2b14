"""`ror intake`: manifests and files that come over the disk or an object store instead of the API."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ror_service import indexing
from ror_service.audit.log import Actor
from ror_service.cli.lab import FeedbackFile, read_manifest, show_feedback
from ror_service.cli.running import service
from ror_service.cli.tables import show
from ror_service.context import ServiceContext
from ror_service.intake import fetching, samples, watched
from ror_service.intake import sweep as sweeping
from ror_service.intake.feedback import Taken, feedback_on
from ror_service.intake.manifest import Row
from ror_service.intake.progress import Progress, progress
from ror_service.intake.submission import Files, submit_manifest, submit_row, take_file
from ror_service.intake.watched import Inbox
from ror_service.states import SampleState
from ror_service.storage.jobs import queue_of

Center = Annotated[str, typer.Option(help="The genome center in whose name it is submitted; audited.")]
Backfill = Annotated[bool, typer.Option("--backfill", help="Not of this week: its jobs wait for the weekly work.")]
_SAFE_HOURS = sweeping.SAFE_AGE // timedelta(hours=1)

OPERATOR = Actor("command-line", "operator", "intake")

intake = typer.Typer(help="Manifests and their files.", no_args_is_help=True)


@intake.command()
def submit(
    manifest: Path,
    center: Center,
    folder: Annotated[Path | None, typer.Option(help="Folder of the genotype files; without it they follow.")] = None,
    feedback: FeedbackFile = None,
    backfill: Backfill = False,
) -> None:
    """Submit a manifest, with its files. Again changes nothing. Status 1 when a row was refused or lacks its file."""
    checked = read_manifest(manifest)
    with service() as context:
        if folder is None:
            begin = partial(context.transaction, fetching.center(center))
            told = submit_manifest(begin, context.keys, checked)
            if backfill:
                with begin() as work:
                    samples.mark_backfill(work, [row.sample_id for row in told.rows if row.sample_id is not None])
        else:
            inbox = Inbox(str(folder.resolve()))
            taking = Taking(context, center, inbox, backfill=backfill, at_once=True)
            told = feedback_on(checked, lambda row: taking.take(row, inbox.open))
    show_feedback(told, feedback)
    raise typer.Exit(1 if told.refused or (told.waiting and folder is not None) else 0)


@intake.command()
def watch(
    url: Annotated[str, typer.Argument(help="Folder or prefix of one center, such as s3://bucket/center-1.")],
    center: Center,
    once: Annotated[bool, typer.Option("--once", help="One pass, then end.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Seconds between passes.")] = 60,
    backfill: Backfill = False,
) -> None:
    """Take in each `*.manifest.csv` and `*.manifest.json` with the files beside it, and write the feedback there.

    In production workers fetch the files; the feedback says what became of them after a later pass.
    """
    inbox = Inbox(url)
    with service() as context:
        taking = Taking(context, center, inbox, backfill=backfill, at_once=context.settings.broker is None)
        while True:
            for name, told in watched.take_in(inbox, taking.take, taking.again):
                problem = "" if told.problem is None else f"; {told.problem}"
                counts = f"{len(told.rows)} rows, {told.refused} refused, {told.waiting} without their file"
                typer.echo(f"{name}: {counts}{problem}")
            if once:
                break
            threading.Event().wait(every)


class Taking:
    """Takes rows in whose files lie in a folder: with them at once, or so that workers fetch them."""

    def __init__(self, context: ServiceContext, center: str, inbox: Inbox, *, backfill: bool, at_once: bool) -> None:
        self._context, self._inbox, self._backfill, self._at_once = context, inbox, backfill, at_once
        self._begin = partial(context.transaction, fetching.center(center))

    def take(self, row: Row, files: Files) -> Taken:
        """A row that was not seen before."""
        told = submit_row(self._begin, self._context.keys, row)
        if self._backfill and told.state is SampleState.AWAITING_FILE:
            with self._begin() as work:
                samples.mark_backfill(work, [row.sample_id])
        return self.again(row, files) if told.state is SampleState.AWAITING_FILE else told

    def again(self, row: Row, files: Files) -> Taken:
        """A row whose file had not come."""
        if self._at_once:
            return take_file(self._begin, self._context.keys, row, files, self._context.store)
        with self._begin() as work:
            return fetching.list_file(work, row, self._inbox)


@intake.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Samples by center and state; queues with weekly work and backfill apart. Status 1 if a job gave up."""
    with service() as context, context.transaction(OPERATOR) as work:
        found = progress(work)
    if as_json:
        typer.echo(json.dumps(asdict(found), default=_plain))
    else:
        _print_status(found)
    raise typer.Exit(1 if found.dead else 0)


@intake.command()
def sweep(
    older_than: Annotated[int, typer.Option(min=1, help="Hours since a file was last written to.")] = _SAFE_HOURS,
) -> None:
    """Remove from the store sealed files that a crash left without a row; the relay does so each hour."""
    with service() as context:
        removed = sweeping.sweep(partial(context.transaction, OPERATOR), context.store, timedelta(hours=older_than))
    typer.echo(f"{removed:,} files removed")


@intake.command()
def index() -> None:
    """Make ahead what searches need: missing fingerprints, and the pieces of both indexes. Again does what is left."""
    with service() as context:
        done = indexing.index_ahead(context)
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
    table = Table("queue", "work", "wait", "run", "done in 1 h", "gave up", "done at this rate in")
    for queue in found.queues:
        jobs, left = queue.jobs, queue.remaining
        kind = "backfill" if queue.backfill else "weekly"
        counts = (f"{count:,}" for count in (jobs.waiting, jobs.running, jobs.done, jobs.dead))
        table.add_row(queue_of(queue.task), kind, *counts, f"{left.total_seconds() / 3600:,.1f} h" if left else "")
    show(table)
    if found.dead:
        typer.echo(f"{found.dead:,} jobs gave up: see `ror deliveries show`")


def _plain(value: object) -> object:
    return value.total_seconds() if isinstance(value, timedelta) else str(value)
