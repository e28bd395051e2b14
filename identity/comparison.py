"""What two fingerprints say of the people behind them, and the search of one among many.

Kinship is the KING-robust estimate within one population (Manichaikul et al. 2010): shared heterozygotes less twice the
opposite homozygotes, over all heterozygotes of both. It needs no allele frequencies: 0.5 for one person or identical
twins, 0.25 for parent and child and on average for full siblings, about 0 for unrelated people, below 0 for people of
different origins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from identity.fingerprint import UNREAD, Codes, pack_all, packed_size
from identity.panel import FingerprintPanel, Limits

Integers: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]

_WORD = 8
"""Bytes of the numbers that bits are counted in."""


class Relation(StrEnum):
    """What two fingerprints say of the people behind them."""

    SAME_PERSON = "same_person"
    """One person, or identical twins."""
    FIRST_DEGREE = "first_degree"
    """Parent and child, or full siblings."""
    NOT_CLOSELY_RELATED = "not_closely_related"
    NOT_SAME_PERSON = "not_same_person"
    """Two people; whether they are relatives cannot be told."""
    TOO_FEW_SITES = "too_few_sites"
    """Too little was read in both to say anything."""


TWO_PEOPLE = frozenset({Relation.FIRST_DEGREE, Relation.NOT_CLOSELY_RELATED, Relation.NOT_SAME_PERSON})
"""Relations of samples that cannot be of one person."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two fingerprints beside each other, over the sites that were read in both."""

    shared_sites: int
    concordance: float
    """Share of equal genotypes, 0 to 1; 0 without shared sites."""
    opposite_homozygotes: float
    """Share of sites at which they share no allele, 0 to 1; 0 without shared sites."""
    kinship: float
    """KING-robust, at most 0.5; 0 where neither is heterozygous anywhere."""
    relation: Relation


class Hit(NamedTuple):
    """Somebody whom a search found."""

    key: str
    comparison: Comparison


def heterozygosity(codes: Codes) -> float:
    """Share of heterozygous genotypes among those read, 0 to 1; 0 where nothing was read."""
    read = int((codes != UNREAD).sum())
    return int((codes == 1).sum()) / read if read else 0.0


def looks_mixed(codes: Codes, limits: Limits) -> bool:
    """Whether a fingerprint has more heterozygous genotypes than any one person's: a second person's DNA is in it.

    Never said of a file that leaves reference genotypes out, where heterozygous ones are the most of anybody's.
    """
    read, reference = int((codes != UNREAD).sum()), int((codes == 0).sum())
    lists_reference = read >= limits.fewest_sites_for_relatives and reference >= limits.fewest_reference * read
    return lists_reference and heterozygosity(codes) > limits.most_heterozygous


def compare(one: Codes, other: Codes, limits: Limits) -> Comparison:
    """Two fingerprints of one panel. The order of the two does not matter."""
    counts = _count(_planes(pack_all(one[np.newaxis])), _planes(pack_all(other[np.newaxis])))
    return counts.comparison(0, limits)


