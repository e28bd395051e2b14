"""Five-way shares from a linked likelihood: a hidden Markov model of both chromosome copies over 2 Mb bins.

Neighbouring sites are inherited together, so the ancestry of one copy changes seldom along a chromosome. The model
scores each bin for every ordered pair of ancestries, lets each copy change ancestry between bins, and estimates the
shares of the whole genome together with the ancestry of every bin. The likelihood is tempered, because sites within a
bin are not independent. Chromosomes are run side by side, which makes one person fast without batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interpreters.ancestry.panel import Floats, Integers

BIN = 2_000_000
"""Bases; bins half as long give the same and take twice the time."""
_TEMPER = 0.85
_CHANGES_PER_BASE = 8.0 / 1e8
_ROUNDS = 8
_SPARSITY = 1.0
"""Expected draws taken from every ancestry, so that one that explains next to nothing fades."""
_FLOOR = 1e-4
_MIXING = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Bins that hold at least one read site, chromosomes as rows padded to the same length.

    Shapes: rows x bins, but for `scores`, rows x bins x ancestries x ancestries.
    """

    scores: Floats
    """Tempered likelihood of a bin's genotypes for each pair of ancestries, highest 1; 1 everywhere in padding."""
    change: Floats
    """Probability that a copy draws its ancestry anew before this bin; 1 in the first column, 0 in padding."""
    sizes: Floats
    """Sites of the whole panel that lie nearest to this bin; 0 in padding."""


def pair_scores(frequencies: Floats, genotypes: Integers, weights: Floats, groups: Integers) -> Floats:
    """Tempered log-likelihood of the genotypes of each group of sites for every ordered pair of ancestries.

    Args:
        frequencies: Sites x ancestries.
        genotypes: Alternate alleles, 0 to 2.
        weights: Of the sites.
        groups: First site of each group.

    Returns:
        Groups x ancestries x ancestries.
    """
    count = frequencies.shape[1]
    scores = np.empty((len(groups), count, count))
    alternate, reference = frequencies, 1.0 - frequencies
    for a in range(count):
        for b in range(a, count):
            chances = np.choose(
                genotypes,
                [
                    reference[:, a] * reference[:, b],
                    alternate[:, a] * reference[:, b] + reference[:, a] * alternate[:, b],
                    alternate[:, a] * alternate[:, b],
                ],
            )
            scores[:, a, b] = scores[:, b, a] = np.add.reduceat(weights * np.log(chances), groups)
    scores *= _TEMPER
    return scores


def make_bins(
    frequencies: Floats,
    genotypes: Integers,
    weights: Floats,
    sites: tuple[Integers, Integers],
    panel: tuple[Integers, Integers],
) -> Bins:
    """Bins of the sites that were read.

    Args:
        frequencies: Read sites x ancestries.
        genotypes: Alternate alleles at the read sites.
        weights: Of the read sites.
        sites: Chromosome and position of the read sites, in order.
        panel: Chromosome and position of all sites of the panel, in order.
    """
    chromosomes, positions = sites
    keys = chromosomes * BIN + positions // BIN
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    lengths = np.diff(np.append(first, len(keys)))
    centres = np.add.reduceat(positions.astype(float), first) / lengths
    scores = pair_scores(frequencies, genotypes, weights, first)
    rows = np.unique(chromosomes)
    inside = [np.flatnonzero(chromosomes[first] == row) for row in rows]
    width = max(len(found) for found in inside)
    count = frequencies.shape[1]
    stacked = np.ones((len(rows), width, count, count))
    change, sizes = np.zeros((len(rows), width)), np.zeros((len(rows), width))
    for number, (row, found) in enumerate(zip(rows, inside, strict=True)):
        used = slice(len(found))
        stacked[number, used] = np.exp(scores[found] - scores[found].max(axis=(1, 2), keepdims=True))
        change[number, 0] = 1.0
        change[number, 1 : len(found)] = -np.expm1(-_CHANGES_PER_BASE * np.diff(centres[found]))
        borders = (centres[found][1:] + centres[found][:-1]) / 2.0
        nearest = np.searchsorted(borders, panel[1][panel[0] == row])
        sizes[number, used] = np.bincount(nearest, minlength=len(found))
    return Bins(stacked, change, sizes)


def linked_shares(bins: Bins, start: Floats) -> Floats:
    """Shares of the ancestries over the whole panel, from the maximum-likelihood shares `start`."""
    count = len(start)
    shares = (1.0 - _MIXING) * start + _MIXING / count
    posterior = np.empty(0)
    for _ in range(_ROUNDS):
        posterior, draws = _forward_backward(bins, shares)
        shares = np.maximum(draws - _SPARSITY, _FLOOR)
        shares = shares / shares.sum()
    sized: Floats = np.einsum("cb,cbk->k", bins.sizes, posterior)
    sized /= sized.sum()
    return sized


def _forward_backward(bins: Bins, shares: Floats) -> tuple[Floats, Floats]:
    """Posterior ancestry of a copy in each bin (rows x bins x ancestries), and expected draws of each ancestry.

    Scores and start are symmetric in the two copies, so one copy stands for both.
    """
    rows, width, count, _ = bins.scores.shape
    # Transition of one copy into each bin: stay, or draw anew from the shares.
    moves = (1.0 - bins.change)[:, :, None, None] * np.eye(count) + bins.change[:, :, None, None] * shares
    turned = np.ascontiguousarray(np.swapaxes(moves, 2, 3))
    forward, scale = np.empty_like(bins.scores), np.empty((rows, width, 1, 1))
    state = np.full((rows, count, count), 1.0 / count**2)
    for step in range(width):
        state = (turned[:, step] @ state @ moves[:, step]) * bins.scores[:, step]
        scale[:, step] = state.sum(axis=(1, 2), keepdims=True)
        state = state / scale[:, step]
        forward[:, step] = state
    backward = np.ones_like(bins.scores)
    for step in range(width - 1, 0, -1):
        ahead = bins.scores[:, step] * backward[:, step] / scale[:, step]
        backward[:, step - 1] = moves[:, step] @ ahead @ turned[:, step]
    posterior = (forward * backward).sum(axis=3)
    # A draw into `a`: the other copy moves as it may, this copy draws anew; the start of a chromosome is a draw.
    other = np.full((rows, width, count), 1.0 / count)
    other[:, 1:] = forward[:, :-1].sum(axis=2)
    moved = (other[:, :, None, :] @ moves)[:, :, 0]
    drawn = np.einsum("rbk,rbak->rba", moved, bins.scores * backward / scale) * shares * bins.change[:, :, None]
    return posterior, 2.0 * drawn.sum(axis=(0, 1))
