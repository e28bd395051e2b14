"""`ror lab`: what a genome center runs on its own machine before it sends. No database, no service, no network."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from identity.panel import load_panel
from ror_service.errors import InvalidInputError
from ror_service.intake.feedback import Feedback, RowFeedback, feedback_on
from ror_service.intake.manifest_check import MOST_BYTES, CheckedManifest, Verdict, check_manifest
from ror_service.intake.qc import Outcome
from ror_service.states import SampleState

_SHOWN = 50
"""Rows with a remark on the terminal; the feedback file names all."""
FeedbackFile = Annotated[
    Path | None, typer.Option("--feedback", metavar="FILE", help="Where to write every verdict: .csv or .json.")
]

lab = typer.Typer(help="For genome centers, on their own machine.", no_args_is_help=True)


@lab.callback()
def _lab() -> None:
    """For genome centers, on their own machine."""


@lab.command()
def check(
    manifest: Path,
    files: Annotated[Path | None, typer.Option(help="Folder of the genotype files, which are read too.")] = None,
    feedback: FeedbackFile = None,
) -> None:
    """Check a manifest, and its files, as the service will. Ends with status 1 when a row or file would not pass."""
    checked = read_manifest(manifest)
    if files is None:
        told = feedback_on(checked)
    else:
        from interpreters import registry  # noqa: PLC0415 - takes time, and only files need it
        from ror_service.intake.conformance import check_with_files  # noqa: PLC0415
        from ror_service.intake.needs import Needs  # noqa: PLC0415
        from ror_service.intake.watched import Inbox  # noqa: PLC0415

        told = check_with_files(checked, Inbox(str(files.resolve())).open, Needs(registry.installed(), load_panel()))
    show_feedback(told, feedback)
    raise typer.Exit(0 if all(_passes(row) for row in told.rows) else 1)


def read_manifest(manifest: Path) -> CheckedManifest:
    """A manifest of the local disk, checked.

    Raises:
        InvalidInputError: If the file cannot be read.
        ManifestError: If no row of it can be read.
    """
    try:
        with manifest.open("rb") as file:
            return check_manifest(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise InvalidInputError(f"{manifest}: the manifest cannot be read; check that it is there") from error


def show_feedback(told: Feedback, file: Path | None) -> None:
    """Print the counts and what there is to say of rows, and write all of it where that is asked for.

    Raises:
        InvalidInputError: If the file's name ends otherwise than with .csv or .json, or it cannot be written.
    """
    if file is not None:
        _write(told, file)
    remarks = [f"line {row.line}, sample {row.sample_id or '?'}: {text}" for row in told.rows for text in _remarks(row)]
    for remark in remarks[:_SHOWN]:
        typer.echo(remark)
    if len(remarks) > _SHOWN:
        typer.echo(f"and {len(remarks) - _SHOWN} more; --feedback FILE names all")
    verdicts = Counter(row.verdict.value for row in told.rows)
    states = Counter(row.state.value for row in told.rows if row.state is not None)
    for name, counts in (("verdicts", verdicts), ("samples", states)):
        if counts:
            typer.echo(f"{name}: " + ", ".join(f"{count} {value}" for value, count in sorted(counts.items())))


def _write(told: Feedback, file: Path) -> None:
    if file.suffix not in {".csv", ".json"}:
        raise InvalidInputError("the feedback file's name must end with .csv or .json")
    try:
        file.write_text(told.to_csv() if file.suffix == ".csv" else told.model_dump_json(indent=1), encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{file}: the feedback cannot be written there") from error


def _remarks(row: RowFeedback) -> list[str]:
    refused = [f"{reason.field or 'row'}: {reason.problem} ({reason.code})" for reason in row.reasons]
    held = [f"held: {rule}" for rule in row.holds]
    return refused + held + [f"{note.rule} {note.outcome.value}: {note.reason}" for note in row.quality]


def _passes(row: RowFeedback) -> bool:
    good = row.state in {None, SampleState.READ} and row.verdict is not Verdict.REFUSED
    return good and all(note.outcome is not Outcome.HOLD for note in row.quality)
