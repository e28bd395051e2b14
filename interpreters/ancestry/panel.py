"""Reference panels: sites, and the frequency of each site's alternate allele in each component of the reference.

A component is one or several reference groups that are fitted as one; components sum to regions. Frequencies are pooled
here from what the knowledge release holds of each group, by the rule of the panel.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
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
_SCALE = 1000.0
_INFERRED_SCALE = 10_000.0
"""Of stored frequencies that were measured, and of those that were inferred from admixed people."""

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
"""People of one group that count when the groups of a component of the world panel are averaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """Sites of one panel in the order of GRCh38."""

    name: str
    """Of the panel."""
    chromosomes: Integers
    positions38: Integers
    positions37: Integers
    references: tuple[str, ...]
    """Base of the reference genome on the plus strand; the same in both builds."""
    alternates: tuple[str, ...]

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
    def ambiguous(self) -> Flags:
        """Sites whose alleles read the same on both strands (A/T and C/G)."""
        return np.array(list(map(is_ambiguous, self.references, self.alternates)), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class Table(Sites):
    """What was counted in each reference group, as a knowledge release holds it."""

    groups: tuple[str, ...]
    alleles: Floats
    """Alleles counted in each group, twice its people; 0 where the frequency was inferred from admixed people."""
    frequencies: Floats
    """Of the alternate allele, sites x groups, 0 to 1; NaN where a group was not measured."""

    def counts(self, group: str) -> tuple[Integers, Flags]:
        """Alternate alleles of one group at each site, and where it was measured."""
        column = self.groups.index(group)
        known = ~np.isnan(self.frequencies[:, column])
        counted = np.rint(np.where(known, self.frequencies[:, column], 0.0) * self.alleles[column])
        return counted.astype(np.int64), known

    def without(self, group: str, genotypes: Integers) -> Table:
        """The table as if a person of `group`, with so many alternate alleles at each site, had never been in it."""
        column = self.groups.index(group)
        counted, known = self.counts(group)
        alleles, frequencies = self.alleles.copy(), self.frequencies.copy()
        alleles[column] -= 2
        frequencies[:, column] = np.where(known, (counted - genotypes) / alleles[column], np.nan)
        return replace(self, alleles=alleles, frequencies=frequencies)


@dataclass(frozen=True, slots=True)
class Component:
    """One column of a panel's frequency table."""

    name: str
    region: Region
    place: str
    groups: tuple[str, ...]
    people: int
    """Reference people behind the frequencies; 0 where the component was inferred from admixed people."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel(Sites):
    """Frequencies of the alternate allele, 0 to 1, of one panel."""

    components: tuple[Component, ...]
    frequencies: Floats
    """Sites x components."""
    places: tuple[Component, ...]
    """Places within regions; empty where people of known origin have not shown that the panel tells them apart."""
    place_frequencies: Floats
    """Sites x places, the plain mean of each place's groups."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """Regions that have reference people here, by name."""
        return tuple(sorted({component.region for component in self.components}))

    def region_matrix(self) -> Floats:
        """Components x regions of `regions`, 1 where a component belongs to a region: shares @ matrix sums them."""
        return np.array([[float(c.region is region) for region in self.regions] for c in self.components])

    def finest(self) -> tuple[tuple[Component, ...], Floats]:
        """Places, and components of regions that have none, with their frequencies (sites x those)."""
        divided = {place.region for place in self.places}
        whole = [number for number, component in enumerate(self.components) if component.region not in divided]
        components = (*self.places, *(self.components[number] for number in whole))
        return components, np.hstack([self.place_frequencies, self.frequencies[:, whole]])


def load_panels(knowledge: KnowledgeRelease) -> tuple[Panel, Panel]:
    """The world and the core panel of a release.

    Raises:
        interpreters.knowledge.KnowledgeError: If a file is missing or changed.
    """
    return read_panels(knowledge.read_bytes)


def read_panels(read: Callable[[str], bytes]) -> tuple[Panel, Panel]:
    """The world and the core panel, from what `read` gives for the name of a file of a release."""
    world, core = (
        make_panel(read_table(read, name), read_components(read, name), read_places(read, name))
        for name in (WORLD, CORE)
    )
    return world, core


def read_table(read: Callable[[str], bytes], name: str) -> Table:
    """What a release counted in the groups of one panel."""
    with np.load(io.BytesIO(read(f"{name}.npz")), allow_pickle=False) as stored:
        table = {key: stored[key] for key in stored.files}
    people = {row["column"]: int(row["people"]) for row in _rows(read("groups.tsv"))}
    groups = tuple(map(str, table["groups"]))
    if name == CORE:
        alleles = table["chromosomes_counted"].astype(float)
        frequencies = table["values"] / np.where(alleles > 0, alleles, _INFERRED_SCALE)
    else:
        alleles = np.array([2.0 * people[group] for group in groups])
        frequencies = np.where(table["values"] == MISSING, np.nan, table["values"] / _SCALE)
    return Table(
        name=name,
        chromosomes=table["chromosome"].astype(np.int64),
        positions38=table["position38"].astype(np.int64),
        positions37=table["position37"].astype(np.int64),
        references=tuple(table["reference"].tobytes().decode()),
        alternates=tuple(table["alternate"].tobytes().decode()),
        groups=groups,
        alleles=alleles,
        frequencies=frequencies,
    )


def read_components(read: Callable[[str], bytes], name: str) -> tuple[Component, ...]:
    """Components of one panel: whole regions in the core panel, finer ones in the world panel."""
    return _components(read, name, "region" if name == CORE else "fine")


def read_places(read: Callable[[str], bytes], name: str) -> tuple[Component, ...]:
    """Places within regions that one panel tells apart."""
    return _components(read, name, "subregion")


def make_panel(table: Table, components: Sequence[Component], places: Sequence[Component]) -> Panel:
    """Frequencies of the components and places, pooled from those of their groups."""
    at_places = np.empty((len(table), len(places)))
    for number, place in enumerate(places):
        at_places[:, number] = table.frequencies[:, _columns(table, place)].mean(axis=1)
    return Panel(
        **{field.name: getattr(table, field.name) for field in fields(Sites)},
        components=tuple(components),
        frequencies=(_pooled if table.name == CORE else _smoothed)(table, components),
        places=tuple(places),
        place_frequencies=at_places,
    )


def _components(read: Callable[[str], bytes], name: str, level: str) -> tuple[Component, ...]:
    return tuple(
        Component(
            row["component"],
            REGION_CODES[row["region"]],
            row["place"],
            tuple(row["groups"].split(";")),
            int(row["people"]),
        )
        for row in _rows(read("components.tsv"))
        if row["panel"] == name and row["level"] == level
    )


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode()), delimiter="\t"))


