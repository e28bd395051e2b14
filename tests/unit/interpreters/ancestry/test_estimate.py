"""Which panel speaks."""

from __future__ import annotations

import dataclasses

import pytest

from interpreters.ancestry.estimate import Estimate, combine
from interpreters.findings import Region, RegionShare

EUROPE = RegionShare(Region.EUROPE, 0.9, 0.85, 0.95)
AFRICA = RegionShare(Region.SUB_SAHARAN_AFRICA, 0.1, 0.05, 0.15)
CORE = Estimate("core", (EUROPE, AFRICA), 20_000, 21_000, fit=1.0, reference_ratio=1.0)


def world(beyond: float, sites: int = 30_000) -> Estimate:
    """An estimate with a share in a region that the core panel does not know."""
    shares = (EUROPE, AFRICA, RegionShare(Region.OCEANIA, beyond, 0.0, beyond + 0.1))
    return Estimate("world", shares, sites, 35_000, fit=-2.0, reference_ratio=0.99)


def test_one_panel_alone_stands() -> None:
    assert combine(None, CORE) is CORE
    assert combine(world(0.2), None) == world(0.2)
    assert combine(None, None) is None


def test_a_part_that_only_the_world_panel_knows_lets_it_speak() -> None:
    assert combine(world(0.05), CORE) == world(0.05)


def test_without_such_a_part_the_core_shares_stand() -> None:
    both = combine(world(0.04), CORE)
    assert both is not None
    assert both.panel == "world+core"
    assert both.shares == (EUROPE, AFRICA, RegionShare(Region.OCEANIA, 0.0, 0.0, pytest.approx(0.14)))
    assert (both.sites_read, both.sites_total) == (50_000, 56_000)
    assert (both.fit, both.reference_ratio) == (-2.0, 0.99)


def test_few_world_sites_do_not_rule_anything_out() -> None:
    assert combine(world(0.2, sites=2_999), CORE) is CORE


@pytest.mark.parametrize(
    ("ratio", "sites", "differences"),
    [(0.98, 20_000, False), (0.86, 20_000, True), (0.8, 1_000, False), (0.7, 1_000, True), (0.0, 100, True)],
)
def test_lists_of_differences(ratio: float, sites: int, differences: bool) -> None:
    made = dataclasses.replace(CORE, reference_ratio=ratio, sites_read=sites)
    assert made.lists_differences is differences
