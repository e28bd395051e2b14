"""The place within the main region."""

from __future__ import annotations

import numpy as np
import pytest

from interpreters.ancestry import AncestryInterpreter, places
from interpreters.ancestry.panel import Floats, Panel
from interpreters.ancestry.places import leading_place
from interpreters.ancestry.reading import Reading
from interpreters.findings import Region


@pytest.fixture(scope="session")
def core(interpreter: AncestryInterpreter) -> Panel:
    return interpreter.panels[1]


def whole(panel: Panel, region: Region) -> Floats:
    """Shares of somebody of one region."""
    return np.array([float(component.region is region) for component in panel.components])


def person(panel: Panel, frequencies: Floats) -> Reading:
    return Reading(panel, np.arange(len(panel)), np.random.default_rng(1).binomial(2, frequencies))


def test_every_place_is_told_from_its_neighbours(core: Panel) -> None:
    for number, place in enumerate(core.places):
        reading = person(core, core.place_frequencies[:, number])
        found = leading_place(reading, whole(core, place.region), place.region)
        assert found is not None
        assert (found.code, found.place) == (place.name, place.place)
        assert found.lead >= places.LEAST_LEAD


def test_somebody_between_places_gets_none(core: Panel) -> None:
    europe = [number for number, place in enumerate(core.places) if place.region is Region.EUROPE]
    leads = []
    for share in np.linspace(0, 1, 21).tolist():
        reading = person(core, core.place_frequencies[:, europe[:2]] @ np.array([share, 1 - share]))
        leads.append(leading_place(reading, whole(core, Region.EUROPE), Region.EUROPE))
    assert leads[0] is not None
    assert leads[-1] is not None
    assert leads[0].code != leads[-1].code
    assert None in leads


def test_few_sites_name_no_place(core: Panel) -> None:
    reading = person(core, core.place_frequencies[:, 3])
    thin = Reading(core, reading.sites[::21], reading.genotypes[::21])
    assert leading_place(thin, whole(core, Region.EUROPE), Region.EUROPE) is None


def test_a_region_without_places_has_none(interpreter: AncestryInterpreter, core: Panel) -> None:
    reading = person(core, core.frequencies[:, -1])
    assert leading_place(reading, whole(core, Region.AMERICAS), Region.AMERICAS) is None
    assert interpreter.panels[0].places == ()
