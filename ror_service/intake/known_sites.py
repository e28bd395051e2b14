"""Single-base sites whose reference base and other bases are known, by build: what a file's bases are held against."""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from interpreters.interpreter import PanelSite

Positions: TypeAlias = "array[int]"
"""64-bit numbers, beside each other in memory."""

BASES = "ACGT"
"""Of several bases as bits, the first one is the lowest bit."""


class SitesOfChromosome(NamedTuple):
    """The sites of one chromosome: columns of one length."""

    positions: Positions
    """1-based, ascending, each once."""
    references: bytes
    """Reference base, as a character."""
    alternates: bytes
    """Every other known base, as bits."""


_NO_SITES = SitesOfChromosome(array("q"), b"", b"")


@dataclass(frozen=True, slots=True)
class KnownSites:
    """The known sites of one build."""

    by_chromosome: Mapping[str, SitesOfChromosome] = field(default_factory=dict)

    @classmethod
    def of(cls, sites: Iterable[PanelSite]) -> KnownSites:
        """Unite sites in any order. Where sources disagree on the reference base, the site is not known."""
        united: dict[tuple[str, int], list[int]] = {}
        for chrom, pos, ref, alt in sites:
            known = united.setdefault((chrom, pos), [0, 0])
            known[0] |= 1 << BASES.index(ref)
            known[1] |= 1 << BASES.index(alt)
        grouped: dict[str, list[tuple[int, int, int]]] = {}
        for (chrom, pos), (reference, others) in sorted(united.items()):
            if reference.bit_count() == 1:
                letter = ord(BASES[reference.bit_length() - 1])
                grouped.setdefault(chrom, []).append((pos, letter, others & ~reference))
        return cls({chrom: _columns(*zip(*rows, strict=True)) for chrom, rows in grouped.items()})

    def on(self, chrom: str) -> SitesOfChromosome:
        """The sites of one chromosome."""
        return self.by_chromosome.get(chrom, _NO_SITES)

    def to_json(self) -> dict[str, list[str]]:
        """Plain JSON object, how the sites travel to the reading process on the same machine."""
        return {
            chrom: [b64encode(bytes(column)).decode() for column in sites]
            for chrom, sites in self.by_chromosome.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Iterable[str]]) -> KnownSites:
        """The sites that `to_json` wrote."""
        return cls({chrom: _columns(*map(b64decode, columns)) for chrom, columns in data.items()})


def _columns(
    positions: Iterable[int] | bytes, references: Iterable[int], alternates: Iterable[int]
) -> SitesOfChromosome:
    return SitesOfChromosome(array("q", positions), bytes(references), bytes(alternates))
