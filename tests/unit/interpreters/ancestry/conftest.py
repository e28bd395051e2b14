"""Reference panels and synthetic people for the tests of the ancestry interpreter."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter, DrawnSite
from interpreters.ancestry.panel import Panel
from interpreters.genotypes import Build, Record

STEP = 4
Person = Callable[..., list[Record]]


@pytest.fixture(scope="session")
def interpreter() -> AncestryInterpreter:
    """As installed."""
    return ancestry.load()


@pytest.fixture(scope="session")
def small(interpreter: AncestryInterpreter) -> AncestryInterpreter:
    """With every fourth site of both panels: fast, and still above every limit."""
    world, core = (thinned(panel) for panel in interpreter.panels)
    return AncestryInterpreter(interpreter.knowledge, (world, core), interpreter.maps)


def thinned(panel: Panel) -> Panel:
    return dataclasses.replace(
        panel,
        chromosomes=panel.chromosomes[::STEP],
        positions38=panel.positions38[::STEP],
        positions37=panel.positions37[::STEP],
        references=panel.references[::STEP],
        alternates=panel.alternates[::STEP],
        frequencies=panel.frequencies[::STEP],
        place_frequencies=panel.place_frequencies[::STEP],
    )


@pytest.fixture(scope="session")
def person(small: AncestryInterpreter) -> Person:
    """Records of a synthetic person with the given components, at the sites of `small`."""
    drawn: dict[object, list[DrawnSite]] = {}

    def make(weights: Mapping[str, float], build: Build = Build.GRCH38, seed: int = 1) -> list[Record]:
        key = (tuple(weights.items()), build, seed)
        if key not in drawn:
            random = np.random.default_rng(seed)
            drawn[key] = list(ancestry.draw_person(small.panels, weights, random, build))
        return [Record(s.chrom, s.pos, s.pos, s.ref, (s.alt,), s.alternates, phased=True) for s in drawn[key]]

    return make