def _columns(table: Table, component: Component) -> list[int]:
    return [table.groups.index(group) for group in component.groups]


def _pooled(table: Table, components: Sequence[Component]) -> Floats:
    """Counts pooled over the groups of each component; inferred frequencies as they are."""
    pooled = np.empty((len(table), len(components)))
    for number, component in enumerate(components):
        groups = _columns(table, component)
        total = table.alleles[groups].sum()
        if total:
            pooled[:, number] = (table.frequencies[:, groups] @ table.alleles[groups] + 0.5) / (total + 1.0)
        else:
            pooled[:, number] = table.frequencies[:, groups].mean(axis=1)
    frequencies: Floats = np.clip(pooled, *_CORE_CLIP)
    return frequencies


def _smoothed(table: Table, components: Sequence[Component]) -> Floats:
    """Frequencies of components with few people, each by the best linear prediction from all components.

    What a few people of a group show is their group's frequency and chance. Chance is known from their number; how
    alike components are in truth is then known from how alike they look over all sites. From both follows how much of
    its own and of its neighbours' deviation from the mean tells each component's frequency best. Without this, the
    chance in small components makes a person from one of them look like a mixture with larger neighbours.
    """
    means, people = _means(table, components)
    centre = means.mean(axis=1, keepdims=True)
    deviations = means - centre
    scale = (centre * (1.0 - centre)).sum()
    count = len(components)
    chance = (means * (1.0 - means)).sum(axis=0) / scale / (2.0 * people)
    middle = np.eye(count) - 1.0 / count
    truth = deviations.T @ deviations / scale - middle @ np.diag(chance) @ middle
    values, vectors = np.linalg.eigh(truth)
    truth = (vectors * np.maximum(values, 0.0)) @ vectors.T
    prediction = np.linalg.solve(truth + np.diag(chance), truth)
    frequencies: Floats = np.clip(centre + deviations @ prediction, *_WORLD_CLIP)
    return frequencies


def _means(table: Table, components: Sequence[Component]) -> tuple[Floats, Floats]:
    """Weighted mean of each component's groups (sites x components), and the people of each at a site of middle rank.

    A component that was not measured at a site has the mean of its region there.
    """
    means, people = np.empty((len(table), len(components))), np.empty(len(components))
    for number, component in enumerate(components):
        groups = _columns(table, component)
        known = ~np.isnan(table.frequencies[:, groups])
        counted = table.alleles[groups] / 2.0
        weights = np.minimum(counted, _WEIGHT_CAP) * known
        total, summed = weights.sum(axis=1), (weights * np.nan_to_num(table.frequencies[:, groups])).sum(axis=1)
        means[:, number] = np.divide(summed, total, out=np.full(len(table), np.nan), where=total > 0)
        people[number] = np.median(known @ counted)
    for region in {component.region for component in components}:
        inside = [number for number, component in enumerate(components) if component.region is region]
        measured = means[:, inside]
        means[:, inside] = np.where(np.isnan(measured), np.nanmean(measured, axis=1, keepdims=True), measured)
    return means, people
