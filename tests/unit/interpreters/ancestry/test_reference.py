"""Counting a cohort by reference group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreters.ancestry.reading import UNREAD
from interpreters.ancestry.reference import (
    FEWEST_PEOPLE,
    MOST_ALLELES,
    CohortCounter,
    CohortCounts,
    CohortRecord,
    Division,
    Group,
    Label,
    Outcome,
    Rules,
    Site,
    divide,
    panel_alleles,
    parse_labels,
    parse_sites,
    scaled,
)
from interpreters.findings import Region
from interpreters.genotypes import Build
from interpreters.knowledge import KnowledgeError

NORTH = Label("north", Region.EUROPE)
ISLES = Label("isles", Region.OCEANIA)
SITE = Site("1", 100, 90, "A", "G")
TURNED = Site("2", 200, 190, "A", "T")
PEOPLE = 12
COHORT = tuple(f"s{number}" for number in range(2 * PEOPLE + 3))
LABELS = {name: NORTH if number < PEOPLE else ISLES for number, name in enumerate(COHORT[: 2 * PEOPLE])}
HALF = [1] * len(COHORT)


@pytest.fixture
def division() -> Division:
    return divide(COHORT, LABELS, FEWEST_PEOPLE)


def record(site: Site = SITE, genotypes: Sequence[int] = HALF, **other: object) -> CohortRecord:
    made = CohortRecord(site.chrom, site.pos38, site.ref, (site.alt,), passed=True, genotypes=genotypes)
    return made._replace(**other)  # type: ignore[arg-type]


def count(division: Division, *records: CohortRecord, rules: Rules | None = None) -> CohortCounts:
    counter = CohortCounter((TURNED, SITE), Build.GRCH38, division, rules or Rules())
    for each in records:
        counter.add(each)
    return counter.result()


def outcome(division: Division, *records: CohortRecord, rules: Rules | None = None) -> Outcome:
    """What becomes of the one site that the records are about."""
    counts = count(division, *records, rules=rules)
    assert sum(counts.outcomes.values()) == 2
    found = [kind for kind, number in counts.outcomes.items() if number]
    (kind,) = set(found) - {Outcome.NO_RECORD}
    assert (kind is Outcome.KEPT) == bool(counts.sites)
    return kind


def test_a_cohort_is_divided_by_region_and_name() -> None:
    few = {"s24": Label("valley", Region.EUROPE), "s99": NORTH}
    division = divide(COHORT, LABELS | few, FEWEST_PEOPLE)
    assert division.groups == (Group("north", Region.EUROPE, PEOPLE), Group("isles", Region.OCEANIA, PEOPLE))
    assert division.members.tolist() == [0] * PEOPLE + [1] * PEOPLE + [-1] * 3
    assert (division.too_few, division.without_label, division.without_genotypes) == ({"valley": 1}, 2, 1)


def test_a_cohort_without_a_group_of_enough_people_is_refused() -> None:
    with pytest.raises(ValueError, match="no group has 13 people or more in the cohort; join groups"):
        divide(COHORT, LABELS, PEOPLE + 1)


def test_counts_of_both_groups(division: Division) -> None:
    genotypes = [2, *[0] * (PEOPLE - 1), UNREAD, *[1] * (PEOPLE - 1), 2, 2, 2]
    counts = count(division, record(genotypes=genotypes), rules=Rules(minimum_call_rate=0.9))
    assert counts.sites == (SITE,)
    assert counts.alternates.tolist() == [[2, 11]]
    assert counts.alleles.tolist() == [[24, 22]]


def test_sites_come_in_the_order_of_grch38_and_palindromic_ones_are_flagged(division: Division) -> None:
    counts = count(division, record(TURNED), record())
    assert counts.sites == (SITE, TURNED)
    assert counts.palindromic == 1


def test_a_cohort_of_the_other_build_is_found_by_its_positions(division: Division) -> None:
    counter = CohortCounter((SITE,), Build.GRCH37, division, Rules())
    counter.add(record(pos=90))
    assert counter.result().sites == (SITE,)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (record(passed=False), Outcome.FAILED_FILTER),
        (record(alts=("G", "T")), Outcome.MULTIALLELIC),
        (record(alts=("GT",)), Outcome.INDEL),
        (record(alts=("*",)), Outcome.INDEL),
        (record(ref="AC"), Outcome.INDEL),
        (record(ref="N"), Outcome.INDEL),
        (record(alts=("C",)), Outcome.OTHER_ALLELES),
        (record(ref="T", alts=("C",)), Outcome.OTHER_ALLELES),
        (record(TURNED, ref="T", alts=("A",)), Outcome.OTHER_ALLELES),
        (record(genotypes=[0] * len(COHORT)), Outcome.RARE),
        (record(genotypes=[2] * len(COHORT)), Outcome.RARE),
        (record(alts=(), genotypes=[0] * len(COHORT)), Outcome.RARE),
        (record(genotypes=[UNREAD, *HALF[1:]]), Outcome.LOW_CALL_RATE),
        (record(), Outcome.KEPT),
    ],
)
def test_why_a_site_is_left_out(division: Division, made: CohortRecord, expected: Outcome) -> None:
    assert outcome(division, made) is expected


def test_a_position_that_comes_twice_is_left_out_whatever_comes(division: Division) -> None:
    assert outcome(division, record(), record(alts=("AT",))) is Outcome.DUPLICATE
    assert outcome(division, record(passed=False), record(), record()) is Outcome.DUPLICATE


def test_swapped_alleles_count_the_listed_alternate(division: Division) -> None:
    genotypes = [2] * PEOPLE + [1] * PEOPLE + [0] * 3
    counts = count(division, record(ref="G", alts=("A",), genotypes=genotypes))
    assert counts.alternates.tolist() == [[0, PEOPLE]]
    everyone_as_the_record = count(division, record(ref="G", alts=(), genotypes=[0] * len(COHORT)))
    assert everyone_as_the_record.outcomes[Outcome.RARE] == 1


def test_a_site_that_varies_only_in_groups_beside_the_cohort_is_not_rare(division: Division) -> None:
    beside = np.array([[50, 100]])
    counter = CohortCounter((SITE,), Build.GRCH38, division, Rules(), beside)
    counter.add(record(genotypes=[0] * len(COHORT)))
    assert counter.result().alternates.tolist() == [[0, 0]]


@given(
    st.lists(st.sampled_from([UNREAD, 0, 1, 2]), min_size=len(COHORT), max_size=len(COHORT)),
    st.booleans(),
)
def test_counts_are_those_of_a_plain_recount(genotypes: list[int], swapped: bool) -> None:
    division = divide(COHORT, LABELS, FEWEST_PEOPLE)
    made = record(genotypes=genotypes, ref="G", alts=("A",)) if swapped else record(genotypes=genotypes)
    counts = count(division, made, rules=Rules(minimum_call_rate=0.01))
    expected = []
    for label in (NORTH, ISLES):
        read = [g for name, g in zip(COHORT, genotypes, strict=True) if LABELS.get(name) == label and g != UNREAD]
        expected.append((sum(2 - g if swapped else g for g in read), 2 * len(read)))
    total = sum(alternates / max(1, alleles) * 2 * PEOPLE for alternates, alleles in expected) / (4 * PEOPLE)
    kept = min(alleles for _, alleles in expected) >= 2 * FEWEST_PEOPLE and 0.005 <= total <= 0.995
    assert bool(counts.sites) == kept
    if kept:
        assert list(zip(*counts.alternates.tolist(), *counts.alleles.tolist(), strict=True)) == expected


def of_few_people(counts: CohortCounts) -> bool:
    return bool((counts.alleles < 2 * FEWEST_PEOPLE).any())


def test_counts_of_few_people_are_never_given(division: Division, monkeypatch: pytest.MonkeyPatch) -> None:
    few_read = record(genotypes=[1] * 9 + [UNREAD] * (PEOPLE - 9) + HALF[PEOPLE:])
    lax = Rules(minimum_call_rate=0.1)
    assert outcome(division, few_read, rules=lax) is Outcome.LOW_CALL_RATE
    with pytest.raises(ValueError, match="counts of few people identify them"):
        Rules(minimum_people=FEWEST_PEOPLE - 1)
    # Were the rule broken, this test would see it.
    monkeypatch.setattr("interpreters.ancestry.reference.FEWEST_PEOPLE", 1)
    broken = Rules(minimum_call_rate=0.1, minimum_people=1)
    assert of_few_people(count(division, few_read, rules=broken))
    assert divide(("s0",), LABELS, broken.minimum_people).groups


@pytest.mark.parametrize(
    "numbers", [{"minimum_frequency": 0.004}, {"minimum_frequency": 0.5}, {"minimum_call_rate": 0.0}]
)
def test_rules_without_sense_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="minimum"):
        Rules(**numbers)  # type: ignore[arg-type]


def test_large_groups_and_missing_calls_are_scaled_to_what_a_panel_holds() -> None:
    people = np.array([40_000, 20])
    assert panel_alleles(people).tolist() == [MOST_ALLELES, 40]
    assert scaled(np.array([20_000, 19]), np.array([80_000, 38]), people).tolist() == [15_000, 20]


def test_labels() -> None:
    lines = ["## who\n", "#sample\tnote\tgroup\tregion\r\n", "\n", "a\t.\tnorth\tEurope\r\n", "b\t\tisles\tOceania\n"]
    assert parse_labels(lines, "l.tsv") == {"a": NORTH, "b": ISLES}


HEADER = "sample\tgroup\tregion"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "line 1: the table is empty; give the columns sample, group, region"),
        (["sample\tgroup"], "line 1: a column is missing; begin with the columns sample, group, region"),
        ([HEADER, "secret\tnorth"], "line 2: the line has not 3 columns; separate columns by tabs"),
        ([HEADER, "secret\tno name\tEurope"], "line 2: the group has no name; use letters"),
        ([HEADER, "secret\tnorth\tAtlantis"], f"line 2: no such region; use one of: {'; '.join(Region)}"),
        ([HEADER, "a\tnorth\tEurope", "secret\tnorth\tOceania"], "line 3: this group was in another region"),
        ([HEADER, "secret\tnorth\tEurope", "secret\tnorth\tEurope"], "line 3: this sample is empty or was labelled"),
        ([HEADER, "\tnorth\tEurope"], "line 2: this sample is empty or was labelled"),
    ],
)
def test_bad_labels_are_refused_without_naming_a_sample(lines: list[str], told: str) -> None:
    with pytest.raises(KnowledgeError) as refused:
        parse_labels(lines, "l.tsv")
    assert str(refused.value).startswith(f"l.tsv: {told}")
    assert "secret" not in str(refused.value)


SITES = "chrom\tpos38\tpos37\tref\talt"


def test_sites() -> None:
    assert parse_sites([SITES, "chr1\t100\t90\tA\tG", "2\t200\t190\tA\tT"], "s.tsv") == (SITE, TURNED)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("X\t1\t1\tA\tG", "the chromosome is none of 1 to 22"),
        ("1\t0\t1\tA\tG", "a position is no whole number from 1"),
        ("1\t1\t.\tA\tG", "a position is no whole number from 1"),
        ("1\t1\t1\tA\tA", "the alleles are not two"),
        ("1\t1\t1\tA\tAT", "the alleles are not two"),
        ("1\t7\t9\tA\tG", "this position was listed before"),
        ("1\t9\t8\tA\tG", "this position was listed before"),
    ],
)
def test_bad_sites_are_refused(line: str, told: str) -> None:
    with pytest.raises(KnowledgeError, match=rf"s\.tsv: line 3: {told}"):
        parse_sites([SITES, "1\t7\t8\tA\tG", line], "s.tsv")
