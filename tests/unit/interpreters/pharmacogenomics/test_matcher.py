"""Properties of named-allele matching for any two alleles, however phased and however much is missing."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpreters.findings import PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.pharmacogenomics import load
from interpreters.pharmacogenomics.calling import call_gene, haplotype_b3
from interpreters.pharmacogenomics.lowest_function import LowestFunctionCall, LowestFunctionCaller
from interpreters.pharmacogenomics.matcher import Match, Pair, Pattern, pattern_of
from interpreters.pharmacogenomics.sites import Site, SiteReading
from interpreters.pharmacogenomics.tables import IUPAC, Gene, diplotype_name

EVERYTHING = load(options={"genes": "all"})
GENES = [gene for gene in EVERYTHING.tables.genes.values() if gene.from_sequence]
PAIRED = [gene for gene in GENES if not gene.lowest_function]
LOWEST = [gene for gene in GENES if gene.lowest_function]


def strand_of(draw: st.DrawFn, gene: Gene, allele: int) -> list[str]:
    """Bases of one strand that carries an allele; for an ambiguity code any base it stands for."""
    bases = gene.alleles[allele].bases
    codes = [bases.get(index, position.ref) for index, position in enumerate(gene.positions)]
    return [draw(st.sampled_from(IUPAC[code])) if code in IUPAC else code for code in codes]


def readings_of(draw: st.DrawFn, one: list[str], two: list[str]) -> list[SiteReading]:
    """How a file may report two strands: phased, unphased or in sets, with positions missing."""
    style = draw(st.sampled_from(["phased", "unphased", "sets", "mixed"]))
    share = draw(st.sampled_from([0.0, 0.1, 0.7]))
    random = draw(st.randoms(use_true_random=False))
    turned = {name: random.random() < 0.5 for name in ("a", "b")}
    readings = []
    for first, second in zip(one, two, strict=True):
        if random.random() < share:
            readings.append(SiteReading())
            continue
        phased = style in {"phased", "sets"} or (style == "mixed" and random.random() < 0.5)
        phase_set = random.choice(["a", "b"]) if style == "sets" else None
        turn = turned[phase_set] if phase_set else (not phased and random.random() < 0.5)
        alleles = (second, first) if turn else (first, second)
        readings.append(SiteReading(alleles, phased, phase_set))
    return readings


@st.composite
def samples(draw: st.DrawFn) -> tuple[Gene, Pair, list[SiteReading]]:
    gene = draw(st.sampled_from(PAIRED))
    pair = tuple(sorted(draw(st.tuples(*[st.integers(0, len(gene.alleles) - 1)] * 2))))
    return gene, pair, readings_of(draw, *(strand_of(draw, gene, allele) for allele in pair))


@st.composite
def single_lowest_function_alleles(draw: st.DrawFn) -> tuple[Gene, Pair, list[SiteReading]]:
    gene = draw(st.sampled_from(LOWEST))
    pair = tuple(sorted(draw(st.tuples(*[st.integers(0, len(gene.alleles) - 1)] * 2))))
    return gene, pair, readings_of(draw, *(strand_of(draw, gene, allele) for allele in pair))


@given(samples())
@settings(max_examples=100, deadline=None)
def test_the_true_pair_always_fits(sample: tuple[Gene, Pair, list[SiteReading]]) -> None:
    gene, pair, readings = sample
    match = Match(gene, pattern_of(readings))
    fitting = [tuple(sorted(found)) for found in match.consistent()]
    assert pair in fitting
    assert len(fitting) == len(set(fitting))
    rules = gene.rules
    assert rules.result(tuple(rules.key(gene.alleles[a]) for a in pair)) in match.results(complete_only=False)


@given(st.one_of(samples(), single_lowest_function_alleles()))
@settings(max_examples=150, deadline=None)
def test_the_true_diplotype_is_always_among_the_consistent_ones(sample: tuple[Gene, Pair, list[SiteReading]]) -> None:
    gene, pair, readings = sample
    call, _ = call_gene(gene, readings, EVERYTHING.tables.policy)
    assert diplotype_name(tuple(gene.alleles[allele].reported_as for allele in pair)) in call.consistent
    assert len(call.consistent) == len(set(call.consistent))
    assert set(call.diplotypes) <= set(call.consistent)
    assert set(call.phenotypes) <= {*call.consistent_phenotypes, "No Result"}


def test_a_matcher_that_forgets_unread_alleles_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    gene = EVERYTHING.tables.genes["CYP2C19"]
    star2 = next(allele for allele in gene.alleles if allele.name == "*2")
    readings = [
        SiteReading() if index in star2.bases else SiteReading((position.ref, position.ref))
        for index, position in enumerate(gene.positions)
    ]
    assert "*2/*38" in call_gene(gene, readings, EVERYTHING.tables.policy)[0].consistent
    candidates = Match(gene, pattern_of(readings)).candidates
    monkeypatch.setattr(Match, "candidates", [candidate for candidate in candidates if candidate.is_read])
    assert "*2/*38" not in call_gene(gene, readings, EVERYTHING.tables.policy)[0].consistent


@given(samples(), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_one_more_missing_position_removes_no_pair(sample: tuple[Gene, Pair, list[SiteReading]], which: int) -> None:
    gene, _, readings = sample
    fewer = [*readings]
    fewer[which % len(readings)] = SiteReading()
    before = set(map(frozenset, Match(gene, pattern_of(readings)).consistent()))
    assert before <= set(map(frozenset, Match(gene, pattern_of(fewer)).consistent()))


@given(samples())
@settings(max_examples=100, deadline=None)
def test_pairs_are_those_that_a_search_through_all_placements_finds(
    sample: tuple[Gene, Pair, list[SiteReading]],
) -> None:
    gene, _, readings = sample
    pattern = pattern_of(readings)
    if len(pattern.blocks) > 5 or len(gene.alleles) > 60:
        return
    match = Match(gene, pattern)
    assert {frozenset(pair) for pair in match.consistent()} == placed(gene, pattern)


def placed(gene: Gene, pattern: Pattern) -> set[frozenset[int]]:
    """The reference method: every placement of the blocks, every pair of alleles."""
    found = set()
    for turns in range(1 << len(pattern.blocks)):
        one, two = dict(pattern.homozygous), dict(pattern.homozygous)
        for k, block in enumerate(pattern.blocks):
            for index, first, second in block.sites:
                one[index], two[index] = (second, first) if turns >> k & 1 else (first, second)
        fits = [
            [a for a in range(len(gene.alleles)) if all(gene.accepts[i].get(b, 0) >> a & 1 for i, b in strand.items())]
            for strand in (one, two)
        ]
        found |= {frozenset((a, b)) for a in fits[0] for b in fits[1]}
    return found


@st.composite
def lowest_function_samples(draw: st.DrawFn) -> tuple[Gene, list[list[str]], list[SiteReading]]:
    gene = draw(st.sampled_from(LOWEST))
    strands = []
    for _ in range(2):
        alleles = draw(st.sets(st.integers(1, len(gene.alleles) - 1), max_size=3))
        bases = {index: base for allele in sorted(alleles) for index, base in gene.alleles[allele].bases.items()}
        strands.append([bases.get(index, position.ref) for index, position in enumerate(gene.positions)])
    return gene, strands, readings_of(draw, *strands)


def call(gene: Gene, readings: list[SiteReading]) -> LowestFunctionCall:
    return LowestFunctionCaller(gene, pattern_of(readings), haplotype_b3(gene, EVERYTHING.tables.policy)).call()


@given(lowest_function_samples())
@settings(max_examples=40, deadline=None)
def test_the_true_result_is_among_the_possible_ones(
    sample: tuple[Gene, list[list[str]], list[SiteReading]],
) -> None:
    gene, strands, readings = sample
    truth = call(gene, [SiteReading(pair, phased=True) for pair in zip(*strands, strict=True)])
    assert len(truth.diplotypes) == 1
    assert truth.results == {truth.deciding}
    found = call(gene, readings)
    assert truth.deciding in found.unread_results
    assert found.results <= found.unread_results
    assert bool(found.diplotypes) != bool(found.haplotypes)


@given(samples())
@settings(max_examples=100, deadline=None)
def test_what_is_reported_is_true(sample: tuple[Gene, Pair, list[SiteReading]]) -> None:
    gene, pair, readings = sample
    finding = report(gene, readings)
    rules = gene.rules
    truth = rules.result(tuple(rules.key(gene.alleles[allele]) for allele in pair)).phenotype
    assert finding is None or finding.reported_phenotype in {None, truth}


@given(lowest_function_samples())
@settings(max_examples=25, deadline=None)
def test_what_is_reported_is_true_of_lowest_function_genes(
    sample: tuple[Gene, list[list[str]], list[SiteReading]],
) -> None:
    gene, strands, readings = sample
    finding = report(gene, readings)
    truth = call(gene, [SiteReading(pair, phased=True) for pair in zip(*strands, strict=True)]).deciding.phenotype
    assert finding is None or finding.reported_phenotype in {None, truth}


def report(gene: Gene, readings: list[SiteReading]) -> PharmacogenomicFinding | None:
    """The finding made of these readings, written as a file; None if nothing was read."""
    records = []
    for position, reading in zip(gene.positions, readings, strict=True):
        if reading.alleles:
            names = list(dict.fromkeys([position.ref, *position.alts, *reading.alleles]))
            numbers = tuple(names.index(allele) for allele in reading.alleles)
            end = position.pos + len(position.ref) - 1
            records.append(
                Record(
                    gene.chrom, position.pos, end, position.ref, tuple(names[1:]), numbers,
                    reading.phased, reading.phase_set, depth=30, genotype_quality=99,
                )
            )  # fmt: skip
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records)
    found = EVERYTHING._interpret_gene(gene, Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls)
    return found if isinstance(found, PharmacogenomicFinding) else None


def test_silence_taken_for_reference_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    gene = EVERYTHING.tables.genes["TPMT"]
    poor = next(index for index, allele in enumerate(gene.alleles) if allele.name == "*2")
    readings = [
        SiteReading() if index in gene.alleles[poor].bases else SiteReading((position.ref, position.ref))
        for index, position in enumerate(gene.positions)
    ]

    def check() -> None:
        finding = report(gene, readings)  # of somebody who is *2/*2, truly a poor metabolizer
        assert finding is not None
        assert finding.reported_phenotype in {None, "Poor Metabolizer"}

    check()
    monkeypatch.setattr(Site, "_assumed", lambda self, *_: SiteReading((self.reference, self.reference)))
    with pytest.raises(AssertionError):
        check()


@pytest.mark.parametrize("count", [18, 30])
def test_many_heterozygous_positions_cost_no_more_than_alleles_times_positions(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gene = EVERYTHING.tables.genes["CYP2B6"]
    defining = {index for allele in gene.alleles if len(allele.bases) == 1 for index in allele.bases}
    chosen = [*sorted(defining), *(index for index in range(len(gene.positions)) if index not in defining)][:count]
    readings = [
        SiteReading((position.ref, position.alts[0] if index in chosen else position.ref))
        for index, position in enumerate(gene.positions)
    ]
    compared = []
    fit = Match._fit
    monkeypatch.setattr(Match, "_fit", lambda self, a, b: compared.append(1) or fit(self, a, b))
    started = time.perf_counter()
    match = Match(gene, pattern_of(readings))
    best, results = match.best(), match.results(complete_only=False)
    print(f"{count} heterozygous positions: {1000 * (time.perf_counter() - started):.1f} ms, {len(compared)} fits")  # noqa: T201 - a time to look at, not to fail by
    assert best == []
    assert results == frozenset()
    assert len(compared) <= len(gene.alleles)


def test_six_unphased_heterozygous_positions_in_ryr1_end_at_once() -> None:
    gene = EVERYTHING.tables.genes["RYR1"]
    readings = [
        SiteReading((position.ref, position.alts[0] if index % 50 == 0 else position.ref))
        for index, position in enumerate(gene.positions)
    ]
    found = call(gene, readings)
    assert len(found.haplotypes) == 7
    assert found.diplotypes == ()


def test_an_ambiguity_code_counts_only_where_the_base_is_not_the_reference() -> None:
    gene = EVERYTHING.tables.genes["CYP2C19"]
    names = {allele.name: index for index, allele in enumerate(gene.alleles)}
    star4 = gene.alleles[names["*4"]]
    (code,) = star4.wobbles

    def best(edits: Mapping[int, tuple[str, str]]) -> dict[Pair, int]:
        readings = [
            SiteReading(edits.get(index, (position.ref, position.ref))) for index, position in enumerate(gene.positions)
        ]
        match = Match(gene, pattern_of(readings))
        assert set(match.matched()) == set(match.consistent())  # every position was read
        return {pair: match.matched()[pair] for pair in match.best()}

    both = {index: (base, base) for index, base in star4.bases.items() if index != code}
    ref, alt = gene.positions[code].ref, gene.positions[code].alts[0]
    assert best(both) == {(names["*4"],) * 2: 4}
    assert best({**both, code: (alt, alt)}) == {(names["*4"],) * 2: 6}
    # The pair of *4 with itself and of *4 with others fit whichever strand holds the code's bases.
    assert best({**both, code: (ref, alt)}) == {(names["*4"],) * 2: 5}


def test_a_haploid_sample_has_single_alleles() -> None:
    gene = EVERYTHING.tables.genes["G6PD"]
    readings = [SiteReading((position.ref,)) for position in gene.positions]
    match = Match(gene, pattern_of(readings))
    assert match.best() == [(0,)]
    assert list(match.consistent()) == [(0,)]
    assert {result.phenotype for result in match.results(complete_only=True)} == {"Normal"}


def test_too_many_placements_become_a_list() -> None:
    gene = EVERYTHING.tables.genes["DPYD"]
    singles = [allele for allele in gene.alleles if len(allele.bases) == 1][:12]
    edits = {index: base for allele in singles for index, base in allele.bases.items()}
    few = dict(list(edits.items())[:3])

    def found(chosen: Mapping[int, str]) -> LowestFunctionCall:
        return call(
            gene,
            [
                SiteReading((p.ref, chosen[i]), phased=True, phase_set=str(i))
                if i in chosen
                else SiteReading((p.ref,) * 2)
                for i, p in enumerate(gene.positions)
            ],
        )

    assert len(found(few).diplotypes) == 4
    many = found(edits)
    assert many.diplotypes == ()
    assert len(many.haplotypes) == 12
    assert "too_many_phase_combinations" in many.reasons
