"""Positions among the reference groups."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from interpreters import serial
from interpreters.ancestry import AncestryInterpreter
from interpreters.ancestry.panel import Panel
from interpreters.ancestry.placement import FILE, make_map, place_person, read_maps, write_maps
from interpreters.ancestry.reading import Reading
from interpreters.findings import AncestryFinding, GroupPosition, Subregion

BOTH = pytest.mark.parametrize("number", [0, 1], ids=["world", "core"])


def member(panel: Panel, name: str, seed: int = 1) -> Reading:
    """Somebody drawn from one of the finest components."""
    components, frequencies = panel.finest()
    column = [component.name for component in components].index(name)
    genotypes = np.random.default_rng(seed).binomial(2, frequencies[:, column])
    return Reading(panel, np.arange(len(panel)), genotypes)


def thinned(reading: Reading, sites: int) -> Reading:
    kept = np.sort(np.random.default_rng(1).choice(len(reading), sites, replace=False))
    return dataclasses.replace(reading, sites=reading.sites[kept], genotypes=reading.genotypes[kept])


@BOTH
def test_everybody_lies_at_their_group(interpreter: AncestryInterpreter, number: int) -> None:
    panel = interpreter.panels[number]
    drawn = interpreter.maps[panel.name]
    for group in drawn.groups:
        placed = place_person(member(panel, group.name), drawn)
        assert math.dist(placed.coordinates, group.coordinates) < 0.03
        assert placed.panel == panel.name
        assert placed.groups == drawn.groups


@BOTH
@pytest.mark.parametrize("sites", [1_000, 5_000])
def test_unread_sites_draw_nobody_to_the_middle(interpreter: AncestryInterpreter, number: int, sites: int) -> None:
    panel = interpreter.panels[number]
    drawn = interpreter.maps[panel.name]
    distances = []
    for group in drawn.groups:
        placed = place_person(thinned(member(panel, group.name), sites), drawn)
        here, there = math.hypot(*placed.coordinates), math.hypot(*group.coordinates)
        distances.append(here / there)
        assert math.dist(placed.coordinates, group.coordinates) < 3.5 / math.sqrt(sites)
    assert np.mean(distances) == pytest.approx(1, abs=0.05)


@BOTH
def test_the_map_is_that_of_the_panel_with_fixed_signs(interpreter: AncestryInterpreter, number: int) -> None:
    panel = interpreter.panels[number]
    drawn = interpreter.maps[panel.name]
    assert make_map(panel) == drawn
    positions = np.array([group.coordinates for group in drawn.groups])
    assert (positions.max(axis=0) == abs(positions).max(axis=0)).all()
    assert list(drawn.explained) == sorted(drawn.explained, reverse=True)
    assert 0.8 < sum(drawn.explained) < 1
    assert {group.region for group in drawn.groups} == set(panel.regions)


def test_maps_can_be_written_and_read(interpreter: AncestryInterpreter) -> None:
    content = write_maps(tuple(interpreter.maps.values()))
    assert read_maps({FILE: content.encode()}.__getitem__) == interpreter.maps


def test_a_stored_finding_keeps_the_groups_among_which_the_person_was_placed(interpreter: AncestryInterpreter) -> None:
    panel = interpreter.panels[1]
    placed = place_person(member(panel, "EUR_Fin"), interpreter.maps[panel.name])
    finding = AncestryFinding(
        (), 1, 2, "reported", "kgp23k", misfit=-0.01, subregion=Subregion("EUR_Fin", "Finland", 9.5), placement=placed
    )
    stored = json.loads(json.dumps(serial.to_json(finding)))
    assert serial.finding_from_json(stored) == finding
    assert isinstance(placed.groups[0], GroupPosition)
    older = {key: value for key, value in stored.items() if key not in {"misfit", "subregion", "placement"}}
    assert serial.finding_from_json(older) == AncestryFinding((), 1, 2, "reported", "kgp23k")
