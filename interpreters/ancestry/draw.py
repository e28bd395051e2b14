"""Draws the genotypes of synthetic people from the panels' frequencies, for demonstrations and tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from interpreters.ancestry.panel import Floats, Integers, Panel
from interpreters.genotypes import Build

_CHANGES_PER_BASE = 8.0 / 1e8
"""A copy changes ancestry about once in 12.5 million bases, as after some eight generations of mixing."""


class DrawnSite(NamedTuple):
    """Genotype of a synthetic person at one site."""

    chrom: str
    pos: int
    ref: str
    alt: str
    alternates: tuple[int, int]
    """Whether each of the two chromosome copies carries the alternate base: 0 or 1, phased."""


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

    Each chromosome copy is a mosaic of segments. At a site of the core panel, which knows regions only, a segment has
    the frequencies of its component's region; a person with a component of a region that panel does not know has no
    genotypes there.

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
    regions = [component.region for component in core.components]
    drawn = [
        regions.index(component.region) if component.region in regions else None
        for component, share in zip(world.components, shares, strict=True)
        if share > 0
    ]
    parts = [(world, world.frequencies[:, shares > 0])]
    if None not in drawn:
        parts.append((core, core.frequencies[:, [number for number in drawn if number is not None]]))
    yield from _mosaic(parts, shares[shares > 0], random, build)


def _mosaic(
    parts: list[tuple[Panel, Floats]], shares: Floats, random: np.random.Generator, build: Build
) -> Iterator[DrawnSite]:
    chromosomes = np.concatenate([panel.chromosomes for panel, _ in parts])
    positions = np.concatenate([panel.positions(build) for panel, _ in parts])
    frequencies = np.vstack([table for _, table in parts])
    alleles = [pair for panel, _ in parts for pair in zip(panel.references, panel.alternates, strict=True)]
    order = np.lexsort((positions, chromosomes))
    chromosomes, positions, frequencies = chromosomes[order], positions[order], frequencies[order]
    first, second = (_copy(chromosomes, positions, frequencies, shares, random) for _ in range(2))
    sites = zip(chromosomes.tolist(), positions.tolist(), order.tolist(), first, second, strict=True)
    for chromosome, position, number, one, two in sites:
        ref, alt = alleles[number]
        yield DrawnSite(str(chromosome), position, ref, alt, (one, two))


def _copy(
    chromosomes: Integers, positions: Integers, frequencies: Floats, shares: Floats, random: np.random.Generator
) -> list[int]:
    """Alternate alleles of one chromosome copy."""
    count = len(positions)
    kept = np.exp(-_CHANGES_PER_BASE * np.maximum(np.diff(positions, prepend=0), 0))
    kept[np.diff(chromosomes, prepend=0) != 0] = 0.0
    changes = random.random(count) >= kept
    ancestry = random.choice(len(shares), size=count, p=shares / shares.sum())
    ancestry = ancestry[np.maximum.accumulate(np.where(changes, np.arange(count), 0))]
    carried = random.random(count) < frequencies[np.arange(count), ancestry]
    return [int(alternate) for alternate in carried.tolist()]
