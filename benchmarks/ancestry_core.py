"""Admixed people with known shares, made from real people's genotypes, at the core panel's sites.

`python benchmarks/ancestry_core.py [FOLDER] [--people 240] [--draws 4]` prints the errors of the
shares, the greatest error, how often 95 % intervals hold the truth, and small shares lost: for all sites and for draws
of half and of a tenth of them, by kind of carrier and by history; beside the unlinked maximum likelihood on the same
people, and with `--peer-python` aeon-ancestry in the Python that has it. FOLDER as for `ancestry_dev_people.py`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ancestry_sets import CARRIERS, CODES, FOLDER, LINE, Scores, Sets, Synthetic, thinned

from interpreters.ancestry.estimate import Estimate, estimate
from interpreters.ancestry.model import maximum_likelihood
from interpreters.ancestry.reading import Reading
from interpreters.findings import Region

FRACTIONS = (0.5, 0.1)
_OLD_WORLD = ("AFR", "EUR", "EAS", "SAS")


def wanted(number: int, random: np.random.Generator) -> tuple[str, Mapping[Region, float]]:
    """Name of a history and its shares."""
    match number % 4:
        case 0:
            one, two = random.choice(_OLD_WORLD, 2, replace=False)
            minor = random.uniform(0.03, 0.5)
            return "two of the Old World", {CODES[one]: 1 - minor, CODES[two]: minor}
        case 1:
            minor = random.uniform(0.05, 0.35)
            return "Africa, some Europe", {CODES["AFR"]: 1 - minor, CODES["EUR"]: minor}
        case 2:
            shares = random.dirichlet([5, 4, 1.2]).tolist()
            return "Europe, Americas, Africa", dict(zip((CODES[c] for c in ("EUR", "AMR", "AFR")), shares, strict=True))
        case _:
            three = random.choice([*_OLD_WORLD, "AMR"], 3, replace=False)
            shares = random.dirichlet([2, 2, 2]).tolist()
            return "three of five", dict(zip((CODES[c] for c in three), shares, strict=True))


def people(sets: Sets, count: int, seed: int) -> list[tuple[str, str, Synthetic]]:
    """History, carrier and person."""
    made = []
    for number in range(count):
        random = np.random.default_rng((seed, number))
        history, shares = wanted(number, random)
        carrier = CARRIERS[number // 4 % len(CARRIERS)]
        made.append((history, carrier, sets.core_person(shares, carrier, random)))
    return made


def unlinked(reading: Reading) -> Estimate:
    """The plain maximum likelihood, as ADMIXTURE has it; without intervals."""
    fitted, _ = maximum_likelihood(reading.frequencies, reading.genotypes.astype(float), np.ones(len(reading)))
    regions = [component.region for component in reading.panel.components]
    none = dict.fromkeys(regions, 0.0)
    shares = dict(zip(regions, fitted.tolist(), strict=True))
    return Estimate(reading.panel.name, shares, none, len(reading), len(reading.panel), 0.0, 1.0)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--people", type=int, default=240)
    parser.add_argument("--draws", type=int, default=4)
    options = parser.parse_args()
    sets = Sets(options.folder)
    regions = sets.core.regions
    made = people(sets, options.people, seed=1)
    whole, plain = Scores(regions), Scores(regions)
    by: dict[str, Scores] = defaultdict(lambda: Scores(regions))
    thin = {(share, draw): Scores(regions) for share in FRACTIONS for draw in range(options.draws)}
    seconds = {"linked": 0.0, "unlinked": 0.0}
    for number, (history, carrier, person) in enumerate(made):
        reading = person.readings[1]
        if reading is None:
            raise AssertionError(history)
        start = time.process_time()
        found = estimate(reading)
        seconds["linked"] += time.process_time() - start
        for scores in (whole, by[history], by[f"carrier {carrier}"]):
            scores.add(person, found)
        start = time.process_time()
        plain.add(person, unlinked(reading))
        seconds["unlinked"] += time.process_time() - start
        for (share, draw), scores in thin.items():
            random = np.random.default_rng((2, number, draw, round(100 * share)))
            scores.add(person, estimate(thinned(reading, share, random)))
    print(f"{len(made)} people, {len(sets.core)} sites; the mean error is over all five regions\n")
    print(f"{'':32} {LINE}")
    print(f"{'all sites':32} {whole.line()}")
    for name, scores in sorted(by.items()):
        print(f"  {name:30} {scores.line()}")
    for share in FRACTIONS:
        draws = [thin[share, draw] for draw in range(options.draws)]
        for draw, scores in enumerate(draws):
            print(f"{share:4.0%} of the sites, draw {draw + 1:<10} {scores.line()}")
        mean = np.mean([scores.errors.mean() for scores in draws])
        covered = np.mean([scores.covered()[0] for scores in draws])
        print(f"{share:4.0%} of the sites, mean of draws     {mean:.4f} {'':14} {covered:8.3f}")
    print(f"{'unlinked maximum likelihood':32} {plain.line()}  (no intervals)")
    print(f"\nmean error of the unlinked model: {plain.errors.mean() / whole.errors.mean():.1f} times ours")
    print(", ".join(f"{name} {spent / len(made):.3f}" for name, spent in seconds.items()), "CPU seconds a person")


if __name__ == "__main__":
    main()
