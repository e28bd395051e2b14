"""Unlinked maximum likelihood of a person's shares, and what rests on it: spread and misfit.

The model: at a site with alternate frequencies p (one a component) and shares q, each of the two alleles is alternate
with probability f = p'q. Sites that were not read are left out by the caller. Every function is deterministic.

Shapes: `frequencies` sites x components, `genotypes` and `weights` sites, `shares` components.
"""

from __future__ import annotations

import numpy as np

from interpreters.ancestry.panel import Floats, Integers

_LINKAGE = 0.3
_DECAY = 10_000.0
"""Bases over which neighbouring sites stop telling the same thing."""
_REACH = 100_000
_WARM_UP = 4
_ROUNDS = 60
_SEARCH_ROUNDS = 10
_ERRORS = 2.0
_TOLERANCE = 1e-3
"""Gain of log-likelihood below which the search ends."""


def site_weights(chromosomes: Integers, positions: Integers) -> Floats:
    """Weight of each site against its neighbours: 1 / (1 + 0.3 * sum of exp(-distance / 10 kb)), up to 100 kb away.

    Args:
        chromosomes: Chromosome of each site; sites of one chromosome stand together, in the order of `positions`.
        positions: 1-based position of each site.
    """
    crowd = np.zeros(len(positions))
    for offset in range(1, len(positions)):
        near = np.flatnonzero(
            (chromosomes[offset:] == chromosomes[:-offset]) & (positions[offset:] - positions[:-offset] <= _REACH)
        )
        if not near.size:
            break
        pull = np.exp(-(positions[near + offset] - positions[near]) / _DECAY)
        crowd[near] += pull
        crowd[near + offset] += pull
    return 1.0 / (1.0 + _LINKAGE * crowd)


def log_likelihood(frequencies: Floats, genotypes: Floats, weights: Floats, shares: Floats) -> float:
    """Weighted log-likelihood of alternate allele counts, without its constant."""
    expected = frequencies @ shares
    return float(weights @ (genotypes * np.log(expected) + (2.0 - genotypes) * np.log1p(-expected)))


def maximum_likelihood(
    frequencies: Floats, genotypes: Floats, weights: Floats, start: Floats | None = None
) -> tuple[Floats, float]:
    """Shares of highest likelihood, and that log-likelihood: a few EM steps, then Newton steps inside the simplex."""
    count = frequencies.shape[1]
    shares = np.full(count, 1.0 / count) if start is None else start
    alternate, reference = weights * genotypes, weights * (2.0 - genotypes)
    if start is None:
        total = 2.0 * weights.sum()
        for _ in range(_WARM_UP):
            expected = frequencies @ shares
            ratio = reference / (1.0 - expected)
            shares = shares * (frequencies.T @ (alternate / expected - ratio) + ratio.sum()) / total
        shares = shares / shares.sum()
    best = log_likelihood(frequencies, genotypes, weights, shares)
    for _ in range(_ROUNDS):
        expected = frequencies @ shares
        gradient = frequencies.T @ (alternate / expected - reference / (1.0 - expected))
        bend = curvature(frequencies, alternate / expected**2 + reference / (1.0 - expected) ** 2)
        direction = _best_in_simplex(gradient + bend @ shares, bend, shares) - shares
        if gradient @ direction < _TOLERANCE:
            break
        length = 1.0
        reached = log_likelihood(frequencies, genotypes, weights, shares + direction)
        while reached < best and length > _TOLERANCE:
            length /= 2.0
            reached = log_likelihood(frequencies, genotypes, weights, shares + length * direction)
        shares, best = shares + length * direction, reached
    return shares, best


def spread(frequencies: Floats, weights: Floats, shares: Floats, groups: Floats) -> Floats:
    """Sampling variance of summed shares, from the expected information at `shares`.

    Args:
        frequencies: Sites x components.
        weights: Of the sites.
        shares: At which the information is taken; no share may make a frequency 0 or 1.
        groups: Components x sums, as `Panel.region_matrix`.

    Returns:
        Variance of each sum.
    """
    expected = frequencies @ shares
    covariance = inverse_in_plane(curvature(frequencies, 2.0 * weights / (expected * (1.0 - expected))))
    variances: Floats = np.einsum("ki,kl,li->i", groups, covariance, groups)
    return variances


