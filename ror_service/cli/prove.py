"""The command that proves what the service promises: it runs the measurements and prints one table of their figures."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ror_service.errors import NotFoundError

SOURCE = Path(__file__).resolve().parents[2]
LIST = Path("benchmarks/promises.toml")
PAGE = Path("docs/reference/promises.md")
FIELDS = 4
"""Of a line that `benchmarks/promises.py` prints: the word promise, the promise, its figure, whether it held."""
SHOWN_LINES = 20
"""Last lines of the errors of a program that failed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A promise, what was measured of it, whether that keeps it, and the command that measured."""

    promise: str
    figure: str
    held: bool
    command: str


def prove(
    *,
    full: Annotated[bool, typer.Option("--full", help="As many cases as are promised; takes a day.")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Write the table into {PAGE} too.")] = False,
) -> None:
    """Run every measurement and print what is promised with its figures; status 1 when a promise is broken."""
    begun = datetime.now(UTC)
    proofs = [proof for command in commands(SOURCE, full=full) for proof in run(SOURCE, command)]
    typer.echo(table(proofs))
    if write:
        (SOURCE / PAGE).write_text(page(proofs, begun, full=full), encoding="utf-8")
    if not all(proof.held for proof in proofs):
        raise typer.Exit(1)


def commands(source: Path, *, full: bool) -> list[str]:
    """What is run, program and arguments.

    Raises:
        NotFoundError: If `source` is no source tree.
    """
    if not (source / LIST).is_file():
        raise NotFoundError(f"there is no {LIST} here: the measurements are run from a source tree alone; clone it")
    programs = tomllib.loads((source / LIST).read_text(encoding="utf-8"))
    return [f"benchmarks/{name} {given['full' if full else 'quick']}".rstrip() for name, given in programs.items()]


def run(source: Path, command: str) -> Iterator[Proof]:
    """Run a program; what it told of its promises, and that it failed, if it did so without a broken one."""
    typer.echo(f"{command} ...", err=True)
    started = time.monotonic()
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *shlex.split(command)], cwd=source, capture_output=True, text=True, check=False
    )
    lines = [line.split("\t") for line in ran.stdout.splitlines() if line.startswith("promise\t")]
    told = [
        Proof(line[1], line[2], line[3] == "held", command)
        if len(line) == FIELDS
        else Proof("every promise is told in one line", "a line that cannot be read", held=False, command=command)
        for line in lines
    ]
    if (ran.returncode and all(proof.held for proof in told)) or not told:
        figure = f"ended with status {ran.returncode} and told {len(told)} promises"
        told.append(Proof("the measurement ends well", figure, held=False, command=command))
    ended = "held" if all(proof.held for proof in told) else "BROKEN"
    typer.echo(f"{command}: {ended}, {time.monotonic() - started:.0f} s", err=True)
    if ended != "held":
        typer.echo("\n".join([*ran.stdout.splitlines(), *ran.stderr.splitlines()][-SHOWN_LINES:]), err=True)
    yield from told


def table(proofs: list[Proof]) -> str:
    """The table, in Markdown."""
    rows = [(each.promise, each.figure, "yes" if each.held else "BROKEN", f"`{each.command}`") for each in proofs]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        for row in [("promise", "figure", "held", "measured by"), ("---",) * FIELDS, *rows]
    )


def page(proofs: list[Proof], begun: datetime, *, full: bool) -> str:
    """The page of the documents: the table, when it was made, and on what machine."""
    return "\n".join(
        [
            "# Promises and their figures",
            "",
            f"Written by `ror prove {'--full ' if full else ''}--write`, which runs each command of the last column.",
            "It ran as many cases as are promised." if full else "It ran few cases: `ror prove --full` runs all.",
            "",
            f"- Begun: {begun:%Y-%m-%d %H:%M} UTC",
            f"- Machine: {machine()}",
            "",
            table(proofs),
            "",
        ]
    )


def machine() -> str:
    """Cores, processor, memory, Python and PostgreSQL, as far as the system tells."""
    processor = _after("/proc/cpuinfo", "model name") or platform.machine()
    memory = int((_after("/proc/meminfo", "MemTotal") or "0").split()[0]) / (1 << 20)
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    postgres = "no PostgreSQL"
    if servers:
        told = subprocess.run([servers[-1], "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        postgres = "PostgreSQL " + told.stdout.split()[2]
    return f"{os.cpu_count()} cores, {processor}, {memory:.0f} GiB, Python {platform.python_version()}, {postgres}"


def _after(path: str, name: str) -> str:
    """What a file of the system says after a name and a colon; empty where it does not."""
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
