"""`ror demo`: the main job on a synthetic programme, or on one real genotype file."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from interpreters.genotypes import Sex
from ror_service.delivery.client import LedgerEntry
from ror_service.errors import InvalidInputError
from ror_service.sandbox.demonstration import Demonstration, Line, write_summary
from ror_service.sandbox.genomes import Genome
from ror_service.sandbox.people import PEOPLE, SyntheticPerson

_WIDTH = 150
_console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)


def demo(
    genome: Annotated[Path | None, typer.Option(help="A genotype file instead of the synthetic programme.")] = None,
    sex_at_birth: Annotated[Sex, typer.Option(help="Declared sex of the person of --genome.")] = Sex.UNKNOWN,
    people: Annotated[list[str] | None, typer.Option(help="Only these synthetic people, for example P0002.")] = None,
    folder: Annotated[Path, typer.Option(help="Everything is kept below it; emptied first.")] = Path("var/demo"),
) -> None:
    """Run the main job: files in, findings, reviews, the consent gate, sealed reports, delivery, withdrawal."""
    started = time.perf_counter()
    if genome is not None and not genome.is_file():
        raise InvalidInputError(f"{genome}: no such file; name a VCF file, plain or bgzipped")
    chosen = _choose(genome, sex_at_birth, people)
    _empty(folder)

    def say(text: str) -> None:
        _console.print(f"[dim]{time.perf_counter() - started:6.1f} s[/dim]  {text}")

    with Demonstration(folder, say) as show:
        files = show.write_genomes(chosen) if genome is None else {chosen[0].participant_id: genome}
        for person in chosen:
            show.take_in(person, files[person.participant_id])
        say("Reviews: two demo users stand in for the genetic counselor and the laboratory director")
        for step in show.programme.work_reviews(show.run_jobs):
            say(step)
        show.tell_viewed()
        lines = show.table(chosen)
        _print_lines(lines)
        if genome is not None:
            _console.print("\nWhat the file told:")
            for line in show.what_was_read(chosen[0]):
                _console.print(f"  {line}")
        reader = max(chosen, key=lambda person: (bool(person.genome.planted), not person.withdraws))
        opened = show.read_everything(reader)
        _console.print(f"\nReports of {reader.participant_id} as opened, English and Spanish, HTML and PDF: {opened}")
        for person in chosen:
            if person.withdraws:
                show.withdraw(person)
        _print_ledger(show.ledger())
        verified = show.verify_audit()
        _console.print(f"\nAudit: {verified.events} events, the chain holds; last hash {verified.head[:16]}…")
        write_summary(folder / "summary.json", lines, show.failures)
    _conclude(show.failures, time.perf_counter() - started)


def _empty(folder: Path) -> None:
    """Remove what an earlier demonstration left and nothing else: a mistyped --folder must cost nobody a file."""
    if not folder.exists():
        return
    left = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    if left and "service" not in left:
        raise InvalidInputError(f"{folder}: holds something else than an earlier demonstration; name another --folder")
    shutil.rmtree(folder)


def _choose(genome: Path | None, sex_at_birth: Sex, people: Sequence[str] | None) -> tuple[SyntheticPerson, ...]:
    """Whom the demonstration is about."""
    if genome is not None:
        story = f"the person of {genome.name}"
        nothing_drawn = Genome(components={}, chromosomal_sex=sex_at_birth)
        return (
            SyntheticPerson(
                "P0001", story, nothing_drawn, declared_sex=sex_at_birth, birth_date=date(1970, 1, 1), withdraws=True
            ),
        )
    chosen = tuple(person for person in PEOPLE if not people or person.participant_id in people)
    if not chosen or (people and len(chosen) != len(set(people))):
        known = ", ".join(person.participant_id for person in PEOPLE)
        raise InvalidInputError(f"--people names somebody who is not in the programme; there are {known}")
    return chosen


def _print_lines(lines: Sequence[Line]) -> None:
    table = Table("participant", "result", "outcome", "why", "version", "seconds", "as expected")
    for line in lines:
        expected = "yes" if line.as_expected else "NO"
        table.add_row(
            line.participant_id, line.module, line.outcome, line.reason, line.versions, str(line.seconds), expected
        )
    _console.print(table)


def _print_ledger(entries: Sequence[LedgerEntry]) -> None:
    table = Table("no.", "at", "event", "delivery", "manifest", title="The partner's ledger")
    for entry in entries:
        at, manifest = entry.at.strftime("%H:%M:%S"), (entry.manifest_sha256 or "")[:12]
        table.add_row(str(entry.sequence), at, entry.event.value, f"{entry.delivery_id[:18]}…", manifest)
    _console.print(table)


def _conclude(failures: Sequence[str], seconds: float) -> None:
    if not failures:
        _console.print(f"\nEvery expectation held, in {seconds:.0f} s.")
        return
    _console.print(f"\n[bold]{len(failures)} expectations did not hold[/bold]:")
    for failure in failures:
        _console.print(f"  {failure}")
    raise typer.Exit(1)
