"""Drawing of a person among the reference groups: geometry alone, no words of its own and no color."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from interpreters.findings import GroupPosition, Region

WIDTH = 330.0
"""Of a drawing, in its own units: about the pixels of a small telephone, so that its letters stay readable there."""
_INSET = 30.0
_EDGE = 5.0
_LEAST_HEIGHT, _GREATEST_HEIGHT = 200.0, 300.0
_LINE = 12.0
"""Height of a line of letters of 10.5 units."""
_LETTER = 5.4
"""Mean width of a letter."""
_LONG_NAME = 16
_DOT = 4.0
_PERSON = 9.0
_DISTANCES = (9.0, 16.0, 24.0, 34.0, 46.0, 60.0, 78.0, 100.0, 125.0, 150.0)
_DIRECTIONS = tuple((math.cos(math.pi * turn / 8), math.sin(math.pi * turn / 8)) for turn in range(16))
_OUTSIDE = 100.0
"""Weight of a label that leaves the drawing, against one that covers a dot."""
_CROSSED = 15.0
"""Weight of a sign that the line to a label crosses, likewise."""
_PARTS = (0.2, 0.4, 0.6, 0.8)
_HALF_LINE = 2.0
_PER_DISTANCE = 0.3
"""Weight of the distance of a label from its points: it decides between places that cover as little."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a drawing; `y` grows downwards."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Label:
    """A few short lines, centered on `at` and tied to what they name by a line from `start` to `end`."""

    lines: tuple[str, ...]
    at: Point
    start: Point
    end: Point

    def baseline(self, number: int) -> float:
        """Where the letters of a line stand, counted from 0."""
        return round(self.at.y + (number - len(self.lines) / 2) * _LINE + 0.8 * _LINE, 1)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Reference groups as points, their regions as labels, and the person."""

    width: float
    height: float
    points: tuple[Point, ...]
    labels: tuple[Label, ...]
    person: Point
    person_label: Label


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: _Box) -> float:
        """Area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)

    def holds(self, point: Point) -> bool:
        return self.left <= point.x <= self.right and self.top <= point.y <= self.bottom

    def nearest(self, point: Point) -> Point:
        """The point of the box that is nearest to `point`."""
        x = min(max(point.x, self.left), self.right)
        return Point(round(x, 1), round(min(max(point.y, self.top), self.bottom), 1))

    @property
    def middle(self) -> Point:
        return Point(round((self.left + self.right) / 2, 1), round((self.top + self.bottom) / 2, 1))

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


def draw(
    groups: Sequence[GroupPosition],
    person: Sequence[float],
    names: Sequence[tuple[Region, tuple[str, ...]]],
    you: str,
) -> Drawing:
    """A drawing along two axes, both on the same scale, so that near is alike in every direction.

    Args:
        groups: Positions of the reference groups; two coordinates each.
        person: The person's two coordinates.
        names: Lines of the label of each region that is to be named.
        you: What the person's point is called.
    """
    every = [*(group.coordinates for group in groups), person]
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = min(y for _, y in every), max(y for _, y in every)
    scale = min((WIDTH - 2 * _INSET) / max(right - left, 1e-9), (_GREATEST_HEIGHT - 2 * _INSET) / max(high - low, 1e-9))
    height = max(_LEAST_HEIGHT, (high - low) * scale + 2 * _INSET)

    def at(x: float, y: float) -> Point:
        return Point(
            round(WIDTH / 2 + (x - (left + right) / 2) * scale, 1),
            round(height / 2 - (y - (low + high) / 2) * scale, 1),
        )

    points = tuple(at(*group.coordinates) for group in groups)
    you_at = at(*person)
    taken = [_around(point, _DOT) for point in points] + [_around(you_at, _PERSON)]
    person_label = _label((you,), [you_at], taken, height)
    taken.append(_box(person_label.at, person_label.lines))
    labels = []
    # Regions of few groups first: their label has the fewest places to stand.
    own = {
        region: [point for point, group in zip(points, groups, strict=True) if group.region is region]
        for region, _ in names
    }
    for region, lines in sorted(names, key=lambda name: len(own[name[0]])):
        label = _label(lines, own[region], taken, height)
        labels.append(label)
        taken += [_box(label.at, label.lines), *(_around(point, _HALF_LINE) for point in _way(label.end, label.start))]
    return Drawing(WIDTH, round(height, 1), points, tuple(labels), you_at, person_label)


def in_lines(name: str) -> tuple[str, ...]:
    """A name in one line, or a long one in two of about the same length."""
    spaces = [place for place, letter in enumerate(name) if letter == " "]
    if len(name) <= _LONG_NAME or not spaces:
        return (name,)
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return (name[:middle], name[middle + 1 :])


def _label(lines: tuple[str, ...], own: Sequence[Point], taken: Iterable[_Box], height: float) -> Label:
    """The label near its points at the place that covers least; of equal places, the nearest."""
    middle = Point(sum(point.x for point in own) / len(own), sum(point.y for point in own) / len(own))
    target = min(own, key=lambda point: (math.dist((point.x, point.y), (middle.x, middle.y)), point.x, point.y))
    boxes, half, frame = tuple(taken), _box(Point(0.0, 0.0), lines), _Box(_EDGE, _EDGE, WIDTH - _EDGE, height - _EDGE)
    in_the_way = [box for box in boxes if not box.holds(target)]
    least, best = math.inf, half
    for distance, (right, down) in product(_DISTANCES, _DIRECTIONS):
        across, below = right * (distance + half.right), down * (distance + half.bottom)
        box = _box(Point(round(target.x + across, 1), round(target.y + below, 1)), lines)
        # What costs most to find comes last, and is left out where the place is already worse than the best.
        worth = _PER_DISTANCE * distance + _OUTSIDE * (box.area - box.overlap(frame))
        if worth < least:
            worth += sum(box.overlap(other) for other in boxes)
        if worth < least:
            way = _way(target, box.nearest(target))
            worth += _CROSSED * sum(other.holds(point) for other in in_the_way for point in way)
        if worth < least:
            least, best = worth, box
    at = best.middle
    return Label(lines, at, _box(at, lines).nearest(target), target)


def _way(start: Point, end: Point) -> list[Point]:
    """Some points of the line between two."""
    return [Point(start.x + (end.x - start.x) * part, start.y + (end.y - start.y) * part) for part in _PARTS]


def _box(at: Point, lines: Sequence[str]) -> _Box:
    width, height = max(map(len, lines)) * _LETTER, len(lines) * _LINE
    return _Box(at.x - width / 2, at.y - height / 2, at.x + width / 2, at.y + height / 2)


def _around(point: Point, radius: float) -> _Box:
    return _Box(point.x - radius, point.y - radius, point.x + radius, point.y + radius)
