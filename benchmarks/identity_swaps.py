"""Simulated swaps: what fingerprints find among synthetic participants, and what they raise in vain.

    .venv/bin/python benchmarks/identity_swaps.py --samples 10000

Every participant has a genome, every other one an array as well. Founders are drawn from the frequencies of the world
panel's components, three in ten of mixed origin; children inherit whole stretches, with a crossing-over in a hundred
megabases. Sequencing reads each site some 30 times with one error in a hundred, and takes the likeliest genotype, also
where other people's DNA is mixed in. 1 % of the genomes are swapped in pairs, 0.2 % of the participants are enrolled
twice, 2 % of the genomes are contaminated by 1 to 20 %. Of twins, parents with a child and siblings, 1 % each, all
twins and two in three of the others are registered. Printed is how many of each class were found (sensitivity), how
many alarms were raised in vain, and CPU seconds.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
import promises
from numpy.typing import NDArray

from identity.alarms import Alarm, Relationship, Suspicion, alarms
from identity.comparison import Index, Relation, compare
from identity.fingerprint import UNREAD, Codes, pack_all
from identity.panel import FingerprintPanel, load_panel
from interpreters import ancestry

CONTAMINATIONS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20)
READS, READ_ERROR, ARRAY_ERROR, UNREAD_SHARE = 30, 0.01, 0.001, 0.01
_ARRAYS = {
    (True, True): "both participants have an array",
    (True, False): "this participant has an array",
    (False, True): "the other participant has an array",
    (False, False): "neither participant has an array",
}
Alleles = NDArray[np.uint8]
"""Alternate alleles of both copies: people x 2 x sites."""
Found = dict[int, list[tuple[Suspicion, int]]]
"""Alarms of each participant's genome: why, and the participant whose sample shows it."""


@dataclass
class Programme:
    """Synthetic participants and what is wrong with their samples."""

    alleles: Alleles
    genomes: Codes
    arrays: dict[int, Codes]
    registered: dict[frozenset[int], Relationship] = field(default_factory=dict)
    unregistered: dict[frozenset[int], str] = field(default_factory=dict)
    twice: list[frozenset[int]] = field(default_factory=list)
    swapped: list[tuple[int, int]] = field(default_factory=list)
    contaminated: dict[int, tuple[float, int]] = field(default_factory=dict)


class Drawing:
    """Draws people at the sites of the panel."""

    def __init__(self, panel: FingerprintPanel, random: np.random.Generator) -> None:
        world, _ = ancestry.reference_panels()
        places = zip(world.chromosome_names, world.positions38.tolist(), strict=True)
        row = {place: number for number, place in enumerate(places)}
        self._frequencies = world.frequencies[[row[site.chrom, site.pos38] for site in panel.sites]].T
        self._chromosome = np.array([int(site.chrom) for site in panel.sites])
        gaps = np.diff([site.pos38 for site in panel.sites], prepend=0) / 1e8
        crossing = (1.0 - np.exp(-2.0 * np.abs(gaps))) / 2.0
        self._crossing = np.where(np.diff(self._chromosome, prepend=0) != 0, 0.5, crossing)
        self._random = random

    def founders(self, count: int) -> Alleles:
        """People x 2 x sites."""
        random, kinds = self._random, len(self._frequencies)
        pairs = random.integers(0, kinds, (count, 2))
        pairs[:, 1] = np.where(random.random(count) < 0.3, pairs[:, 1], pairs[:, 0])  # noqa: PLR2004
        share = random.random(count)
        # A copy of a chromosome is of one ancestor; two sites are far enough apart for that to be near the truth.
        second = random.random((count, 2, 22)) < share[:, None, None]
        origin = np.where(second, pairs[:, 1, None, None], pairs[:, 0, None, None])[:, :, self._chromosome - 1]
        chance = self._frequencies[origin, np.arange(len(self._chromosome))]
        drawn: Alleles = (random.random(chance.shape) < chance).astype(np.uint8)
        return drawn

    def child(self, mother: Alleles, father: Alleles) -> Alleles:
        """One child of two people, each 2 x sites."""
        copies = []
        for parent in (mother, father):
            strand = np.cumsum(self._random.random(len(self._crossing)) < self._crossing) % 2
            copies.append(parent[strand, np.arange(parent.shape[1])])
        return np.stack(copies)

    def sequenced(self, alleles: Alleles, foreign: Alleles | None = None, share: float = 0.0) -> Codes:
        """The likeliest genotypes of sequenced people (people x 2 x sites), `share` of whose DNA is of others."""
        dosage = alleles.sum(axis=1) / 2.0
        if foreign is not None:
            dosage = (1.0 - share) * dosage + share * foreign.sum(axis=1) / 2.0
        seen = dosage * (1.0 - READ_ERROR) + (1.0 - dosage) * READ_ERROR
        depth = self._random.poisson(READS, seen.shape)
        alternate = self._random.binomial(depth, seen)
        levels = np.array([READ_ERROR, 0.5, 1.0 - READ_ERROR])
        likely = alternate[..., None] * np.log(levels) + (depth - alternate)[..., None] * np.log(1.0 - levels)
        return self._with_gaps(np.where(depth > 0, likely.argmax(axis=-1), UNREAD).astype(np.uint8))

    def arrayed(self, alleles: Alleles) -> Codes:
        """Genotypes of people by an array."""
        codes = alleles.sum(axis=1).astype(np.uint8)
        wrong = self._random.random(codes.shape) < ARRAY_ERROR
        return self._with_gaps(np.where(wrong, (codes + 1) % 3, codes).astype(np.uint8))

    def _with_gaps(self, codes: Codes) -> Codes:
        gaps: Codes = np.where(self._random.random(codes.shape) < UNREAD_SHARE, UNREAD, codes).astype(np.uint8)
        return gaps


