"""Sets of people with known shares for the ancestry benchmarks; a module, not a command.

Sources at the core panel's sites are the unadmixed real people beside the project, who are not in that panel. Nobody
among them is unadmixed from the Americas: those stretches come from people drawn from the panel's inferred frequencies
(without linkage, so results with American shares are optimistic). Sources at the world panel's sites are drawn from the
counted alleles of one reference group each, without putting back, and their alleles are taken out of the reference.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter
from interpreters.ancestry.draw import draw_member, draw_mosaic, inherit
from interpreters.ancestry.estimate import Estimate
from interpreters.ancestry.model import maximum_likelihood
from interpreters.ancestry.panel import (
    WORLD,
    Component,
    Flags,
    Floats,
    Integers,
    Panel,
    Table,
    make_panel,
    read_components,
    read_table,
)
from interpreters.ancestry.reading import UNREAD, Reading, read
from interpreters.findings import Region
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "ancestry" / "samples"
CODES = {
    "AFR": Region.SUB_SAHARAN_AFRICA,
    "AMR": Region.AMERICAS,
    "EAS": Region.EASTERN_AND_NORTHERN_ASIA,
    "EUR": Region.EUROPE,
    "MENA": Region.MIDDLE_EAST_AND_NORTH_AFRICA,
    "OCE": Region.OCEANIA,
    "SAS": Region.SOUTHERN_ASIA,
}
ADMIXED = {"ACB", "ASW", "CLM", "MXL", "PEL", "PUR"}
CARRIERS = ("any", "one", "dip")
"""Whether stretches of one region come from any source, from one group, or whole (both copies, with all linkage)."""
PRESENT = 0.005
"""True share from which a component counts as one."""
_STRETCH = (4e6, 17e6)
_PEOPLE_OF_AMERICAS = 11


@dataclass(frozen=True, slots=True)
class RealPerson:
    """One of the real people."""

    name: str
    population: str
    region: Region
    calls: GenotypeCalls

    @property
    def admixed(self) -> bool:
        """Whether the group's label says little about a person's shares."""
        return self.population in ADMIXED


@dataclass(frozen=True, slots=True, eq=False)
class Synthetic:
    """A person with known shares."""

    shares: dict[Region, float]
    """Of all regions, over the sites at which the person was made."""
    readings: tuple[Reading | None, Reading | None]
    """Of the world and the core panel."""


def read_vcf(path: Path) -> GenotypeCalls:
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


def real_people(folder: Path = FOLDER) -> list[RealPerson]:
    """Everybody in `folder`, in the order of its table."""
    with (folder / "samples.tsv").open(encoding="utf-8") as lines:
        return [
            RealPerson(row["sample"], row["population"], CODES[row["superpopulation"]], read_vcf(folder / row["file"]))
            for row in csv.DictReader(lines, delimiter="\t")
        ]


def thinned(reading: Reading, share: float, random: np.random.Generator) -> Reading:
    """A reading of about so large a share of the sites."""
    kept = random.random(len(reading)) < share
    return replace(reading, sites=reading.sites[kept], genotypes=reading.genotypes[kept])


class Scores:
    """Estimates beside the truth."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self.regions = tuple(regions)
        self._rows: list[tuple[list[float], list[float], list[float], list[float]]] = []

    def add(self, person: Synthetic, made: Estimate) -> None:
        """Keep one person's estimate; a region that it does not know has the share 0 and no interval."""
        said = {share.region: (share.share, share.low, share.high) for share in made.with_intervals()}
        found = [said.get(region, (0.0, 0.0, 0.0)) for region in self.regions]
        share, low, high = (list(column) for column in zip(*found, strict=True))
        self._rows.append(([person.shares[region] for region in self.regions], share, low, high))

    @cached_property
    def _columns(self) -> tuple[Floats, Floats, Floats, Floats]:
        truth, share, low, high = (np.array(column) for column in zip(*self._rows, strict=True))
        return truth, share, low, high

    @property
    def errors(self) -> Floats:
        """Absolute errors, people x regions."""
        truth, share, _, _ = self._columns
        return np.abs(share - truth)

    @property
    def without_americas(self) -> Flags:
        """People without an American share."""
        truth = self._columns[0]
        return truth[:, self.regions.index(Region.AMERICAS)] < PRESENT

    def covered(self, region: Region | None = None) -> tuple[float, int]:
        """Share of true components whose interval holds them, and how many there are; of one region, or of all."""
        truth, _, low, high = self._columns
        there = truth > PRESENT
        if region is not None:
            there &= np.array([each is region for each in self.regions])
        return float(((low <= truth) & (truth <= high))[there].mean()), int(there.sum())

    def lost(self, least: float = 0.01, most: float = 0.06) -> tuple[float, int]:
        """Share of small true components that were not found at all, and how many there are."""
        truth, share, _, _ = self._columns
        small = (truth >= least) & (truth < most)
        return float((share[small] < PRESENT).mean()) if small.any() else 0.0, int(small.sum())

    def own(self, region: Region) -> Floats:
        """Shares found in people who are wholly of a region."""
        truth, share, _, _ = self._columns
        column = self.regions.index(region)
        return share[truth[:, column] > 1.0 - PRESENT, column]

    def top_right(self) -> float:
        """Share of people whose greatest share is the true one."""
        truth, share, _, _ = self._columns
        return float((share.argmax(axis=1) == truth.argmax(axis=1)).mean())

    def line(self) -> str:
        """Mean error over all and without American shares, greatest error, coverage, small shares lost."""
        errors, (covered, _), (lost, small) = self.errors, self.covered(), self.lost()
        without = errors[self.without_americas]
        return (
            f"{errors.mean():.4f} {without.mean() if len(without) else float('nan'):.4f} {errors.max():7.3f}"
            f" {covered:8.3f} {lost:5.2f} of {small}"
        )


