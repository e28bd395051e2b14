"""DPYD and RYR1: every allele that a strand carries is named, and the least functional of each strand decides.

Alleles of these genes are single variants, any number of which may lie on one strand, so there is no best pair to look
for. With phase known, the strands are written out; without, the alleles found are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from interpreters.pharmacogenomics.matcher import Block, Pattern
from interpreters.pharmacogenomics.tables import Gene, HaplotypeB3, Result, diplotype_name, diplotype_order, name_order

MOST_PLACED_BLOCKS = 8
"""Phase blocks up to which every placement is written out; the number of placements doubles with each."""

Strand = tuple[str, ...]
"""Names of the alleles on one strand, in order; empty for a strand without variants."""

Site = tuple[int, str]
"""Position index and base."""


@dataclass(frozen=True, slots=True)
class LowestFunctionCall:
    """What was found in a lowest-function gene."""

    diplotypes: tuple[str, ...]
    """Every placement of the phase blocks; empty when the phase is unknown."""
    haplotypes: tuple[str, ...]
    """Alleles found when the phase is unknown, one that both strands carry twice."""
    deciding: Result
    """What the two alleles mean from which the reference method takes the phenotype: the worst placement's."""
    results: frozenset[Result]
    """What all arrangements of what was read mean."""
    unread_results: frozenset[Result]
    """The same with any allele at a position that was not read."""
    alleles: frozenset[str]
    """Names of the alleles found, the reference allele among them where a strand may be free of variants."""
    reasons: frozenset[str]


