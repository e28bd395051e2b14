"""One spelling for each allele: trimming, left alignment, and the reference bases that it needs.

The same insertion or deletion can be written at several positions (half of ClinVar's pathogenic ones can). Alleles are
aligned by a reference sequence where the programme installed one, else by the reference bases that the ClinVar records
themselves spell: see `place`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
"""Chromosome names in the order in which the data files are sorted."""
KNOWN_BASES = "known_bases"
REFERENCE_SEQUENCE = "reference_sequence"
AS_WRITTEN = "as_written"
"""What places an allele: the bases that ClinVar spells, a reference sequence, or the record's own bases alone."""


class AlleleKey(NamedTuple):
    """Identity of an allele: what is deleted and inserted at the first changed base (1-based)."""

    chrom: str
    pos: int
    deleted: str
    inserted: str

    @property
    def is_indel(self) -> bool:
        """Whether the allele changes the length of the sequence."""
        return len(self.deleted) != len(self.inserted)

    @property
    def end(self) -> int:
        """Last changed reference base; `pos - 1` for a pure insertion, which lies before `pos`."""
        return self.pos + len(self.deleted) - 1


class Placement(NamedTuple):
    """An allele's key, and whether it is certain that no other spelling has another key."""

    key: AlleleKey
    certain: bool


class ReferenceBases(Mapping[tuple[str, int], str]):
    """Reference bases that are known, by (chromosome, position): stretches of sequence with gaps between them.

    Args:
        stretches: (chromosome, first position, bases), not overlapping, by position within each chromosome.
        source: `KNOWN_BASES` or `REFERENCE_SEQUENCE`.
    """

    def __init__(self, stretches: Iterable[tuple[str, int, str]], source: str = KNOWN_BASES) -> None:
        self.source = source
        self._starts: dict[str, list[int]] = {}
        self._bases: dict[str, list[str]] = {}
        for chrom, start, bases in stretches:
            self._starts.setdefault(chrom, []).append(start)
            self._bases.setdefault(chrom, []).append(bases)
        self._size = sum(len(bases) for found in self._bases.values() for bases in found)

    def __getitem__(self, site: tuple[str, int]) -> str:
        base = self.at(*site)
        if base is None:
            raise KeyError(site)
        return base

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for chrom, start, bases in self.stretches():
            yield from ((chrom, start + offset) for offset in range(len(bases)))

    def __len__(self) -> int:
        return self._size

    def stretches(self) -> Iterator[tuple[str, int, str]]:
        """The stretches, as they were given."""
        for chrom, starts in self._starts.items():
            yield from ((chrom, start, bases) for start, bases in zip(starts, self._bases[chrom], strict=True))

    def at(self, chrom: str, pos: int) -> str | None:
        """The base at one position, or None where it is not known."""
        starts = self._starts.get(chrom)
        if starts is None:
            return None
        index = bisect_right(starts, pos) - 1
        if index < 0:
            return None
        bases, offset = self._bases[chrom][index], pos - starts[index]
        return bases[offset] if offset < len(bases) else None

    def contradict(self, chrom: str, pos: int, ref: str) -> bool:
        """Whether a REF allele has a base that is known to be another one."""
        known = ((base, self.at(chrom, pos + offset)) for offset, base in enumerate(ref.upper()) if base != "N")
        return any(expected is not None and expected != base for base, expected in known)


def trim(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Drop equal last bases, then equal first bases; returns (first changed position, deleted, inserted)."""
    end = 0
    while end < min(len(ref), len(alt)) and ref[-1 - end] == alt[-1 - end]:
        end += 1
    ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
    start = 0
    while start < min(len(ref), len(alt)) and ref[start] == alt[start]:
        start += 1
    return pos + start, ref[start:], alt[start:]


def equivalents(key: AlleleKey, bases: ReferenceBases) -> Iterator[AlleleKey]:
    """Every spelling of an allele from its key rightwards, as far as the reference bases are known."""
    yield key
    if bool(key.deleted) == bool(key.inserted):
        return
    while True:
        sequence = key.deleted or key.inserted
        if bases.at(key.chrom, key.end + 1) != sequence[0]:
            return
        sequence = sequence[1:] + sequence[0]
        key = key._replace(
            pos=key.pos + 1, deleted=sequence if key.deleted else "", inserted="" if key.deleted else sequence
        )
        yield key


def place(chrom: str, pos: int, ref: str, alt: str, bases: ReferenceBases) -> Placement:
    """Key of an allele, moved as far left as it goes.

    A pure insertion or deletion moves left while the base before it equals its last base. Bases come from the record's
    own REF, else from `bases`; where neither knows the base, the place is not certain.

    Args:
        chrom: Chromosome without prefix.
        pos: 1-based position of the first base of `ref`.
        ref: Reference allele as bases.
        alt: Alternate allele as bases.
        bases: Known reference bases.
    """
    ref, alt = ref.upper(), alt.upper()
    first, deleted, inserted = trim(pos, ref, alt)
    if bool(deleted) == bool(inserted):
        return Placement(AlleleKey(chrom, first, deleted, inserted), certain=True)
    sequence = deleted or inserted
    while True:
        before = ref[first - 1 - pos] if pos <= first - 1 < pos + len(ref) else bases.at(chrom, first - 1)
        if before is None or before == "N" or before != sequence[-1]:
            break
        sequence = before + sequence[:-1]
        first -= 1
    key = AlleleKey(chrom, first, sequence if deleted else "", "" if deleted else sequence)
    return Placement(key, certain=before is not None and before != "N")


def anchored(key: AlleleKey, pos: int, ref: str, bases: ReferenceBases) -> tuple[int, str, str]:
    """Position, REF and ALT of an allele that was placed with certainty, as VCF writes it when left-aligned.

    Args:
        key: The allele.
        pos: Position of the record that it was read from.
        ref: That record's REF, which may hold the base before the allele.
        bases: Known reference bases.
    """
    if key.deleted and key.inserted:
        return key.pos, key.deleted, key.inserted
    offset = key.pos - 1 - pos
    base = ref[offset] if 0 <= offset < len(ref) else bases.at(key.chrom, key.pos - 1) or "N"
    return key.pos - 1, base + key.deleted, base + key.inserted
