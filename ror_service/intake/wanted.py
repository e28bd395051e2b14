"""Which stretches of which chromosomes to keep: merged, sorted, searchable for many records at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpreters.genotypes import Interval
from ror_service.intake.builds import CHROMOSOMES
from ror_service.intake.known_sites import KnownSites

Positions = NDArray[np.int64]


class WantedIntervals:
    """Disjoint sorted intervals by chromosome, 1-based, both ends included.

    Args:
        by_chromosome: Chromosome to starts and ends, sorted and disjoint.
        known: Sites of the build whose bases are known.
    """

    def __init__(
        self, by_chromosome: Mapping[str, tuple[Positions, Positions]], known: KnownSites | None = None
    ) -> None:
        self._by_chromosome = dict(by_chromosome)
        self.known = known or KnownSites()

    @classmethod
    def of(cls, intervals: Iterable[Interval], known: KnownSites | None = None) -> WantedIntervals:
        """Merge intervals in any order; overlapping and touching ones become one.

        Raises:
            ValueError: For a chromosome that is none of ours, or an interval that ends before it starts.
        """
        grouped: dict[str, list[tuple[int, int]]] = {}
        for chrom, start, end in intervals:
            if chrom not in CHROMOSOMES or end < start:
                raise ValueError(f"not an interval of a chromosome: {chrom}:{start}-{end}")
            grouped.setdefault(chrom, []).append((start, end))
        return cls({chrom: _merged(np.array(found, dtype=np.int64)) for chrom, found in grouped.items()}, known)

    def overlapping(self, chrom: str, starts: Positions, ends: Positions) -> NDArray[np.bool_]:
        """For each stretch `starts[i]..ends[i]` whether it overlaps something wanted; shape of `starts`."""
        found = self._by_chromosome.get(chrom)
        if found is None:
            return np.zeros(len(starts), dtype=np.bool_)
        wanted_starts, wanted_ends = found
        index = np.searchsorted(wanted_ends, starts)
        inside = index < len(wanted_ends)
        hits: NDArray[np.bool_] = inside & (wanted_starts[np.where(inside, index, 0)] <= ends)
        return hits

    def stretches(self) -> Iterator[tuple[str, Positions, Positions]]:
        """Chromosome, starts and ends of all intervals of it."""
        for chrom, (starts, ends) in self._by_chromosome.items():
            yield chrom, starts, ends

    def to_json(self) -> dict[str, list[list[int]]]:
        """Plain JSON object, how the intervals travel to the reading process."""
        return {chrom: [s.tolist(), e.tolist()] for chrom, (s, e) in self._by_chromosome.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], known: KnownSites | None = None) -> WantedIntervals:
        """The intervals that `to_json` wrote."""
        return cls(
            {
                chrom: (np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
                for chrom, (starts, ends) in data.items()
            },
            known,
        )


def _merged(pairs: NDArray[np.int64]) -> tuple[Positions, Positions]:
    """Union of stretches given as rows (start, end)."""
    order = np.argsort(pairs[:, 0], kind="stable")
    starts, ends = pairs[order, 0], np.maximum.accumulate(pairs[order, 1])
    opens = np.concatenate(([True], starts[1:] > ends[:-1] + 1))
    closes = np.concatenate((opens[1:], [True]))
    return starts[opens], ends[closes]
