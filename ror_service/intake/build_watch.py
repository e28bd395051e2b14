"""Sees a VCF whose records are the known variants of another build than its header says.

In the right build a file meets thousands of known sites with their very bases; at those of the other build only chance
does, and a few records are enough to tell one from the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from interpreters.genotypes import Build
from ror_service.intake.known_sites import BITS, KnownSites, Mask, Numbers, SitesOfChromosome
from ror_service.intake.table import ALT, REF, LineTable


class BuildWatch:
    """Counts the records that begin at a known site and spell its reference and another of its bases.

    Args:
        build: The build that the header speaks of.
        known: Sites with known bases, by build.
    """

    def __init__(self, build: Build, known: Mapping[Build, KnownSites]) -> None:
        self.here = 0
        """Records at sites of that build."""
        self.elsewhere = 0
        """Records at sites of another build that are none of that build."""
        self._own = known.get(build, KnownSites())
        self._others = [sites for other, sites in known.items() if other is not build]

    def add(self, chromosome: str, table: LineTable, rows: slice, positions: Numbers) -> None:
        """Count the lines `rows` of a chunk, all of one chromosome."""
        own = positions[rows]
        ascending = bool((own[1:] >= own[:-1]).all())
        here = self._own.by_chromosome.get(chromosome)
        if here is not None:
            self.here += int(np.count_nonzero(_spelled(table, rows, *_met(here, own, ascending=ascending), here)))
        for sites in self._others:
            there = sites.by_chromosome.get(chromosome)
            if there is None:
                continue
            lines, index = _met(there, own, ascending=ascending)
            spelled = _spelled(table, rows, lines, index, there)
            if here is not None and spelled.any():
                spelled[here.find(own[lines])[0]] = False
            self.elsewhere += int(np.count_nonzero(spelled))


def _met(sites: SitesOfChromosome, positions: Numbers, *, ascending: bool) -> tuple[Numbers, Numbers]:
    """Lines at sites, and the sites: each once where the lines ascend, which is the cheap way."""
    if not ascending:
        return sites.find(positions)
    low, high = np.searchsorted(sites.positions, (positions[0], positions[-1] + 1))
    stretch = sites.positions[low:high]
    lines = np.searchsorted(positions, stretch)
    found = np.flatnonzero(positions[lines] == stretch)
    return lines[found], found + low


def _spelled(table: LineTable, rows: slice, lines: Numbers, index: Numbers, sites: SitesOfChromosome) -> Mask:
    at = lines + rows.start
    behind = table.code(ALT, 1)[at]
    mask: Mask = (
        (table.code(REF)[at] == sites.references[index])
        & (table.code(REF, 1)[at] == ord("\t"))
        & (BITS[table.code(ALT)[at]] & sites.alternates[index] != 0)
        & ((behind == ord("\t")) | (behind == ord(",")))
    )
    return mask
