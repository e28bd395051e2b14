"""The likelihoods, against slow and plain versions of themselves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpreters.ancestry import linked, model, sparse
from interpreters.ancestry.panel import Floats, Integers

MANY = settings(max_examples=30, deadline=None)


def people(seed: int, sites: int = 400, components: int = 4) -> tuple[Floats, Floats, Floats, Floats]:
    """Frequencies, genotypes of a mixed person, weights and the person's true shares."""
    random = np.random.default_rng(seed)
    frequencies = np.clip(random.beta(0.8, 0.8, (sites, components)), 0.01, 0.99)
    shares = random.dirichlet(np.full(components, 0.7))
    genotypes = random.binomial(2, frequencies @ shares).astype(float)
    return frequencies, genotypes, random.uniform(0.3, 1.0, sites), shares


def test_site_weights_are_those_of_the_plain_sum() -> None:
    random = np.random.default_rng(1)
    chromosomes = np.sort(random.integers(1, 4, 200))
    positions = np.concatenate([np.sort(random.integers(1, 2_000_000, (chromosomes == c).sum())) for c in (1, 2, 3)])
    plain = []
    for one in range(200):
        near = [
            abs(int(positions[one] - positions[two]))
            for two in range(200)
            if two != one and chromosomes[one] == chromosomes[two]
        ]
        plain.append(1 / (1 + 0.3 * sum(np.exp(-d / 10_000) for d in near if d <= 100_000)))
    assert model.site_weights(chromosomes, positions) == pytest.approx(plain)
    assert model.site_weights(np.ones(3, dtype=int), np.array([1, 2, 3])).shape == (3,)


@MANY
@given(st.integers(0, 10_000))
def test_no_neighbour_is_likelier_than_the_maximum(seed: int) -> None:
    frequencies, genotypes, weights, _ = people(seed)
    shares, best = model.maximum_likelihood(frequencies, genotypes, weights)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    assert best == pytest.approx(model.log_likelihood(frequencies, genotypes, weights, shares))
    random = np.random.default_rng(seed)
    for _ in range(20):
        other = 0.9 * shares + 0.1 * random.dirichlet(np.full(4, 0.5))
        assert model.log_likelihood(frequencies, genotypes, weights, other) <= best + 1e-3


def test_the_maximum_does_not_depend_on_the_start() -> None:
    frequencies, genotypes, weights, _ = people(3)
    shares, best = model.maximum_likelihood(frequencies, genotypes, weights)
    for start in (np.full(4, 0.25), np.array([0.97, 0.01, 0.01, 0.01]), np.array([0.0, 0.0, 0.0, 1.0])):
        again, reached = model.maximum_likelihood(frequencies, genotypes, weights, start)
        assert reached == pytest.approx(best, abs=1e-3)
        assert again == pytest.approx(shares, abs=3e-3)


def test_a_step_too_long_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    frequencies, genotypes, weights, _ = people(3)
    _, best = model.maximum_likelihood(frequencies, genotypes, weights)
    curvature = model.curvature
    monkeypatch.setattr(model, "curvature", lambda *arguments: curvature(*arguments) / 10)
    _, reached = model.maximum_likelihood(frequencies, genotypes, weights)
    assert reached == pytest.approx(best, abs=0.01)


def test_searches_end(monkeypatch: pytest.MonkeyPatch) -> None:
    frequencies, genotypes, weights, _ = people(3)
    monkeypatch.setattr(model, "_ROUNDS", 1)
    assert model.maximum_likelihood(frequencies, genotypes, weights)[0].sum() == pytest.approx(1)
    monkeypatch.setattr(model, "_SEARCH_ROUNDS", 0)
    assert model.maximum_likelihood(frequencies, genotypes, weights)[0].sum() == pytest.approx(1)


