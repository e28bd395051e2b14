"""Frequencies of components, pooled from what was counted in their groups."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from interpreters.ancestry.panel import WORLD, Component, Floats, Table, make_panel
from interpreters.findings import Region

GROUPS = ("A1", "A2", "B1", "B2", "C1")
PEOPLE = np.array([6, 40, 12, 100, 8])
COMPONENTS = tuple(
    Component(name, region, name, (name,), int(people))
    for name, region, people in zip(
        GROUPS,
        (Region.EUROPE, Region.EUROPE, Region.OCEANIA, Region.OCEANIA, Region.AMERICAS),
        PEOPLE,
        strict=True,
    )
)


def drawn(sites: int = 4000) -> tuple[Table, Floats]:
    """Counts of a few people of groups that are alike within regions, and the groups' true frequencies."""
    random = np.random.default_rng(1)
    root = random.uniform(0.1, 0.9, (sites, 1))
    regions = root + random.normal(0, 0.12, (sites, 3))
    truth = np.clip(regions[:, [0, 0, 1, 1, 2]] + random.normal(0, 0.04, (sites, 5)), 0.01, 0.99)
    counted = random.binomial(2 * PEOPLE, truth) / (2.0 * PEOPLE)
    numbers = np.arange(sites)
    table = Table(
        WORLD, numbers * 0 + 1, numbers, numbers, ("A",) * sites, ("G",) * sites, GROUPS, 2.0 * PEOPLE, counted
    )
    return table, truth


def error(found: Floats, truth: Floats) -> Floats:
    mean: Floats = ((found - truth) ** 2).mean(axis=0)
    return mean


def test_smoothing_brings_every_component_nearer_to_its_true_frequency() -> None:
    table, truth = drawn()
    smoothed, counted = (
        error(found, truth) for found in (make_panel(table, COMPONENTS, ()).frequencies, table.frequencies)
    )
    assert (smoothed < counted).all()
    # Few people with neighbours that are alike gain most.
    assert (smoothed / counted)[[0, 2]].max() < 0.4


def test_smoothing_mixes_no_regions_that_differ() -> None:
    table, truth = drawn()
    found = make_panel(table, COMPONENTS, ()).frequencies
    for number in range(5):
        others = [other for other in range(5) if COMPONENTS[other].region is not COMPONENTS[number].region]
        assert error(found[:, [number]], truth[:, [number]]) < 0.5 * error(found[:, [number]], truth[:, others]).min()


def test_a_group_that_was_not_measured_at_a_site_takes_the_mean_of_its_region() -> None:
    table, _ = drawn()
    frequencies = table.frequencies.copy()
    frequencies[:100, 0] = np.nan
    lost = make_panel(dataclasses.replace(table, frequencies=frequencies), COMPONENTS, ()).frequencies
    assert np.isfinite(lost).all()
    whole = make_panel(table, COMPONENTS, ()).frequencies
    assert abs(lost[100:] - whole[100:]).max() < 0.02
    assert abs(lost[:100, 0] - whole[:100, 1]).mean() < abs(lost[:100, 0] - whole[:100, 4]).mean()


def test_the_finest_components_are_places_and_regions_without_any() -> None:
    table, _ = drawn()
    place = Component("A2", Region.EUROPE, "Far", ("A2",), 40)
    components, frequencies = make_panel(table, COMPONENTS, (place,)).finest()
    assert [component.name for component in components] == ["A2", "B1", "B2", "C1"]
    assert frequencies[:, 0] == pytest.approx(table.frequencies[:, 1])
