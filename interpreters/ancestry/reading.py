"""Reads the genotypes of a panel's sites out of a call set. What was not read is left out, never filled in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interpreters.alleles import bases_at
from interpreters.ancestry.model import site_weights
from interpreters.ancestry.panel import Floats, Integers, Panel
from interpreters.genotypes import GenotypeCalls

UNREAD = -1
_TRUSTED_TURNS = 0.01
"""Share of sites spelled on the minus strand above which a file is not trusted at A/T and C/G sites."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The read sites of one panel in the order of GRCh38."""

    panel: Panel
    sites: Integers
    """Numbers of the read sites."""
    genotypes: Integers
    """Copies of the panel's alternate allele at each read site, 0 to 2."""

    def __len__(self) -> int:
        return len(self.sites)

    @cached_property
    def frequencies(self) -> Floats:
        """Read sites x components."""
        return self.panel.frequencies[self.sites]

    @cached_property
    def weights(self) -> Floats:
        """Of the read sites, see `model.site_weights`."""
        return site_weights(*self.places)

    @property
    def places(self) -> tuple[Integers, Integers]:
        """Chromosome and GRCh38 position of each read site."""
        return self.panel.chromosomes[self.sites], self.panel.positions38[self.sites]


def read(panel: Panel, calls: GenotypeCalls) -> Reading:
    """Read every site of `panel` that `calls` answers."""
    counts = np.full(len(panel), UNREAD, dtype=np.int64)
    turned = 0
    sites = zip(
        panel.chromosome_names, panel.positions(calls.build).tolist(), panel.references, panel.alternates, strict=True
    )
    for number, (chromosome, position, ref, alt) in enumerate(sites):
        bases = bases_at(calls, chromosome, position, ref, alt)
        if bases is not None:
            counts[number] = (bases.first == alt) + (bases.second == alt)
            turned += bases.other_strand
    if turned > _TRUSTED_TURNS * (counts != UNREAD).sum():
        counts[panel.ambiguous] = UNREAD
    found = np.flatnonzero(counts != UNREAD)
    return Reading(panel, found, counts[found])
