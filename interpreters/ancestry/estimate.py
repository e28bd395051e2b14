"""Shares with intervals from the read sites of one panel, and one estimate from those of both panels.

Both panels use the linked likelihood. The core panel knows five regions; it was tried on real people who are not in it.
The world panel knows all seven; which of its fine components a person has is chosen first. Where both can be read and
the person has a part that only the world panel knows, that panel speaks alone. Otherwise the two are averaged, each
with the weight of its exactness: they rest on different sites, so their chance errors are independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from interpreters.ancestry import linked, model, sparse
from interpreters.ancestry.panel import CORE, WORLD, Floats, Integers, Panel
from interpreters.ancestry.reading import Reading
from interpreters.findings import Region, RegionShare

FEWEST_SITES = 1_000
"""Sites of one panel below which no shares are given."""
FEWEST_SITES_TO_JOIN = 3_000
"""Sites of the world panel below which it does not speak when the core panel can be read."""
LEAST_SHARE_BEYOND = 0.05
"""Share in a region that only the world panel knows, from which that panel speaks alone."""
FEWEST_SITES_TO_JUDGE = 100
"""Sites from which it can be told whether a file lists differences only."""
STAND_IN: Mapping[str, Mapping[Region | None, float]] = {
    CORE: {None: 0.003, Region.AMERICAS: 0.015},
    WORLD: {
        None: 0.01,
        Region.EASTERN_AND_NORTHERN_ASIA: 0.02,
        Region.EUROPE: 0.035,
        Region.MIDDLE_EAST_AND_NORTH_AFRICA: 0.02,
        Region.SOUTHERN_ASIA: 0.05,
    },
}
"""Standard deviation added because reference groups only stand in for a person's ancestors; None for other regions."""
TAKEN_FOR: Mapping[str, Mapping[Region, Mapping[Region, float]]] = {
    CORE: {
        Region.SOUTHERN_ASIA: {
            Region.SOUTHERN_ASIA: 0.075,
            Region.EUROPE: 0.075,
            Region.EASTERN_AND_NORTHERN_ASIA: 0.05,
        },
    },
    WORLD: {},
}
"""Standard deviations added for each whole share of a region whose reference differs within: one South Asia stands for
people from Punjab to Bengal, and what their old history shares with Europe or East Asia looks like a part of those."""

_LEAST_REFERENCE_RATIO = 0.9
_REFERENCE_RATIO_NOISE = 4.0
"""Divided by the root of the sites: how much lower the ratio may lie by chance."""
_LEAST_FOR_INFORMATION = 0.003
_NORMAL = 1.96
_STRETCH, _STRETCHES_OF_A_CHROMOSOME = 10_000_000, 25
"""Bases beyond which neighbouring sites err independently."""
_DIGITS = 4
"""To a hundredth of a percent, so that the last bits of a machine's arithmetic do not show."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one panel, or both together, say about a person."""

    panel: str
    shares: Mapping[Region, float]
    variances: Mapping[Region, float]
    """Of each share: chance, and that reference groups only stand in."""
    sites_read: int
    sites_total: int
    misfit: float
    """See `model.misfit`."""
    reference_ratio: float
    """See `model.reference_ratio`."""

    @property
    def lists_differences(self) -> bool:
        """Whether so few sites are homozygous reference that the file must have left such sites out."""
        return self.reference_ratio < _LEAST_REFERENCE_RATIO - _REFERENCE_RATIO_NOISE / math.sqrt(self.sites_read)

    def with_intervals(self) -> tuple[RegionShare, ...]:
        """Shares with their 95 % intervals, by falling share, then by name."""
        made = []
        for region, share in self.shares.items():
            reach = _NORMAL * math.sqrt(self.variances[region])
            low, high = max(0.0, share - reach), min(1.0, share + reach)
            made.append(RegionShare(region, round(share, _DIGITS), round(low, _DIGITS), round(high, _DIGITS)))
        return tuple(sorted(made, key=lambda share: (-share.share, share.region)))


