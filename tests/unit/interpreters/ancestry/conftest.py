"""Reference panels and synthetic people for the tests of the ancestry interpreter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter, DrawnSite
from interpreters.genotypes import Build, Record

Person = Callable[..., list[Record]]


@pytest.fixture(scope="session")
def interpreter() -> AncestryInterpreter:
    return ancestry.load()


@pytest.fixture(scope="session")
def person(interpreter: AncestryInterpreter) -> Person:
    """Records of a synthetic person with the given components."""
    drawn: dict[object, list[DrawnSite]] = {}

    def make(weights: Mapping[str, float], build: Build = Build.GRCH38, seed: int = 1) -> list[Record]:
        key = (tuple(weights.items()), build, seed)
        if key not in drawn:
            random = np.random.default_rng(seed)
            drawn[key] = list(ancestry.draw_person(interpreter.panels, weights, random, build))
        return [Record(s.chrom, s.pos, s.pos, s.ref, (s.alt,), s.alternates, phased=True) for s in drawn[key]]

    return make
