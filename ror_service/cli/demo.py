"""`ror demo`: the main job on a synthetic programme, or on one real genotype file."""

from __future__ import annotations

import shutil
import time
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from interpreters.genotypes import Sex

_console = Console(highlight=False)


def demo(
    genome: Annotated[
        Path | None, typer.Option(help="A genotype file to take instead of the synthetic programme.")
    ] = None,
    sex_at_birth: Annotated[Sex, typer.Option(help="Declared sex of the person of --genome.")] = Sex.UNKNOWN,
    folder: Annotated[Path, typer.Option(help="Kept below it; emptied first.")] = Path("var/demo"),
) -> None:
    """Run the main job: files in, findings, reviews, the consent gate, sealed reports, delivery, withdrawal."""
    from ror_service.sandbox.demonstration import Demonstration, write_summary  # noqa: PLC0415 - slow to import
    from ror_service.sandbox.genomes import Genome  # noqa: PLC0415
    from ror_service.sandbox.people import PEOPLE, SyntheticPerson  # noqa: PLC0415

    started = time.perf_counter()
    shutil.rmtree(folder, ignore_errors=True)

    def say(text: str) -> None:
        _console.print(f"[dim]{time.perf_counter() - started:6.1f} s[/dim]  {text}")

    with Demonstration(folder, say) as show:
        if genome is None:
            people, files = PEOPLE, show.write_genomes(PEOPLE)
        else:
            real = SyntheticPerson(
                "P0001", f"the person of {genome.name}", Genome({}, sex_at_birth), sex_at_birth, date(1970, 1, 1),
                withdraws=True,
            )  # fmt: skip
            people, files = (real,), {"P0001": genome}
        for person in people:
            show.take_in(person, files[person.participant_id])
        say("Reviews: two demo users stand in for the genetic counselor and the laboratory director")
        for step in show.programme.work_reviews(show.run_jobs):
            say(step)
        show.tell_viewed()
        lines = show.table(people)
        _print_lines(lines)
        reader = people[1] if len(people) > 1 else people[0]
        opened = show.read_everything(reader)
        _console.print(f"\nReports of {reader.participant_id} as opened, English and Spanish, HTML and PDF: {opened}")
        for person in people:
            if person.withdraws:
                show.withdraw(person)
        _print_ledger(show.ledger())
        verified = show.verify_audit()
        _console.print(f"\nAudit: {verified.events} events, the chain holds; last hash {verified.head[:16]}…")
        write_summary(folder / "summary.json", lines, show.failures)
    seconds = time.perf_counter() - started
    if show.failures:
        _console.print(f"\n[bold]{len(show.failures)} expectations did not hold[/bold]:")
        for failure in show.failures:
            _console.print(f"  {failure}")
        raise typer.Exit(1)
    _console.print(f"\nEvery expectation held, in {seconds:.0f} s.")


def _print_lines(lines: list[object]) -> None:
    table = Table("participant", "result", "outcome", "why", "version", "seconds", "as expected")
    for line in lines:
        table.add_row(
            line.participant_id, line.module, line.outcome, line.reason, line.versions, str(line.seconds),
            "yes" if line.as_expected else "NO",
        )  # fmt: skip
    _console.print(table)


def _print_ledger(entries: list[object]) -> None:
    table = Table("no.", "at", "event", "delivery", "manifest", title="The partner's ledger")
    for entry in entries:
        table.add_row(
            str(entry.sequence), entry.at.strftime("%H:%M:%S"), entry.event.value, entry.delivery_id[:18] + "…",
            (entry.manifest_sha256 or "")[:12],
        )  # fmt: skip
    _console.print(table)
