"""Two releases compared: every kind of difference is told once, and equal releases have none."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.pharmacogenomic_tables import write_tables

from interpreters.comparison import WHOLE
from interpreters.knowledge import KnowledgeRelease, choose_release
from interpreters.pharmacogenomics.build import DATA, NO_CHANGES, Approval, build
from interpreters.pharmacogenomics.compare import _facts, compare

GENE = "gene chrom lookup undocumented_as_reference lowest_function_gene called_from definition_version all_of_us"
POSITION = "gene kind pos ref alts rsid required amp_tier1 pos37 ref37"
ALLELE = "gene allele definition function activity source reported_as"
RULE = "gene by a b phenotype activity_score"
ADVICE = "drug lookup population strength actions restatement url as_of text_sha needs_review"
TEA = 'tea {"ABC1":"Slower"} general Strong avoid,monitor None. https://example.org 2030-01 abc 1'
MILK = 'milk {"ABC1":{"*2":2.0}} general Strong  None. https://example.org 2030-01 abc 0'
ONE, TWO, NINE = "ABC1 *1  Normal  sequence *1", "ABC1 *2 100:G None  sequence *2", "ABC1 *9 100:G None 0.0 outside *9"


@pytest.fixture
def before(tmp_path: Path) -> KnowledgeRelease:
    return build(write_tables(tmp_path / "source"), "before", tmp_path)


def test_equal_releases_do_not_differ(before: KnowledgeRelease, tmp_path: Path) -> None:
    assert compare(before, build(write_tables(tmp_path / "same"), "after", tmp_path)).facts == ()


@pytest.mark.parametrize(
    ("table", "lines", "expected"),
    [
        (
            "genes",
            (GENE, "ABC1 chr2 phenotype 0 0 sequence 2030-01-01 1", "HLA  lookup 0 0 outside  0"),
            ("ABC1", "gene", "ABC1", "chromosome", "1", "2"),
        ),
        (
            "positions",
            (POSITION, "ABC1 defining 100 A G rs1 0 0 90 A"),
            ("ABC1", "position", "100", "AMP tier 1", "True", "False"),
        ),
        (
            "positions",
            (POSITION, "ABC1 defining 100 A G rs1 0 1 90 A", "ABC1 defining 300 A G rs3 0 0 290 "),
            (
                *("ABC1", "position", "300", WHOLE, None),
                "reference A; alternates G; rsID rs3; required False; AMP tier 1 False; GRCh37 position 290",
            ),
        ),
        (
            "alleles",
            (ALLELE, ONE, TWO, "ABC1 *3 100:G Lower  sequence *3", NINE),
            ("ABC1", "allele", "*3", WHOLE, None, "definition 100:G; function Lower; reported as *3"),
        ),
        (
            "alleles",
            (ALLELE, ONE, NINE),
            ("ABC1", "allele", "*2", WHOLE, "definition 100:G; function None; reported as *2", None),
        ),
        (
            "alleles",
            (ALLELE, ONE, TWO.replace("100:G", "100:R"), NINE),
            ("ABC1", "allele", "*2", "definition", "100:G", "100:R"),
        ),
        (
            "alleles",
            (ALLELE, ONE, TWO, NINE.replace("None", "Lower")),
            ("ABC1", "outside allele", "*9", "function", "None", "Lower"),
        ),
        (
            "phenotype_rules",
            (RULE, "ABC1 function None Normal Slow "),
            ("ABC1", "phenotype rule", "None and Normal", "phenotype", "Slower", "Slow"),
        ),
        (
            "unphased_priorities",
            ("gene pick candidates", "ABC1 *2/*2 *2/*1|*2/*2"),
            ("ABC1", "tie-break", "*1/*2 or *2/*2", "pick", "*1/*2", "*2/*2"),
        ),
        (
            "recommendations_cpic",
            (ADVICE, TEA.replace("abc", "def"), MILK),
            ("ABC1", "CPIC recommendation on tea", "ABC1 Slower (general)", "text_sha", "abc", "def"),
        ),
        (
            "recommendations_dpwg",
            (ADVICE, TEA.replace("avoid,monitor", "avoid"), MILK),
            ("ABC1", "DPWG recommendation on tea", "ABC1 Slower (general)", "actions", "avoid,monitor", "avoid"),
        ),
        (
            "recommendations_dpwg",
            (ADVICE, TEA, MILK.replace("Strong", "N/A").replace("general", "")),
            ("ABC1", "DPWG recommendation on milk", "ABC1 *2/*2", WHOLE, None, "strength N/A; restatement None.; url"),
        ),
    ],
)
def test_a_difference_is_told(
    before: KnowledgeRelease,
    tmp_path: Path,
    table: str,
    lines: tuple[str, ...],
    expected: tuple[str, str, str, str, str | None, str | None],
) -> None:
    after = build(write_tables(tmp_path / "changed", **{table: lines}), "after", tmp_path)
    found = [(*change.subject, change.field, change.before, change.after) for change in compare(before, after).facts]
    (told,) = [change for change in found if change[:4] == expected[:4]]
    assert told[4] == expected[4]
    assert (told[5] or "").startswith(expected[5] or "")
    assert (told[5] is None) == (expected[5] is None)
    added_and_removed = {(gene, kind) for gene, kind, *_ in found}
    assert len(added_and_removed) == 1, found


def test_what_belongs_to_no_gene_is_told(before: KnowledgeRelease, tmp_path: Path) -> None:
    changes = NO_CHANGES._replace(data_version="2030-02", not_called={"HLA": ["The allele *3."]})
    after = build(tmp_path / "source", "after", tmp_path, changes, Approval("Dr X", "2030-02-03"))
    assert [
        (*change.subject, change.field, change.before, change.after) for change in compare(before, after).facts
    ] == [
        ("", "data", "version", "value", "2030-01-01", "2030-02"),
        ("", "review", "statements", "approved by", "nobody", "Dr X, 2030-02-03"),
        ("HLA", "not called", "The allele *3.", WHOLE, None, ""),
    ]


def test_names_are_in_the_order_of_the_field(before: KnowledgeRelease, tmp_path: Path) -> None:
    lines = (ALLELE, ONE, *(TWO.replace("*2", f"*{number}") for number in (2, 10, 4)), NINE)
    after = build(write_tables(tmp_path / "changed", alleles=lines), "after", tmp_path)
    assert [change.subject.name for change in compare(before, after).facts] == ["*4", "*10"]


@pytest.mark.parametrize("name", ["2025-11-05", "2026-02-05"])
def test_no_two_facts_of_a_release_share_a_subject(name: str) -> None:
    subjects = [subject for subject, _ in _facts(choose_release("pharmacogenomics", name, DATA))]
    assert len(subjects) == len(set(subjects))
