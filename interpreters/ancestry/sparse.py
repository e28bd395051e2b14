"""Shares of few components: the set of components with the highest likelihood after a price for each.

With many fine components the plain maximum likelihood spreads small shares over neighbours of a person's true groups.
Here every component costs log-likelihood, the first of a region most; components are taken out while that pays, and
exchanged for others while that pays, until neither does. The sets that were tried last and are worth nearly as much
are kept too: with few sites neighbours on a cline cannot be told apart, and one of them alone would be a bold answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interpreters.ancestry.model import curvature, inverse_in_plane, maximum_likelihood
from interpreters.ancestry.panel import Floats, Integers

_REGION_PRICE = 5.0
_COMPONENT_PRICE = 1.0
_LARGEST_SHARE_REMOVED = 0.5
_DOUBTFUL = 3.0
"""A component whose estimated loss is more than so many times its price is not tried."""
_TRIED, _NEARLY_EQUAL = 2, 10
"""Components that are tried in the place of another: in the search, and for sets that nearly equal the best."""
_NEAR = 4.0
"""Only components are tried whose estimated gain lies so near to the greatest."""
_STARTING_SHARE = 0.05
_LEAST_BEND = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A set of components with their shares."""

    columns: Integers
    shares: Floats
    worth: float
    """Weighted log-likelihood less the price of the set."""


