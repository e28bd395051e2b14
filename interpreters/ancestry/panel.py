"""Reference panels: sites, and the frequency of each site's alternate allele in each component of the reference.

A component is one or several reference groups that are fitted as one; components sum to regions. Frequencies are pooled
here from what the knowledge release holds (counts or rounded frequencies of each group), by the rule of the panel.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from interpreters.alleles import is_ambiguous
from interpreters.findings import Region
from interpreters.genotypes import Build
from interpreters.knowledge import KnowledgeRelease

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

CORE = "kgp23k"
"""Exonic and near-exonic sites with counts; five regions; read by whole genomes, exomes and many arrays."""
WORLD = "world35k"
"""Array sites with frequencies; all seven regions."""
MISSING = 65535
"""Frequency that is not known, in the stored tables of thousandths."""

REGION_CODES = {
    "AFR": Region.SUB_SAHARAN_AFRICA,
    "AMR": Region.AMERICAS,
    "EAS": Region.EASTERN_AND_NORTHERN_ASIA,
    "EUR": Region.EUROPE,
    "MENA": Region.MIDDLE_EAST_AND_NORTH_AFRICA,
    "OCE": Region.OCEANIA,
    "SAS": Region.SOUTHERN_ASIA,
}

_CORE_CLIP = (0.001, 0.999)
_WORLD_CLIP = (0.005, 0.995)
_WEIGHT_CAP = 30
"""People of one group that count when the groups of a world35k component are averaged."""
_SHRINK = 20.0
"""Chromosomes with which a world35k component is drawn to the mean of its region."""


@dataclass(frozen=True, slots=True)
class Component:
    """One column of a panel's frequency table."""

    name: str
    region: Region
    place: str
    people: int
    """Reference people behind the frequencies; 0 where the component was inferred from admixed people."""
    groups: int
    """Groups that these people belong to."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Sites of one reference panel in the order of GRCh38, and frequencies (sites x components, 0 to 1)."""

    name: str
    chromosomes: Integers
    positions38: Integers
    positions37: Integers
    references: tuple[str, ...]
    """Base of the reference genome on the plus strand; the same in both builds."""
    alternates: tuple[str, ...]
    components: tuple[Component, ...]
    frequencies: Floats

    def __len__(self) -> int:
        return len(self.references)

    def positions(self, build: Build) -> Integers:
        """Position of each site, 1-based."""
        return self.positions38 if build is Build.GRCH38 else self.positions37

    @property
    def chromosome_names(self) -> tuple[str, ...]:
        """Chromosome of each site as in call sets."""
        return tuple(str(number) for number in self.chromosomes.tolist())

    @property
    def regions(self) -> tuple[Region, ...]:
        """Regions that have reference people here, by name."""
        return tuple(sorted({component.region for component in self.components}))

    def region_matrix(self) -> Floats:
        """Components x regions of `regions`, 1 where a component belongs to a region: shares @ matrix sums them."""
        return np.array([[float(c.region is region) for region in self.regions] for c in self.components])

    @property
    def ambiguous(self) -> Flags:
        """Sites whose alleles read the same on both strands (A/T and C/G)."""
        return np.array(list(map(is_ambiguous, self.references, self.alternates)), dtype=bool)


def load_panels(knowledge: KnowledgeRelease) -> tuple[Panel, Panel]:
    """The world and the core panel of a release.

    Raises:
        interpreters.knowledge.KnowledgeError: If a file is missing or changed.
    """
    rows = list(csv.DictReader(io.StringIO(knowledge.read_bytes("components.tsv").decode()), delimiter="\t"))
    people = {
        row["column"]: int(row["people"])
        for row in csv.DictReader(io.StringIO(knowledge.read_bytes("groups.tsv").decode()), delimiter="\t")
    }
    return _load(knowledge, WORLD, rows, people), _load(knowledge, CORE, rows, people)


def _load(knowledge: KnowledgeRelease, name: str, rows: list[dict[str, str]], people: dict[str, int]) -> Panel:
    with np.load(io.BytesIO(knowledge.read_bytes(f"{name}.npz")), allow_pickle=False) as stored:
        table = {key: stored[key] for key in stored.files}
    column = {str(group): number for number, group in enumerate(table["groups"])}
    chosen = [row for row in rows if row["panel"] == name and row["level"] in {"region", "fine"}]
    members = [[column[group] for group in row["groups"].split(";")] for row in chosen]
    components = tuple(
        Component(row["component"], REGION_CODES[row["region"]], row["place"], int(row["people"]), len(groups))
        for row, groups in zip(chosen, members, strict=True)
    )
    if name == CORE:
        frequencies = _pooled_counts(table["values"], table["chromosomes_counted"], members)
    else:
        sizes = np.array([people[str(group)] for group in table["groups"]], dtype=float)
        frequencies = _shrunken_means(table["values"], sizes, members, [row["region"] for row in chosen])
    return Panel(
        name=name,
        chromosomes=table["chromosome"].astype(np.int64),
        positions38=table["position38"].astype(np.int64),
        positions37=table["position37"].astype(np.int64),
        references=tuple(table["reference"].tobytes().decode()),
        alternates=tuple(table["alternate"].tobytes().decode()),
        components=components,
        frequencies=frequencies,
    )


def _pooled_counts(values: NDArray[np.uint16], chromosomes: NDArray[np.uint16], members: list[list[int]]) -> Floats:
    """Counts pooled over the groups of a component; a group without a chromosome count holds ten-thousandths."""
    columns = []
    for groups in members:
        counted = values[:, groups].sum(axis=1, dtype=float)
        total = float(chromosomes[groups].sum())
        columns.append((counted + 0.5) / (total + 1.0) if total else counted / 10_000.0)
    frequencies: Floats = np.clip(np.stack(columns, axis=1), *_CORE_CLIP)
    return frequencies


def _shrunken_means(values: NDArray[np.uint16], sizes: Floats, members: list[list[int]], regions: list[str]) -> Floats:
    """Weighted mean of each component's groups, drawn towards the plain mean of the components of its region."""
    means, counted = [], []
    for groups in members:
        known = values[:, groups] != MISSING
        weights = np.minimum(sizes[groups], _WEIGHT_CAP) * known
        total = weights.sum(axis=1)
        summed = (weights * np.where(known, values[:, groups] / 1000.0, 0.0)).sum(axis=1)
        means.append(np.divide(summed, total, out=np.full(len(values), np.nan), where=total > 0))
        counted.append((sizes[groups] * known).sum(axis=1))
    mean, people = np.stack(means, axis=1), np.stack(counted, axis=1)
    shrunken = np.empty_like(mean)
    for region in sorted(set(regions)):
        inside = np.flatnonzero(np.array(regions) == region)
        centre = np.nanmean(mean[:, inside], axis=1, keepdims=True)
        own = np.where(np.isnan(mean[:, inside]), centre, mean[:, inside])
        shrunken[:, inside] = (2 * people[:, inside] * own + _SHRINK * centre) / (2 * people[:, inside] + _SHRINK)
    frequencies: Floats = np.clip(shrunken, *_WORLD_CLIP)
    return frequencies
