"""Named-allele matching: which pairs of alleles fit a sample's genotypes.

An allele is a bit in a mask, and so is a strand of a phase block. Every allele is compared with each block once; a pair
fits when the strands that one leaves are those that the other takes, which a dictionary finds. The cost is linear in
alleles and positions, however many positions are heterozygous: haplotypes are never written out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from interpreters.pharmacogenomics.sites import SiteReading
from interpreters.pharmacogenomics.tables import IUPAC, Gene, Result, diplotype_order

Pair = tuple[int, ...]
"""Indices of the alleles of one diplotype: two, or one when haploid."""


@dataclass(frozen=True, slots=True)
class Block:
    """Heterozygous positions whose alleles are known to lie together: `(position, first strand, second strand)`."""

    sites: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A gene's genotypes in the form in which alleles are compared with them."""

    homozygous: Mapping[int, str]
    """Position index to base, for positions where all copies agree."""
    blocks: tuple[Block, ...]
    haploid: bool
    has_phase_set: bool
    read: int
    """Read positions as a bit mask."""

    @property
    def phased(self) -> bool:
        """Whether only one pair of strands is possible."""
        return len(self.blocks) <= 1


def pattern_of(readings: Sequence[SiteReading]) -> Pattern:
    """Group the readings of a gene's positions into homozygous ones and phase blocks.

    All phased heterozygous genotypes without a phase set make one block, each phase set makes one, and each unphased
    heterozygous genotype is a block of its own.
    """
    homozygous: dict[int, str] = {}
    together: dict[tuple[str, str | int], list[tuple[int, str, str]]] = {}
    for index, reading in enumerate(readings):
        if not reading.alleles:
            continue
        first, second = reading.alleles[0], reading.alleles[-1]
        if first == second:
            homozygous[index] = first
            continue
        if not reading.phased:
            key: tuple[str, str | int] = ("unphased", index)
        elif reading.phase_set is None:
            key = ("phased", "")
        else:
            key = ("set", reading.phase_set)
        together.setdefault(key, []).append((index, first, second))
    return Pattern(
        homozygous=homozygous,
        blocks=tuple(Block(tuple(sites)) for sites in together.values()),
        haploid=any(len(reading.alleles) == 1 for reading in readings),
        has_phase_set=any(kind == "set" for kind, _ in together),
        read=sum(1 << index for index, reading in enumerate(readings) if reading.alleles),
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An allele that some strand may be."""

    allele: int
    first: int
    """Blocks whose first strand it fits, as a bit mask."""
    second: int
    """Blocks whose second strand it fits. Both only for an allele defined by ambiguity codes."""
    score: int
    """Number of read positions that define it, ambiguity codes left out; every read one for the reference allele."""
    is_read: bool
    """Whether at least one of its defining positions was read. If not, it can only not be excluded."""
    is_complete: bool
    """Whether every one of them was."""


class Match:
    """Everything that fits one gene's pattern."""

    def __init__(self, gene: Gene, pattern: Pattern) -> None:
        self.gene = gene
        self.pattern = pattern
        self._all_blocks = (1 << len(pattern.blocks)) - 1

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Alleles that fit every homozygous position and at least one strand of every block."""
        accepts = self.gene.accepts
        fitting = (1 << len(self.gene.alleles)) - 1
        for index, base in self.pattern.homozygous.items():
            fitting &= accepts[index].get(base, 0)
        strands = []
        for block in self.pattern.blocks:
            first = second = fitting
            for index, base, other in block.sites:
                first &= accepts[index].get(base, 0)
                second &= accepts[index].get(other, 0)
            strands.append((first, second))
            fitting &= first | second
        read = self.pattern.read
        return tuple(
            self._candidate(allele, strands, read) for allele in range(len(self.gene.alleles)) if fitting >> allele & 1
        )

    def _candidate(self, allele: int, strands: Sequence[tuple[int, int]], read: int) -> Candidate:
        bases = self.gene.alleles[allele].bases
        if allele == 0:
            score, is_read, is_complete = read.bit_count(), True, True
        else:
            defining = [base for index, base in bases.items() if read >> index & 1]
            score = sum(base not in IUPAC for base in defining)
            is_read, is_complete = bool(defining), len(defining) == len(bases)
        return Candidate(
            allele,
            first=sum((first >> allele & 1) << k for k, (first, _) in enumerate(strands)),
            second=sum((second >> allele & 1) << k for k, (_, second) in enumerate(strands)),
            score=score,
            is_read=is_read,
            is_complete=is_complete,
        )

    def matched(self) -> dict[Pair, int]:
        """Pairs of read alleles that fit, each with its score."""
        read = [candidate for candidate in self.candidates if candidate.is_read]
        if self.pattern.haploid:
            return {(c.allele,): self._score((c,)) for c in read}
        return {(a.allele, b.allele): self._score((a, b)) for a, b in self._pairs(read)}

    def consistent(self) -> Iterator[Pair]:
        """Every pair that fits the data, also with alleles none of whose positions was read."""
        if self.pattern.haploid:
            yield from ((candidate.allele,) for candidate in self.candidates)
        else:
            yield from ((a.allele, b.allele) for a, b in self._pairs(self.candidates))

    def consistent_names(self) -> list[str]:
        """The same as diplotypes are written, each once, in the order of names."""
        # Alleles that are reported under one name are one here.
        rank = self.gene.name_ranks
        kinds = {(c.first, c.second, rank[c.allele]): c for c in self.candidates}
        ranked = sorted(kinds.values(), key=lambda candidate: rank[candidate.allele])
        names = [self.gene.alleles[candidate.allele].reported_as for candidate in ranked]
        found: list[str] = []
        if self.pattern.haploid:
            found = names
        else:
            for number, partners in self._partners(ranked):
                start = f"{names[number]}/"
                found += [start + names[other] for other in partners]
        # Only a name that two kinds share can make a diplotype twice.
        return found if len(set(names)) == len(names) else list(dict.fromkeys(found))

    def not_excluded(self, called: Collection[str]) -> list[str]:
        """Names of alleles that fit, were not called, and of which a position was not read, in the order of names."""
        strands = {(candidate.first, candidate.second) for candidate in self.candidates}
        rank = self.gene.name_ranks
        names = {
            rank[candidate.allele]: self.gene.alleles[candidate.allele].reported_as
            for candidate in self.candidates
            if not candidate.is_complete
            and (self.pattern.haploid or any(self._fit((candidate.first, candidate.second), one) for one in strands))
        }
        return [names[key] for key in sorted(names) if names[key] not in called]

    def results(self, *, complete_only: bool) -> frozenset[Result]:
        """What all pairs that fit mean, found without listing the pairs.

        Args:
            complete_only: Leave out alleles of which a position was not read.
        """
        key = self.gene.rules.key
        # Candidates on the same strands with the same function are alike.
        kinds = {
            (c.first, c.second, key(self.gene.alleles[c.allele])): c
            for c in self.candidates
            if c.is_complete or not complete_only
        }
        result = self.gene.rules.result
        if self.pattern.haploid:
            return frozenset(result((function,)) for _, _, function in kinds)
        functions = {c.allele: function for (_, _, function), c in kinds.items()}
        pairs = self._pairs(list(kinds.values()))
        return frozenset(result((functions[a.allele], functions[b.allele])) for a, b in pairs)

    def best(self) -> list[Pair]:
        """Pairs with the top score, in the order of their names; for unphased data, the pair that a tie-break picks."""
        matched = self.matched()
        if self.gene.priorities and not self.pattern.phased:
            named = {tuple(sorted(self.gene.alleles[a].name for a in pair)): pair for pair in matched}
            pick = self.gene.priorities.get(frozenset(named))
            if pick is not None:
                return [named[pick]]
        top = max(matched.values(), default=0)
        chosen = [pair for pair, score in matched.items() if score == top]
        return sorted(chosen, key=lambda pair: diplotype_order(self.names(pair)))

    def names(self, pair: Pair) -> tuple[str, ...]:
        """Names of a pair's alleles as they are reported."""
        return tuple(self.gene.alleles[allele].reported_as for allele in pair)

    def _fit(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Whether two alleles fill every block, each given as the first and the second strands that it fits."""
        return (one[0] & other[1]) | (one[1] & other[0]) == self._all_blocks

    def _pairs(self, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
        """Unordered pairs that fit, each once, in the order of `candidates`."""
        for number, partners in self._partners(candidates):
            yield from ((candidates[number], candidates[other]) for other in partners)

    def _partners(self, candidates: Sequence[Candidate]) -> Iterator[tuple[int, Sequence[int]]]:
        """For each candidate, by number, the numbers from its own on of those that it makes a fitting pair with."""
        on_strands: dict[tuple[int, int], list[int]] = {}
        for number, candidate in enumerate(candidates):
            on_strands.setdefault((candidate.first, candidate.second), []).append(number)
        # The few alleles with ambiguity codes may stand on either strand, so each is compared with all.
        flexible = {strands for strands in on_strands if strands[0] & strands[1]}
        fitting: dict[tuple[int, int], list[int]] = {}
        for strands in on_strands:
            others = on_strands.keys() if strands in flexible else {strands[::-1], *flexible} & on_strands.keys()
            fitting[strands] = sorted(
                number for other in others if self._fit(strands, other) for number in on_strands[other]
            )
        for number, candidate in enumerate(candidates):
            partners = fitting[candidate.first, candidate.second]
            yield number, partners[bisect_left(partners, number) :]

    def _score(self, pair: tuple[Candidate, ...]) -> int:
        """Number of defining bases; an ambiguity code counts only where the strand differs from the reference."""
        total = sum(candidate.score for candidate in pair)
        codes = [self.gene.alleles[candidate.allele].wobbles for candidate in pair]
        if not any(codes):
            return total
        positions = self.gene.positions
        for index, base in self.pattern.homozygous.items():
            total += sum(index in code and base != positions[index].ref for code in codes)
        for k, block in enumerate(self.pattern.blocks):
            a, b = pair[0], pair[-1]
            counts = []
            for turned in (False, True):
                one, two = (a.second, b.first) if turned else (a.first, b.second)
                if one & two & 1 << k:
                    counts.append(
                        sum(
                            (index in codes[0] and bases[turned] != positions[index].ref)
                            + (index in codes[-1] and bases[not turned] != positions[index].ref)
                            for index, *bases in block.sites
                        )
                    )
            total += max(counts)
        return total
