"""How much of each gene was read well enough. Silence is never a reading, and a weak reading never counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from interpreters.findings import GeneStatus
from interpreters.genotypes import UNSPECIFIED_ALLELES, CallSetKind, CallState, GenotypeCalls, Interval, Record
from interpreters.hereditary_risk.alleles import ReferenceBases
from interpreters.hereditary_risk.exons import GeneExons, merge
from interpreters.hereditary_risk.policy import Thresholds

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class SiteStatus(StrEnum):
    """What can be said of one known site."""

    VARIANT = "variant"
    NOT_FOUND = "not_found"
    """Read with depth and quality, and reference."""
    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class GeneCallability:
    """How much of one gene was read."""

    gene: str
    status: GeneStatus
    fraction: float
    """Share of the coding bases and the padding around them, 0 to 1."""
    known_sites_read: int
    """Known pathogenic sites that were read."""
    known_sites_total: int
    known_sites_reference: int
    """Known pathogenic sites that were read as reference: by a block, or by a call of their own in any kind of file."""
    known_sites_unread: int
    """Known pathogenic sites of which a record speaks that is not good enough to say anything."""
    exons_not_read: tuple[int, ...]
    """Numbers of the coding exons (1 = the one with the start codon) of which a base or its padding was not read."""


class CallableBases:
    """Stretches that were read well enough: those that say so, without those that say otherwise.

    Evidence are records with depth and quality (blocks and calls alike) and the laboratory's callable regions. A record
    that is filtered, has no call, falls short, or whose REF is not the reference, takes its bases away, whatever else
    covers them.
    """

    def __init__(self, calls: GenotypeCalls, thresholds: Thresholds, bases: ReferenceBases) -> None:
        good = list(calls.callable_intervals or ())
        weak: list[Interval] = []
        reference: list[Interval] = []
        varied: list[Interval] = []
        for record in calls:
            if any(alt.startswith("<") and alt not in UNSPECIFIED_ALLELES for alt in record.alts):
                continue  # a copy-number call speaks of no single base
            stretch = Interval(record.chrom, record.pos, record.end)
            if _falls_short(record, thresholds) or bases.contradict(record.chrom, record.pos, record.ref):
                weak.append(stretch)
            elif any(record.genotype):
                varied.append(stretch)
            elif _is_evidence(record):
                reference.append(stretch)
            if _is_evidence(record) and calls.kind is not CallSetKind.VARIANTS_ONLY:
                good.append(stretch)
        taken = merge(weak)
        self._read = _Stretches(_without(merge(good), taken))
        self._reference = _Stretches(_without(merge((*good, *reference)), merge((*weak, *varied))))
        self._weak = _Stretches(_without(taken, merge(varied)))

    def holds(self, chrom: str, positions: Positions) -> Mask:
        """Which of the positions were read well enough."""
        return self._read.hold(chrom, positions)

    def reference(self, chrom: str, positions: Positions) -> Mask:
        """Which of the positions are reference: read well enough by a call that says so, or declared callable.

        One explicit 0/0 call counts here, also in a file that lists variants only: it speaks for its own bases.
        """
        return self._reference.hold(chrom, positions)

    def unread(self, chrom: str, positions: Positions) -> Mask:
        """Of which positions a record speaks that is not good enough to say anything, and no other record a variant."""
        return self._weak.hold(chrom, positions)


class _Stretches:
    """Stretches that can be asked for many positions at once.

    Args:
        intervals: Sorted, and not overlapping.
    """

    def __init__(self, intervals: Iterable[Interval]) -> None:
        grouped: dict[str, list[Interval]] = {}
        for interval in intervals:
            grouped.setdefault(interval.chrom, []).append(interval)
        self._edges = {
            chrom: (
                np.array([interval.start for interval in found], dtype=np.int64),
                np.array([interval.end for interval in found], dtype=np.int64),
            )
            for chrom, found in grouped.items()
        }

    def hold(self, chrom: str, positions: Positions) -> Mask:
        """Which of the positions lie within a stretch."""
        if chrom not in self._edges:
            return np.zeros(len(positions), dtype=np.bool_)
        starts, ends = self._edges[chrom]
        index = np.searchsorted(starts, positions, side="right") - 1
        return (index >= 0) & (ends[np.maximum(index, 0)] >= positions)


def gene_callability(
    genes: Mapping[str, GeneExons],
    known_sites: Mapping[str, Positions],
    bases: CallableBases,
    thresholds: Thresholds,
) -> list[GeneCallability]:
    """How much of each gene was read.

    Args:
        genes: Exons by gene symbol.
        known_sites: Positions of known pathogenic changes by gene symbol, on the gene's chromosome.
        bases: What was read well enough.
        thresholds: Least depth, quality and shares.
    """
    return [_measure(gene, exons, known_sites.get(gene), bases, thresholds) for gene, exons in sorted(genes.items())]


def site_status(calls: GenotypeCalls, chrom: str, pos: int, bases: CallableBases) -> SiteStatus:
    """What can be said of one position: a variant, read as reference, or not assessed."""
    if calls.at(chrom, pos).state in {CallState.VARIANT, CallState.SPANNED}:
        return SiteStatus.VARIANT
    return SiteStatus.NOT_FOUND if bases.reference(chrom, np.array([pos]))[0] else SiteStatus.NOT_ASSESSED


def _measure(
    gene: str, exons: GeneExons, sites: Positions | None, bases: CallableBases, thresholds: Thresholds
) -> GeneCallability:
    padding = thresholds.exon_padding
    target = np.concatenate([np.arange(start, end + 1) for _, start, end in exons.target(padding)])
    read = bases.holds(exons.chrom, target)
    fraction = float(read.sum()) / len(target)
    known = np.zeros(0, dtype=np.int64) if sites is None else sites
    known_read = int(bases.holds(exons.chrom, known).sum())
    missing = target[~read]
    unread = [row.rank for row in exons.rows if _any_within(missing, row.start - padding, row.end + padding)]
    if fraction >= thresholds.assessed_fraction and known_read == len(known):
        status = GeneStatus.ASSESSED
    elif fraction >= thresholds.partly_assessed_fraction:
        status = GeneStatus.PARTLY_ASSESSED
    else:
        status = GeneStatus.NOT_ASSESSED
    return GeneCallability(
        gene=gene,
        status=status,
        fraction=fraction,
        known_sites_read=known_read,
        known_sites_total=len(known),
        known_sites_reference=int(bases.reference(exons.chrom, known).sum()),
        known_sites_unread=int(bases.unread(exons.chrom, known).sum()),
        exons_not_read=tuple(sorted(unread)),
    )


def _any_within(positions: Positions, start: int, end: int) -> bool:
    low, high = np.searchsorted(positions, (start, end + 1))
    return bool(high > low)


def _is_evidence(record: Record) -> bool:
    """Whether a record states depth, quality and a whole genotype. A block that calls its symbol states nothing."""
    return (
        record.depth is not None
        and record.genotype_quality is not None
        and bool(record.genotype)
        and None not in record.genotype
        and not (record.is_reference_block and any(record.genotype))
    )


def _falls_short(record: Record, thresholds: Thresholds) -> bool:
    """Whether a record says that its bases were not read well enough."""
    return (
        bool(record.filters)
        or not record.genotype
        or None in record.genotype
        or (record.depth is not None and record.depth < thresholds.min_depth)
        or (record.genotype_quality is not None and record.genotype_quality < thresholds.min_genotype_quality)
    )


def _without(good: Iterable[Interval], weak: list[Interval]) -> Iterable[Interval]:
    """Parts of the sorted `good` stretches that no sorted `weak` one covers."""
    index = 0
    for chrom, start, end in good:
        while index < len(weak) and (weak[index].chrom, weak[index].end) < (chrom, start):
            index += 1
        first, position = start, index
        while position < len(weak) and weak[position].chrom == chrom and weak[position].start <= end:
            if weak[position].start > first:
                yield Interval(chrom, first, weak[position].start - 1)
            first = max(first, weak[position].end + 1)
            position += 1
        if first <= end:
            yield Interval(chrom, first, end)
