"""From records to findings: what is reported, what is withheld, and why."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from interpreters.findings import Coverage, NotTested, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter, load
from interpreters.serial import interpretation_from_json, to_json

MakeRecords = Callable[..., list[Record]]
Results = Mapping[str, PharmacogenomicFinding | NotTested]
Interpret = Callable[..., Results]


def finding(results: Results, gene: str) -> PharmacogenomicFinding:
    found = results[gene]
    assert isinstance(found, PharmacogenomicFinding)
    return found


@pytest.fixture
def one(make_records: MakeRecords, interpret: Interpret) -> Callable[..., PharmacogenomicFinding]:
    """The finding of one gene of which every position is in the file."""

    def run(gene: str, edits: Mapping[str, str | None] | None = None, **how: object) -> PharmacogenomicFinding:
        copies = how.pop("copies", 2)
        return finding(interpret(make_records(gene, edits or {}, copies=copies), **how), gene)

    return run


One = Callable[..., PharmacogenomicFinding]


def test_a_complete_clear_result_is_reported_with_its_recommendations(one: One) -> None:
    found = one("CYP2C19", {"rs12769205": "A/G", "rs4244285": "G/A", "rs3758581": "G/G"})
    assert found.diplotypes == ("*1/*2",)
    assert found.reported_phenotype == "Intermediate Metabolizer"
    assert (found.positions_read, found.positions_total) == (35, 35)
    assert found.reasons == ()
    assert not found.requires_review
    drugs = [row.drug for row in found.recommendations]
    assert "clopidogrel" in drugs
    assert drugs == sorted(drugs)
    assert len(set(found.recommendations)) == len(found.recommendations)
    assert all(row.source == "CPIC" and row.url and row.as_of for row in found.recommendations)


def test_nothing_read_is_not_tested(interpret: Interpret, make_records: MakeRecords) -> None:
    assert interpret([])["TPMT"] == NotTested("pharmacogenomics", "TPMT", "no_position_read")
    assert interpret([])["CYP2D6"] == NotTested("pharmacogenomics", "CYP2D6", "not_callable_from_sequence")
    empty = [Record("6", r.pos, r.end, r.ref, r.alts, (None, None)) for r in make_records("TPMT")]
    assert interpret(empty)["TPMT"] == NotTested("pharmacogenomics", "TPMT", "no_position_usable")


def test_blocks_without_reads_are_not_reference(interpret: Interpret) -> None:
    block = Record("6", 1, 30_000_000, "N", ("<NON_REF>",), (0, 0), depth=0, genotype_quality=0)
    assert interpret([block])["TPMT"] == NotTested("pharmacogenomics", "TPMT", "no_position_usable")


def test_blocks_with_reads_are(interpret: Interpret) -> None:
    block = Record("6", 1, 30_000_000, "N", ("<NON_REF>",), (0, 0), depth=30, genotype_quality=50)
    assert finding(interpret([block]), "TPMT").reported_phenotype == "Normal Metabolizer"


def test_a_missing_position_that_matters_withholds_the_phenotype(one: One) -> None:
    found = one("NUDT15", {"rs116855232": None})
    assert found.diplotypes == ("*1/*1",)
    assert found.phenotypes == ("Normal Metabolizer",)
    assert found.reported_phenotype is None
    assert found.requires_review
    assert found.reasons == (
        "amp_tier1_position_missing",
        "missing_positions",
        "recommendations_withheld",
        "unread_alleles_change_phenotype",
    )
    assert found.recommendations == ()


def test_a_variant_on_one_copy_with_the_other_missing_withholds_the_gene(
    interpret: Interpret, make_records: MakeRecords
) -> None:
    half = [
        replace(line, genotype=(None, 1)) if line.genotype == (0, 1) else line
        for line in make_records("CYP2C19", {"rs4244285": "G/A"})
    ]
    found = finding(interpret(half), "CYP2C19")
    assert (found.diplotypes, found.phenotypes, found.reported_phenotype) == ((), ("No Result",), None)
    assert "half_called_variant" in found.reasons
    assert found.requires_review


def test_coverage_and_what_it_leaves_open(one: One, everything: PharmacogenomicsInterpreter) -> None:
    complete = one("TPMT")
    assert (complete.coverage, complete.tier1_read, complete.tier1_total) == (Coverage.COMPLETE, 3, 3)
    assert (complete.consistent, complete.not_excluded) == (("*1/*1",), ())
    assert not complete.variant_found
    # One position of 43, not of tier 1: enough by the policy's 95 %, and still told.
    sufficient = one("TPMT", {"rs72552740": None})
    assert sufficient.coverage is Coverage.SUFFICIENT
    assert sufficient.not_excluded == ("*5",)
    assert sufficient.consistent == ("*1/*1", "*1/*5", "*5/*5")
    assert sufficient.consistent_phenotypes == ("Indeterminate", "Normal Metabolizer")
    assert "missing_positions" in sufficient.reasons
    # A position of tier 1 makes any call partial.
    tier1 = one("TPMT", {"rs1142345": None})
    assert (tier1.coverage, tier1.tier1_read) == (Coverage.PARTIAL, 2)
    assert tier1.not_excluded == ("*3C", "*41")  # *3A is excluded by its other position
    few = one("TPMT", dict.fromkeys(str(p.pos) for p in everything.tables.genes["TPMT"].positions[1:]))
    assert few.coverage is Coverage.PARTIAL
    assert not few.variant_found
    assert (few.positions_read, few.diplotypes) == (1, ("*1/*1",))


def test_a_variant_is_told_from_no_variant(one: One) -> None:
    assert one("TPMT", {"rs1142345": "T/C"}).variant_found
    # CYP2C19 is defined against *38, and *1 is its normal allele.
    assert not one("CYP2C19", {"rs3758581": "G/G"}).variant_found
    assert one("CYP2C19").variant_found
    assert one("DPYD", {"rs3918290": "C/G"}).variant_found  # undocumented, though counted as reference
    assert not one("DPYD").variant_found
    assert one("NAT2", {"rs1801280": None}).variant_found  # no call, so nothing to say


def test_a_position_beside_the_alleles_is_told_where_it_was_read(
    interpret: Interpret, make_records: MakeRecords, everything: PharmacogenomicsInterpreter
) -> None:
    records = make_records("CYP2C9")
    assert finding(interpret(records), "CYP2C9").extra_genotypes == ()
    extra = Record("10", 94645745, 94645745, "G", ("A",), (0, 1), depth=30, genotype_quality=99)
    found = finding(interpret([*records, extra]), "CYP2C9")
    assert found.extra_genotypes == ("rs12777823 G/A",)
    assert (found.diplotypes, found.positions_total) == (("*1/*1",), 83)
    assert ("10", 94645745, 94645745) in everything.intervals(Build.GRCH38)


def test_unknown_phase_that_matters_withholds_the_phenotype(one: One) -> None:
    both = {"rs1800460": "C/T", "rs1142345": "T/C"}
    found = one("TPMT", both)  # *1/*3A, or *3B/*3C
    assert found.diplotypes == ("*1/*3A",)
    assert found.phenotypes == ("Intermediate Metabolizer",)
    assert found.reported_phenotype is None
    assert "ambiguous_phenotype" in found.reasons
    assert not found.phased
    phased = one("TPMT", {name: alleles.replace("/", "|") for name, alleles in both.items()})
    assert phased.reported_phenotype == "Intermediate Metabolizer"
    assert phased.phased
    trans = one("TPMT", {"rs1800460": "C|T", "rs1142345": "C|T"})
    assert trans.diplotypes == ("*3B/*3C",)
    assert trans.reported_phenotype == "Poor Metabolizer"


def test_phase_that_does_not_matter_is_no_reason_to_withhold(one: One) -> None:
    found = one("SLCO1B1", {"rs2306283": "A/G", "rs4149056": "T/C"})
    assert found.diplotypes == ("*1/*15",)
    assert found.reported_phenotype == "Decreased Function"


def test_an_undocumented_allele_is_held_for_review(one: One) -> None:
    found = one("DPYD", {"rs3918290": "C/G"})  # C>T is *2A
    assert found.diplotypes == ("Reference/Reference",)
    assert found.reported_phenotype is None
    assert {"undocumented_allele", "recommendations_withheld"} <= set(found.reasons)
    assert found.recommendations == ()
    other = one("CYP2C19", {"rs4244285": "G/T"})
    assert other.diplotypes == ()
    assert other.phenotypes == ("No Result",)
    assert {"undocumented_allele", "no_matching_alleles"} <= set(other.reasons)


def test_no_result_of_a_gene_with_activity_scores(one: One) -> None:
    found = one("CYP2C9", {"rs1799853": "C/G"})
    assert (found.phenotypes, found.activity_score) == (("No Result",), "No Result")


def test_thiopurines_need_tpmt_and_nudt15(make_records: MakeRecords, interpret: Interpret) -> None:
    nudt15 = make_records("NUDT15", {"rs116855232": "C/T"})
    alone = finding(interpret(nudt15), "NUDT15")
    both = finding(interpret(nudt15 + make_records("TPMT")), "NUDT15")
    assert {row.drug for row in alone.recommendations} == {"azathioprine", "mercaptopurine", "thioguanine"}
    assert {row.genes for row in both.recommendations} == {("NUDT15", "TPMT")}
    assert both.reasons == ()
    poor = finding(interpret(nudt15 + make_records("TPMT", {"rs1142345": "C/C"})), "NUDT15")
    assert {row.text_sha for row in poor.recommendations} != {row.text_sha for row in both.recommendations}


def test_a_partner_whose_result_is_open_is_not_counted_as_without_result(
    make_records: MakeRecords, interpret: Interpret
) -> None:
    unclear = make_records("TPMT", {"rs1800460": "C/T", "rs1142345": "T/C"})
    found = finding(interpret(make_records("NUDT15") + unclear), "NUDT15")
    assert found.reported_phenotype == "Normal Metabolizer"
    assert found.recommendations == ()
    assert found.reasons == ("recommendations_need_other_gene",)


def test_an_allele_without_function_has_no_phenotype(one: One) -> None:
    found = one("NUDT15", {"rs777311140": "C/CGCGG"})
    assert found.diplotypes == ("*1/*14",)
    assert found.phenotypes == ("n/a",)
    assert found.reported_phenotype is None
    assert not found.requires_review
    assert "function_not_assigned" in found.reasons
    assert one("CYP4F2").reasons == ("no_phenotype_defined",)


def test_an_allele_newer_than_the_function_table_is_held(one: One, everything: PharmacogenomicsInterpreter) -> None:
    gene = everything.tables.genes["RYR1"]
    new = next(allele for allele in gene.alleles if allele.function == "Not in snapshot")
    ((index, base),) = new.bases.items()
    found = one("RYR1", {str(gene.positions[index].pos): f"{gene.positions[index].ref}/{base}"})
    assert found.phenotypes == ("Uncertain Susceptibility",)
    assert "function_not_in_data" in found.reasons
    assert found.reported_phenotype is None


def test_dpyd_by_strand_and_by_list(one: One) -> None:
    cis = one("DPYD", {"rs3918290": "C|T", "rs67376798": "T|A"})
    assert cis.diplotypes == ("Reference/[c.1905+1G>A (*2A) + c.2846A>T]",)
    assert (cis.reported_phenotype, cis.activity_score) == ("Intermediate Metabolizer", "1.0")
    assert {row.drug for row in cis.recommendations} == {"capecitabine", "fluorouracil"}
    unphased = one("DPYD", {"rs3918290": "C/T", "rs67376798": "T/A"})
    assert unphased.haplotypes == ("c.1905+1G>A (*2A)", "c.2846A>T")
    assert (unphased.phenotypes, unphased.activity_score) == (("Poor Metabolizer",), "0.5")
    assert unphased.reported_phenotype is None
    sets = one("DPYD", {"rs3918290": "C|T:1", "rs67376798": "T|A:2"})
    assert len(sets.diplotypes) == 2
    assert {"ambiguous_diplotype", "ambiguous_phenotype"} <= set(sets.reasons)


def test_an_unclear_activity_score_is_not_used_for_recommendations(one: One) -> None:
    found = one("DPYD", {"rs67376798": "T/A", "rs115232898": "T/C"})  # 0.5 each: 1.0 apart, 1.5 together
    assert found.reported_phenotype == "Intermediate Metabolizer"
    assert found.activity_score == "1.0"
    assert {"ambiguous_activity_score", "recommendations_withheld"} <= set(found.reasons)
    assert found.recommendations == ()


@pytest.mark.parametrize(
    ("intronic", "exonic", "called", "reason"),
    [
        ("G/G", "C/T", "Reference/Reference", "hapb3_exonic_without_intronic"),
        (None, "C/T", "Reference/c.1129-5923C>G, c.1236G>A (HapB3)", "hapb3_by_exonic_position_only"),
        ("G|C", "C|T", "Reference/c.1129-5923C>G, c.1236G>A (HapB3)", None),
        ("G/C", "C/C", "Reference/c.1129-5923C>G", None),
    ],
)
def test_hapb3(one: One, intronic: str | None, exonic: str, called: str, reason: str | None) -> None:
    found = one("DPYD", {"rs75017182": intronic, "rs56038477": exonic})
    assert found.diplotypes == (called,)
    assert reason is None or reason in found.reasons


def test_hapb3_of_unknown_phase_is_listed(one: One) -> None:
    found = one("DPYD", {"rs75017182": "G/C", "rs56038477": "C/T"})
    assert found.haplotypes == ("Reference", "c.1129-5923C>G, c.1236G>A (HapB3)")
    assert found.reported_phenotype == "Intermediate Metabolizer"
    listed = one("DPYD", {"rs75017182": None, "rs56038477": "C/T", "rs3918290": "C/T"})
    assert listed.haplotypes == ("c.1129-5923C>G, c.1236G>A (HapB3)", "c.1905+1G>A (*2A)")


def test_nat2_needs_its_positions_and_breaks_ties(one: One) -> None:
    found = one("NAT2", {"rs1801280": None})
    assert found.diplotypes == ()
    assert "required_position_missing" in found.reasons
    tie = one("NAT2", {"rs1801280": "T/C", "rs1208": "G/A"})
    assert tie.diplotypes == ("*4/*5",)  # though *1/*16 has the higher score
    assert one("NAT2", {"rs1801279": "G/A", "rs1801280": "T/C", "rs1799930": "G/A"}).diplotypes == ("*29/*34",)
    assert one("NAT2", {"rs1801280": "T|C", "rs1208": "G|A"}).diplotypes == ("*1/*16",)


def test_slco1b1_is_estimated_from_one_position_when_nothing_fits(one: One) -> None:
    nothing_fits = {"rs139257324": "T/T", "rs373327528": "A/A"}
    found = one("SLCO1B1", {**nothing_fits, "rs4149056": "T/C"})
    assert found.diplotypes == ()
    assert found.phenotypes == ("Decreased Function",)
    assert {"inferred_from_one_position", "no_matching_alleles"} <= set(found.reasons)
    assert found.reported_phenotype is None
    assert one("SLCO1B1", {**nothing_fits, "rs4149056": None}).phenotypes == ("No Result",)
    assert one("SLCO1B1", {"rs4149056": "T/G"}).phenotypes == ("No Result",)


MEDITERRANEAN = "Mediterranean, Dallas, Panama, Sassari, Cagliari, Birmingham"


@pytest.mark.parametrize(
    ("sex", "file", "called", "reported"),
    [
        (Sex.MALE, ("A", 1), MEDITERRANEAN, ("Deficient", ())),
        (Sex.MALE, ("A/A", 2), MEDITERRANEAN, ("Deficient", ())),
        (Sex.MALE, ("G/A", 2), f"B (reference)/{MEDITERRANEAN}", (None, ("sex_ploidy_conflict",))),
        (Sex.FEMALE, ("G/A", 2), f"B (reference)/{MEDITERRANEAN}", ("Variable", ())),
        (Sex.FEMALE, ("A/A", 2), f"{MEDITERRANEAN}/{MEDITERRANEAN}", ("Deficient", ())),
        (Sex.FEMALE, ("A", 1), MEDITERRANEAN, (None, ("sex_ploidy_conflict",))),
        (Sex.UNKNOWN, ("A", 1), MEDITERRANEAN, ("Deficient", ("sex_unknown",))),
        (Sex.UNKNOWN, ("G/A", 2), f"B (reference)/{MEDITERRANEAN}", ("Variable", ("sex_unknown",))),
        (Sex.UNKNOWN, ("G/A", 1), f"B (reference)/{MEDITERRANEAN}", (None, ("sex_ploidy_conflict", "sex_unknown"))),
    ],
)
def test_g6pd_goes_by_copies_and_declared_sex(
    one: One, sex: Sex, file: tuple[str, int], called: str, reported: tuple[str | None, tuple[str, ...]]
) -> None:
    (genotype, copies), (phenotype, reasons) = file, reported
    found = one("G6PD", {"rs5030868": genotype}, copies=copies, sex=sex)
    assert found.diplotypes == (called,)
    assert found.reported_phenotype == phenotype
    assert tuple(reason for reason in found.reasons if reason.startswith("sex")) == reasons
    assert bool(found.recommendations) == (phenotype is not None)


def test_one_copy_of_an_autosome_is_not_read(interpret: Interpret, make_records: MakeRecords) -> None:
    found = finding(interpret(make_records("TPMT", {"rs1142345": "C"})), "TPMT")
    assert {"missing_positions", "unexpected_ploidy"} <= set(found.reasons)


def test_grch37_gives_the_same_answer(interpret: Interpret, make_records: MakeRecords) -> None:
    edits = {"rs12769205": "A/G", "rs4244285": "G/A", "rs3758581": "G/G"}
    old = finding(interpret(make_records("CYP2C19", edits, build=Build.GRCH37), build=Build.GRCH37), "CYP2C19")
    assert old.diplotypes == ("*1/*2",)
    assert old.reported_phenotype == "Intermediate Metabolizer"


def test_callable_regions_are_evidence_but_not_for_every_position(interpret: Interpret) -> None:
    results = interpret([], callable_intervals=[Interval("2", 1, 300_000_000), Interval("6", 1, 170_000_000)])
    assert finding(results, "TPMT").reported_phenotype == "Normal Metabolizer"
    ugt1a1 = finding(results, "UGT1A1")
    assert ugt1a1.reported_phenotype is None
    assert "reference_assumed_refused" in ugt1a1.reasons


def test_several_diplotypes_of_one_phenotype_are_reported(one: One) -> None:
    found = one("UGT1A1", {"rs887829": None, "rs3064744": "CAT/CATAT"})
    assert found.diplotypes == ("*1/*28", "*1/*80+*28")
    assert "ambiguous_diplotype" in found.reasons


def test_order_of_records_changes_nothing(make_records: MakeRecords, everything: PharmacogenomicsInterpreter) -> None:
    records = [record for gene in ("TPMT", "DPYD", "UGT1A1") for record in make_records(gene)]
    sample = Sample(Build.GRCH38, Assay.WGS, Sex.UNKNOWN)
    shuffled = records[:]
    random.Random(7).shuffle(shuffled)  # noqa: S311 - any order will do
    one, two = (
        everything.interpret(sample, GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, found))
        for found in (records, shuffled)
    )
    assert one == two
    assert interpretation_from_json(to_json(one)) == one
    assert one.limits["data_version"] == "2025-11-05-00-25"
    assert one.limits["recommendations_as_of"] == "2025-11"


def test_intervals_cover_every_position_on_both_builds(everything: PharmacogenomicsInterpreter) -> None:
    seven = load(options={"genes": "programme"})
    for build in Build:
        intervals = everything.intervals(build)
        assert len(intervals) == len(set(intervals)) > 1000
        assert list(intervals) == sorted(intervals)
        assert set(seven.intervals(build)) < set(intervals)
    assert ("13", 48045719, 48045719) in seven.intervals(Build.GRCH38)
    assert ("2", 234668849, 234668911) in seven.intervals(Build.GRCH37)


def test_a_rare_variant_of_a_hereditary_gene_on_an_array_is_held(
    make_records: MakeRecords, everything: PharmacogenomicsInterpreter
) -> None:
    rsid = "rs772226819"  # c.520C>T
    for edits, held in (({rsid: "G/A"}, True), ({}, False)):
        calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, make_records("CACNA1S", edits))
        for assay in Assay:
            said = everything.interpret(Sample(Build.GRCH38, assay, Sex.UNKNOWN), calls)
            (found,) = (each for each in said.findings if isinstance(each, PharmacogenomicFinding))
            assert found.requires_review is (held and assay is Assay.ARRAY)
            assert ("array_rare_variant" in found.reasons) is found.requires_review
