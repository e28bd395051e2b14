"""How much of each gene was read well enough. Silence is never a reading, and a weak reading never counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from interpreters.findings import GeneStatus
from interpreters.genotypes import CallSetKind, CallState, GenotypeCalls, Interval, Record
from interpreters.hereditary_risk.exons import GeneExons, merge
from interpreters.hereditary_risk.policy import Thresholds

Positions = npt.NDArray[np.int64]


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
    exons_not_read: tuple[int, ...]
    """Numbers of the coding exons (1 = the one with the start codon) of which a base or its padding was not read."""


class CallableBases:
    """Stretches that were read well enough: those that say so, without those that say otherwise.

    Evidence are records with depth and quality (blocks and calls alike) and the laboratory's callable regions. A record
    that is filtered, has no call, or falls short, takes its bases away, whatever else covers them.
    """

    def __init__(self, calls: GenotypeCalls, thresholds: Thresholds) -> None:
        good = list(calls.callable_intervals or ())
        weak = []
        for record in calls:
            if any(alt.startswith("<") for alt in record.alts) and not record.is_reference_block:
                continue
            if _falls_short(record, thresholds):
                weak.append(Interval(record.chrom, record.pos, record.end))
            elif _is_evidence(record) and calls.kind is not CallSetKind.VARIANTS_ONLY:
                good.append(Interval(record.chrom, record.pos, record.end))
        self._stretches: dict[str, tuple[Positions, Positions]] = {}
        grouped: dict[str, list[Interval]] = {}
        for interval in _without(merge(good), merge(weak)):
            grouped.setdefault(interval.chrom, []).append(interval)
        for chrom, found in grouped.items():
            self._stretches[chrom] = (
                np.array([interval.start for interval in found], dtype=np.int64),
                np.array([interval.end for interval in found], dtype=np.int64),
            )

    def holds(self, chrom: str, positions: Positions) -> npt.NDArray[np.bool_]:
        """Which of the positions were read well enough."""
        if chrom not in self._stretches:
            return np.zeros(len(positions), dtype=np.bool_)
        starts, ends = self._stretches[chrom]
        index = np.searchsorted(starts, positions, side="right") - 1
        return (index >= 0) & (ends[np.maximum(index, 0)] >= positions)


def gene_callability(
    genes: Mapping[str, GeneExons],
    known_sites: Mapping[str, Positions],
    calls: GenotypeCalls,
    thresholds: Thresholds,
) -> list[GeneCallability]:
    """How much of each gene was read.

    Args:
        genes: Exons by gene symbol.
        known_sites: Positions of known pathogenic changes by gene symbol, on the gene's chromosome.
        calls: What was read.
        thresholds: Least depth, quality and shares.
    """
    bases = CallableBases(calls, thresholds)
    return [_measure(gene, exons, known_sites.get(gene), bases, thresholds) for gene, exons in sorted(genes.items())]


def site_status(calls: GenotypeCalls, chrom: str, pos: int, thresholds: Thresholds) -> SiteStatus:
    """What can be said of one position: a variant, read as reference, or not assessed."""
    state = calls.at(chrom, pos).state
    if state in {CallState.VARIANT, CallState.SPANNED}:
        return SiteStatus.VARIANT
    if state not in {CallState.REFERENCE, CallState.ABSENT}:
        return SiteStatus.NOT_ASSESSED
    read = CallableBases(calls, thresholds).holds(chrom, np.array([pos]))[0]
    records = calls.overlapping(chrom, pos, pos)
    explicit = records and all(_is_evidence(record) and not _falls_short(record, thresholds) for record in records)
    return SiteStatus.NOT_FOUND if read or explicit else SiteStatus.NOT_ASSESSED


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
