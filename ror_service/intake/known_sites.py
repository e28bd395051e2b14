"""Single-base sites whose reference base and other bases are known, by build: what a file's bases are held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interpreters.interpreter import PanelSite

Codes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

BASES = "ACGT"
BITS = np.zeros(256, dtype=np.uint8)
"""One bit for each base, by its character."""
BITS[[ord(base) for base in BASES]] = (1, 2, 4, 8)
COMPLEMENTS = np.array(
    [sum(1 << (3 - bit) for bit in range(4) if bits >> bit & 1) for bits in range(16)], dtype=np.uint8
)
"""The bases of the other strand, by the bits of these."""


class SitesOfChromosome(NamedTuple):
    """The sites of one chromosome: columns of one length."""

    positions: Numbers
    """1-based, ascending, each once."""
    references: Codes
    """Reference base, as a character."""
    alternates: Codes
    """Every other known base, as bits."""

    def find(self, positions: Numbers) -> tuple[Numbers, Numbers]:
        """Which of `positions` are sites: their indices, and those of the sites."""
        index = np.searchsorted(self.positions, positions)
        index[index == len(self.positions)] = 0
        rows = np.flatnonzero(self.positions[index] == positions)
        return rows, index[rows]


@dataclass(frozen=True, slots=True)
class KnownSites:
    """The known sites of one build."""

    by_chromosome: Mapping[str, SitesOfChromosome] = field(default_factory=dict)

    @classmethod
    def of(cls, sites: Iterable[PanelSite]) -> KnownSites:
        """Unite sites in any order. Where sources disagree on the reference base, the site is not known."""
        united: dict[tuple[str, int], list[int]] = {}
        for chrom, pos, ref, alt in sites:
            reference, other = int(BITS[ord(ref)]), int(BITS[ord(alt)])
            known = united.setdefault((chrom, pos), [0, 0])
            known[0] |= reference
            known[1] |= other
        grouped: dict[str, list[tuple[int, int, int]]] = {}
        for (chrom, pos), (reference, others) in sorted(united.items()):
            if reference.bit_count() == 1:
                letter = ord(BASES[reference.bit_length() - 1])
                grouped.setdefault(chrom, []).append((pos, letter, others & ~reference))
        return cls({chrom: _columns(*zip(*rows, strict=True)) for chrom, rows in grouped.items()})

    def to_json(self) -> dict[str, list[Any]]:
        """Plain JSON object, how the sites travel to the reading process."""
        return {
            chrom: [sites.positions.tolist(), sites.references.tolist(), sites.alternates.tolist()]
            for chrom, sites in self.by_chromosome.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownSites:
        """The sites that `to_json` wrote."""
        return cls({chrom: _columns(*columns) for chrom, columns in data.items()})


def _columns(positions: Iterable[int], references: Iterable[int], alternates: Iterable[int]) -> SitesOfChromosome:
    return SitesOfChromosome(
        np.array(positions, dtype=np.int64),
        np.array(references, dtype=np.uint8),
        np.array(alternates, dtype=np.uint8),
    )