def estimate(reading: Reading) -> Estimate:
    """Shares of the regions of one panel.

    Args:
        reading: At least one read site; meant for `FEWEST_SITES` and more.
    """
    panel = reading.panel
    frequencies, genotypes = reading.frequencies, reading.genotypes.astype(float)
    weights = reading.weights
    groups = panel.region_matrix()
    between = np.zeros(len(panel.regions))
    if panel.name == CORE:
        fitted, _ = model.maximum_likelihood(frequencies, genotypes, weights)
        shares = _linked(reading, frequencies, fitted)
        summed = shares @ groups
    else:
        fit = sparse.sparse_fit(frequencies, genotypes, weights, groups.argmax(axis=1))
        fitted = fit.best
        # Each region that was found is one ancestry, with the frequencies of the person's own mix of its components.
        found = fitted @ groups
        mixes = (fitted[:, None] * groups)[:, found > 0] / found[found > 0]
        shares = mixes @ _linked(reading, frequencies @ mixes, found[found > 0])
        averaged, between = fit.averaged(groups)
        summed = np.maximum(shares @ groups + averaged - found, 0.0)
        summed = summed / summed.sum()
    variances = _chance(frequencies, weights, shares, groups) + between + _stand_in(panel, summed)
    return Estimate(
        panel=panel.name,
        shares=dict(zip(panel.regions, summed.tolist(), strict=True)),
        variances=dict(zip(panel.regions, variances.tolist(), strict=True)),
        sites_read=len(reading),
        sites_total=len(panel),
        misfit=model.misfit(frequencies @ fitted, genotypes, weights, _stretches(*reading.places)),
        reference_ratio=model.reference_ratio(frequencies, genotypes, fitted),
    )


def combine(world: Estimate | None, core: Estimate | None) -> Estimate | None:
    """One estimate from those of the two panels that could be read; None when neither could."""
    if world is None or core is None:
        return world or core
    if world.sites_read < FEWEST_SITES_TO_JOIN:
        return core
    beyond = [region for region in world.shares if region not in core.shares]
    if any(world.shares[region] >= LEAST_SHARE_BEYOND for region in beyond):
        return world
    inexact = sum(world.variances[region] for region in core.shares)
    weight = 1.0 - inexact / (inexact + sum(core.variances.values()))
    shares = {region: weight * world.shares[region] for region in world.shares}
    variances = {region: world.variances[region] for region in beyond}
    for region, share in core.shares.items():
        apart = share - world.shares[region]
        shares[region] += (1.0 - weight) * share
        # What each panel does not know, and that they disagree: then at least one knows less than it says.
        known = weight**2 * world.variances[region] + (1.0 - weight) ** 2 * core.variances[region]
        variances[region] = known + weight * (1.0 - weight) * apart**2
    return Estimate(
        panel=f"{world.panel}+{core.panel}",
        shares=shares,
        variances=variances,
        sites_read=world.sites_read + core.sites_read,
        sites_total=world.sites_total + core.sites_total,
        misfit=max(world.misfit, core.misfit),
        reference_ratio=min(world.reference_ratio, core.reference_ratio),
    )


def _stretches(chromosomes: Integers, positions: Integers) -> Integers:
    """Number of the stretch of a chromosome that each site lies in."""
    return chromosomes * _STRETCHES_OF_A_CHROMOSOME + positions // _STRETCH


def _linked(reading: Reading, frequencies: Floats, start: Floats) -> Floats:
    """Shares of ancestries with these frequencies (read sites x ancestries) by the linked likelihood."""
    if len(start) == 1:
        return start
    panel = reading.panel
    sites = (panel.chromosomes, panel.positions38)
    bins = linked.make_bins(frequencies, reading.genotypes, reading.weights, reading.places, sites)
    return linked.linked_shares(bins, start)


def _stand_in(panel: Panel, shares: Floats) -> Floats:
    """Variance of the share of each region because reference groups only stand in for a person's ancestors."""
    given = STAND_IN[panel.name]
    variances = {region: given.get(region, given[None]) ** 2 for region in panel.regions}
    found = dict(zip(panel.regions, shares.tolist(), strict=True))
    for taken, others in TAKEN_FOR[panel.name].items():
        for region in found.keys() & others.keys():
            variances[region] += (others[region] * found.get(taken, 0.0)) ** 2
    return np.array(list(variances.values()))


def _chance(frequencies: Floats, weights: Floats, shares: Floats, groups: Floats) -> Floats:
    """Sampling variance of the share of each region; a region without a share is represented by its mean."""
    kept = shares > 0
    absent = groups[kept].sum(axis=0) == 0
    means = frequencies @ (groups / groups.sum(axis=0))[:, absent]
    table = np.hstack([frequencies[:, kept], means])
    sums = np.vstack([groups[kept], np.eye(groups.shape[1])[absent]])
    floored = np.maximum(np.append(shares[kept], np.zeros(int(absent.sum()))), _LEAST_FOR_INFORMATION)
    return model.spread(table, weights, floored / floored.sum(), sums)
