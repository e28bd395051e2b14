"""Unlinked maximum likelihood of a person's shares, and what rests on it: elimination, spread, and fit.

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
_TOLERANCE = 1e-6
"""Gain of log-likelihood below which the search ends."""
_LARGEST_SHARE_REMOVED = 0.5
_LAST_OF_REGION_PRICE = 5.0
_COMPONENT_PRICE = 1.0
_PRICED_SITES = 3567
"""Number of sites for which the prices were set; above it they rise with its square root (measured, see README)."""


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
        curvature = _curvature(frequencies, alternate / expected**2 + reference / (1.0 - expected) ** 2)
        direction = _best_in_simplex(gradient + curvature @ shares, curvature, shares) - shares
        if gradient @ direction < _TOLERANCE:
            break
        length = 1.0
        reached = log_likelihood(frequencies, genotypes, weights, shares + direction)
        while reached < best and length > _TOLERANCE:
            length /= 2.0
            reached = log_likelihood(frequencies, genotypes, weights, shares + length * direction)
        shares, best = shares + length * direction, reached
    return shares, best


def eliminate(frequencies: Floats, genotypes: Floats, weights: Floats, regions: Integers) -> Floats:
    """Sparse shares: components are taken out while the likelihood lost is below a price.

    The price of a component is 5 when it is the last of its region, else 1, in units of the weighted log-likelihood,
    and rises with the square root of the sites: with many sites the reference's own inexactness would be bought as
    small shares of neighbouring regions. Components with more than half of the genome stay. The loss of each candidate
    is first estimated from the curvature, and refitted exactly for the cheapest until one is worth taking out.

    Args:
        frequencies: Sites x components.
        genotypes: Alternate alleles, 0 to 2.
        weights: Of the sites.
        regions: Number of the region of each component.

    Returns:
        Shares of all components, 0 where taken out.
    """
    scale = max(1.0, (len(genotypes) / _PRICED_SITES) ** 0.5)
    shares, best = maximum_likelihood(frequencies, genotypes, weights)
    kept = np.flatnonzero(shares > 0)
    shares = shares[kept] / shares[kept].sum()
    while len(kept) > 1:
        table = np.ascontiguousarray(frequencies[:, kept])
        inside = regions[kept]
        prices = scale * np.where((inside[:, None] == inside).sum(axis=1) == 1, _LAST_OF_REGION_PRICE, _COMPONENT_PRICE)
        losses = _estimated_losses(table, genotypes, weights, shares)
        losses[shares > _LARGEST_SHARE_REMOVED] = np.inf
        for candidate in np.argsort(losses - prices, kind="stable"):
            if losses[candidate] > 3.0 * prices[candidate]:
                continue
            rest = np.delete(np.arange(len(kept)), candidate)
            start = shares[rest] / shares[rest].sum()
            fitted, reached = maximum_likelihood(np.delete(table, candidate, axis=1), genotypes, weights, start)
            if best - reached < prices[candidate]:
                positive = fitted > 0
                kept, shares, best = kept[rest][positive], fitted[positive] / fitted[positive].sum(), reached
                break
        else:
            break
    result = np.zeros(frequencies.shape[1])
    result[kept] = shares
    return result


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
    information = _curvature(frequencies, 2.0 * weights / (expected * (1.0 - expected)))
    count = len(shares)
    # An orthonormal basis of the changes of shares that keep their sum.
    basis = np.linalg.qr(np.column_stack([np.ones(count), np.eye(count)[:, 1:]]))[0][:, 1:]
    covariance = basis @ np.linalg.pinv(basis.T @ information @ basis, hermitian=True) @ basis.T
    variances: Floats = np.einsum("ki,kl,li->i", groups, covariance, groups)
    return variances


def fit_score(frequencies: Floats, genotypes: Floats, weights: Floats, shares: Floats) -> float:
    """How much likelier or less likely the genotypes are than those of a person who is exactly the fitted mixture.

    Returns:
        Difference of the log-likelihood from its expectation, in its standard deviations were sites independent.
        Strongly negative: the reference describes the person less well.
    """
    expected = frequencies @ shares
    log_alternate, log_reference = np.log(expected), np.log1p(-expected)
    seen = weights @ (genotypes * log_alternate + (2.0 - genotypes) * log_reference)
    mean = weights @ (2.0 * (expected * log_alternate + (1.0 - expected) * log_reference))
    variance = (weights**2) @ (2.0 * expected * (1.0 - expected) * (log_alternate - log_reference) ** 2)
    return float((seen - mean) / np.sqrt(variance))


def reference_ratio(frequencies: Floats, genotypes: Floats, shares: Floats) -> float:
    """Homozygous-reference sites seen, over those expected of the fitted mixture; near 0 in lists of differences."""
    expected = frequencies @ shares
    return float((genotypes == 0).sum() / ((1.0 - expected) ** 2).sum())


def _curvature(frequencies: Floats, factors: Floats) -> Floats:
    scaled = frequencies * np.sqrt(factors)[:, None]
    curvature: Floats = scaled.T @ scaled
    return curvature


def _best_in_simplex(linear: Floats, curvature: Floats, start: Floats) -> Floats:
    """Maximum of linear'x - x'curvature x / 2 over x >= 0, sum(x) = 1: an active-set search from `start`."""
    point = start.copy()
    free = point > 0
    slack = 1e-9 * max(1.0, float(np.abs(linear).max()))
    for _ in range(10 * len(start)):
        inside = np.flatnonzero(free)
        target, level = _on_plane(linear[inside], curvature[np.ix_(inside, inside)])
        if (target >= 0).all():
            point[inside] = target
            pull = np.where(free, -np.inf, linear - curvature @ point - level)
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
    return point / point.sum()


def _on_plane(linear: Floats, curvature: Floats) -> tuple[Floats, float]:
    """The same maximum without the bounds, and the multiplier of the sum."""
    count = len(linear)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = curvature + 1e-9 * np.trace(curvature) / count * np.eye(count)
    system[count, count] = 0.0
    solved = np.linalg.solve(system, np.append(linear, 1.0))
    return solved[:count], float(solved[count])


def _estimated_losses(frequencies: Floats, genotypes: Floats, weights: Floats, shares: Floats) -> Floats:
    """Log-likelihood lost when one share is forced to 0, from the curvature at the maximum."""
    expected = frequencies @ shares
    factors = weights * (genotypes / expected**2 + (2.0 - genotypes) / (1.0 - expected) ** 2)
    count = len(shares)
    basis = np.linalg.qr(np.column_stack([np.ones(count), np.eye(count)[:, 1:]]))[0][:, 1:]
    information = basis.T @ _curvature(frequencies, factors) @ basis
    variances = np.diag(basis @ np.linalg.pinv(information, hermitian=True) @ basis.T)
    losses: Floats = shares**2 / (2.0 * np.maximum(variances, 1e-12))
    return losses
