"""The place within a person's main region whose reference groups fit clearly best, or none."""

from __future__ import annotations

import numpy as np

from interpreters.ancestry.panel import Floats
from interpreters.ancestry.reading import Reading
from interpreters.findings import Region, Subregion

LEAST_SHARE = 0.75
"""Share of the main region from which its places are compared: they were told apart in unadmixed people only."""
LEAST_LEAD = 6.0
"""Log-likelihood by which the best place must lead the second."""
_SHRINK = 200.0
"""Alleles with which a place's groups are drawn to their region: fewer people must not look like a difference."""


def leading_place(reading: Reading, shares: Floats, region: Region) -> Subregion | None:
    """The place of `region` that fits best; None where no place leads clearly, or the panel has no places there.

    Args:
        reading: Of the core panel.
        shares: Of the panel's components, which are whole regions.
        region: The person's main region.
    """
    panel = reading.panel
    inside = [number for number, place in enumerate(panel.places) if place.region is region]
    if not inside:
        return None
    whole = [component.region for component in panel.components].index(region)
    frequencies, genotypes = reading.frequencies, reading.genotypes
    pooled, centre = frequencies @ shares, frequencies[:, whole]
    fits = []
    for number in inside:
        place = panel.places[number]
        alleles = 2.0 * place.people / len(place.groups)
        own = alleles / (alleles + _SHRINK)
        expected = pooled + shares[whole] * own * (panel.place_frequencies[reading.sites, number] - centre)
        fits.append(float(reading.weights @ (genotypes * np.log(expected) + (2 - genotypes) * np.log1p(-expected))))
    second, best = np.argsort(fits, kind="stable")[-2:]
    lead = fits[best] - fits[second]
    if lead < LEAST_LEAD:
        return None
    chosen = panel.places[inside[best]]
    return Subregion(chosen.name, chosen.place, round(lead, 1))
