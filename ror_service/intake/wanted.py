"""Which stretches of which chromosomes to keep: merged, sorted, searchable."""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from interpreters.genotypes import Interval
from ror_service.intake.builds import CHROMOSOMES
from ror_service.intake.known_sites import KnownSites, Positions


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
        return cls({chrom: _merged(found) for chrom, found in grouped.items()}, known)

    def on(self, chrom: str) -> tuple[Positions, Positions]:
        """Starts and ends of the intervals of one chromosome."""
        return self._by_chromosome.get(chrom) or (array("q"), array("q"))

    def overlaps(self, chrom: str, start: int, end: int) -> bool:
        """Whether a stretch overlaps something wanted."""
        starts, ends = self.on(chrom)
        index = bisect_left(ends, start)
        return index < len(ends) and starts[index] <= end

    def stretches(self) -> Iterator[tuple[str, Positions, Positions]]:
        """Chromosome, starts and ends of all intervals of it."""
        for chrom, (starts, ends) in self._by_chromosome.items():
            yield chrom, starts, ends

    def to_json(self) -> dict[str, list[str]]:
        """Plain JSON object, how the intervals travel to the reading process on the same machine."""
        return {
            chrom: [b64encode(positions.tobytes()).decode() for positions in found]
            for chrom, found in self._by_chromosome.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Iterable[str]], known: KnownSites | None = None) -> WantedIntervals:
        """The intervals that `to_json` wrote."""
        found = {chrom: [array("q", b64decode(text)) for text in texts] for chrom, texts in data.items()}
        return cls({chrom: (starts, ends) for chrom, (starts, ends) in found.items()}, known)


def _merged(stretches: list[tuple[int, int]]) -> tuple[Positions, Positions]:
    """Union of stretches."""
    starts, ends = array("q"), array("q")
    for start, end in sorted(stretches):
        if not ends or start > ends[-1] + 1:
            starts.append(start)
            ends.append(end)
        elif end > ends[-1]:
            ends[-1] = end
    return starts, ends
