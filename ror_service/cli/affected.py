"""`ror affected`: how many results, and which, rest on a sample that carries one of some variants."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from interpreters.hereditary_risk import HereditaryRisk
from ror_service import affected as answering
from ror_service.affected import HEREDITARY_RISK, Affected
from ror_service.cli.running import service


def affected(
    *,
    variants: Annotated[
        Path, typer.Option(help="Text file, a line each: build, chromosome, position, REF, ALT; or a ClinVar id.")
    ],
    module: Annotated[
        Literal["hereditary_risk", "pharmacogenomics"], typer.Option(help="Module whose cases are told.")
    ] = "hereditary_risk",
    cases: Annotated[
        bool, typer.Option("--cases", help="Also name the cases, for whoever has to act on them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Count the results that rest on a carrier of one of these variants, over all samples that are stored.

    Prints counts, and with --cases the case identifiers; never who, nor which variant. The question is audited, and so
    is every case that it finds.
    """
    with service() as context:
        hereditary = context.interpreters.get(HEREDITARY_RISK)
        asked = answering.read_variants(variants, hereditary if isinstance(hereditary, HereditaryRisk) else None)
        found = answering.affected(context, asked, module)
    if as_json:
        told = {**asdict(found), "cases": len(found.cases)}
        typer.echo(json.dumps({**told, "case_ids": found.cases} if cases else told))
        return
    if cases:
        for case_id in found.cases:
            typer.echo(case_id)
    _print(found)


def _print(found: Affected) -> None:
    typer.echo(f"{found.variants:,} variants, {found.samples:,} samples")
    typer.echo(f"  {found.carriers:,} samples carry one of them")
    typer.echo(f"  {len(found.cases):,} open cases rest on these")
    rest = {
        "cases more were passed over: the participant's standing or answers forbid it, or they are suspended": (
            found.passed_over
        ),
        "samples could not be searched for every variant: another build, or outside of what is stored": (
            found.not_all_variants
        ),
        "samples have nothing stored: they were not searched": found.not_stored,
        "samples do not open: they were not searched": found.unreadable,
        "variants may be written in ways that were not searched: install a reference sequence": (
            found.uncertain_variants
        ),
    }
    for words, number in rest.items():
        if number:
            typer.echo(f"  {number:,} {words}")
