"""Draws synthetic people: from the panels' frequencies, or as mosaics of people whose genotypes are known.

For demonstrations, tests and benchmarks. A mosaic says which ancestor each stretch of both chromosome copies comes
from, so the shares of a synthetic person are known exactly, at any sites.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from interpreters.ancestry.panel import Floats, Integers, Panel, Table
from interpreters.ancestry.reading import UNREAD
from interpreters.genotypes import Build

STRETCH = 12_500_000
"""Mean bases between changes of ancestor on one copy, as after some eight generations of mixing."""
_CHROMOSOMES = 22
_SPAN = 250_000_000
"""More bases than any chromosome has, so that all of them fit behind each other on one line."""


class DrawnSite(NamedTuple):
    """Genotype of a synthetic person at one site."""

    chrom: str
    pos: int
    ref: str
    alt: str
    alternates: tuple[int, int]
    """Whether each of the two chromosome copies carries the alternate base: 0 or 1, phased."""


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """Which ancestor each stretch of a person's two chromosome copies comes from."""

    starts: tuple[Integers, Integers]
    """Where stretches begin, on the line of all chromosomes, for each copy."""
    ancestors: tuple[Integers, Integers]
    """Number of the ancestor of each stretch."""

    def at(self, chromosomes: Integers, positions: Integers) -> Integers:
        """Ancestor of both copies at each site (sites x 2)."""
        places = (chromosomes - 1) * _SPAN + positions
        return np.stack(
            [
                ancestors[np.searchsorted(starts, places, side="right") - 1]
                for starts, ancestors in zip(self.starts, self.ancestors, strict=True)
            ],
            axis=1,
        )


def draw_mosaic(
    shares: Sequence[float] | Floats, random: np.random.Generator, *, stretch: float = STRETCH, whole: bool = False
) -> Mosaic:
    """A mosaic of ancestors, each stretch drawn anew.

    Args:
        shares: Chance of each ancestor, which sum to 1.
        random: Source of chance; the same state gives the same mosaic.
        stretch: Mean bases of a stretch.
        whole: Whether both copies change ancestor together, as if one ancestor had passed on both of his copies.
    """
    first, second = (_stretches(shares, random, stretch) for _ in range(2))
    if whole:
        second = first
    return Mosaic((first[0], second[0]), (first[1], second[1]))


def inherit(people: Integers, ancestors: Integers, random: np.random.Generator) -> Integers:
    """Genotypes of a mosaic of people: one allele of the ancestor of each copy, both when it is the same ancestor.

    Args:
        people: Copies of the alternate allele, sites x people, `UNREAD` where a person was not read.
        ancestors: As `Mosaic.at` gives them.
        random: Source of chance.

    Returns:
        Copies of the alternate allele at each site; `UNREAD` where an ancestor was not read.
    """
    passed = people[np.arange(len(people))[:, None], ancestors]
    alleles = random.random(passed.shape) < passed / 2.0
    genotypes = np.where(ancestors[:, 0] == ancestors[:, 1], passed[:, 0], alleles.sum(axis=1))
    return np.where((passed == UNREAD).any(axis=1), UNREAD, genotypes)


def draw_member(table: Table, group: str, random: np.random.Generator) -> Integers:
    """Genotypes of someone among the counted people of a group, site by site: alleles drawn without putting back.

    `Table.without` takes the same alleles out of the reference again. Where the group was not measured: `UNREAD`.
    """
    counted, known = table.counts(group)
    alleles = table.alleles[table.groups.index(group)]
    first = random.random(len(table)) * alleles < counted
    second = random.random(len(table)) * (alleles - 1) < counted - first
    return np.where(known, first.astype(np.int64) + second, UNREAD)


def component_names(panels: tuple[Panel, Panel]) -> tuple[str, ...]:
    """Components that `draw_person` knows, such as `AFR_W`, `MENA_Pal` or `SAS_S`."""
    return tuple(component.name for component in panels[0].components)


def draw_person(
    panels: tuple[Panel, Panel],
    weights: Mapping[str, float],
    random: np.random.Generator,
    build: Build = Build.GRCH38,
) -> Iterator[DrawnSite]:
    """Genotypes of a person whose ancestors come from components of the world panel, at the sites of both panels.

    At a site of the core panel, which knows regions only, a stretch has the frequencies of its component's region; a
    person with a component of a region that panel does not know has no genotypes there.

    Args:
        panels: As `load_panels` gives them: world, core.
        weights: Component of the world panel to its share; shares sum to 1.
        random: Source of chance; the same state gives the same person.
        build: Build of the positions.

    Raises:
        ValueError: If a component is not known, or the shares are negative or do not sum to 1.
    """
    world, core = panels
    known = {component.name: number for number, component in enumerate(world.components)}
    if not set(weights) <= set(known):
        raise ValueError(f"no such component: {sorted(set(weights) - set(known))}; there are {sorted(known)}")
    shares = np.zeros(len(known))
    for name, share in weights.items():
        shares[known[name]] = share
    if (shares < 0).any() or abs(shares.sum() - 1.0) > 1e-6:  # noqa: PLR2004 - rounding
        raise ValueError("shares of the components must not be negative and must sum to 1")
    mosaic = draw_mosaic(shares / shares.sum(), random)
    sites = list(_drawn(world, world.frequencies, mosaic, random, build))
    in_core = {component.region: number for number, component in enumerate(core.components)}
    columns = [in_core.get(component.region) for component in world.components]
    if all(column is not None for column, share in zip(columns, shares, strict=True) if share > 0):
        table = core.frequencies[:, [column or 0 for column in columns]]
        sites.extend(_drawn(core, table, mosaic, random, build))
    yield from sorted(sites, key=lambda site: (int(site.chrom), site.pos))


def _drawn(
    panel: Panel, frequencies: Floats, mosaic: Mosaic, random: np.random.Generator, build: Build
) -> Iterator[DrawnSite]:
    ancestors = mosaic.at(panel.chromosomes, panel.positions38)
    chances = frequencies[np.arange(len(panel))[:, None], ancestors]
    carried = (random.random(chances.shape) < chances).astype(int).tolist()
    sites = zip(
        panel.chromosome_names,
        panel.positions(build).tolist(),
        panel.references,
        panel.alternates,
        carried,
        strict=True,
    )
    for chrom, pos, ref, alt, (one, two) in sites:
        yield DrawnSite(chrom, pos, ref, alt, (one, two))


def _stretches(
    shares: Sequence[float] | Floats, random: np.random.Generator, stretch: float
) -> tuple[Integers, Integers]:
    """Starts of the stretches of one copy, and their ancestors."""
    line = _CHROMOSOMES * _SPAN
    changes = random.integers(0, line, random.poisson(line / stretch))
    starts = np.sort(np.append(np.arange(_CHROMOSOMES) * _SPAN, changes))
    return starts, random.choice(len(shares), size=len(starts), p=shares)
