"""`ror reference`: a programme's own reference panel for the ancestry module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from interpreters.ancestry.build import MODULE
from interpreters.ancestry.interpreter import FEWER_SITES
from interpreters.ancestry.reference import (
    FEWEST_PEOPLE,
    CohortCounter,
    CohortCounts,
    Outcome,
    Rules,
    divide,
    parse_labels,
    parse_sites,
)
from interpreters.ancestry.reference_release import Beside, check_name, write_release
from interpreters.knowledge import KnowledgeError, Source
from ror_service.errors import InvalidInputError
from ror_service.intake.cohort import open_cohort
from ror_service.intake.errors import IntakeError
from ror_service.settings import settings

reference = typer.Typer(help="Reference panels of the ancestry module.", no_args_is_help=True)


@reference.callback()
def _group() -> None:
    """Reference panels of the ancestry module."""


@reference.command("build")
def build(
    cohort: Annotated[Path, typer.Argument(help="Multi-sample VCF, GRCh38 or GRCh37, plain or bgzipped.")],
    *,
    labels: Annotated[Path, typer.Option(help="Table with the columns sample, group, region.")],
    release: Annotated[str, typer.Option(help="Name of the new release.")],
    output: Annotated[Path | None, typer.Option(help="Folder of releases; ROR_KNOWLEDGE_FOLDER when left out.")] = None,
    sites: Annotated[
        Path | None,
        typer.Option(help="Table chrom, pos38, pos37, ref, alt: these sites, and the cohort's groups alone."),
    ] = None,
    minimum_frequency: Annotated[float, typer.Option(help="Of the rarer allele over all groups.")] = 0.005,
    minimum_call_rate: Annotated[float, typer.Option(help="Of a site in every group.")] = 0.95,
    minimum_people: Annotated[int, typer.Option(help="In a group, and of a group at a site.")] = FEWEST_PEOPLE,
) -> None:
    """Count a labelled cohort by group and build a release of the ancestry module from the counts."""
    folder = output or settings().knowledge_folder
    if folder is None:
        raise InvalidInputError("name a folder with --output, or set ROR_KNOWLEDGE_FOLDER")
    with _told():
        rules = Rules(minimum_frequency, minimum_call_rate, minimum_people)
        check_name(folder / MODULE, release)
        beside = Beside(with_groups=sites is None)
        listed = beside.sites() if sites is None else parse_sites(_lines(sites), str(sites))
        labelled = parse_labels(_lines(labels), str(labels))
        beside.check(listed, (label.group for label in labelled.values()))
        with open_cohort(cohort) as opened:
            division = divide(opened.samples, labelled, rules.minimum_people)
            counter = CohortCounter(listed, opened.build, division, rules, beside.counted(listed))
            for record in opened.records(counter.positions):
                counter.add(record)
        counts = counter.result()
        made = write_release(counts, beside, folder / MODULE, release, _source(counts, rules))
    for line in _report(counts, opened.records_read, rules):
        typer.echo(line)
    typer.echo(f"Built {made.module} release {made.release} in {made.folder}; digest {made.digest}")
    typer.echo(f"Use it: ror interpret FILE --knowledge {MODULE}={release} --knowledge-folder {folder}")


def _report(counts: CohortCounts, records: int, rules: Rules) -> Iterator[str]:
    division = counts.division
    yield "Groups counted:"
    for group in division.groups:
        yield f"  {group.name} ({group.region}): {group.people} people"
    if division.too_few:
        yield f"Groups left out, fewer than {rules.minimum_people} people (their counts would identify them):"
        for name, people in division.too_few.items():
            yield f"  {name}: {people}"
    yield f"Samples without a label, left out: {division.without_label}"
    yield f"Labels without a sample in the cohort: {division.without_genotypes}"
    yield f"Records read: {records}"
    yield f"Sites on the list: {sum(counts.outcomes.values())}"
    for outcome in Outcome:
        yield f"  {outcome}: {counts.outcomes[outcome]}"
    yield f"Kept sites that read the same on both strands (A/T, C/G; flagged): {counts.palindromic}"
    if len(counts.sites) < FEWER_SITES:
        yield f"Warning: fewer than {FEWER_SITES} sites are kept; results rest on little."
    yield "Not checked: related people and duplicated samples. Remove them from the labels before."
    yield "Not calibrated: measure intervals on people of known origin who are not in the cohort before any report."


def _source(counts: CohortCounts, rules: Rules) -> Source:
    people = sum(group.people for group in counts.division.groups)
    return Source(
        name=f"Allele counts of {people} people of the programme's cohort in {len(counts.division.groups)} groups",
        version=f"frequency {rules.minimum_frequency} or more, call rate {rules.minimum_call_rate} or more",
        date=datetime.now(UTC).date().isoformat(),
        licence="By the programme's own terms",
        url="-",
    )


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as lines:
            yield from lines
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: cannot be read; give a table as UTF-8 text with tabs") from error


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (KnowledgeError, IntakeError, ValueError) as error:
        raise InvalidInputError(str(error)) from error
