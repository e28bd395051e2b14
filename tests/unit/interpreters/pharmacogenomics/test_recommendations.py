"""Guideline rows: every row can be reached, the second source speaks where it differs, open results reach none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from interpreters.findings import Interpretation, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter, load
from interpreters.pharmacogenomics.recommendations import GUIDELINES, GeneValues, load_recommendations

MakeRecords = Callable[..., list[Record]]

Interpret = Callable[..., Mapping[str, PharmacogenomicFinding]]


@pytest.mark.parametrize(("source", "rows"), [("CPIC", 2057), ("DPWG", 529)])
def test_every_row_is_found_by_its_own_lookup(everything: PharmacogenomicsInterpreter, source: str, rows: int) -> None:
    recommendations = load_recommendations(everything.knowledge, frozenset(everything.tables.genes), source)
    table = json.loads(everything.knowledge.read_bytes(GUIDELINES[source]))
    assert len(table["rows"]) == rows
    for drug, lookup, population, number in table["rows"]:
        advice = dict(zip(table["columns"], table["advices"][number], strict=True))
        values = {gene: GeneValues(frozenset({value})) for gene, value in lookup.items() if value != "No Result"}
        for gene in values:
            found = recommendations.fitting(gene, values)
            assert any(
                (row.drug, row.population, row.text_sha) == (drug, population, advice["text_sha"])
                and row.genes == tuple(sorted(lookup))
                for row in found
            ), (drug, lookup)


def test_warfarin_needs_three_genes(interpret: Interpret, make_records: MakeRecords) -> None:
    reference = [record for gene in ("CYP2C9", "CYP4F2", "VKORC1") for record in make_records(gene)]
    found = interpret(reference)
    for gene in ("CYP2C9", "CYP4F2", "VKORC1"):
        warfarin = [row for row in found[gene].recommendations if row.drug == "warfarin"]
        assert [row.genes for row in warfarin] == [("CYP2C9", "CYP4F2", "VKORC1")]
    sensitive = interpret(reference[:-1] + make_records("VKORC1", {"rs9923231": "T/T"}))
    assert not [row for row in sensitive["CYP2C9"].recommendations if row.drug == "warfarin"]
    assert [row.statement for row in sensitive["VKORC1"].second_opinions if row.drug == "warfarin"] == [
        "Start at 60% of the usual first dose."
    ]


def test_the_second_source_speaks_only_where_it_differs(interpret: Interpret, make_records: MakeRecords) -> None:
    (found,) = interpret(make_records("CYP2C19", {"rs12769205": "G/G", "rs4244285": "A/A", "rs3758581": "G/G"}),
                         genes=("CYP2C19",)).values()  # fmt: skip
    first = {(row.drug, frozenset(row.actions)) for row in found.recommendations}
    assert found.second_opinions
    for row in found.second_opinions:
        assert row.source == "DPWG"
        assert (row.drug, frozenset(row.actions)) not in first or len([d for d, _ in first if d == row.drug]) > 1
    agreed = {row.drug for row in found.recommendations} - {row.drug for row in found.second_opinions}
    assert agreed


def second(interpret: Interpret, records: list[Record], gene: str, drug: str) -> list[str]:
    return [row.text_sha for row in interpret(records)[gene].second_opinions if row.drug == drug]


def test_a_row_for_the_diplotype_goes_before_that_of_the_phenotype(
    interpret: Interpret, make_records: MakeRecords
) -> None:
    one_three = second(interpret, make_records("CYP2C9", {"rs1057910": "A/C"}), "CYP2C9", "warfarin")
    other = second(interpret, make_records("CYP2C9", {"rs9332131": "GA/G"}), "CYP2C9", "warfarin")  # *1/*6
    assert one_three == ["713f8e956c60"]
    assert other == ["77fae54110b6"]
    # *1/*3 with a position of *18 unread: *1/*18 fits, too, and so which row holds is not known.
    unread = make_records("CYP2C9", {"rs1057910": "A/C", "rs72558193": None})
    finding = interpret(unread)["CYP2C9"]
    assert "*1/*3" in finding.consistent
    assert len(finding.consistent) > 1
    assert not [row for row in finding.second_opinions if row.drug == "warfarin"]


@pytest.mark.parametrize(
    "edits",
    [
        {"rs67376798": "T|A", "rs115232898": "C|T"},  # 0.5 and 0.5 apart
        {"rs3918290": "C|T"},  # 0.0 and 1.0
    ],
)
def test_two_decreased_dpyd_alleles_have_a_row_of_their_own(
    interpret: Interpret, make_records: MakeRecords, edits: Mapping[str, str]
) -> None:
    finding = interpret(make_records("DPYD", edits))["DPYD"]
    assert finding.activity_score == "1.0"
    statements = [row.statement for row in finding.second_opinions if row.drug == "capecitabine"]
    by_enzyme = ["The genotype alone does not settle the dose" in statement for statement in statements]
    assert by_enzyme == [len(edits) == 2]


def test_a_recommendation_awaits_review_until_a_reviewer_is_recorded(
    interpret: Interpret, make_records: MakeRecords
) -> None:
    rows = interpret(make_records("TPMT"))["TPMT"].recommendations
    assert rows
    assert {row.reviewed for row in rows} == {None}


# Settling what was held for review


@pytest.fixture
def held(everything: PharmacogenomicsInterpreter, make_records: MakeRecords) -> Interpretation:
    """TPMT of unknown phase, NUDT15 clear, CYP2C19 without a call."""
    records = [
        *make_records("TPMT", {"rs1800460": "C/T", "rs1142345": "T/C"}),
        *make_records("NUDT15"),
        *make_records("CYP2C19", {"rs4244285": "G/T"}),
    ]
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records)
    return everything.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls)


def by_gene(said: Interpretation) -> dict[str, PharmacogenomicFinding]:
    return {f.gene: f for f in said.findings if isinstance(f, PharmacogenomicFinding)}


def test_an_accepted_call_is_a_result_with_recommendations(
    everything: PharmacogenomicsInterpreter, held: Interpretation
) -> None:
    assert {gene: f.acceptable for gene, f in by_gene(held).items()} == {
        "TPMT": True, "NUDT15": False, "CYP2C19": False,
    }  # fmt: skip
    settled = by_gene(everything.settle(held, {"TPMT"}))
    assert settled["TPMT"].reported_phenotype == "Intermediate Metabolizer"
    assert "accepted_in_review" in settled["TPMT"].reasons
    assert {row.genes for row in settled["TPMT"].recommendations} == {("NUDT15", "TPMT")}
    assert settled["NUDT15"].recommendations == settled["TPMT"].recommendations
    assert "recommendations_need_other_gene" not in settled["NUDT15"].reasons
    assert not any(finding.requires_review for finding in settled.values())


def test_what_was_not_accepted_is_not_settled_and_recommends_nothing(
    everything: PharmacogenomicsInterpreter, held: Interpretation
) -> None:
    settled = by_gene(everything.settle(held, ()))
    for gene in ("TPMT", "CYP2C19"):
        assert settled[gene].reported_phenotype is None
        assert {"not_settled_in_review", "recommendations_withheld"} <= set(settled[gene].reasons)
        assert settled[gene].recommendations == ()
        assert settled[gene].second_opinions == ()
    assert settled["NUDT15"].reported_phenotype == "Normal Metabolizer"
    assert settled["NUDT15"].recommendations == ()


@pytest.mark.parametrize("gene", ["NUDT15", "CYP2C19", "UGT1A1"])
def test_only_a_held_gene_with_one_phenotype_can_be_accepted(
    everything: PharmacogenomicsInterpreter, held: Interpretation, gene: str
) -> None:
    with pytest.raises(ValueError, match=f"no call to accept in {gene}"):
        everything.settle(held, {gene})


def test_another_release_settles_nothing(everything: PharmacogenomicsInterpreter, held: Interpretation) -> None:
    with pytest.raises(ValueError, match="another knowledge release"):
        everything.settle(replace(held, knowledge_digest="0" * 64), ())


def test_a_narrower_list_of_genes_settles_nothing(held: Interpretation) -> None:
    with pytest.raises(ValueError, match="CYP2C19, NUDT15 is not among the genes in use"):
        load(options={"genes": "TPMT"}).settle(held, ())
