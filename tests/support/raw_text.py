"""Raw text of consumer arrays over a small knowledge of bases, by the writers of the benchmark."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from interpreters.genotypes import Build, Interval
from interpreters.interpreter import PanelSite
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import ReadResult
from support.shared import PROJECT

sys.path.append(str(PROJECT / "benchmarks"))
files: Any = import_module("raw_text_files")
Line = files.Line
WRITERS = files.WRITERS
ORIENTED = [ref + alt for ref in "ACGT" for alt in "ACGT" if ref != alt and {ref, alt} not in ({"A", "T"}, {"C", "G"})]


def sites(build: Build, count: int = 700) -> list[PanelSite]:
    """Sites at other positions in each build, whose strand shows, each two hundred kilobases from the next."""
    draw = random.Random(5)  # noqa: S311 - no secret
    shift = 0 if build is Build.GRCH37 else 777
    return [
        PanelSite(str(number % 22 + 1), 1_000_000 + 20_000 * number + shift, *draw.choice(ORIENTED))
        for number in range(count)
    ]


def lines(of: Iterable[PanelSite], genotype: str = "ra") -> list[Any]:
    """A probe for each site: `r` stands for its reference base, `a` for the other one."""
    return [
        Line(f"rs{number}", chrom, pos, "".join({"r": ref, "a": alt}.get(letter, letter) for letter in genotype))
        for number, (chrom, pos, ref, alt) in enumerate(of)
    ]


KNOWN = {build: sites(build) for build in Build}
FILLER = lines(KNOWN[Build.GRCH37])
"""Enough probes to tell GRCh37 and the strand."""


def read(
    path: Path, text: str, more: Sequence[PanelSite] = (), known: Mapping[Build, Sequence[PanelSite]] = KNOWN
) -> ReadResult:
    """Read a text; `more` are known sites of GRCh37."""
    path.write_text(text, newline="")
    given = {build: [*found, *(more if build is Build.GRCH37 else ())] for build, found in known.items()}
    wanted = {build: [Interval(s.chrom, s.pos, s.pos) for s in found] for build, found in given.items()}
    return read_genotypes(
        path, wanted.__getitem__, known={build: KnownSites.of(found) for build, found in given.items()}
    )
