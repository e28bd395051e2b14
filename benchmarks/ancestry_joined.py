"""People at the sites of both panels: each panel alone, and ways of joining them.

`python benchmarks/ancestry_joined.py [FOLDER] [--people 200] [--draws 2]` makes people with known shares who were read
at both panels (see `ancestry_sets.py`), and prints errors by history for the core panel alone, the world panel alone,
and both joined by several rules, the installed one among them; then coverage of the joined intervals at all sites and
in draws of half and of a tenth of them; how far shares move when an array reads the same person; and the CPU time of a
whole interpretation. FOLDER as for `ancestry_dev_people.py`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from ancestry_sets import CODES, FOLDER, LINE, Scores, Sets, Synthetic, thinned

from interpreters.ancestry import estimate as estimates
from interpreters.ancestry.estimate import LEAST_SHARE_BEYOND, Estimate, combine, estimate

FRACTIONS = (0.5, 0.1)
COMMON = 0.05
"""Least minor allele frequency of the core panel's sites that an array reads; of the world's it reads all."""
TWO_POINTS = 0.02
REGIONS = tuple(CODES.values())


def histories(sets: Sets) -> dict[str, Callable[[np.random.Generator], dict[str, float]]]:
    """Name of a history to a maker of groups with their shares."""
    core = {source.group for source in sets.sources}

    def some(random: np.random.Generator, code: str, *only: str) -> str:
        groups = [group for group, region in sets.groups.items() if region is CODES[code]]
        read = [group for group in groups if group.removeprefix("KGP_") in core]
        return str(random.choice(only or read or groups))

    def two(greater: str, smaller: str, most: float = 0.5) -> Callable[[np.random.Generator], dict[str, float]]:
        def make(random: np.random.Generator) -> dict[str, float]:
            share = random.uniform(0.03, most)
            return {some(random, greater): 1 - share, some(random, smaller): share}

        return make

    def latino(random: np.random.Generator) -> dict[str, float]:
        groups = (some(random, "EUR", "KGP_IBS", "KGP_TSI"), some(random, "AMR"), some(random, "AFR"))
        return dict(zip(groups, random.dirichlet([5, 4, 1.2]).tolist(), strict=True))

    made = {
        "Africa, some Europe": two("AFR", "EUR", 0.35),
        "Europe, Americas, Africa": latino,
        "Europe, some MENA": two("EUR", "MENA"),
        "MENA, some Europe": two("MENA", "EUR"),
        "S Asia, some MENA": two("SAS", "MENA"),
        "S Asia, some Europe": two("SAS", "EUR"),
        "MENA, some Africa": two("MENA", "AFR"),
        "Europe, some Oceania": two("EUR", "OCE"),
        "E Asia, some Oceania": two("EAS", "OCE"),
        "E Asia, some Europe": two("EAS", "EUR"),
    }
    for code in CODES:
        made[f"{code} alone"] = lambda random, code=code: {some(random, code): 1.0}  # type: ignore[misc]
    return made


def with_threshold(least: float) -> Callable[[Estimate, Estimate], Estimate | None]:
    """The installed rule with another share from which the world panel speaks alone."""

    def join(world: Estimate, core: Estimate) -> Estimate | None:
        before, estimates.LEAST_SHARE_BEYOND = estimates.LEAST_SHARE_BEYOND, least
        try:
            return combine(world, core)
        finally:
            estimates.LEAST_SHARE_BEYOND = before

    return join


def core_stands(world: Estimate, core: Estimate) -> Estimate:
    """The world panel speaks where it finds something beyond the core panel; otherwise the core panel alone."""
    beyond = [region for region in world.shares if region not in core.shares]
    return world if any(world.shares[region] >= LEAST_SHARE_BEYOND for region in beyond) else core


RULES: Mapping[str, Callable[[Estimate, Estimate], Estimate | None]] = {
    "core alone": lambda _, core: core,
    "world alone": lambda world, _: world,
    "core, or world from 5 % beyond": core_stands,
    **{f"averaged, world from {least:.0%}": with_threshold(least) for least in (0.02, 0.05, 0.1, 0.15)},
    "installed": combine,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--people", type=int, default=204)
    parser.add_argument("--draws", type=int, default=2)
    options = parser.parse_args()
    sets = Sets(options.folder)
    makers = histories(sets)
    by: dict[tuple[str, str], Scores] = defaultdict(lambda: Scores(REGIONS))
    draws: dict[tuple[float, int], Scores] = defaultdict(lambda: Scores(REGIONS))
    moves: list[float] = []
    spent = 0.0
    for number in range(options.people):
        random = np.random.default_rng((8, number))
        history = list(makers)[number % len(makers)]
        person = sets.joined_person(list(makers[history](random).items()), random)
        start = time.process_time()
        found = read_both(person, 1.0, random)
        spent += time.process_time() - start
        moves.append(moved(person, found))
        for name, rule in RULES.items():
            add(by[name, "all"], person, rule(*found))
            add(by[name, history], person, rule(*found))
        for share in FRACTIONS:
            for draw in range(options.draws):
                thin = np.random.default_rng((9, number, draw))
                add(draws[share, draw], person, combine(*read_both(person, share, thin)))
    print(f"{options.people} people; the mean error is over all seven regions\n{'':32} {LINE}")
    for name in RULES:
        print(f"{name:32} {by[name, 'all'].line()}")
    print(f"\nmean errors by history\n{'':32} " + " ".join(f"{name[:14]:>14}" for name in RULES))
    for history in list(makers)[: options.people]:
        errors = [f"{by[name, history].errors.mean():14.4f}" for name in RULES]
        print(f"{history:32} " + " ".join(errors))
    print(f"\njoined by the installed rule: covered\n{'all sites':32} {regions(by['installed', 'all'])}")
    for (share, draw), scores in sorted(draws.items(), reverse=True):
        name = f"{share:.0%} of the sites, draw {draw + 1}"
        print(f"{name:32} {regions(scores)}  mean error {scores.errors.mean():.4f}")
    for share in FRACTIONS:
        mean = np.mean([scores.covered()[0] for (part, _), scores in draws.items() if part == share])
        print(f"{share:.0%} of the sites, mean of draws {mean:.3f}")
    far = (np.array(moves) > TWO_POINTS).mean()
    print(f"array: greatest move {max(moves):.3f}, mean {np.mean(moves):.3f}, above two points {far:.2f}")
    print(f"\n{spent / options.people:.3f} CPU seconds a person for both estimates")


def read_both(person: Synthetic, share: float, random: np.random.Generator) -> tuple[Estimate, Estimate]:
    """Estimates of the world and the core panel from a share of the sites."""
    world, core = (
        estimate(replace(reading) if share == 1 else thinned(reading, share, random))
        for reading in person.readings
        if reading is not None
    )
    return world, core


def moved(person: Synthetic, whole: tuple[Estimate, Estimate]) -> float:
    """Greatest difference of a share when of the core panel only common sites are read."""
    reading, (world, core) = person.readings[1], whole
    if reading is None:
        raise AssertionError
    mean = reading.frequencies.mean(axis=1)
    common = np.minimum(mean, 1 - mean) >= COMMON
    array = estimate(replace(reading, sites=reading.sites[common], genotypes=reading.genotypes[common]))
    one, two = combine(world, core), combine(world, array)
    if one is None or two is None:
        raise AssertionError
    return max(abs(two.shares[region] - share) for region, share in one.shares.items())


def add(scores: Scores, person: Synthetic, made: Estimate | None) -> None:
    """Keep a person's estimate."""
    if made is None:
        raise AssertionError
    scores.add(person, made)


def regions(scores: Scores) -> str:
    """Coverage of all components and by region."""
    parts = ", ".join(f"{code} {scores.covered(region)[0]:.2f}" for code, region in CODES.items())
    return f"{scores.covered()[0]:.3f}  {parts}"


if __name__ == "__main__":
    main()
