"""The policy's rules on real ClinVar records of the packaged release, each a clean call unless it says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from interpreters.findings import HereditaryFinding, HereditaryOutcome
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sex
from interpreters.hereditary_risk import HereditaryRisk, classify, load
from interpreters.hereditary_risk.alleles import place

Call = Callable[..., Record]
Result = Callable[..., tuple[str, str]]

CANDIDATE, REVIEW, NOT_REPORTABLE = (outcome.value for outcome in HereditaryOutcome)

BRCA1_DELETION = "17 43124027 ACT A"
BRCA2_DELETION = "13 32340300 GT G"
MUTYH_Y179C = "1 45332803 T C"
MUTYH_G396D = "1 45331556 C T"
ATP7B_ONE_STAR = "13 51934780 GC G"
HFE_C282Y = "6 26092913 G A"
HFE_H63D = "6 26090951 C G"
ABCD1_STOP = "X 153725295 G A"
GLA_DELETION = "X 101397813 AG A"

ALLELES = [
    # site, outcome, reason of one copy
    (BRCA2_DELETION, CANDIDATE, "plp_ge2star_dominant"),
    ("6 118558956 TAAG T", CANDIDATE, "plp_ge2star_dominant"),
    ("10 43121968 T C", CANDIDATE, "plp_ge2star_dominant"),
    ("10 43111414 C T", NOT_REPORTABLE, "mechanism_excluded"),
    ("14 23420225 C A", NOT_REPORTABLE, "mechanism_excluded"),
    ("14 23413809 C T", CANDIDATE, "plp_ge2star_dominant"),
    ("2 21005538 G T", NOT_REPORTABLE, "mechanism_excluded"),
    ("2 21006288 C T", CANDIDATE, "plp_ge2star_dominant"),
    ("19 38519366 G T", REVIEW, "mechanism_conflicts_with_expert_panel"),
    ("2 178527148 A T", NOT_REPORTABLE, "ttn_not_truncating"),
    ("2 178536043 G T", CANDIDATE, "plp_ge2star_dominant"),
    ("2 178618768 G T", REVIEW, "ttn_psi_unknown"),
    ("2 178598977 A AT", REVIEW, "consequence_not_given"),
    ("2 21004450 TC T", REVIEW, "consequence_not_given"),
    ("9 99137924 G A", CANDIDATE, "plp_ge2star_dominant"),
    ("9 99137883 C T", REVIEW, "outside_kinase_domain"),
    ("18 51078294 C T", NOT_REPORTABLE, "excluded_variant_list"),
    ("5 112839514 T A", NOT_REPORTABLE, "low_penetrance_excluded"),
    ("5 112707526 AT TAGCAAGGG", REVIEW, "apc_promoter_1b"),
    ("1 68431085 T C", NOT_REPORTABLE, "excluded_variant_list"),
    ("6 123265339 C A", NOT_REPORTABLE, "outside_reportable_transcript_exons"),
    ("7 5973452 C A", REVIEW, "segdup_region"),
    ("2 188984758 A T", REVIEW, "lof_mechanism_proposal"),
    ("1 156134933 G A", REVIEW, "condition_evidence_needed"),
    ("12 120993697 A G", REVIEW, "low_penetrance_term"),
    ("17 7670699 C T", REVIEW, "low_penetrance_term"),
    ("12 120994313 G GC", REVIEW, "af_too_high"),
    ("18 31598655 G A", CANDIDATE, "plp_ge2star_dominant"),
    ("3 37007065 T G", REVIEW, "somatic_origin_only"),
    ("17 43063951 T G", REVIEW, "conflicting_with_plp"),
    ("13 32316453 AGGTAAAAATGCCTATT A", REVIEW, "one_star"),
    ("13 32330928 AG GA", REVIEW, "zero_star"),
    ("13 32315487 G T", NOT_REPORTABLE, "conflicting_without_plp"),
    ("17 43045748 C T", NOT_REPORTABLE, "vus"),
    ("13 32319207 A G", NOT_REPORTABLE, "benign"),
    ("5 112737860 T G", NOT_REPORTABLE, "other_classification"),
    ("1 45330569 G T", NOT_REPORTABLE, "other_classification"),
    ("2 47482776 C T", NOT_REPORTABLE, "haplotype_classification_only"),
    (MUTYH_Y179C, NOT_REPORTABLE, "single_het_recessive"),
    # Not in ClinVar
    ("13 32340300 GT GTT", REVIEW, "novel_lof"),
    ("14 23415159 C CA", NOT_REPORTABLE, "mechanism_excluded"),
    ("13 32316496 T C", NOT_REPORTABLE, "not_in_clinvar"),
    # HFE
    (HFE_C282Y, NOT_REPORTABLE, "hfe_not_c282y_homozygous"),
    (HFE_H63D, NOT_REPORTABLE, "hfe_not_c282y_homozygous"),
]


@pytest.mark.parametrize(("site", "outcome", "reason"), ALLELES)
def test_one_copy_in_a_woman(call: Call, result: Result, site: str, outcome: str, reason: str) -> None:
    assert result(call(site)) == (outcome, reason)


def _naive(risk: HereditaryRisk, record: Record) -> bool:
    """The filter that this policy replaces: pathogenic, two stars, a listed gene."""
    key = place(record.chrom, record.pos, record.ref, record.alts[0], risk.reference_bases(Build.GRCH38)).key
    found = risk.clinvar(Build.GRCH38).find(key)
    return found is not None and found.is_pathogenic and found.stars >= 2


def test_a_naive_filter_is_caught_by_these_cases(call: Call, risk: HereditaryRisk) -> None:
    wanted = {site for site, outcome, _ in ALLELES if outcome == CANDIDATE}
    naive = {site for site, _, _ in ALLELES if _naive(risk, call(site))}
    assert wanted < naive
    assert len(naive - wanted) >= 8


def test_the_same_holds_by_the_older_build(call: Call, result: Result) -> None:
    assert result(call("17 41276044 ACT A"), build=Build.GRCH37) == (CANDIDATE, "plp_ge2star_dominant")
    assert result(call("6 26093141 G A", "1/1"), build=Build.GRCH37) == (CANDIDATE, "hfe_c282y_homozygous")
    assert result(call("18 48604664 C T"), build=Build.GRCH37) == (NOT_REPORTABLE, "excluded_variant_list")


@pytest.mark.parametrize(
    ("records", "sex", "outcome", "reason"),
    [
        ([(HFE_C282Y, "1/1")], Sex.MALE, CANDIDATE, "hfe_c282y_homozygous"),
        ([(HFE_C282Y, "0/1"), (HFE_H63D, "0/1")], Sex.MALE, NOT_REPORTABLE, "hfe_not_c282y_homozygous"),
        ([(MUTYH_Y179C, "1/1")], Sex.MALE, CANDIDATE, "homozygous_recessive"),
        ([(MUTYH_Y179C, "0/1"), (MUTYH_G396D, "0/1")], Sex.MALE, CANDIDATE, "compound_het_phase_unknown"),
        ([(ATP7B_ONE_STAR, "1/1")], Sex.MALE, REVIEW, "one_star"),
        (
            [(ATP7B_ONE_STAR, "0/1"), ("13 51934778 CTG C", "0/1")],
            Sex.MALE,
            REVIEW,
            "second_allele_below_star_threshold",
        ),
        ([(MUTYH_Y179C, "0/1"), ("1 45330569 G T", "0/1")], Sex.MALE, NOT_REPORTABLE, "single_het_recessive"),
        ([(ABCD1_STOP, "0/1")], Sex.FEMALE, NOT_REPORTABLE, "xl_single_het_female_not_reportable"),
        ([(ABCD1_STOP, "1/1")], Sex.FEMALE, CANDIDATE, "xl_homozygous_female"),
        ([(ABCD1_STOP, "0/1"), ("X 153725284 G GC", "0/1")], Sex.FEMALE, CANDIDATE, "compound_het_phase_unknown"),
        ([(ABCD1_STOP, "1/1")], Sex.MALE, CANDIDATE, "xl_hemizygous_male"),
        ([(ABCD1_STOP, "1")], Sex.MALE, CANDIDATE, "xl_hemizygous_male"),
        ([(ABCD1_STOP, "0/1")], Sex.MALE, REVIEW, "male_heterozygous_x"),
        ([(ABCD1_STOP, "1")], Sex.FEMALE, REVIEW, "female_hemizygous_x"),
        ([(ABCD1_STOP, "1/1")], Sex.UNKNOWN, REVIEW, "sex_unknown_x_linked"),
        ([(GLA_DELETION, "0/1")], Sex.FEMALE, CANDIDATE, "xl_heterozygous_female"),
        ([(GLA_DELETION, "1/1")], Sex.FEMALE, CANDIDATE, "xl_homozygous_female"),
    ],
)
def test_copies_and_sex(  # noqa: PLR0917 - a table of cases
    call: Call, result: Result, records: list[tuple[str, str]], sex: Sex, outcome: str, reason: str
) -> None:
    assert result(*(call(site, genotype) for site, genotype in records), sex=sex) == (outcome, reason)


@pytest.mark.parametrize(
    ("genotypes", "sets", "outcome", "reason"),
    [
        (("0|1", "0|1"), ("7", "7"), NOT_REPORTABLE, "known_cis"),
        (("0|1", "1|0"), ("7", "7"), CANDIDATE, "compound_het_in_trans"),
        (("0|1", "1|0"), ("7", "8"), CANDIDATE, "compound_het_phase_unknown"),
        (("0|1", "0|1"), (None, None), CANDIDATE, "compound_het_phase_unknown"),
        (("0/1", "0|1"), ("7", "7"), CANDIDATE, "compound_het_phase_unknown"),
    ],
)
def test_phase(  # noqa: PLR0917 - a table of cases
    call: Call,
    result: Result,
    genotypes: tuple[str, str],
    sets: tuple[str | None, str | None],
    outcome: str,
    reason: str,
) -> None:
    first = call(MUTYH_G396D, genotypes[0], phase_set=sets[0])
    second = call(MUTYH_Y179C, genotypes[1], phase_set=sets[1])
    assert result(first, second) == (outcome, reason)


def test_the_best_pair_that_is_not_known_cis_counts(call: Call, result: Result) -> None:
    cis = [call(MUTYH_G396D, "0|1", phase_set="7"), call(MUTYH_Y179C, "0|1", phase_set="7")]
    assert result(*cis, call("1 45334484 G A")) != (CANDIDATE, "known_cis")
    third = call("1 45332445 C CCAT")
    assert result(*cis, third)[0] in {REVIEW, NOT_REPORTABLE}


def test_alleles_of_one_genotype_are_in_trans(call: Call, findings: Callable[..., list[HereditaryFinding]]) -> None:
    (both,) = findings(call("1 45332803 T C,A", "1/2"))
    assert both.outcome is HereditaryOutcome.NOT_REPORTABLE or both.second_variant is not None
    (finding,) = findings(call("13 32340300 GT GTT,G", "1/2"))
    assert finding.outcome is HereditaryOutcome.CANDIDATE_POSITIVE
    assert finding.variant.clinvar_id == "9325"
    assert "second_allele_for_review" in finding.flags


def test_a_genotype_that_points_to_the_other_allele_is_not_the_known_one(
    call: Call, findings: Callable[..., list[HereditaryFinding]]
) -> None:
    (finding,) = findings(call("13 32340300 GT GTT,G", "0/1"))
    assert finding.outcome is HereditaryOutcome.REVIEW
    assert finding.variant.clinvar_id is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"filters": ("LowQual",)}, "filter_not_pass"),
        ({"reads": (5, 5)}, "depth_low"),
        ({"quality": 39}, "genotype_quality_low"),
        ({"quality": None}, "quality_not_given"),
        ({"reads": ()}, "quality_not_given"),
        ({"reads": (31, 3)}, "allele_balance_low"),
        ({"reads": (3, 31)}, "allele_balance_high"),
        ({"genotype": "1/1", "reads": (10, 24)}, "allele_balance_homozygous"),
        ({"genotype": "./1"}, "genotype_incomplete"),
        ({"genotype": "1"}, "genotype_incomplete"),
        ({"genotype": "0/1/1"}, "genotype_incomplete"),
    ],
)
def test_a_failed_quality_gate_is_a_review(call: Call, result: Result, changes: dict[str, object], reason: str) -> None:
    assert result(call(BRCA1_DELETION, **changes)) == (REVIEW, reason)


def test_missing_allele_depths_alone_are_a_review(vcf_line: Callable[[str], Record], result: Result) -> None:
    line = "chr17\t43124027\t.\tACT\tA\t99\tPASS\t.\tGT:DP:GQ\t0/1:34:99"
    assert result(vcf_line(line)) == (REVIEW, "quality_not_given")
    line = "chr17\t43124027\t.\tACT\tA\t99\tPASS\t.\tGT:AD:DP:GQ\t0/1:.,.:34:99"
    assert result(vcf_line(line)) == (REVIEW, "quality_not_given")


def test_a_substitution_needs_less_quality_than_an_indel(call: Call, result: Result) -> None:
    assert result(call("10 43121968 T C", quality=30))[0] == CANDIDATE
    assert result(call("10 43121968 T C", quality=29))[0] == REVIEW


def test_duplicates_count_once_and_contradictions_are_a_review(call: Call, result: Result) -> None:
    once = call(MUTYH_Y179C)
    assert result(once, once) == (NOT_REPORTABLE, "single_het_recessive")
    assert result(once, call(MUTYH_Y179C, "1/1")) == (REVIEW, "duplicate_conflict")
    assert result(call(BRCA2_DELETION), call(BRCA2_DELETION, "0/0")) == (REVIEW, "duplicate_conflict")
    phases = call(MUTYH_Y179C, "0|1", phase_set="7"), call(MUTYH_Y179C, "1|0", phase_set="7")
    assert result(*phases, call(MUTYH_G396D, "0|1", phase_set="7")) == (CANDIDATE, "compound_het_phase_unknown")


@pytest.mark.parametrize(
    ("site", "genotype", "reason"),
    [
        ("17 43100000 N <DEL>", "0/1", "cnv_requires_orthogonal_method"),
        ("17 43100000 N <CNV>", "./.", "cnv_requires_orthogonal_method"),
        ("17 43124027 A A]17:50000000]", "0/1", "cnv_requires_orthogonal_method"),
        ("17 43124027 A <NON_REF>", "0/1", "allele_not_specified"),
    ],
)
def test_alleles_without_bases_are_a_review(call: Call, result: Result, site: str, genotype: str, reason: str) -> None:
    assert result(call(site, genotype, end=43125000)) == (REVIEW, reason)
    flagged = call(site, genotype, end=43125000, filters=("LowQual",))
    assert result(flagged) == (REVIEW, reason)


def test_uncalled_symbols_say_nothing(call: Call, findings: Callable[..., list[HereditaryFinding]]) -> None:
    assert findings(call("17 43100000 N <DEL>", "0/0", end=43125000)) == []
    assert findings(call("17 43124027 A <NON_REF>", "./.")) == []
    assert findings(call("17 43124027 A *", "0/1")) == []
    assert findings(call("17 43124027 A *,C", "1/1")) == []


def test_a_call_beside_a_deletion_is_kept(call: Call, result: Result) -> None:
    assert result(call("10 43121968 T C,*", "1/2")) == (CANDIDATE, "plp_ge2star_dominant")


def test_two_copies_in_a_dominant_gene_are_urgent(call: Call, findings: Callable[..., list[HereditaryFinding]]) -> None:
    (both,) = findings(call(BRCA2_DELETION, "1/1"))
    assert both.flags == ("urgent_two_copies",)
    two = [call(BRCA2_DELETION, "0|1", phase_set="1"), call("13 32339699 CAA C", "1|0", phase_set="1")]
    (pair,) = findings(*two)
    assert pair.flags == ("urgent_two_copies",)
    assert pair.second_variant is not None
    cis = [call(BRCA2_DELETION, "0|1", phase_set="1"), call("13 32339699 CAA C", "0|1", phase_set="1")]
    assert findings(*cis)[0].flags == ()


def test_flags(call: Call, findings: Callable[..., list[HereditaryFinding]]) -> None:
    assert "processed_pseudogene" in findings(call("10 87864470 A G"))[0].flags
    assert "second_tissue_needed" in findings(call("17 7669611 A AG"))[0].flags
    assert "decay_escape_possible" in findings(call("17 7669611 A AG"))[0].flags
    assert "founder_allele_af_exempt" in findings(call("18 31598655 G A"))[0].flags


@pytest.mark.parametrize(
    ("site", "genotype", "outcome", "reason"),
    [
        (BRCA1_DELETION, "0/1", NOT_REPORTABLE, "array_rare_variant"),
        (HFE_C282Y, "0/1", NOT_REPORTABLE, "array_rare_variant"),
        (HFE_C282Y, "1/1", REVIEW, "hfe_array_needs_confirmation"),
    ],
)
def test_array_data_is_never_a_finding(  # noqa: PLR0917 - a table of cases
    call: Call, result: Result, site: str, genotype: str, outcome: str, reason: str
) -> None:
    assert result(call(site, genotype, reads=(), quality=None), assay=Assay.ARRAY) == (outcome, reason)


def test_the_gene_list_can_be_an_older_one(call: Call, result: Result) -> None:
    older = load(options={"sf_list": "v2.0"})
    pln = call("6 118558956 TAAG T")
    assert result(pln, by=older) == (NOT_REPORTABLE, "gene_not_on_active_list")
    assert result(pln, by=older, assay=Assay.ARRAY) == (NOT_REPORTABLE, "gene_not_on_active_list")


def test_releases_by_date_decide_differently(call: Call, result: Result) -> None:
    lost, won = call("17 43045748 C T"), call("13 32363211 C G")
    before, after = load("2025-09-28"), load("2026-02-26")
    assert result(lost, by=before)[0] != NOT_REPORTABLE
    assert result(lost, by=after) == (NOT_REPORTABLE, "vus")
    assert result(won, by=before) == (NOT_REPORTABLE, "not_in_clinvar")
    assert result(won, by=after) == (CANDIDATE, "plp_ge2star_dominant")


def test_annotation_of_the_file_speaks_for_unknown_alleles(call: Call, result: Result) -> None:
    site = "13 32340400 G T"
    assert result(call(site, consequences=("stop_gained",))) == (REVIEW, "novel_lof")
    assert result(call(site, consequences=("missense_variant",))) == (NOT_REPORTABLE, "not_in_clinvar")


def test_an_indel_that_cannot_be_placed_is_a_review(call: Call, result: Result) -> None:
    assert result(call("2 178695900 AA A")) == (REVIEW, "unnormalised_indel")


def test_an_allele_outside_every_gene_is_not_a_finding(
    call: Call, findings: Callable[..., list[HereditaryFinding]]
) -> None:
    assert findings(call("1 1000000 A C")) == []


def test_two_substitutions_in_one_codon_are_read_together(
    call: Call, findings: Callable[..., list[HereditaryFinding]], result: Result
) -> None:
    """BRCA1 AG>TA, a stop codon, of which neither half alone is pathogenic."""
    halves = "17 43092535 A T", "17 43092536 G A"
    assert result(*(call(site, "1/1") for site in halves)) == (CANDIDATE, "plp_ge2star_dominant")
    (finding,) = findings(*(call(site, "0|1", phase_set="5") for site in halves))
    assert finding.outcome is HereditaryOutcome.CANDIDATE_POSITIVE
    assert finding.variant.clinvar_id == "125597"
    assert "combined_in_codon" in finding.flags
    assert result(*(call(site) for site in halves)) == (REVIEW, "codon_neighbour_unphased")
    trans = [call(halves[0], "0|1", phase_set="5"), call(halves[1], "1|0", phase_set="5")]
    assert result(*trans)[0] == NOT_REPORTABLE


def test_a_pathogenic_half_of_an_unknown_pair_is_a_review(call: Call, result: Result) -> None:
    """Next to another change in its codon, a pathogenic substitution may mean something else."""
    known, other = "17 7675139 C A", "17 7675138 G C"
    assert result(call(known)) == (CANDIDATE, "plp_ge2star_dominant")
    assert result(call(known), call(other)) == (REVIEW, "codon_neighbour_unphased")
    cis = [call(known, "0|1", phase_set="5"), call(other, "0|1", phase_set="5")]
    assert result(*cis) == (REVIEW, "codon_combination_not_classified")


TP53_INSERTION = "17 7669611 A AG"
OTHER_EXAMPLES = ("17 43124027 TCT T", "13 32340400 GTT G", "13 32319207 A G", "19 38467654 C T")


@pytest.mark.parametrize(
    ("site", "reads", "expected"),
    [
        (TP53_INSERTION, (148, 52), (CANDIDATE, "plp_ge2star_dominant")),
        (TP53_INSERTION, (149, 51), (REVIEW, "mosaic_or_clonal")),
        (BRCA2_DELETION, (149, 51), (CANDIDATE, "plp_ge2star_dominant")),
        (BRCA2_DELETION, (151, 49), (REVIEW, "allele_balance_low")),
    ],
)
def test_tp53_needs_more_reads_than_other_genes(
    call: Call, result: Result, site: str, reads: tuple[int, int], expected: tuple[str, str]
) -> None:
    assert result(call(site, reads=reads)) == expected


def test_tp53_without_reads_or_on_both_copies_has_other_reasons(call: Call, result: Result) -> None:
    assert result(call(TP53_INSERTION, reads=())) == (REVIEW, "quality_not_given")
    assert result(call(TP53_INSERTION, "1/1", reads=(160, 40))) == (REVIEW, "allele_balance_homozygous")


@pytest.mark.parametrize("step", classify.STEPS, ids=lambda step: step.__name__)
def test_the_examples_notice_a_rule_that_is_left_out(
    step: classify.Step, call: Call, risk: HereditaryRisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [*(site for site, _, _ in ALLELES), HFE_C282Y, *OTHER_EXAMPLES]
    examples = [(risk, call(site)) for site in sites]
    examples.append((risk, call(TP53_INSERTION, reads=(149, 51))))
    examples.append((load(options={"sf_list": "v2.0"}), call("6 118558956 TAAG T")))

    def decisions() -> list[classify.Decision]:
        read = ((by, GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, [record])) for by, record in examples)
        return [allele.decision for by, calls in read for gene in by.alleles(calls).values() for allele in gene]

    expected = decisions()
    monkeypatch.setattr(classify, "STEPS", tuple(other for other in classify.STEPS if other is not step))
    assert decisions() != expected


@pytest.mark.parametrize(
    ("threshold", "relaxed", "poor"),
    [
        ("min_depth", 0, {"reads": (7, 7)}),
        ("min_genotype_quality", 0, {"quality": 29}),
        ("min_indel_genotype_quality", 0, {"site": BRCA2_DELETION, "quality": 39}),
        ("min_heterozygous_balance", 0.0, {"reads": (80, 20)}),
        ("max_heterozygous_balance", 1.0, {"reads": (20, 80)}),
        ("min_homozygous_balance", 0.0, {"genotype": "1/1", "reads": (20, 80)}),
        ("min_stars", 1, {"site": "13 32316453 AGGTAAAAATGCCTATT A"}),
        ("max_frequency_dominant", 1.0, {"site": "12 120994313 G GC"}),
    ],
)
def test_each_threshold_alone_keeps_a_poor_call_from_being_a_candidate(
    call: Call, result: Result, threshold: str, relaxed: float, poor: dict[str, object]
) -> None:
    record = call(**{"site": "10 43121968 T C", **poor})
    assert result(record)[0] == REVIEW
    lax = load()
    lax.policy = replace(lax.policy, thresholds=replace(lax.policy.thresholds, **{threshold: relaxed}))
    assert result(record, by=lax)[0] == CANDIDATE