class LowestFunctionCaller:
    """Calls one lowest-function gene."""

    def __init__(self, gene: Gene, pattern: Pattern, haplotype_b3: HaplotypeB3 | None) -> None:
        self.gene = gene
        self.pattern = pattern
        self._b3 = haplotype_b3
        self._reference = gene.alleles[0].name
        self._keys = gene.function_keys
        self._reference_key = self._keys[self._reference]
        # HapB3 is the one allele with two positions; it is called apart, and so is its intronic variant.
        apart = {haplotype_b3.intronic, haplotype_b3.exonic} if haplotype_b3 else set()
        self._named = {site: names for site, names in gene.alleles_at.items() if site[0] not in apart}

    def call(self) -> LowestFunctionCall:
        """Name the strands, or list the alleles, and find what every arrangement would mean."""
        blocks = len(self.pattern.blocks)
        reasons: set[str] = set()
        diplotypes: list[tuple[Strand, Strand]] = []
        haplotypes: list[str] = []
        placed = self.pattern.phased or self.pattern.has_phase_set
        if placed and blocks > MOST_PLACED_BLOCKS:
            placed = False
            reasons.add("too_many_phase_combinations")
        if placed:
            diplotypes = self._placements()
            deciding = min((self._worst_of(pair) for pair in diplotypes), key=self._pair_rank)
        else:
            haplotypes = self._list()
            first, second, *_ = [*sorted(haplotypes, key=self._rank), self._reference, self._reference]
            deciding = (first, second)
        names = {name for pair in diplotypes for strand in pair for name in strand} | {*haplotypes, *deciding}
        return LowestFunctionCall(
            diplotypes=tuple(diplotype_name((_label(one), _label(two))) for one, two in diplotypes),
            haplotypes=tuple(haplotypes),
            deciding=self.gene.rules.result((self._keys[deciding[0]], self._keys[deciding[1]])),
            results=self._possible(unread=False),
            unread_results=self._possible(unread=True),
            alleles=frozenset(names),
            reasons=frozenset(reasons | self._b3_remarks()),
        )

    # Strands written out

    def _placements(self) -> list[tuple[Strand, Strand]]:
        """Every way of placing the blocks on two strands, each pair once, in the order of names."""
        homozygous = list(self.pattern.homozygous.items())
        pairs = {}
        for turns in product((False, True), repeat=max(len(self.pattern.blocks) - 1, 0)):
            one, two = list(homozygous), list(homozygous)
            for block, turned in zip(self.pattern.blocks, (False, *turns), strict=False):
                first, second = _sides(block)
                one += second if turned else first
                two += first if turned else second
            pair = (self._strand(one), self._strand(two))
            pairs[diplotype_order((_label(pair[0]), _label(pair[1])))] = pair
        return [pairs[key] for key in sorted(pairs)]

    def _strand(self, sites: Sequence[Site]) -> Strand:
        names = [name for site in sites for name in self._named.get(site, ())]
        if self._b3:
            names += self._b3_names(self._b3_count(sites, self._b3.intronic), self._b3_count(sites, self._b3.exonic))
        return tuple(sorted(names, key=name_order))

    # Alleles listed

    def _list(self) -> list[str]:
        """Alleles that some strand can carry, twice if both do, and `Reference` if a strand can be free of any."""
        hets = [_sides(block) for block in self.pattern.blocks]
        homozygous = list(self.pattern.homozygous.items())
        single = [name for first, second in hets for site in (*first, *second) for name in self._named.get(site, ())]
        double = [name for site in homozygous for name in self._named.get(site, ())]
        found = [*single, *double, *double]
        apart: list[str] = []
        if self._b3:
            sites = [site for first, second in hets for site in (*first, *second)] + homozygous * 2
            apart = self._b3_names(self._b3_count(sites, self._b3.intronic), self._b3_count(sites, self._b3.exonic))
        free = not double and all(
            any(not any(self._named.get(site) for site in side) for side in (first, second)) for first, second in hets
        )
        if free and len(set(found)) + len(apart) + 1 <= 2:  # noqa: PLR2004 - the method's own limit
            found.append(self._reference)
        return sorted(found + apart, key=name_order)

    # HapB3

    def _b3_count(self, sites: Iterable[Site], index: int) -> int:
        alts = self.gene.positions[index].alts
        return sum(site == index and base in alts for site, base in sites)

    def _b3_names(self, intronic: int, exonic: int) -> list[str]:
        """HapB3 where both variants are, the intronic one alone, or HapB3 by the exonic one if the other is unread."""
        assert self._b3 is not None  # noqa: S101 - callers have it
        if not self._read(self._b3.intronic):
            return [self._b3.together] * exonic
        return [self._b3.together] * min(intronic, exonic) + [self._b3.alone] * max(0, intronic - exonic)

    def _b3_remarks(self) -> set[str]:
        if not self._b3:
            return set()
        homozygous = list(self.pattern.homozygous.items())
        sites = [site for block in self.pattern.blocks for side in _sides(block) for site in side] + homozygous * 2
        exonic, intronic = self._b3_count(sites, self._b3.exonic), self._b3_count(sites, self._b3.intronic)
        if exonic and not self._read(self._b3.intronic):
            return {"hapb3_by_exonic_position_only"}
        return {"hapb3_exonic_without_intronic"} if exonic > intronic else set()

    def _read(self, index: int) -> bool:
        return bool(self.pattern.read >> index & 1)

    # What it means

    def _rank(self, name: str) -> tuple[object, ...]:
        """Worst first; ties by name."""
        return (severity(self._keys[name]), name_order(name))

    def _worst_of(self, pair: tuple[Strand, Strand]) -> tuple[str, str]:
        one, two = (min(strand or (self._reference,), key=self._rank) for strand in pair)
        return one, two

    def _pair_rank(self, pair: tuple[str, str]) -> tuple[object, ...]:
        return (sum(severity(self._keys[name]) for name in pair), diplotype_order(pair))

    def _possible(self, *, unread: bool) -> frozenset[Result]:
        """What every arrangement means, built up position by position: only the worst allele of a strand counts.

        The functions of two strands are all that is carried along, so the number of states stays small.
        """
        states = {(self._reference_key, self._reference_key)}
        for choices in self._choices(unread=unread):
            states = {
                (min(one, first, key=severity), min(two, second, key=severity))
                for one, two in states
                for first, second in choices
            }
        return frozenset(self.gene.rules.result(state) for state in states)

    def _choices(self, *, unread: bool) -> Iterator[set[tuple[str, str]]]:
        """For each block and position, the functions that its alleles may put on the two strands."""
        for site in self.pattern.homozygous.items():
            if site in self.gene.alleles_at and (worst := self._worst_at([site])) != self._reference_key:
                yield {(worst, worst)}
        for block in self.pattern.blocks:
            first, second = (self._worst_at(side) for side in _sides(block))
            yield {(first, second), (second, first)}
        if unread:
            # Any number of unread positions may vary, but no more than one function on each strand counts.
            options = {
                self._worst_at([(index, base)])
                for index, position in enumerate(self.gene.positions)
                if not self._read(index)
                for base in (position.ref, *position.alts)
            }
            yield {(one, two) for one in options for two in options} or {(self._reference_key, self._reference_key)}

    def _worst_at(self, sites: Sequence[Site]) -> str:
        """Function of the worst allele that these bases make, the reference allele's if they make none."""
        names = [self._reference, *(name for site in sites for name in self._named.get(site, ()))]
        if self._b3:
            # The intronic variant acts, with or without the exonic one, which stands for it only where it was not read.
            acting = {self._b3.intronic} if self._read(self._b3.intronic) else {self._b3.intronic, self._b3.exonic}
            names += [self._b3.alone for index in acting if self._b3_count(sites, index)]
        return min((self._keys[name] for name in names), key=severity)


def severity(key: str) -> float:
    """Order of functions from the worst: activity values as they are, malignant hyperthermia before all others."""
    try:
        return float(key)
    except ValueError:
        return 0.0 if key.startswith("Malignant Hyperthermia") else 1.0


def _sides(block: Block) -> tuple[list[Site], list[Site]]:
    return (
        [(index, first) for index, first, _ in block.sites],
        [(index, second) for index, _, second in block.sites],
    )


def _label(strand: Strand) -> str:
    if not strand:
        return "Reference"
    return strand[0] if len(strand) == 1 else f"[{' + '.join(strand)}]"
