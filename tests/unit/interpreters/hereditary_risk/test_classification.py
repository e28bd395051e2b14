"""ClinVar's classification fields, line by line as NCBI writes them, through import and interpretation.

Each record is a stop in BRCA2, where nothing but the classification decides, and each is seen on one copy.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interpreters.findings import HereditaryOutcome
from interpreters.genotypes import Record
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.build import import_clinvar

CANDIDATE, REVIEW, NOT_REPORTABLE = (outcome.value for outcome in HereditaryOutcome)
RETURNED = (CANDIDATE, "plp_ge2star_dominant")
LOW_PENETRANCE = (REVIEW, "low_penetrance_term")
VUS = (NOT_REPORTABLE, "vus")
BENIGN = (NOT_REPORTABLE, "benign")
OTHER = (NOT_REPORTABLE, "other_classification")
HAPLOTYPE = (NOT_REPORTABLE, "haplotype_classification_only")
CONFLICTING = (
    "CLNREVSTAT=criteria_provided,_conflicting_classifications;CLNSIG=Conflicting_classifications_of_pathogenicity"
)
WITHOUT_PLP = (NOT_REPORTABLE, "conflicting_without_plp")
TWO_STARS = "CLNREVSTAT=criteria_provided,_multiple_submitters,_no_conflicts"
PANEL = "CLNREVSTAT=reviewed_by_expert_panel"

LINES = [
    # Terms: `|` and `/` both separate them; a plain Pathogenic or Likely pathogenic must be among them
    (f"{TWO_STARS};CLNSIG=Pathogenic", RETURNED),
    (f"{TWO_STARS};CLNSIG=Likely_pathogenic", RETURNED),
    (f"{TWO_STARS};CLNSIG=Pathogenic/Likely_pathogenic", RETURNED),
    (f"{TWO_STARS};CLNSIG=Pathogenic,_low_penetrance", OTHER),
    (f"{TWO_STARS};CLNSIG=Uncertain_significance", VUS),
    (f"{TWO_STARS};CLNSIG=Uncertain_significance/Pathogenic,_low_penetrance", VUS),
    (f"{TWO_STARS};CLNSIG=Benign", BENIGN),
    (f"{TWO_STARS};CLNSIG=Likely_benign", BENIGN),
    (f"{TWO_STARS};CLNSIG=Benign/Likely_benign|other", BENIGN),
    (f"{TWO_STARS};CLNSIG=other", OTHER),
    (f"{TWO_STARS};CLNSIG=drug_response", OTHER),
    (f"{TWO_STARS};CLNSIG=Established_risk_allele", OTHER),
    ("CLNREVSTAT=no_classification_provided;CLNSIG=not_provided", OTHER),
    ("CLNREVSTAT=no_classifications_from_unflagged_records;CLNSIG=no_classifications_from_unflagged_records", OTHER),
    ("ALLELEID=1", OTHER),
    # Terms that change nothing beside a pathogenic one
    *(
        (f"{TWO_STARS};CLNSIG=Pathogenic|{term}", RETURNED)
        for term in (
            "drug_response", "association", "other", "not_provided", "protective", "Affects", "confers_sensitivity"
        )
    ),
    # Terms that a pathogenic one cannot outweigh
    *(
        (f"{TWO_STARS};CLNSIG=Pathogenic/Likely_pathogenic{separator}{term}", LOW_PENETRANCE)
        for separator, term in (
            ("/", "Pathogenic,_low_penetrance"),
            ("/", "Likely_pathogenic,_low_penetrance"),
            ("|", "risk_factor"),
            ("/", "Established_risk_allele"),
            ("|", "Likely_risk_allele"),
            ("/", "Uncertain_risk_allele"),
        )
    ),
    # Stars
    ("CLNREVSTAT=practice_guideline;CLNSIG=Pathogenic", RETURNED),
    (f"{PANEL};CLNSIG=Pathogenic", RETURNED),
    ("CLNREVSTAT=criteria_provided,_single_submitter;CLNSIG=Pathogenic", (REVIEW, "one_star")),
    ("CLNREVSTAT=no_assertion_criteria_provided;CLNSIG=Pathogenic", (REVIEW, "zero_star")),
    ("CLNSIG=Pathogenic", (REVIEW, "zero_star")),
    # Conflicts: what was submitted decides
    (f"{CONFLICTING};CLNSIGCONF=Pathogenic(1)|Uncertain_significance(4)", (REVIEW, "conflicting_with_plp")),
    (f"{CONFLICTING};CLNSIGCONF=Uncertain_significance(4)|Likely_pathogenic(1)", (REVIEW, "conflicting_with_plp")),
    (f"{CONFLICTING};CLNSIGCONF=Uncertain_significance(2)|Likely_benign(9)", WITHOUT_PLP),
    (f"{CONFLICTING};CLNSIGCONF=Pathogenic,_low_penetrance(1)|Benign(1)", WITHOUT_PLP),
    (f"{CONFLICTING}|association|risk_factor;CLNSIGCONF=Pathogenic(1)|Benign(1)", LOW_PENETRANCE),
    (f"{CONFLICTING}|other;CLNSIGCONF=Benign(1)|Uncertain_significance(1)", WITHOUT_PLP),
    (CONFLICTING, WITHOUT_PLP),
    (
        CONFLICTING.replace("classifications", "interpretations") + ";CLNSIGCONF=Pathogenic(1)|Benign(1)",
        (REVIEW, "conflicting_with_plp"),
    ),
    # An expert panel's word is the record's, whatever others submitted, both ways
    (f"{PANEL};CLNSIG=Pathogenic;CLNSIGCONF=Benign(2)|Uncertain_significance(3)", RETURNED),
    (f"{PANEL};CLNSIG=Likely_pathogenic;CLNSIGCONF=Uncertain_significance(3)", RETURNED),
    (f"{PANEL};CLNSIG=Uncertain_significance;CLNSIGCONF=Pathogenic(9)", VUS),
    (f"{PANEL};CLNSIG=Benign;CLNSIGCONF=Pathogenic(9)", BENIGN),
    (f"{PANEL};CLNSIG=Likely_benign", BENIGN),
    ("CLNREVSTAT=practice_guideline;CLNSIG=Uncertain_significance", VUS),
    # Origin: seen in tumours only
    (f"{TWO_STARS};CLNSIG=Pathogenic;ORIGIN=2", (REVIEW, "somatic_origin_only")),
    (f"{TWO_STARS};CLNSIG=Pathogenic;ORIGIN=3", RETURNED),
    (f"{TWO_STARS};CLNSIG=Pathogenic;ORIGIN=32", RETURNED),
    (f"{TWO_STARS};CLNSIG=Pathogenic;ORIGIN=0", RETURNED),
    (f"{TWO_STARS};CLNSIG=Uncertain_significance;ORIGIN=2", VUS),
    # Classified as part of a haplotype only
    ("CLNSIG=no_classification_for_the_single_variant;CLNSIGINCL=17:Pathogenic", HAPLOTYPE),
    ("CLNREVSTAT=no_classification_for_the_single_variant;CLNSIGINCL=17:Pathogenic", HAPLOTYPE),
    (f"{TWO_STARS};CLNSIG=Pathogenic;CLNSIGINCL=17:Benign", RETURNED),
    (f"{TWO_STARS};CLNSIG=Benign;CLNSIGINCL=17:Pathogenic", BENIGN),
    # What is said of tumours counts for nothing: neither class nor stars
    ("ONC=Oncogenic;ONCREVSTAT=reviewed_by_expert_panel", OTHER),
    ("SCI=Tier_I_-_Strong;SCIREVSTAT=reviewed_by_expert_panel", OTHER),
    (f"{TWO_STARS};CLNSIG=Uncertain_significance;ONC=Oncogenic", VUS),
    (
        "CLNREVSTAT=criteria_provided,_single_submitter;CLNSIG=Pathogenic;ONCREVSTAT=reviewed_by_expert_panel",
        (REVIEW, "one_star"),
    ),
]  # fmt: skip
HEADER = (
    "##fileformat=VCFv4.1\n##fileDate=2026-05-03\n##source=ClinVar\n##reference=GRCh38\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)


def position(number: int) -> int:
    """Far enough apart for each to be a change of its own."""
    return 32_337_000 + 10 * number


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> HereditaryRisk:
    folder = tmp_path_factory.mktemp("classification")
    records = (
        f"13\t{position(number)}\t{number + 1}\tA\tT\t.\t.\t{facts};GENEINFO=BRCA2:675;MC=SO:0001587|nonsense\n"
        for number, (facts, _) in enumerate(LINES)
    )
    source = folder / "clinvar.vcf"
    source.write_text(HEADER + "".join(records), encoding="utf-8")
    return HereditaryRisk(import_clinvar(source, folder), "v3.3")


@pytest.mark.parametrize(("number", "expected"), [(number, expected) for number, (_, expected) in enumerate(LINES)])
def test_each_line_by_the_policy(
    call: Callable[..., Record],
    result: Callable[..., tuple[str, str]],
    imported: HereditaryRisk,
    number: int,
    expected: tuple[str, str],
) -> None:
    assert result(call(f"13 {position(number)} A T"), by=imported) == expected, LINES[number][0]


@pytest.mark.parametrize(
    "broken",
    [
        lambda facts: "athogenic" in facts,
        lambda facts: any(f"CLNSIG={term}" in facts.split(";") for term in ("Pathogenic", "Likely_pathogenic")),
        lambda facts: "Pathogenic" in facts and "_no_conflicts" in facts,
    ],
)
def test_plainer_ways_of_reading_are_caught_by_these_lines(broken: Callable[[str], bool]) -> None:
    assert any(broken(facts) is not (expected == RETURNED) for facts, expected in LINES)
