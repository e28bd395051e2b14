"""Shares of the 60 real people beside the project who are not in the core panel, worst group first.

`python benchmarks/ancestry_dev_people.py [FOLDER]` reads `samples.tsv` and one VCF a person from FOLDER (by default
`../shared/ancestry/samples`), interprets each, and prints for every group the mean share of its labelled region, then
every person. It ends with status 1 when an unadmixed person's top region is not the labelled one.
"""

from __future__ import annotations

import csv
import gzip
import sys
import time
from pathlib import Path

from interpreters import ancestry
from interpreters.findings import AncestryFinding, Region
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "ancestry" / "samples"
LABELS = {
    "AFR": Region.SUB_SAHARAN_AFRICA,
    "AMR": Region.AMERICAS,
    "EAS": Region.EASTERN_AND_NORTHERN_ASIA,
    "EUR": Region.EUROPE,
    "SAS": Region.SOUTHERN_ASIA,
}
ADMIXED = {"ACB", "ASW", "CLM", "MXL", "PEL", "PUR"}


def read(path: Path) -> GenotypeCalls:
    """Calls of a VCF with one biallelic site a line and GT alone."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return GenotypeCalls(
        Build.GRCH38,
        CallSetKind.ALL_SITES,
        [
            Record(
                row[0].removeprefix("chr"),
                int(row[1]),
                int(row[1]),
                row[3],
                () if row[4] == "." else (row[4],),
                tuple(None if allele == "." else int(allele) for allele in row[9].replace("|", "/").split("/")),
            )
            for row in rows
        ],
    )


def main(folder: Path) -> int:
    """Print the tables; 1 when an unadmixed person's top region is wrong."""
    with (folder / "samples.tsv").open(encoding="utf-8") as lines:
        people = list(csv.DictReader(lines, delimiter="\t"))
    interpreter = ancestry.load()
    sample = Sample(Build.GRCH38, Assay.WGS, Sex.UNKNOWN)
    groups: dict[str, list[tuple[float, bool]]] = {}
    printed: list[tuple[float, str]] = []
    seconds = 0.0
    for person in people:
        calls = read(folder / person["file"])
        start = time.process_time()
        (found,) = interpreter.interpret(sample, calls).findings
        seconds += time.process_time() - start
        if not isinstance(found, AncestryFinding):
            raise TypeError(type(found))
        label = LABELS[person["superpopulation"]]
        own = next(share.share for share in found.components if share.region is label)
        groups.setdefault(person["population"], []).append((own, found.components[0].region is label))
        shares = ", ".join(
            f"{share.region} {share.share:.3f} ({share.low:.2f}-{share.high:.2f})"
            for share in found.components
            if share.share > 0
        )
        printed.append((own, f"{person['sample']} {person['population']} {found.sites_read} {found.status}: {shares}"))
    wrong = 0
    print(f"{'group':6} {'people':>6} {'own share':>9} {'top right':>9}")
    for group, results in sorted(groups.items(), key=lambda item: sum(own for own, _ in item[1]) / len(item[1])):
        right = sum(top for _, top in results)
        wrong += 0 if group in ADMIXED else len(results) - right
        mean = sum(own for own, _ in results) / len(results)
        print(f"{group:6} {len(results):6} {mean:9.3f} {right:9}{'  admixed' if group in ADMIXED else ''}")
    print()
    for _, line in sorted(printed):
        print(line)
    print(f"\n{seconds / len(people):.2f} CPU seconds a person; unadmixed people with a wrong top region: {wrong}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
