from __future__ import annotations

from dataclasses import replace

import pytest

from interpreters.hereditary_risk.alleles import AlleleKey
from interpreters.hereditary_risk.clinvar import ClinVarRecord, ClinVarTable, format_record, stars_of

RECORD = ClinVarRecord(
    chrom="13",
    pos=32340300,
    ref="GT",
    alt="G",
    variation_id="9325",
    classification="Pathogenic/Likely_pathogenic|drug_response",
    stars=3,
    conflicting="",
    consequences=("frameshift_variant", "intron_variant"),
    origin="1",
    conditions="Some_condition",
    genes=("BRCA2",),
    frequency=0.0002,
    hgvs="NC_000013.11:g.32340301del",
    haplotype_only=False,
)


@pytest.mark.parametrize(
    ("status", "stars"),
    [
        ("practice_guideline", 4),
        ("reviewed_by_expert_panel", 3),
        ("criteria_provided,_multiple_submitters,_no_conflicts", 2),
        ("criteria_provided,_single_submitter", 1),
        ("criteria_provided,_conflicting_classifications", 1),
        ("no_assertion_criteria_provided", 0),
        ("", 0),
    ],
)
def test_stars(status: str, stars: int) -> None:
    assert stars_of(status) == stars


def test_terms_are_taken_apart() -> None:
    assert RECORD.terms == {"Pathogenic", "Likely_pathogenic", "drug_response"}
    assert RECORD.is_pathogenic
    low = replace(RECORD, classification="Pathogenic,_low_penetrance")
    assert not low.is_pathogenic


def test_conflicts_count_only_plain_pathogenic_submissions() -> None:
    disputed = replace(
        RECORD,
        classification="Conflicting_classifications_of_pathogenicity|risk_factor",
        conflicting="Likely_pathogenic(1)|Uncertain_significance(2)",
    )
    assert disputed.conflicts_with_pathogenic
    assert not disputed.is_pathogenic
    assert not replace(disputed, conflicting="Pathogenic,_low_penetrance(1)|Benign(1)").conflicts_with_pathogenic
    assert not replace(disputed, classification="Benign").conflicts_with_pathogenic


def test_the_table_finds_by_key_and_gives_back_what_was_written() -> None:
    bare = replace(RECORD, pos=32340302, ref="A", alt="C", consequences=(), frequency=None, haplotype_only=True)
    other = replace(RECORD, alt="GA", ref="GT", variation_id="1")
    table = ClinVarTable("".join(format_record(record) for record in (RECORD, other, bare)).encode())
    assert len(table) == 3
    assert list(table) == [RECORD, other, bare]
    assert table.find(AlleleKey("13", 32340301, "T", "")) == RECORD
    assert table.find(bare.key) == bare
    assert table.find(AlleleKey("13", 32340301, "T", "C")) is None
    assert table.find(AlleleKey("13", 1, "T", "C")) is None
    assert table.find(AlleleKey("not a chromosome", 32340301, "T", "")) is None


def test_an_empty_table_finds_nothing() -> None:
    assert ClinVarTable(b"").find(RECORD.key) is None