def make_programme(samples: int, panel: FingerprintPanel, random: np.random.Generator) -> Programme:
    """Participants with a genome each, all that can go wrong with them, and their families."""
    drawing = Drawing(panel, random)
    alleles = drawing.founders(samples)
    people = iter(random.permutation(samples).tolist())
    registered: dict[frozenset[int], Relationship] = {}
    unregistered: dict[frozenset[int], str] = {}
    twice: list[frozenset[int]] = []
    hundredth = max(3, samples // 100)
    for number in range(hundredth):
        one, other = next(people), next(people)
        alleles[other] = alleles[one]
        registered[frozenset((one, other))] = Relationship.TWIN
        mother, child, older, younger = (next(people) for _ in range(4))
        parents = drawing.founders(3)
        alleles[child] = drawing.child(alleles[mother], parents[0])
        alleles[older], alleles[younger] = (drawing.child(parents[1], parents[2]) for _ in range(2))
        for pair, kind in (
            (frozenset((mother, child)), Relationship.PARENT_AND_CHILD),
            (frozenset((older, younger)), Relationship.FULL_SIBLING),
        ):
            if number % 3:
                registered[pair] = kind
            else:
                unregistered[pair] = kind.value
    for _ in range(max(2, samples // 500)):
        one, other = next(people), next(people)
        alleles[other] = alleles[one]
        twice.append(frozenset((one, other)))
    swapped = [(next(people), next(people)) for _ in range(max(2, samples // 200))]
    genomes = drawing.sequenced(alleles)
    for one, other in swapped:
        genomes[[one, other]] = genomes[[other, one]]
    contaminated: dict[int, tuple[float, int]] = {}
    clean = list(people)
    shares = cycle(CONTAMINATIONS)
    for person, other in zip(clean[: 2 * hundredth], clean[2 * hundredth : 4 * hundredth], strict=True):
        share = next(shares)
        genomes[person] = drawing.sequenced(alleles[[person]], alleles[[other]], share)[0]
        contaminated[person] = (share, other)
    arrays = drawing.arrayed(alleles)
    return Programme(
        alleles=alleles,
        genomes=genomes,
        arrays={person: arrays[person] for person in range(0, samples, 2)},
        registered=registered,
        unregistered=unregistered,
        twice=twice,
        swapped=swapped,
        contaminated=contaminated,
    )


def raised(programme: Programme, panel: FingerprintPanel) -> Found:
    """What the samples of all participants raise."""
    index = Index(panel)
    array_keys = [f"{person} array" for person in programme.arrays]
    index.add(array_keys, pack_all(np.stack(list(programme.arrays.values()))))
    index.add([f"{person} genome" for person in range(len(programme.genomes))], pack_all(programme.genomes))
    found: Found = defaultdict(list)
    for person, codes in enumerate(programme.genomes):
        others = [(hit, int(hit.key.split()[0])) for hit in index.search(codes)]
        own = {f"{person} array": programme.arrays[person]} if person in programme.arrays else {}
        judged: list[Alarm] = alarms(
            codes,
            panel.limits,
            own=own,
            found=[
                (hit, programme.registered.get(frozenset((person, other)))) for hit, other in others if other != person
            ],
        )
        for alarm in judged:
            other = person if alarm.other is None else int(alarm.other.split()[0])
            found[person].append((alarm.suspicion, other))
    return found


@dataclass
class Tally:
    """How many of a class there are, and how many were found."""

    found: int = 0
    of: int = 0

    def add(self, *, found: bool) -> None:
        """Count one more."""
        self.found, self.of = self.found + found, self.of + 1

    def __str__(self) -> str:
        return f"{self.found} of {self.of}, {self.found / self.of:.1%}"


def summary(programme: Programme, panel: FingerprintPanel) -> dict[str, Tally]:
    """What was found of each class of mistake, and what was raised in vain."""
    found = raised(programme, panel)
    tallies: dict[str, Tally] = defaultdict(Tally)
    _mistakes(programme, found, tallies)
    _contaminated(programme, panel, found, tallies)
    _arrays(programme, panel, tallies)
    families = [(person, kind) for pair, kind in programme.registered.items() for person in pair]
    for person, kind in families:
        tallies[f"FALSE ALARM: registered {kind.value}"].add(found=bool(found.get(person)))
    known = {person for person, _ in families}.union(*programme.swapped, *programme.twice, *programme.unregistered)
    known |= {person for one, (_, other) in programme.contaminated.items() for person in (one, other)}
    for person in range(len(programme.genomes)):
        if person not in known:
            tallies["FALSE ALARM: nothing is wrong"].add(found=bool(found.get(person)))
    return dict(tallies)


def _mistakes(programme: Programme, found: Found, tallies: dict[str, Tally]) -> None:
    for one, other in programme.swapped:
        for person, swapped_with in ((one, other), (other, one)):
            of_both = person in programme.arrays, swapped_with in programme.arrays
            seen = {(Suspicion.DIFFERENT_PEOPLE, person), (Suspicion.SAME_PERSON, swapped_with)}
            tallies[f"swapped, {_ARRAYS[of_both]}"].add(found=bool(seen.intersection(found.get(person, ()))))
    for pair in programme.twice:
        one, other = sorted(pair)
        tallies["enrolled twice"].add(found=(Suspicion.SAME_PERSON, other) in found.get(one, ()))
    for pair, kind in programme.unregistered.items():
        one, other = sorted(pair)
        tallies[f"not registered: {kind}"].add(found=(Suspicion.UNEXPECTED_RELATIVE, other) in found.get(one, ()))


def _contaminated(programme: Programme, panel: FingerprintPanel, found: Found, tallies: dict[str, Tally]) -> None:
    for person, (share, _) in sorted(programme.contaminated.items(), key=lambda item: item[1]):
        seen = (Suspicion.MIXED_SAMPLE, person) in found.get(person, ())
        tallies[f"contaminated by {share:.1%}, seen as mixed"].add(found=seen)
        if person in programme.arrays:
            same = compare(programme.genomes[person], programme.arrays[person], panel.limits).relation
            name = f"contaminated by {share:.1%}, still the person of its array"
            tallies[name].add(found=same is Relation.SAME_PERSON)


def _arrays(programme: Programme, panel: FingerprintPanel, tallies: dict[str, Tally]) -> None:
    """Array against genome of one participant, where neither was swapped."""
    swapped = {person for pair in programme.swapped for person in pair}
    for person, codes in programme.arrays.items():
        if person not in swapped:
            same = compare(programme.genomes[person], codes, panel.limits).relation
            tallies["array and genome of one participant, seen as one person"].add(found=same is Relation.SAME_PERSON)


def main() -> int:
    """Draw, search, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000, help="genomes (default: 2000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    panel = load_panel()
    programme = make_programme(arguments.samples, panel, np.random.default_rng(arguments.seed))
    drawn = time.process_time()
    print(
        f"{len(programme.genomes)} genomes, {len(programme.arrays)} arrays, panel {panel.release} ({len(panel)} sites)"
    )
    tallies = summary(programme, panel)
    for name, tally in tallies.items():
        print(f"{name:<60} {tally}")
    print(f"CPU: {drawn:.0f} s to draw them, {time.process_time() - drawn:.0f} s to compare and search")
    # An array that was swapped can only be seen where there is one to compare with.
    sure = [
        tally
        for name, tally in tallies.items()
        if name == "enrolled twice" or (name.startswith("swapped, ") and "neither" not in name)
    ]
    vain = [tally for name, tally in tallies.items() if name.startswith("FALSE ALARM")]
    found, wrong = sum(tally.found for tally in sure), sum(tally.found for tally in vain)
    kept = [
        promises.tell(
            "swapped samples of which there is another assay, and people enrolled twice, are found",
            f"{found:,} of {sum(tally.of for tally in sure):,}",
            held=found == sum(tally.of for tally in sure) > 0,
        ),
        promises.tell(
            "no identity alarm is raised in vain",
            f"{wrong:,} of {sum(tally.of for tally in vain):,} people",
            held=not wrong,
        ),
    ]
    return not all(kept)


if __name__ == "__main__":
    raise SystemExit(main())