LINE = f"{'mean':>6} {'no Am.':>6} {'max':>7} {'covered':>8} {'lost':>5}"
"""Head of `Scores.line`."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Somebody whose stretches synthetic people inherit."""

    region: Region
    group: str
    genotypes: Integers
    """At the core panel's sites."""


class Sets:
    """Makes people; the same seed makes the same people."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.interpreter: AncestryInterpreter = ancestry.load()
        self.world, self.core = self.interpreter.panels
        read_release = self.interpreter.knowledge.read_bytes
        self.table = read_table(read_release, WORLD)
        self.components = read_components(read_release, WORLD)
        self.groups = {group: each.region for each in self.components for group in each.groups}
        """Groups of the world panel and their regions."""
        self._folder = folder

    @cached_property
    def real(self) -> list[RealPerson]:
        """The real people."""
        return real_people(self._folder)

    @cached_property
    def sources(self) -> list[Source]:
        """Unadmixed sources at the core panel's sites."""
        sources = []
        for person in self.real:
            if not person.admixed:
                reading = read(self.core, person.calls)
                genotypes = np.full(len(self.core), UNREAD)
                genotypes[reading.sites] = reading.genotypes
                sources.append(Source(person.region, person.population, genotypes))
        americas = self._core_frequencies(Region.AMERICAS)
        random = np.random.default_rng(1)
        return [
            *sources,
            *(Source(Region.AMERICAS, "drawn", random.binomial(2, americas)) for _ in range(_PEOPLE_OF_AMERICAS)),
        ]

    def core_person(self, wanted: Mapping[Region, float], carrier: str, random: np.random.Generator) -> Synthetic:
        """A person with about these shares at the core panel's sites."""
        chances = np.zeros(len(self.sources))
        for region, share in wanted.items():
            members = [number for number, source in enumerate(self.sources) if source.region is region]
            if carrier == "one":
                group = random.choice(sorted({self.sources[member].group for member in members}))
                members = [member for member in members if self.sources[member].group == group]
            chances[members] = share / len(members)
        mosaic = draw_mosaic(chances, random, stretch=random.uniform(*_STRETCH), whole=carrier == "dip")
        ancestors = mosaic.at(self.core.chromosomes, self.core.positions38)
        genotypes = inherit(np.stack([source.genotypes for source in self.sources], axis=1), ancestors, random)
        shares = _shares(ancestors, [source.region for source in self.sources])
        return Synthetic(shares, (None, _reading(self.core, genotypes)))

    def world_person(
        self, wanted: Mapping[str, float], random: np.random.Generator, *, group_known: bool = True
    ) -> Synthetic:
        """A person with about these shares of groups at the world panel's sites; the reference is made without him.

        Args:
            wanted: Groups of the world panel to their shares.
            random: Source of chance.
            group_known: Whether other people of the same groups stay in the reference.
        """
        drawn = [draw_member(self.table, group, random) for group in wanted]
        mosaic = draw_mosaic(list(wanted.values()), random, stretch=random.uniform(*_STRETCH))
        ancestors = mosaic.at(self.table.chromosomes, self.table.positions38)
        genotypes = inherit(np.stack(drawn, axis=1), ancestors, random)
        shares = _shares(ancestors, [self.groups[group] for group in wanted])
        return Synthetic(shares, (self._world_reading(genotypes, wanted, drawn, group_known=group_known), None))

    def joined_person(self, wanted: Sequence[tuple[str, float]], random: np.random.Generator) -> Synthetic:
        """A person with about these shares of groups at the sites of both panels, without him in either.

        Groups of the 1000 Genomes Project are real people at the core panel's sites. Others are drawn there: from the
        inferred American frequencies, or, for Middle East, North Africa and Oceania, which nobody has counted at these
        sites, from the mix of the core panel's regions that is most like the group at the world panel's sites.
        """
        groups = dict(wanted)
        drawn = [draw_member(self.table, group, random) for group in groups]
        at_core = [self._core_genotypes(group, random) for group in groups]
        mosaic = draw_mosaic(list(groups.values()), random, stretch=random.uniform(*_STRETCH))
        ancestors = mosaic.at(self.table.chromosomes, self.table.positions38)
        genotypes = inherit(np.stack(drawn, axis=1), ancestors, random)
        world = self._world_reading(genotypes, groups, drawn, group_known=True)
        in_core = mosaic.at(self.core.chromosomes, self.core.positions38)
        core = _reading(self.core, inherit(np.stack(at_core, axis=1), in_core, random))
        both = _shares(np.vstack([ancestors, in_core]), [self.groups[group] for group in groups])
        return Synthetic(both, (world, core))

    def stand_in(self, group: str) -> Floats:
        """Shares of the core panel's regions that are most like a group of the world panel."""
        counted, known = self.table.counts(group)
        alleles = self.table.alleles[self.table.groups.index(group)]
        matrix = self.world.region_matrix()
        means = self.world.frequencies @ (matrix / matrix.sum(axis=0))
        columns = [self.world.regions.index(component.region) for component in self.core.components]
        shares, _ = maximum_likelihood(means[known][:, columns], 2 * counted[known] / alleles, np.ones(known.sum()))
        return shares

    def _core_genotypes(self, group: str, random: np.random.Generator) -> Integers:
        people = [source for source in self.sources if f"KGP_{source.group}" == group]
        if people:
            return people[random.integers(len(people))].genotypes
        if self.groups[group] is Region.AMERICAS:
            return random.binomial(2, self._core_frequencies(Region.AMERICAS))
        return random.binomial(2, self.core.frequencies @ self.stand_in(group))

    def _core_frequencies(self, region: Region) -> Floats:
        return self.core.frequencies[:, [component.region for component in self.core.components].index(region)]

    def _world_reading(
        self, genotypes: Integers, groups: Iterable[str], drawn: Sequence[Integers], *, group_known: bool
    ) -> Reading:
        table, components = self.table, self.components
        for group, alleles in zip(groups, drawn, strict=True):
            table = table.without(group, alleles)
        if not group_known:
            gone = set(groups)
            left = [(each, tuple(group for group in each.groups if group not in gone)) for each in components]
            components = tuple(replace(each, groups=kept) for each, kept in left if kept)
            sites = np.flatnonzero(_measured(table, components))
            table, genotypes = _at(table, sites), genotypes[sites]
        return _reading(make_panel(table, components, ()), genotypes)


