"""Coding exons of the reporting transcripts: where a gene lies, codons, and what a new variant does to them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from interpreters.genotypes import Interval
from interpreters.hereditary_risk.alleles import AlleleKey, ReferenceBases, equivalents

STOP_CODONS = frozenset({"TAA", "TAG", "TGA"})
CODON = 3
SPLICE_BASES = 2
START_CODON = "ATG"
NMD_ESCAPE_BASES = 50
"""A stop in the last coding exon or in the last bases of the one before may leave a transcript that is not removed."""
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


class CodingExon(NamedTuple):
    """Coding part of one exon; positions are 1-based and inclusive."""

    gene: str
    rank: int
    """Number among the coding exons, 1 = the one with the start codon."""
    chrom: str
    start: int
    end: int
    forward: bool
    """Whether the gene is read on the plus strand."""


class GeneExons:
    """Coding exons of one gene.

    Args:
        exons: At least one exon, all of one gene.
    """

    def __init__(self, exons: Iterable[CodingExon]) -> None:
        self.rows = tuple(sorted(exons, key=lambda exon: exon.start))
        self.chrom = self.rows[0].chrom
        self.start, self.end = self.rows[0].start, self.rows[-1].end
        self.forward = self.rows[0].forward
        self._positions: npt.NDArray[np.int64] | None = None

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Every coding position by rising coordinate."""
        if self._positions is None:
            self._positions = np.concatenate([np.arange(row.start, row.end + 1) for row in self.rows])
        return self._positions

    @property
    def in_frame(self) -> bool:
        """Whether the rows make whole codons; if not, nothing is said about codons."""
        return sum(row.end - row.start + 1 for row in self.rows) % CODON == 0

    @property
    def whole(self) -> Interval:
        """The gene from its first to its last coding base, introns included."""
        return Interval(self.chrom, self.start, self.end)

    def target(self, padding: int) -> list[Interval]:
        """Coding exons with `padding` bases either side, merged."""
        return merge(Interval(self.chrom, row.start - padding, row.end + padding) for row in self.rows)

    def touches(self, chrom: str, start: int, end: int, padding: int) -> bool:
        """Whether a stretch overlaps a coding exon with its padding."""
        return self.spans(chrom, start, end, padding) and any(
            row.start - padding <= end and start <= row.end + padding for row in self.rows
        )

    def spans(self, chrom: str, start: int, end: int, padding: int) -> bool:
        """Whether a stretch overlaps the gene between its first and last coding base, with padding."""
        return chrom == self.chrom and self.start - padding <= end and start <= self.end + padding

    def codons(self, key: AlleleKey) -> frozenset[int]:
        """Numbers of the codons (from 0) whose bases the allele changes; an insertion counts for both neighbours."""
        if not self.in_frame or key.chrom != self.chrom:
            return frozenset()
        first, last = (key.pos, key.end) if key.deleted else (key.pos - 1, key.pos)
        low, high = np.searchsorted(self.positions, (first, last + 1))
        return frozenset(self._index(int(offset)) // CODON for offset in range(int(low), int(high)))

    def consequences(self, key: AlleleKey, bases: ReferenceBases) -> frozenset[str]:
        """Terms of an allele that no source describes: frameshift, splice site, new stop codon, lost start codon.

        Frameshift, splice changes and substitutions in the start codon follow from the exons. A new stop codon is seen
        only where every base of its codon is in the allele itself or in `bases`. All spellings of an allele make one
        sequence: a spelling that leaves the reading frame and the splice sites as they were speaks for all.
        """
        found = [self._consequences(spelling, bases) for spelling in equivalents(key, bases)]
        return found[0] if all(found) else frozenset()

    def _consequences(self, key: AlleleKey, bases: ReferenceBases) -> frozenset[str]:
        terms = set()
        first, last = (key.pos, key.end) if key.deleted else (key.pos - 1, key.pos)
        for left, right in pairwise(self.rows):
            for start, end, term in (
                (left.end + 1, left.end + SPLICE_BASES, "donor" if self.forward else "acceptor"),
                (right.start - SPLICE_BASES, right.start - 1, "acceptor" if self.forward else "donor"),
            ):
                # An insertion beside the first or last splice base changes the site as well.
                if first <= end and start <= last:
                    terms.add(f"splice_{term}_variant")
        inside = any(row.start <= last and first <= row.end for row in self.rows)
        if inside and (len(key.inserted) - len(key.deleted)) % CODON:
            terms.add("frameshift_variant")
        if inside and "frameshift_variant" not in terms and self._makes_stop(key, bases):
            terms.add("nonsense")
        if inside and self._loses_start(key, bases):
            terms.add("start_lost")
        return frozenset(terms)

    def may_escape_decay(self, key: AlleleKey) -> bool:
        """Whether the allele lies in the last coding exon or in the last 50 coding bases of the one before.

        Judged by coding exons: non-coding exons are not known here, and where one follows the last coding exon, a stop
        in that one is removed after all. Where a shifted frame ends is not looked for.
        """
        ordered = self.rows if self.forward else self.rows[::-1]
        last = ordered[-1]
        if last.start <= key.pos <= last.end or len(ordered) == 1:
            return True
        near = ordered[-2]
        if self.forward:
            return near.end - NMD_ESCAPE_BASES < key.pos <= near.end
        return near.start <= key.pos < near.start + NMD_ESCAPE_BASES

    def nearest(self, key: AlleleKey) -> int:
        """Number of the coding exon in which an allele lies, or of the nearest."""
        first, last = min(key.pos, key.end), max(key.pos, key.end)
        return min(self.rows, key=lambda row: max(row.start - last, first - row.end, 0)).rank

    def _index(self, offset: int) -> int:
        """Number of a coding base in reading order, from its number by coordinate."""
        return offset if self.forward else len(self.positions) - 1 - offset

    def _makes_stop(self, key: AlleleKey, bases: ReferenceBases) -> bool:
        before, after = self._codons_read(key, bases)
        return STOP_CODONS.isdisjoint(_codons_of(before)) and not STOP_CODONS.isdisjoint(_codons_of(after))

    def _loses_start(self, key: AlleleKey, bases: ReferenceBases) -> bool:
        """Whether the start codon is changed, unless the change is known to leave one in its place."""
        first, last = (key.pos, key.end) if key.deleted else (key.pos - 1, key.pos)
        start = [int(self.positions[self._index(step)]) for step in range(CODON)] if self.in_frame else []
        changed = [pos for pos in start if first <= pos <= last]
        if not changed or (not key.deleted and len(changed) == 1):
            return False  # an insertion beside the codon, not within it
        return not self._codons_read(key, bases)[1].startswith(START_CODON)

    def _codons_read(self, key: AlleleKey, bases: ReferenceBases) -> tuple[str, str]:
        """The codons that an allele touches, without it and with it, in reading order; N where a base is not known.

        Both are empty where the allele changes more than coding bases, or none.
        """
        numbers = self.codons(key)
        low, high = np.searchsorted(self.positions, (key.pos, key.end + 1))
        if not numbers or high - low != len(key.deleted):
            return "", ""
        order = range(min(numbers) * CODON, (max(numbers) + 1) * CODON)
        before, after = "", ""
        for pos in sorted(int(self.positions[self._index(number)]) for number in order):
            offset = pos - key.pos
            base = key.deleted[offset] if 0 <= offset < len(key.deleted) else bases.at(self.chrom, pos) or "N"
            before += base
            after += key.inserted if offset == 0 else ""
            after += "" if 0 <= offset < len(key.deleted) else base
        return self._read(before), self._read(after)

    def _read(self, bases: str) -> str:
        return bases if self.forward else bases.translate(_COMPLEMENT)[::-1]


def _codons_of(bases: str) -> list[str]:
    return [bases[start : start + CODON] for start in range(0, len(bases), CODON)]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Overlapping or touching stretches joined, sorted."""
    merged: list[Interval] = []
    for chrom, start, end in sorted(intervals):
        if merged and merged[-1].chrom == chrom and start <= merged[-1].end + 1:
            merged[-1] = Interval(chrom, merged[-1].start, max(end, merged[-1].end))
        else:
            merged.append(Interval(chrom, start, end))
    return merged


def by_gene(exons: Iterable[CodingExon]) -> dict[str, GeneExons]:
    """Exons of every gene, by gene symbol."""
    grouped: dict[str, list[CodingExon]] = {}
    for exon in exons:
        grouped.setdefault(exon.gene, []).append(exon)
    return {gene: GeneExons(rows) for gene, rows in sorted(grouped.items())}