@dataclass(frozen=True, eq=False)
class _Person:
    """What was read of one person. Shapes as in `model`; `regions` is the number of each component's region."""

    frequencies: Floats
    genotypes: Floats
    weights: Floats
    regions: Integers

    @cached_property
    def squares(self) -> Floats:
        squares: Floats = self.frequencies**2
        return squares

    def price(self, columns: Integers) -> float:
        regions = len(np.unique(self.regions[columns]))
        return _REGION_PRICE * regions + _COMPONENT_PRICE * (len(columns) - regions)

    def choose(self, columns: Integers, start: Floats | None) -> _Choice:
        """Fit these components, and drop those whose share is 0."""
        begin = None if start is None else start / start.sum()
        shares, reached = maximum_likelihood(self.frequencies[:, columns], self.genotypes, self.weights, begin)
        kept = columns[shares > 0]
        return _Choice(kept, shares[shares > 0], reached - self.price(kept))

    def without(self, choice: _Choice, numbers: list[int]) -> _Choice:
        return self.choose(np.delete(choice.columns, numbers), np.delete(choice.shares, numbers))

    def with_component(self, choice: _Choice, column: int) -> _Choice:
        columns = np.append(choice.columns, column)
        order = np.argsort(columns)
        return self.choose(columns[order], np.append(choice.shares, _STARTING_SHARE)[order])

    def slopes(self, expected: Floats) -> tuple[Floats, Floats]:
        """First derivative of the log-likelihood by each site's frequency, and the second with its sign turned."""
        up = self.weights * self.genotypes / expected
        down = self.weights * (2.0 - self.genotypes) / (1.0 - expected)
        return up - down, up / expected + down / (1.0 - expected)

    def estimated_losses(self, choice: _Choice) -> Floats:
        """Log-likelihood lost when one share is forced to 0, from the curvature at the maximum."""
        table = self.frequencies[:, choice.columns]
        _, factors = self.slopes(table @ choice.shares)
        losses: Floats = choice.shares**2 / (2.0 * np.diag(inverse_in_plane(curvature(table, factors))))
        return losses

    def estimated_gains(self, choice: _Choice) -> Floats:
        """Log-likelihood won by adding each component, less what it costs; from the slope in its direction."""
        expected = self.frequencies[:, choice.columns] @ choice.shares
        slope, factors = self.slopes(expected)
        ascent = np.maximum(self.frequencies.T @ slope - expected @ slope, 0.0)
        bend = self.squares.T @ factors - 2.0 * (self.frequencies.T @ (factors * expected)) + factors @ expected**2
        known = np.isin(self.regions, self.regions[choice.columns])
        gains: Floats = ascent**2 / (2.0 * np.maximum(bend, _LEAST_BEND)) - np.where(
            known, _COMPONENT_PRICE, _REGION_PRICE
        )
        gains[choice.columns] = -np.inf
        return gains


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Shares of all components, 0 for those that are not worth their price. Shapes: sets x components, or sets."""

    shares: Floats
    """The set that is worth most comes first, then those that were tried in its place."""
    chances: Floats
    """Of each set against the others, which sum to 1: the worth is taken as the logarithm of a probability."""

    @property
    def best(self) -> Floats:
        """Shares of the set that is worth most."""
        first: Floats = self.shares[0]
        return first

    def averaged(self, groups: Floats) -> tuple[Floats, Floats]:
        """Shares of sums of components, averaged over the sets, and their variances between the sets.

        Args:
            groups: Components x sums, 1 where a component belongs to a sum.
        """
        summed = self.shares @ groups
        mean = self.chances @ summed
        return mean, self.chances @ (summed - mean) ** 2


def sparse_fit(frequencies: Floats, genotypes: Floats, weights: Floats, regions: Integers) -> Fit:
    """The set of components with the highest likelihood after its price, and what nearly equals it.

    Args:
        frequencies: Sites x components.
        genotypes: Alternate alleles, 0 to 2.
        weights: Of the sites.
        regions: Number of the region of each component.
    """
    person = _Person(np.asfortranarray(frequencies), genotypes, weights, regions)
    choice = _eliminated(person, person.choose(np.arange(frequencies.shape[1]), None))
    while (better := _improved(person, choice)).worth > choice.worth:
        choice = better
    sets = {tuple(each.columns.tolist()): each for each in (choice, *_neighbours(person, choice, _NEARLY_EQUAL))}
    shares = np.zeros((len(sets), frequencies.shape[1]))
    for row, each in zip(shares, sets.values(), strict=True):
        row[each.columns] = each.shares
    chances = np.exp([each.worth - choice.worth for each in sets.values()])
    return Fit(shares, chances / chances.sum())


def _improved(person: _Person, choice: _Choice) -> _Choice:
    """The best set that can be had from a neighbour of this one by taking out; itself if that is better."""
    best = choice
    for made in _neighbours(person, choice, _TRIED):
        reached = _eliminated(person, made) if made.worth > choice.worth - _REGION_PRICE else made
        if reached.worth > best.worth:
            best = reached
    return best


def _eliminated(person: _Person, choice: _Choice) -> _Choice:
    """Take components out, the cheapest first, while that is worth it."""
    while (better := _one_less(person, choice)) is not None:
        choice = better
    return choice


def _one_less(person: _Person, choice: _Choice) -> _Choice | None:
    if len(choice.columns) == 1:
        return None
    inside = person.regions[choice.columns]
    last = (inside[:, None] == inside).sum(axis=1) == 1
    prices = np.where(last, _REGION_PRICE, _COMPONENT_PRICE)
    losses = person.estimated_losses(choice)
    tried = (losses <= _DOUBTFUL * prices) & (choice.shares <= _LARGEST_SHARE_REMOVED)
    for number in np.argsort(losses - prices, kind="stable"):
        if tried[number] and (made := person.without(choice, [int(number)])).worth > choice.worth:
            return made
    return None


def _neighbours(person: _Person, choice: _Choice, most: int) -> Iterator[_Choice]:
    """Sets with one component, or all those of one region, left out or exchanged for another; or with one more.

    For each part that is left out at most so many others are tried, those that promise nearly as much as the best.
    """
    inside = person.regions[choice.columns]
    parts: set[tuple[int, ...]] = {(), *((number,) for number in range(len(inside)))}
    parts |= {tuple(np.flatnonzero(inside == region).tolist()) for region in np.unique(inside)}
    for part in sorted(parts):
        if len(part) == len(inside):
            continue
        rest = choice
        if part:
            yield (rest := person.without(choice, list(part)))
        gains = person.estimated_gains(rest)
        gains[choice.columns[list(part)]] = -np.inf
        ranked = np.argsort(-gains, kind="stable")[:most]
        yield from (person.with_component(rest, int(n)) for n in ranked[gains[ranked] > gains.max() - _NEAR])
