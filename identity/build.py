"""Builds a release of the fingerprint panel out of the sites of the ancestry panels: `python -m identity.build`.

Chosen are sites of the world panel, which stand on genotyping arrays and in genomes alike: single bases of the
autosomes, not A/T or C/G, the rarer allele common in every region of the world. They are taken by how common they are
where they are rarest, each far from those taken before, so that no two are inherited together by more than family.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from identity.panel import COLUMNS, LIMITS, MODULE, SITES, Limits, Site, read_panel
from interpreters import ancestry
from interpreters.ancestry.panel import Panel, load_panels
from interpreters.knowledge import KnowledgeRelease, Source, write_manifest

MOST_SITES = 1600
"""By about this many first-degree relatives are told from a hundred thousand others; one person by a fifth of them."""
LEAST_FREQUENCY = 0.15
"""Of the rarer allele in each region."""
APART = 500_000
"""Bases between two sites of a chromosome."""
LIMITS_OF_RELEASE = Limits(
    fewest_sites_for_same_person=300,
    fewest_sites_for_relatives=800,
    same_person_kinship=0.354,
    first_degree_kinship=0.177,
    same_person_concordance=0.76,
    fewest_reference=0.05,
    most_heterozygous=0.52,
)
"""The kinships are the bounds between degrees of KING. The simulation of swaps in `benchmarks` shows what they find."""


def choose_sites(
    panel: Panel, *, most: int = MOST_SITES, least: float = LEAST_FREQUENCY, apart: int = APART
) -> tuple[Site, ...]:
    """Sites of a panel for fingerprints, in the order of GRCh38.

    Args:
        panel: Where to choose from.
        most: Most sites.
        least: Least frequency of the rarer allele, in every region of the panel.
        apart: Bases that lie at least between two sites of a chromosome, in both builds.
    """
    regions = panel.frequencies @ (panel.region_matrix() / panel.region_matrix().sum(axis=0))
    rarest = np.minimum(regions, 1.0 - regions).min(axis=1)
    common = np.flatnonzero((rarest >= least) & ~panel.ambiguous)
    names = panel.chromosome_names
    places = np.stack([panel.positions38, panel.positions37], axis=1).astype(np.int64)
    taken: dict[int, list[int]] = {}
    chosen: list[int] = []
    for number in common[np.argsort(-rarest[common], kind="stable")].tolist():
        others = taken.setdefault(int(panel.chromosomes[number]), [])
        if len(chosen) < most and (np.abs(places[others] - places[number]) >= apart).all():
            others.append(number)
            chosen.append(number)
    return tuple(
        Site(
            names[number],
            int(panel.positions38[number]),
            int(panel.positions37[number]),
            panel.references[number],
            panel.alternates[number],
        )
        for number in sorted(chosen)
    )


def write_panel(folder: Path, sites: tuple[Site, ...], limits: Limits, sources: tuple[Source, ...]) -> KnowledgeRelease:
    """Write a release into an empty folder, which is named as the release."""
    with (folder / SITES).open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(site) for site in sites)
    (folder / LIMITS).write_text(json.dumps(asdict(limits), indent=1) + "\n", encoding="utf-8")
    return write_manifest(folder, MODULE, folder.name, sources)


def main() -> None:
    """Build a release in a new folder, which names it."""
    parser = argparse.ArgumentParser(prog="python -m identity.build", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to make; its name is the release's")
    folder: Path = parser.parse_args().folder
    interpreter = ancestry.load()
    panel, _ = load_panels(interpreter.knowledge)
    folder.mkdir(parents=True)
    release = write_panel(folder, choose_sites(panel), LIMITS_OF_RELEASE, interpreter.knowledge.sources)
    print(f"{release.release}: {len(read_panel(release))} sites")  # noqa: T201 - a command prints


if __name__ == "__main__":
    main()