class Index:
    """Fingerprints of many samples, to be searched for one.

    Args:
        panel: The panel of all of them.
    """

    def __init__(self, panel: FingerprintPanel) -> None:
        self._panel = panel
        self._rows: dict[str, int] = {}
        self._keys: list[str] = []
        self._packed = np.zeros((0, packed_size(len(panel))), dtype=np.uint8)
        self._searchable: Words | None = None

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> frozenset[str]:
        """Names of the samples that it holds."""
        return frozenset(self._rows)

    def add(self, keys: Iterable[str], packed: Codes) -> None:
        """Add samples with their packed fingerprints (samples x bytes).

        Raises:
            ValueError: If a name is there already, or the fingerprints are of another number of sites.
        """
        added = list(keys)
        if len({*added, *self._rows}) != len(added) + len(self._rows) or len(packed) != len(added):
            raise ValueError("each fingerprint has one name of its own")
        self._packed = np.concatenate([self._packed, packed])
        self._keys.extend(added)
        self._renumber()

    def forget(self, keys: Iterable[str]) -> None:
        """Drop samples; those that are not there already stay so."""
        dropped = self.keys.intersection(keys)
        if dropped:
            kept = np.array([key not in dropped for key in self._keys])
            self._packed = self._packed[kept]
            self._keys = [key for key in self._keys if key not in dropped]
            self._renumber()

    def search(self, codes: Codes) -> list[Hit]:
        """Samples of the same person or of a first-degree relative, the most alike first."""
        if self._searchable is None:
            self._searchable = _planes(self._packed)
        limits = self._panel.limits
        counts = _count(_planes(pack_all(codes[np.newaxis])), self._searchable)
        hits = [
            Hit(self._keys[row], counts.comparison(row, limits))
            for row in np.flatnonzero(counts.worth_a_look(limits)).tolist()
        ]
        close = [hit for hit in hits if hit.comparison.relation in {Relation.SAME_PERSON, Relation.FIRST_DEGREE}]
        return sorted(close, key=lambda hit: (-hit.comparison.kinship, hit.key))

    def _renumber(self) -> None:
        self._rows = {key: row for row, key in enumerate(self._keys)}
        self._searchable = None


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Numbers of sites, one a person compared with, over the sites read in both."""

    shared: Integers
    equal: Integers
    opposite: Integers
    both_heterozygous: Integers
    heterozygous: Integers
    """Of the one and of the other together."""
    more_heterozygous: Integers
    """The larger of the two numbers of heterozygous genotypes."""
    reference: Integers
    """The smaller of the two numbers of homozygous reference genotypes."""

    def kinship(self) -> NDArray[np.float64]:
        """KING-robust, 0 where neither is heterozygous anywhere."""
        found = self.both_heterozygous - 2.0 * self.opposite
        kinship: NDArray[np.float64] = np.divide(
            found, self.heterozygous, out=np.zeros(len(found)), where=self.heterozygous > 0
        )
        return kinship

    def worth_a_look(self, limits: Limits) -> NDArray[np.bool_]:
        """Who may be the same person or a close relative; quick, and misses nobody."""
        alike = (self.kinship() >= limits.first_degree_kinship) | (
            self.equal >= limits.same_person_concordance * self.shared
        )
        enough: NDArray[np.bool_] = self.shared >= limits.fewest_sites_for_same_person
        return enough & alike

    def comparison(self, row: int, limits: Limits) -> Comparison:
        """What is said of one person compared with."""
        shared = int(self.shared[row])
        share = 1.0 / shared if shared else 0.0
        comparison = Comparison(
            shared_sites=shared,
            concordance=float(self.equal[row] * share),
            opposite_homozygotes=float(self.opposite[row] * share),
            kinship=float(self.kinship()[row]),
            relation=Relation.TOO_FEW_SITES,
        )
        lists_reference = bool(self.reference[row] >= limits.fewest_reference * shared)
        mixed = bool(self.more_heterozygous[row] > limits.most_heterozygous * shared)
        relation = _relation(comparison, limits, lists_reference=lists_reference, mixed=mixed)
        return replace(comparison, relation=relation)


def _relation(comparison: Comparison, limits: Limits, *, lists_reference: bool, mixed: bool) -> Relation:
    if comparison.shared_sites < limits.fewest_sites_for_same_person:
        return Relation.TOO_FEW_SITES
    equal = comparison.concordance >= limits.same_person_concordance
    if not lists_reference:
        # Of a file that leaves reference genotypes out, opposite homozygotes cannot be seen: everybody looks related.
        return Relation.SAME_PERSON if equal else Relation.NOT_SAME_PERSON
    if equal and comparison.kinship >= limits.same_person_kinship:
        return Relation.SAME_PERSON
    # Of a sample of two people, whose heterozygous genotypes are too many, strangers look like relatives.
    if mixed or comparison.shared_sites < limits.fewest_sites_for_relatives:
        return Relation.NOT_SAME_PERSON
    if comparison.kinship >= limits.first_degree_kinship:
        return Relation.FIRST_DEGREE
    return Relation.NOT_CLOSELY_RELATED


def _planes(packed: Codes) -> Words:
    """Packed fingerprints as people x 2 x words: the low bits and the high bits; padding reads as unread."""
    people, size = packed.shape
    halves = packed.reshape(people, 2, size // 2)
    padded = np.pad(halves, ((0, 0), (0, 0), (0, -(size // 2) % _WORD)), constant_values=0xFF)
    return np.ascontiguousarray(padded).view(np.uint64)


def _count(one: Words, others: Words) -> _Counts:
    """Compare one person (1 x 2 x words) with many (people x 2 x words). 00 reference, 01 one copy, 10 two copies."""
    low, high = one[0]
    lows, highs = others[:, 0], others[:, 1]
    shared = ~(low & high) & ~(lows & highs)
    both = _bits(low & lows & shared)
    opposite = _bits((high ^ highs) & ~(low | lows) & shared)
    first, second = _bits(low & shared), _bits(lows & shared)
    return _Counts(
        shared=_bits(shared),
        equal=_bits(~((low ^ lows) | (high ^ highs)) & shared),
        opposite=opposite,
        both_heterozygous=both,
        heterozygous=first + second,
        more_heterozygous=np.maximum(first, second),
        reference=np.minimum(_bits(~(low | high) & shared), _bits(~(lows | highs) & shared)),
    )


def _bits(words: Words) -> Integers:
    counted: Integers = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    return counted
