"""The two shipped releases differ in CPIC's changes of February 2026 and in nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpreters.comparison import FactChange
from interpreters.findings import PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.knowledge import KnowledgeError, choose_release, load_release
from interpreters.pharmacogenomics import load
from interpreters.pharmacogenomics.build import DATA
from interpreters.pharmacogenomics.compare import compare
from interpreters.pharmacogenomics.recommendations import load_recommendations
from interpreters.pharmacogenomics.tables import NOT_IN_SNAPSHOT

BEFORE, AFTER = "2025-11-05", "2026-02-05"
REPEAT = {48037782: "AGGAGTCGGAGTC"}
THIOPURINES = {"azathioprine", "mercaptopurine", "thioguanine"}

UNKNOWN = {
    "NUDT15": ("*4", "*5", "*6", "*7", "*8"),
    "TPMT": (
        *("*5", "*6", "*7", "*8", "*10", "*13", "*16", "*17", "*18", "*20", "*21", "*22"),
        *("*25", "*26", "*27", "*28", "*31", "*33", "*34", "*37", "*38", "*39"),
    ),
}
"""Alleles whose function CPIC replaced on 2026-02-03, as its change log lists them; by what is not known here."""


@pytest.fixture(scope="module")
def changes() -> tuple[FactChange, ...]:
    return compare(*(choose_release("pharmacogenomics", name, DATA) for name in (BEFORE, AFTER))).facts


def nudt15(release: str, heterozygous: dict[int, str]) -> PharmacogenomicFinding:
    """NUDT15 with one copy of each given base, unphased, every other position read as reference."""
    interpreter = load(release, options={"genes": "NUDT15"})
    gene = interpreter.tables.genes["NUDT15"]
    records = []
    for position in gene.positions:
        alt = heterozygous.get(position.pos)
        end = position.pos + len(position.ref) - 1
        alts, genotype = ((alt,), (0, 1)) if alt else (position.alts, (0, 0))
        records.append(
            Record(gene.chrom, position.pos, end, position.ref, alts, genotype, depth=30, genotype_quality=99)
        )
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records)
    (finding,) = interpreter.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls).findings
    assert isinstance(finding, PharmacogenomicFinding)
    return finding


def test_the_first_release_stays_the_default() -> None:
    assert choose_release("pharmacogenomics", None, DATA).release == BEFORE


def test_nudt15_2_is_reported_as_3() -> None:
    genotype = {**REPEAT, 48045719: "T"}  # as in NA18526
    before, after = nudt15(BEFORE, genotype), nudt15(AFTER, genotype)
    assert (before.diplotypes, after.diplotypes) == (("*1/*2",), ("*1/*3",))
    assert before.phenotypes == after.phenotypes == ("Intermediate Metabolizer",)


def test_an_allele_with_an_unknown_new_function_asks_for_review() -> None:
    before, after = nudt15(BEFORE, {48045720: "A"}), nudt15(AFTER, {48045720: "A"})
    assert before.diplotypes == after.diplotypes == ("*1/*4",)
    assert before.reported_phenotype == "Indeterminate"
    assert "function_not_in_data" in after.reasons
    assert after.requires_review
    assert after.reported_phenotype is None


def test_a_known_function_is_still_reported() -> None:
    after = nudt15(AFTER, {48045719: "T"})
    assert (after.diplotypes, after.reported_phenotype) == (("*1/*3",), "Intermediate Metabolizer")


def test_alleles_differ_as_cpic_lists_them(changes: tuple[FactChange, ...]) -> None:
    alleles = [change for change in changes if change.subject.kind == "allele"]
    (renamed,) = [change for change in alleles if change.field == "reported as"]
    assert (*renamed.subject, renamed.before, renamed.after) == ("NUDT15", "allele", "*2", "*2", "*3")
    functions = [change for change in alleles if change.field == "function"]
    assert {change.after for change in functions} == {NOT_IN_SNAPSHOT}
    assert [(change.subject.gene, change.subject.name) for change in functions] == [
        (gene, name) for gene, names in UNKNOWN.items() for name in names
    ]
    assert len(alleles) == 1 + len(functions)


def test_thiopurine_advice_asks_for_review_and_no_other_advice_differs(changes: tuple[FactChange, ...]) -> None:
    advice = [change for change in changes if "recommendation" in change.subject.kind]
    assert len(advice) == 3 * 35
    assert {change.subject.kind.rpartition(" ")[2] for change in advice} == THIOPURINES
    assert {(change.field, change.before, change.after) for change in advice} == {("needs_review", "0", "1")}
    rows = load_recommendations(choose_release("pharmacogenomics", AFTER, DATA), frozenset({"TPMT"}))
    assert all(row.recommendation.needs_review for found in rows.rows.values() for row in found)


def test_nothing_else_differs(changes: tuple[FactChange, ...]) -> None:
    others = {
        change.subject
        for change in changes
        if change.subject.kind != "allele" and "CPIC rec" not in change.subject.kind
    }
    assert {(gene, kind) for gene, kind, _ in others} == {
        ("", "data"),
        ("CYP2C19", "not called"),
        ("TPMT", "not called"),
    }


def test_a_changed_file_of_the_second_release_is_refused(tmp_path: Path) -> None:
    release = choose_release("pharmacogenomics", AFTER, DATA)
    for name in (*release.files, "manifest.json"):
        content = (release.folder / name).read_bytes()
        (tmp_path / name).write_bytes(content.replace(b'"No function","","*3"', b'"No function","","*2"'))
    with pytest.raises(KnowledgeError, match=r"definitions\.json: differs from its manifest"):
        compare(load_release(tmp_path), release)
