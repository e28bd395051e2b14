"""Shares with intervals from the read sites of one panel, and the choice between the two panels.

The core panel gives five regions by the linked likelihood, calibrated on people who are not in it. The world panel
gives all seven by fine components that are taken out while they explain too little. Where both can be read the world
panel says whether the person has a part that only it knows; if not, the core panel's shares stand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from interpreters.ancestry import linked, model, sparse
from interpreters.ancestry.panel import CORE, WORLD, Floats
from interpreters.ancestry.reading import Reading
from interpreters.findings import Region, RegionShare

FEWEST_SITES = 1_000
"""Sites of one panel below which no shares are given."""
FEWEST_SITES_TO_RULE_OUT = 3_000
"""Sites of the world panel below which it does not speak when the core panel can be read."""
LEAST_SHARE_BEYOND = 0.05
"""Share in a region that only the world panel knows, from which that panel's shares stand."""
FEWEST_SITES_TO_JUDGE = 100
"""Sites from which it can be told whether a file lists differences only."""

_LEAST_REFERENCE_RATIO = 0.9
_REFERENCE_RATIO_NOISE = 4.0
"""Divided by the root of the sites: how much lower the ratio may lie by chance."""
_LEAST_FOR_INFORMATION = 0.003
_NORMAL = 1.96
_WIDENING = 1.05
_STAND_IN: Mapping[str, Mapping[Region | None, float]] = {
    CORE: {None: 0.004, Region.AMERICAS: 0.015},
    WORLD: {
        None: 0.02,
        Region.AMERICAS: 0.04,
        Region.EUROPE: 0.08,
        Region.MIDDLE_EAST_AND_NORTH_AFRICA: 0.10,
        Region.SOUTHERN_ASIA: 0.04,
    },
}
"""Standard deviation added because reference groups only stand in for a person's ancestors; None for other regions."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one panel, or both together, say about a person."""

    panel: str
    shares: tuple[RegionShare, ...]
    sites_read: int
    sites_total: int
    fit: float
    """See `model.fit_score`."""
    reference_ratio: float
    """See `model.reference_ratio`."""

    @property
    def lists_differences(self) -> bool:
        """Whether so few sites are homozygous reference that the file must have left such sites out."""
        return self.reference_ratio < _LEAST_REFERENCE_RATIO - _REFERENCE_RATIO_NOISE / math.sqrt(self.sites_read)


def estimate(reading: Reading) -> Estimate:
    """Shares of the regions of one panel, with 95 % intervals.

    Args:
        reading: At least one read site; meant for `FEWEST_SITES` and more.
    """
    panel = reading.panel
    frequencies, genotypes = reading.frequencies, reading.genotypes.astype(float)
    weights = model.site_weights(*reading.places)
    groups = panel.region_matrix()
    if panel.name == CORE:
        fitted, _ = model.maximum_likelihood(frequencies, genotypes, weights)
        bins = linked.make_bins(
            frequencies, reading.genotypes, weights, reading.places, (panel.chromosomes, panel.positions38)
        )
        shares = linked.linked_shares(bins, fitted)
    else:
        fitted = shares = sparse.sparse_shares(frequencies, genotypes, weights, groups.argmax(axis=1))
    stand_in = _STAND_IN[panel.name]
    added = np.array([stand_in.get(region, stand_in[None]) for region in panel.regions])
    deviations = np.sqrt(added**2 + _WIDENING**2 * _variances(frequencies, weights, shares, groups))
    return Estimate(
        panel=panel.name,
        shares=tuple(map(_with_interval, panel.regions, (shares @ groups).tolist(), deviations.tolist())),
        sites_read=len(reading),
        sites_total=len(panel),
        fit=model.fit_score(frequencies, genotypes, weights, fitted),
        reference_ratio=model.reference_ratio(frequencies, genotypes, fitted),
    )


def combine(world: Estimate | None, core: Estimate | None) -> Estimate | None:
    """One estimate from those of the two panels that could be read; None when neither could."""
    if world is None or core is None:
        return world or core
    if world.sites_read < FEWEST_SITES_TO_RULE_OUT:
        return core
    known = {share.region for share in core.shares}
    beyond = [share for share in world.shares if share.region not in known]
    if any(share.share >= LEAST_SHARE_BEYOND for share in beyond):
        return world
    return Estimate(
        panel=f"{world.panel}+{core.panel}",
        shares=(*core.shares, *(RegionShare(share.region, 0.0, 0.0, share.high) for share in beyond)),
        sites_read=world.sites_read + core.sites_read,
        sites_total=world.sites_total + core.sites_total,
        fit=min(world.fit, core.fit),
        reference_ratio=min(world.reference_ratio, core.reference_ratio),
    )


def _with_interval(region: Region, share: float, deviation: float) -> RegionShare:
    """Rounded to a hundredth of a percent, so that the last bits of a machine's arithmetic do not show."""
    low, high = share - _NORMAL * deviation, share + _NORMAL * deviation
    return RegionShare(region, round(share, 4), round(max(0.0, low), 4), round(min(1.0, high), 4))


def _variances(frequencies: Floats, weights: Floats, shares: Floats, groups: Floats) -> Floats:
    """Sampling variance of the share of each region; a region without a share is represented by its mean."""
    kept = shares > 0
    absent = groups[kept].sum(axis=0) == 0
    means = frequencies @ (groups / groups.sum(axis=0))[:, absent]
    table = np.hstack([frequencies[:, kept], means])
    sums = np.vstack([groups[kept], np.eye(groups.shape[1])[absent]])
    floored = np.maximum(np.append(shares[kept], np.zeros(int(absent.sum()))), _LEAST_FOR_INFORMATION)
    return model.spread(table, weights, floored / floored.sum(), sums)