def misfit(expected: Floats, genotypes: Floats, weights: Floats, blocks: Integers) -> float:
    """Least excess of homozygous sites that chance leaves, over those of a person who is exactly the fitted mixture.

    People whose groups the reference lacks share ancestors with each other that the fitted mixture does not know of.
    That makes them homozygous more often, by about the drift (F_ST) between them and the mixture. So does relatedness
    of a person's parents: children of first cousins have an excess of 0.06 on average.

    Args:
        expected: Frequency of the alternate allele in the fitted mixture at each site.
        genotypes: Alternate alleles, 0 to 2.
        weights: Of the sites.
        blocks: Number of the stretch of a chromosome that each site lies in, in order; stretches err independently.

    Returns:
        The excess, on the scale of a coefficient of inbreeding, less two standard errors.
    """
    variance = 2.0 * expected * (1.0 - expected)
    first = np.flatnonzero(np.append(True, blocks[1:] != blocks[:-1]))
    seen = np.add.reduceat(weights * ((genotypes - 2.0 * expected) ** 2 - variance) / (1.0 - variance), first)
    full = np.add.reduceat(weights * variance / (1.0 - variance), first)
    excess = seen.sum() / full.sum()
    error = np.sqrt(((seen - excess * full) ** 2).sum()) / full.sum()
    return float(excess - _ERRORS * error)


def reference_ratio(frequencies: Floats, genotypes: Floats, shares: Floats) -> float:
    """Homozygous-reference sites seen, over those expected of the fitted mixture; near 0 in lists of differences."""
    expected = frequencies @ shares
    return float((genotypes == 0).sum() / ((1.0 - expected) ** 2).sum())


def curvature(frequencies: Floats, factors: Floats) -> Floats:
    """Sum over sites of factor * p p', components x components; factors are positive."""
    scaled = frequencies * np.sqrt(factors)[:, None]
    product: Floats = scaled.T @ scaled
    return product


def inverse_in_plane(information: Floats) -> Floats:
    """Inverse of an information matrix among the changes of shares that keep their sum."""
    count = len(information)
    basis = np.linalg.qr(np.column_stack([np.ones(count), np.eye(count)[:, 1:]]))[0][:, 1:]
    covariance: Floats = basis @ np.linalg.pinv(basis.T @ information @ basis, hermitian=True) @ basis.T
    return covariance


def _best_in_simplex(linear: Floats, bend: Floats, start: Floats) -> Floats:
    """Maximum of linear'x - x'bend x / 2 over x >= 0, sum(x) = 1: an active-set search from `start`."""
    point = start.copy()
    free = point > 0
    slack = 1e-9 * max(1.0, float(np.abs(linear).max()))
    for _ in range(_SEARCH_ROUNDS * len(start)):
        inside = np.flatnonzero(free)
        target, level = _on_plane(linear[inside], bend[np.ix_(inside, inside)])
        if (target >= 0).all():
            point[inside] = target
            pull = np.where(free, -np.inf, linear - bend @ point - level)
            strongest = int(np.argmax(pull))
            if pull[strongest] <= slack:
                break
            free[strongest] = True
            continue
        sinking = target < 0
        steps = point[inside][sinking] / (point[inside][sinking] - target[sinking])
        step = float(steps.min())
        point[inside] += step * (target - point[inside])
        blocked = inside[sinking][steps <= step]
        point[blocked] = 0.0
        free[blocked] = False
    point /= point.sum()
    return point


def _on_plane(linear: Floats, bend: Floats) -> tuple[Floats, float]:
    """The same maximum without the bounds, and the multiplier of the sum."""
    count = len(linear)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = bend + 1e-9 * np.trace(bend) / count * np.eye(count)
    system[count, count] = 0.0
    solved = np.linalg.solve(system, np.append(linear, 1.0))
    return solved[:count], float(solved[count])