def test_spread_is_that_of_repeated_draws() -> None:
    frequencies, _, _, _ = people(5, sites=800, components=3)
    shares = np.array([0.5, 0.3, 0.2])
    weights = np.ones(800)
    random = np.random.default_rng(1)
    fits = [
        model.maximum_likelihood(frequencies, random.binomial(2, frequencies @ shares).astype(float), weights)[0]
        for _ in range(200)
    ]
    expected = np.var(np.array(fits), axis=0)
    assert model.spread(frequencies, weights, shares, np.eye(3)) == pytest.approx(expected, rel=0.4)
    summed = model.spread(frequencies, weights, shares, np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert summed[0] == pytest.approx(summed[1])


def test_misfit_is_the_excess_of_homozygous_sites() -> None:
    random = np.random.default_rng(7)
    expected = random.uniform(0.05, 0.95, 20_000)
    blocks, weights = np.repeat(np.arange(200), 100), random.uniform(0.3, 1.0, 20_000)

    def misfit(frequencies: Floats, related: float = 0.0) -> float:
        first = random.random(20_000) < frequencies
        second = np.where(random.random(20_000) < related, first, random.random(20_000) < frequencies)
        return model.misfit(expected, first + second.astype(float), weights, blocks)

    assert -0.05 < misfit(expected) < 0.01
    # Another group, whose frequencies drifted by F_ST 0.1.
    drift = random.beta(9 * expected, 9 * (1 - expected))
    assert 0.06 < misfit(drift) < 0.11
    assert 0.06 < misfit(expected, related=0.1) < 0.11


def test_fewer_sites_leave_more_to_chance() -> None:
    random = np.random.default_rng(1)
    expected = random.uniform(0.05, 0.95, 20_000)
    genotypes = random.binomial(2, random.beta(9 * expected, 9 * (1 - expected))).astype(float)
    whole = model.misfit(expected, genotypes, np.ones(20_000), np.repeat(np.arange(200), 100))
    thin = model.misfit(expected[::20], genotypes[::20], np.ones(1000), np.repeat(np.arange(200), 5))
    assert thin < whole - 0.01


def test_reference_ratio_of_a_person_as_modelled() -> None:
    frequencies, genotypes, _, shares = people(7, sites=5000)
    assert model.reference_ratio(frequencies, genotypes, shares) == pytest.approx(1, abs=0.05)
    differences = genotypes > 0
    assert model.reference_ratio(frequencies[differences], genotypes[differences], shares) == 0


@MANY
@given(st.integers(0, 10_000))
def test_the_sparse_choice_is_the_best_of_all_sets(seed: int) -> None:
    """Six components leave 63 sets: all are tried; the search may miss the best by little, and seldom at all."""
    random = np.random.default_rng(seed)
    base = np.clip(random.beta(0.8, 0.8, (600, 3)), 0.02, 0.98)
    frequencies = np.clip(np.repeat(base, 2, axis=1) + random.normal(0, 0.05, (600, 6)), 0.01, 0.99)
    regions = np.array([0, 0, 1, 1, 2, 2])
    genotypes = random.binomial(2, frequencies @ random.dirichlet(np.full(6, 0.3))).astype(float)
    weights = np.ones(600)

    def worth(columns: tuple[int, ...]) -> float:
        _, reached = model.maximum_likelihood(frequencies[:, columns], genotypes, weights)
        first = len(set(regions[list(columns)]))
        return reached - 5 * first - (len(columns) - first)

    found = sparse.sparse_fit(frequencies, genotypes, weights, regions).best
    best = max(worth(s) for n in range(1, 7) for s in itertools.combinations(range(6), n))
    assert worth(tuple(np.flatnonzero(found))) >= best - 1.0
    assert found.sum() == pytest.approx(1)


def lookalikes(seed: int) -> tuple[Floats, Floats, Integers]:
    """Nine components of three regions, the third a blend of the others: taking out alone goes astray."""
    random = np.random.default_rng(seed)
    base = np.clip(random.beta(0.8, 0.8, (300, 3)), 0.02, 0.98)
    base[:, 2] = (base[:, 0] + base[:, 1]) / 2
    frequencies = np.clip(np.repeat(base, 3, axis=1) + random.normal(0, 0.12, (300, 9)), 0.01, 0.99)
    genotypes = random.binomial(2, frequencies @ random.dirichlet(np.full(9, 0.3))).astype(float)
    return frequencies, genotypes, np.repeat([0, 1, 2], 3)


def test_exchanges_mend_what_taking_out_got_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    frequencies, genotypes, regions = lookalikes(2)
    found = sparse.sparse_fit(frequencies, genotypes, np.ones(300), regions).best
    monkeypatch.setattr(sparse, "_neighbours", lambda *_: ())
    astray = sparse.sparse_fit(frequencies, genotypes, np.ones(300), regions).best
    assert np.flatnonzero(found).tolist() != np.flatnonzero(astray).tolist()
    person = sparse._Person(frequencies, genotypes, np.ones(300), regions)
    assert person.choose(np.flatnonzero(found), None).worth > person.choose(np.flatnonzero(astray), None).worth


def test_two_components_leave_little_to_exchange() -> None:
    frequencies, _, weights, _ = people(4, components=2)
    genotypes = np.random.default_rng(2).binomial(2, frequencies.mean(axis=1)).astype(float)
    found = sparse.sparse_fit(frequencies, genotypes, weights, np.arange(2)).best
    assert found == pytest.approx([0.5, 0.5], abs=0.15)


def test_sparse_shares_of_a_person_from_one_component() -> None:
    frequencies, _, weights, _ = people(11, sites=4000)
    genotypes = np.random.default_rng(2).binomial(2, frequencies[:, 1]).astype(float)
    fit = sparse.sparse_fit(frequencies, genotypes, weights, np.arange(4))
    assert fit.best.tolist() == [0.0, 1.0, 0.0, 0.0]
    mean, between = fit.averaged(np.eye(4))
    assert mean == pytest.approx(fit.best, abs=0.01)
    assert between == pytest.approx(0, abs=1e-3)


@MANY
@given(st.integers(0, 10_000))
def test_neighbours_that_few_sites_cannot_tell_apart_share_what_one_of_them_would_get(seed: int) -> None:
    """Two regions whose frequencies hardly differ: neither is given all, and the variance says so."""
    random = np.random.default_rng(seed)
    base = np.clip(random.beta(0.8, 0.8, (400, 2)), 0.05, 0.95)
    alike = np.clip(base[:, :1] + random.normal(0, 0.005, (400, 2)), 0.01, 0.99)
    frequencies = np.hstack([alike, base[:, 1:]])
    genotypes = random.binomial(2, frequencies[:, [0, 2]].mean(axis=1)).astype(float)
    fit = sparse.sparse_fit(frequencies, genotypes, np.ones(400), np.arange(3))
    mean, between = fit.averaged(np.eye(3))
    assert fit.chances.sum() == pytest.approx(1)
    assert mean.sum() == pytest.approx(1)
    assert mean[:2].min() > 0.02
    assert between[:2].min() > 0.03**2
    assert between[2] < 0.05**2


def bins_of(seed: int) -> tuple[linked.Bins, Floats]:
    """Two short chromosomes, the second shorter than the first, three ancestries."""
    random = np.random.default_rng(seed)
    chromosomes = np.repeat([1, 2], [40, 20])
    positions = np.concatenate([np.sort(random.integers(1, 4_000_000, 40)), np.sort(random.integers(1, 2_000_000, 20))])
    frequencies = np.clip(random.beta(0.8, 0.8, (60, 3)), 0.05, 0.95)
    genotypes = random.binomial(2, frequencies[:, 0]).astype(np.int64)
    read: Integers = np.flatnonzero(random.random(60) < 0.8)
    bins = linked.make_bins(
        frequencies[read],
        genotypes[read],
        np.ones(len(read)),
        (chromosomes[read], positions[read]),
        (chromosomes, positions),
    )
    return bins, np.array([0.5, 0.3, 0.2])


def plain_forward_backward(bins: linked.Bins, shares: Floats) -> tuple[Floats, Floats]:
    """Posterior and draws by summing over every path of both copies, one chromosome at a time."""
    rows, width, count, _ = bins.scores.shape
    posterior, draws = np.zeros((rows, width, count)), np.zeros(count)
    pairs = list(itertools.product(range(count), repeat=2))
    for row in range(rows):
        length = int((bins.sizes[row] > 0).sum())
        total, state, drawn = 0.0, np.zeros((width, count)), np.zeros(count)
        # Whether a copy was drawn anew is part of the path: (ancestry, drawn anew) for each copy and bin.
        for path in itertools.product(pairs, repeat=length):
            for fresh in itertools.product([(a, b) for a in (0, 1) for b in (0, 1)], repeat=length):
                chance = 1.0
                for step in range(length):
                    r = bins.change[row, step]
                    for copy in (0, 1):
                        here = path[step][copy]
                        before = path[step - 1][copy] if step else None
                        chance *= r * shares[here] if fresh[step][copy] else (1 - r) * (here == before)
                    chance *= bins.scores[row, step][path[step]]
                    if chance == 0:
                        break
                if chance == 0:
                    continue
                total += chance
                for step in range(length):
                    state[step, path[step][0]] += chance
                    drawn[path[step][0]] += chance * fresh[step][0]
        posterior[row] = state / total
        draws += 2 * drawn / total
    return posterior, draws


def test_forward_backward_is_the_sum_over_all_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "BIN", 2_000_000)
    bins, shares = bins_of(1)
    assert bins.scores.shape[:2] == (2, 2)
    posterior, draws = linked._forward_backward(bins, shares)
    plain, plain_draws = plain_forward_backward(bins, shares)
    used = bins.sizes > 0
    assert posterior[used] == pytest.approx(plain[used])
    assert draws == pytest.approx(plain_draws)


def test_bins_count_every_site_of_the_panel_once() -> None:
    bins, _ = bins_of(2)
    assert bins.sizes.sum() == 60
    assert bins.scores.max(axis=(2, 3)) == pytest.approx(np.ones(bins.sizes.shape))
    assert bins.change[:, 0].tolist() == [1.0, 1.0]


def test_linked_shares_find_the_ancestry() -> None:
    bins, shares = bins_of(3)
    found = linked.linked_shares(bins, shares)
    assert found.sum() == pytest.approx(1)
    assert found.argmax() == 0