def _measured(table: Table, components: Sequence[Component]) -> Flags:
    """Sites at which some group of every region was measured."""
    regions: dict[Region, list[int]] = {}
    for component in components:
        regions.setdefault(component.region, []).extend(table.groups.index(group) for group in component.groups)
    known = ~np.isnan(table.frequencies)
    return np.all([known[:, columns].any(axis=1) for columns in regions.values()], axis=0)


def _at(table: Table, sites: Integers) -> Table:
    """The table at some of its sites."""
    numbers = sites.tolist()
    return replace(
        table,
        chromosomes=table.chromosomes[sites],
        positions38=table.positions38[sites],
        positions37=table.positions37[sites],
        references=tuple(table.references[number] for number in numbers),
        alternates=tuple(table.alternates[number] for number in numbers),
        frequencies=table.frequencies[sites],
    )


def _reading(panel: Panel, genotypes: Integers) -> Reading:
    sites = np.flatnonzero(genotypes != UNREAD)
    return Reading(panel, sites, genotypes[sites])


def _shares(ancestors: Integers, regions: Sequence[Region]) -> dict[Region, float]:
    counted = np.bincount(ancestors.ravel(), minlength=len(regions)) / ancestors.size
    return {
        region: float(sum(share for share, of in zip(counted, regions, strict=True) if of is region))
        for region in CODES.values()
    }
