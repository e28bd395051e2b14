"""Where a person lies among the reference groups: a linear principal component analysis of the groups' frequencies.

The release holds the groups' positions along four axes. What a site says of each axis follows from the frequencies of
the groups there, so a person is placed by the sites that were read, as the position that explains them best (weighted
least squares). Unread sites make the position less exact but draw it nowhere, as filling in the mean would.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from interpreters.ancestry.model import site_weights
from interpreters.ancestry.panel import Floats, Panel
from interpreters.ancestry.reading import Reading
from interpreters.findings import GroupPosition, Placement, Region

FILE = "placement.json"
AXES = 4
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class PlacementMap:
    """Positions of the reference groups of one panel."""

    panel: str
    explained: tuple[float, ...]
    """Share of the differences between groups along each axis, 0 to 1, falling."""
    groups: tuple[GroupPosition, ...]


def make_map(panel: Panel) -> PlacementMap:
    """Positions of a panel's finest components along the axes on which they differ most.

    The sign of an axis is free: here the group that lies farthest from the middle has a positive coordinate.
    """
    components, frequencies = panel.finest()
    weights = site_weights(panel.chromosomes, panel.positions38)
    centre = frequencies.mean(axis=1)
    # In the spread that chance would give one allele.
    deviations = (frequencies - centre[:, None]) * np.sqrt(weights / weights.sum() / (centre * (1.0 - centre)))[:, None]
    groups, lengths, _ = np.linalg.svd(deviations.T, full_matrices=False)
    positions = (groups * lengths)[:, :AXES]
    positions *= np.sign(positions[np.abs(positions).argmax(axis=0), np.arange(positions.shape[1])])
    return PlacementMap(
        panel=panel.name,
        explained=_rounded(lengths[:AXES] ** 2 / (lengths**2).sum()),
        groups=tuple(
            GroupPosition(component.name, component.region, component.place, component.people, _rounded(position))
            for component, position in zip(components, positions, strict=True)
        ),
    )


def write_maps(maps: tuple[PlacementMap, ...]) -> str:
    """Content of the release's file."""
    return json.dumps(
        {
            each.panel: {
                "explained": each.explained,
                "groups": [
                    {
                        "name": group.name,
                        "region": group.region,
                        "place": group.place,
                        "people": group.people,
                        "coordinates": group.coordinates,
                    }
                    for group in each.groups
                ],
            }
            for each in maps
        },
        indent=1,
    )


def read_maps(read: Callable[[str], bytes]) -> dict[str, PlacementMap]:
    """Panel name to its map, from what `read` gives for the name of a file of a release."""
    return {
        panel: PlacementMap(
            panel,
            tuple(stored["explained"]),
            tuple(
                GroupPosition(
                    group["name"],
                    Region(group["region"]),
                    group["place"],
                    group["people"],
                    tuple(group["coordinates"]),
                )
                for group in stored["groups"]
            ),
        )
        for panel, stored in json.loads(read(FILE)).items()
    }


def place_person(reading: Reading, drawn: PlacementMap) -> Placement:
    """A person's position on the map of the panel that was read."""
    _, frequencies = reading.panel.finest()
    frequencies = frequencies[reading.sites]
    centre = frequencies.mean(axis=1)
    scale = np.sqrt(centre * (1.0 - centre))
    # Positions are centered on 0, so the mean of a site falls out of its slopes.
    positions = np.array([group.coordinates for group in drawn.groups])
    positions -= positions.mean(axis=0)
    slopes = frequencies @ (positions @ np.linalg.inv(positions.T @ positions)) / scale[:, None]
    person = (reading.genotypes / 2.0 - centre) / scale
    weighted = slopes * reading.weights[:, None]
    coordinates = np.linalg.solve(weighted.T @ slopes, weighted.T @ person)
    return Placement(drawn.panel, _rounded(coordinates), drawn.groups)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) + 0.0 for value in values.tolist())
