"""Which panel speaks, and how two are averaged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from interpreters.ancestry import AncestryInterpreter
from interpreters.ancestry.estimate import Estimate, _stand_in, combine
from interpreters.findings import Region, RegionShare

EUROPE, AFRICA, OCEANIA = Region.EUROPE, Region.SUB_SAHARAN_AFRICA, Region.OCEANIA
CORE = Estimate(
    "core",
    {EUROPE: 0.9, AFRICA: 0.1},
    {EUROPE: 0.0001, AFRICA: 0.0001},
    20_000,
    21_000,
    misfit=0.01,
    reference_ratio=1.0,
)


def world(beyond: float, sites: int = 30_000, variance: float = 0.0003) -> Estimate:
    """An estimate with a share in a region that the core panel does not know."""
    shares = {EUROPE: 0.8 - beyond, AFRICA: 0.2, OCEANIA: beyond}
    return Estimate("world", shares, dict.fromkeys(shares, variance), sites, 35_000, misfit=0.03, reference_ratio=0.99)


def test_one_panel_alone_stands() -> None:
    assert combine(None, CORE) is CORE
    assert combine(world(0.2), None) == world(0.2)
    assert combine(None, None) is None


def test_a_part_that_only_the_world_panel_knows_lets_it_speak_alone() -> None:
    assert combine(world(0.05), CORE) == world(0.05)


def test_without_such_a_part_each_panel_counts_by_its_exactness() -> None:
    both = combine(world(0.04), CORE)
    assert both is not None
    assert both.panel == "world+core"
    # The world panel is three times as inexact: it has a quarter of the weight.
    assert both.shares == pytest.approx({EUROPE: 0.25 * 0.76 + 0.75 * 0.9, AFRICA: 0.125, OCEANIA: 0.01})
    assert sum(both.shares.values()) == pytest.approx(1)
    averaged = 0.25**2 * 0.0003 + 0.75**2 * 0.0001
    apart = 0.25 * 0.75 * np.array([0.14, 0.1]) ** 2
    assert both.variances == pytest.approx({EUROPE: averaged + apart[0], AFRICA: averaged + apart[1], OCEANIA: 0.0003})
    assert (both.sites_read, both.sites_total) == (50_000, 56_000)
    assert (both.misfit, both.reference_ratio) == (0.03, 0.99)


def test_few_world_sites_do_not_rule_anything_out() -> None:
    assert combine(world(0.2, sites=2_999), CORE) is CORE


def test_intervals_are_cut_and_come_by_falling_share() -> None:
    variances = {AFRICA: 0.0001, OCEANIA: 0.0, EUROPE: 0.0001}
    shares = {OCEANIA: 0.004, AFRICA: 0.004, EUROPE: 0.99238}
    assert dataclasses.replace(CORE, shares=shares, variances=variances).with_intervals() == (
        RegionShare(EUROPE, 0.9924, 0.9728, 1.0),
        RegionShare(OCEANIA, 0.004, 0.004, 0.004),
        RegionShare(AFRICA, 0.004, 0.0, 0.0236),
    )


@pytest.mark.parametrize(
    ("ratio", "sites", "differences"),
    [(0.98, 20_000, False), (0.86, 20_000, True), (0.8, 1_000, False), (0.7, 1_000, True), (0.0, 100, True)],
)
def test_lists_of_differences(ratio: float, sites: int, differences: bool) -> None:
    made = dataclasses.replace(CORE, reference_ratio=ratio, sites_read=sites)
    assert made.lists_differences is differences


def test_a_south_asian_persons_nearness_to_europe_is_not_a_finding(interpreter: AncestryInterpreter) -> None:
    """The core panel knows one South Asia: what Punjab shares with Europe lies within the interval of no Europe."""
    core = interpreter.panels[1]

    def low(first: Region) -> float:
        shares = dict.fromkeys(core.regions, 0.0) | {first: 0.89, EUROPE: 0.11}
        added = _stand_in(core, np.array(list(shares.values())))
        variances = dict(zip(core.regions, (added + 1e-4).tolist(), strict=True))
        made = dataclasses.replace(CORE, shares=shares, variances=variances).with_intervals()
        return next(share.low for share in made if share.region is EUROPE)

    assert low(Region.SOUTHERN_ASIA) == 0
    assert low(AFRICA) > 0.08
