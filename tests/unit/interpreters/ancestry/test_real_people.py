"""Real people of the 1000 Genomes Project who are not in the core panel."""

from __future__ import annotations

import csv
import gzip

import pytest
from support.shared import SHARED, needs_shared

from interpreters.ancestry import AncestryInterpreter
from interpreters.findings import AncestryFinding, Region
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex

pytestmark = [needs_shared, pytest.mark.genomes]

REGIONS = {
    "AFR": Region.SUB_SAHARAN_AFRICA,
    "EAS": Region.EASTERN_AND_NORTHERN_ASIA,
    "EUR": Region.EUROPE,
    "SAS": Region.SOUTHERN_ASIA,
}
FOLDER = SHARED / "ancestry" / "samples"


def records(name: str) -> list[Record]:
    """Diploid records of a file as these are written: one site a line, GT alone."""
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return [
        Record(
            row[0].removeprefix("chr"),
            int(row[1]),
            int(row[1]),
            row[3],
            () if row[4] == "." else (row[4],),
            tuple(None if a == "." else int(a) for a in row[9].replace("|", "/").split("/")),
        )
        for row in rows
    ]


@pytest.mark.parametrize("population", ["GBR", "TSI", "JPT", "CDX", "LWK", "MSL", "PJL", "BEB"])
def test_top_region_of_an_unadmixed_person(interpreter: AncestryInterpreter, population: str) -> None:
    with (FOLDER / "samples.tsv").open(encoding="utf-8") as lines:
        row = next(row for row in csv.DictReader(lines, delimiter="\t") if row["population"] == population)
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records(row["file"]))
    (found,) = interpreter.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.UNKNOWN), calls).findings
    assert isinstance(found, AncestryFinding)
    assert found.status == "reported"
    assert found.components[0].region is REGIONS[row["superpopulation"]]
    assert found.components[0].share > 0.8
