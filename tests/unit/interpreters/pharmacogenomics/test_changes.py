"""What differs between two interpretations of one sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.reports import content, gene, row

from interpreters.findings import Interpretation, NotTested, PharmacogenomicFinding
from interpreters.pharmacogenomics.changes import Change, ChangeKind, changes

ROW = row("mercaptopurine", ("NUDT15",), "reduce_dose", "0123456789ab")
FOUND = gene("NUDT15", "*1/*2", "Intermediate Metabolizer", ROW)


def _said(*findings: PharmacogenomicFinding) -> Interpretation:
    return content("pharmacogenomics", findings).interpretation


def _between(before: PharmacogenomicFinding, after: PharmacogenomicFinding) -> list[tuple[ChangeKind, str, str]]:
    return [(change.kind, change.before, change.after) for change in changes(_said(before), _said(after))]


def test_a_sample_that_says_the_same_has_no_change() -> None:
    assert changes(_said(FOUND), _said(FOUND)) == ()


def test_a_new_name_is_a_change_of_the_diplotype_alone() -> None:
    renamed = replace(FOUND, diplotypes=("*1/*3",), consistent=("*1/*3",))
    assert _between(FOUND, renamed) == [(ChangeKind.DIPLOTYPE, "*1/*2", "*1/*3")]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"diplotypes": ("*1/*2", "*3/*6")}, "*1/*2 or *3/*6"),
        ({"diplotypes": (), "haplotypes": ("c.1A>G", "Reference")}, "c.1A>G, Reference"),
        ({"diplotypes": ()}, "no call"),
    ],
)
def test_calls_are_told_in_words(change: dict[str, Any], after: str) -> None:
    assert _between(FOUND, replace(FOUND, **change)) == [(ChangeKind.DIPLOTYPE, "*1/*2", after)]


def test_phenotype_and_activity_score_are_one_kind() -> None:
    several = replace(FOUND, phenotypes=("Poor Metabolizer", "Indeterminate"), activity_score="0.5")
    none = replace(FOUND, phenotypes=())
    assert _between(several, none) == [
        (ChangeKind.PHENOTYPE, "Poor Metabolizer or Indeterminate, activity score 0.5", "none")
    ]
    assert _between(FOUND, replace(FOUND, activity_score="1.0"))[0][0] is ChangeKind.PHENOTYPE


def test_what_a_report_may_say_is_told_apart_from_the_phenotype() -> None:
    assert _between(FOUND, replace(FOUND, requires_review=True, reported_phenotype=None)) == [
        (ChangeKind.REPORTED_PHENOTYPE, "Intermediate Metabolizer", "held for review")
    ]
    assert _between(FOUND, replace(FOUND, reported_phenotype=None)) == [
        (ChangeKind.REPORTED_PHENOTYPE, "Intermediate Metabolizer", "none")
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"drug": "azathioprine"},
        {"population": "adults"},
        {"actions": ("avoid",)},
        {"strength": "Optional"},
        {"statement": "Another restatement."},
        {"text_sha": "ba9876543210"},
        {"needs_review": True},
        {"source": "DPWG"},
    ],
)
def test_whatever_is_seen_of_a_guideline_row_counts(change: dict[str, Any]) -> None:
    changed = replace(ROW, **change)
    for name in ("recommendations", "second_opinions"):
        before, after = replace(FOUND, **{name: (ROW,)}), replace(FOUND, **{name: (changed,)})
        assert [kind for kind, _, _ in _between(before, after)] == [ChangeKind.RECOMMENDATIONS]


def test_rows_are_told_in_words() -> None:
    other = replace(ROW, actions=("avoid", "alternative"), statement="Avoid.", needs_review=True)
    assert _between(FOUND, replace(FOUND, recommendations=(other,))) == [
        (
            ChangeKind.RECOMMENDATIONS,
            "mercaptopurine (CPIC, general, reduce_dose, Strong): A restatement for professionals.",
            "mercaptopurine (CPIC, general, avoid, alternative, Strong, to be reviewed): Avoid.",
        )
    ]
    assert _between(FOUND, replace(FOUND, recommendations=()))[0][2] == "none"


@pytest.mark.parametrize(
    "change", [{"url": "https://example.org"}, {"as_of": "2026-02"}, {"rxnorm": "1"}, {"atc": "L01"}, {"reviewed": "x"}]
)
def test_what_changes_with_every_release_is_no_result(change: dict[str, Any]) -> None:
    assert _between(FOUND, replace(FOUND, recommendations=(replace(ROW, **change),), positions_read=1)) == []


def test_a_gene_with_a_finding_on_one_side_alone_is_told_as_such() -> None:
    unread = replace(_said(), not_tested=(NotTested("pharmacogenomics", "NUDT15", "no_position_read"),))
    assert changes(unread, _said(FOUND)) == (Change("NUDT15", ChangeKind.TESTED, "not tested", "tested"),)
    assert changes(_said(FOUND), unread) == (Change("NUDT15", ChangeKind.TESTED, "tested", "not tested"),)
    assert changes(unread, _said()) == ()


def test_changes_come_by_gene_and_kind() -> None:
    first = gene("CYP2C19", "*1/*2", "Intermediate Metabolizer")
    before = _said(FOUND, first)
    after = _said(
        replace(first, diplotypes=("*1/*3",), phenotypes=("Poor Metabolizer",)), replace(FOUND, diplotypes=())
    )
    assert [(change.gene, change.kind) for change in changes(before, after)] == [
        ("CYP2C19", ChangeKind.DIPLOTYPE),
        ("CYP2C19", ChangeKind.PHENOTYPE),
        ("NUDT15", ChangeKind.DIPLOTYPE),
    ]
