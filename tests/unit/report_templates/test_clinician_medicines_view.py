"""The clinician version says more than the participant's, and never what a review has still to settle."""

from dataclasses import replace

import pytest
from support import reports

from interpreters.findings import DrugRecommendation, NotTested, PharmacogenomicFinding
from interpreters.genotypes import Assay
from report_templates.content import Audience, Language, ReportContent
from report_templates.views import medicines
from report_templates.views.clinician_medicines import (
    NAMES_SHOWN,
    ClinicianMedicinesView,
    GeneRow,
    GuidanceRow,
    view,
)
from report_templates.wording import Words

WORDS = Words(Language.EN, Audience.CLINICIAN)


def seen(report: ReportContent) -> ClinicianMedicinesView:
    return view(report, WORDS)


def of(*findings: PharmacogenomicFinding, **changes: object) -> ClinicianMedicinesView:
    return seen(reports.content("pharmacogenomics", findings, **changes))


def rows(shown: ClinicianMedicinesView) -> list[GuidanceRow]:
    return [row for group in shown.groups for row in group.rows]


def gene_row(shown: ClinicianMedicinesView, gene: str) -> GeneRow:
    return next(row for row in shown.genes if row.gene == gene)


def statin(*recommendations: DrugRecommendation, **changes: object) -> PharmacogenomicFinding:
    return reports.gene("SLCO1B1", "*1/*5", "Decreased Function", *recommendations, **changes)


SIMVASTATIN = reports.row(
    "simvastatin", ("SLCO1B1",), "alternative,limit_dose", "757bd591adf1", rxnorm="36567", atc="C10AA01"
)
SECOND = replace(SIMVASTATIN, source="DPWG", strength="N/A", population="", statement="Another statement.")


def test_it_says_first_that_it_is_a_research_result_and_what_is_open() -> None:
    headline = seen(reports.medicines_reviewed()).headline
    assert headline.paragraphs[0].startswith("This is a research result. Confirm it in a clinical laboratory")
    assert "Reviewed by a specialist, not settled by the data: CYP2C19." in headline.paragraphs
    assert "Not looked at: CYP2D6, HLA-A, HLA-B, and MT-RNR1." in headline.paragraphs
    assert headline.paragraphs[-1].endswith("The participant has one in plain words, and may read this one too.")


def test_the_title_counts_medicines_and_reassures_only_with_an_answer() -> None:
    usual = replace(SIMVASTATIN, actions=("standard_dose",))
    for finding, title, answered in (
        (statin(SIMVASTATIN, replace(SIMVASTATIN, population="adults")), "1 medicine with a recommendation", True),
        (statin(usual), "No recommendation other than standard use", True),
        (statin(), "No recommendation can be given yet", False),
        (statin(usual, requires_review=True), "No recommendation can be given yet", False),
    ):
        headline = of(finding).headline
        assert headline.title.startswith(title)
        assert headline.answered == answered
    nothing = seen(reports.medicines_not_read())
    assert nothing.headline.title == "No pharmacogene could be read"
    assert (nothing.groups, nothing.genes) == ((), ())


def test_a_row_names_the_medicine_the_genes_the_guideline_and_its_review() -> None:
    (row,) = rows(of(statin(SIMVASTATIN)))
    assert (row.medicine, row.remarks) == ("simvastatin", ("RxNorm 36567", "ATC C10AA01"))
    assert row.genes == ("SLCO1B1 *1/*5: Decreased Function",)
    assert row.statement == SIMVASTATIN.statement
    assert (row.url, row.strength, row.population) == (reports.CPIC, "Strong", "General")
    assert row.source == ("CPIC, May 2024", "Awaiting clinical review")
    approved = replace(SIMVASTATIN, reviewed="C. Ito, PharmD, 2026-11-20", needs_review=True)
    (row,) = rows(of(statin(approved)))
    assert row.source[1] == "Statement reviewed: C. Ito, PharmD, 2026-11-20"
    assert row.statement.endswith("The advice depends on facts that are not known here.")


def test_activity_scores_and_missing_genes_stand_with_the_medicine() -> None:
    both = reports.row("fluvastatin", ("CYP2C9", "SLCO1B1"), "limit_dose", "x")
    scored = reports.gene("CYP2C9", "*1/*2", "Intermediate Metabolizer", both, activity_score="1.5")
    (row,) = rows(of(scored))
    assert row.genes == (
        "CYP2C9 *1/*2: Intermediate Metabolizer; activity score 1.5",
        "SLCO1B1: No Result (not looked at)",
    )
    unread = (NotTested("pharmacogenomics", "SLCO1B1", "no_position_read"),)
    (row,) = rows(seen(reports.content("pharmacogenomics", (scored,), unread)))
    assert row.genes[1] == "SLCO1B1: No Result (could not be read)"


def test_the_second_opinion_follows_the_first_and_says_so() -> None:
    first, second = rows(of(statin(SIMVASTATIN, second_opinions=(SECOND,))))
    assert (first.is_second, second.is_second) == (False, True)
    assert second.statement == "Second opinion: Another statement."
    assert (second.strength, second.population) == ("Not rated", "Not stated")
    alone = replace(SECOND, drug="phenprocoumon")
    assert [row.medicine for row in rows(of(statin(SIMVASTATIN, second_opinions=(alone,))))] == [
        "phenprocoumon",
        "simvastatin",
    ]


def test_a_second_source_without_a_recommendation_is_told_only_where_there_is_no_other() -> None:
    silent = replace(SECOND, actions=("no_recommendation",))
    assert len(rows(of(statin(SIMVASTATIN, second_opinions=(silent,))))) == 1
    (alone,) = rows(of(statin(second_opinions=(silent,))))
    assert alone.is_second


def test_medicines_are_grouped_by_what_is_asked_for() -> None:
    usual = replace(SIMVASTATIN, drug="lovastatin", actions=("standard_dose",))
    silent = replace(SIMVASTATIN, drug="pravastatin", actions=("no_recommendation",))
    untagged = replace(SIMVASTATIN, drug="pitavastatin", actions=())
    shown = of(statin(usual, silent, untagged, SIMVASTATIN))
    assert [[row.medicine for row in group.rows] for group in shown.groups] == [
        ["pitavastatin", "simvastatin"],
        ["lovastatin"],
        ["pravastatin"],
    ]
    differs = of(statin(usual, second_opinions=(replace(SECOND, drug="lovastatin"),)))
    assert [group.heading for group in differs.groups] == ["Other than standard use"]


def test_strong_recommendations_come_first_and_groups_of_patients_share_a_row() -> None:
    weak = replace(SIMVASTATIN, strength="Optional", text_sha="a", statement="Weak.")
    strange = replace(SIMVASTATIN, strength="Unheard of", population="unheard of", text_sha="b", statement="Strange.")
    children = replace(SIMVASTATIN, population="pediatrics")
    found = rows(of(statin(strange, weak, children, SIMVASTATIN)))
    assert [(row.strength, row.population) for row in found] == [
        ("Strong", "General; Children"),
        ("Optional", "General"),
        ("Unheard of", "unheard of"),
    ]


def test_every_medicine_of_the_list_is_in_one_place_with_its_reason() -> None:
    shown = seen(reports.medicines_reviewed())
    with_rows = {row.medicine for row in rows(shown)}
    without = {name.rpartition(" (")[0]: fact.label for fact in shown.no_row for name in fact.value.split("; ")}
    assert with_rows.isdisjoint(without)
    assert len(with_rows | set(without)) >= 81
    assert without["clopidogrel"] == "Depends on a gene that was reviewed and not settled"
    assert without["codeine"] == "Depends on genes that were not read or not looked at"
    assert without["hydralazine"] == "No guideline row fits these results"
    assert "clopidogrel (CYP2C19)" in shown.no_row[0].value


# --- Genes that a person has to look at, or has looked at


def held(**changes: object) -> PharmacogenomicFinding:
    """CYP2C19 under review, with everything that must not be shown still in it."""
    return replace(
        reports.cyp2c19(),
        requires_review=True,
        reported_phenotype=None,
        reasons=("ambiguous_phenotype",),
        consistent=("*1/*2", "*1/*17"),
        consistent_phenotypes=("Intermediate Metabolizer", "Rapid Metabolizer"),
        not_excluded=("*3", "*4"),
        second_opinions=(replace(SECOND, drug="clopidogrel", genes=("CYP2C19",)),),
        **changes,
    )


def test_a_gene_under_review_shows_no_call_no_phenotype_and_no_recommendation() -> None:
    shown = of(held())
    assert rows(shown) == []
    row = gene_row(shown, "CYP2C19")
    assert row.call == ("Not shown",)
    assert row.phenotype == ("Not reported", "2 diplotypes fit")
    assert row.coverage == ("35 of 36 positions read",)
    assert row.notes == ("Held for review", "Diplotypes that fit differ in phenotype; phase would tell.")
    assert "Metabolizer" not in str(shown)
    assert "*2" not in str(shown)
    assert shown.no_row[0].label == "Held for review"
    assert "Held for review, without a result or recommendation: CYP2C19." in shown.headline.paragraphs


def test_a_gene_under_review_holds_the_rows_of_other_genes_of_its_medicines() -> None:
    partner = reports.gene(
        "CYP2D6", "*1/*4", "Intermediate Metabolizer",
        reports.row("amitriptyline", ("CYP2D6",), "reduce_dose", "x"),
        reports.row("newdrug", ("CYP2C19", "CYP2D6"), "reduce_dose", "x"),
        reports.row("codeine", ("CYP2D6",), "avoid", "x"),
    )  # fmt: skip
    shown = of(held(), partner)
    assert [row.medicine for row in rows(shown)] == ["codeine"]
    assert "amitriptyline (CYP2C19)" in shown.no_row[0].value
    # Without the hold they would be shown.
    assert len({row.medicine for row in rows(of(partner))}) == 3


def test_a_listed_medicine_whose_row_names_a_gene_under_review_is_held() -> None:
    partner = statin(replace(SIMVASTATIN, genes=("CYP2C19", "SLCO1B1")))
    shown = of(held(), partner)
    assert rows(shown) == []
    assert "simvastatin (SLCO1B1)" in shown.no_row[0].value


def test_what_was_looked_at_and_not_settled_shows_no_call_and_recommends_nothing() -> None:
    shown = of(replace(held(), requires_review=False, reasons=("not_settled_in_review", "recommendations_withheld")))
    assert rows(shown) == []
    row = gene_row(shown, "CYP2C19")
    assert row.call == ("Not shown",)
    assert row.phenotype == ("Not reported", "2 diplotypes fit")
    assert row.notes == ("Reviewed by a specialist: not settled", "Recommendations are withheld.")


def test_a_diplotype_without_a_phenotype_is_told_in_words() -> None:
    finding = statin(SIMVASTATIN, consistent=("*1/*5", "*1/*9"), consistent_phenotypes=("Decreased Function", "n/a"))
    row = gene_row(of(finding), "SLCO1B1")
    assert row.phenotype[1] == "2 diplotypes fit: Decreased Function or no phenotype assigned"
    none = replace(finding, consistent_phenotypes=("n/a",))
    assert gene_row(of(none), "SLCO1B1").phenotype[1] == "2 diplotypes fit"


def test_an_accepted_call_says_that_it_was_reviewed() -> None:
    row = gene_row(of(statin(SIMVASTATIN, reasons=("accepted_in_review",))), "SLCO1B1")
    assert row.notes == ("Reviewed by a specialist: call accepted",)
    assert row.phenotype == ("Decreased Function",)


# --- Results by gene


def test_a_gene_shows_call_coverage_and_what_is_not_excluded() -> None:
    many = tuple(f"*{number}" for number in range(2, 30))
    finding = replace(
        statin(),
        tier1_read=1,
        tier1_total=2,
        not_excluded=many,
        consistent=("*1/*5", "*1/*15"),
        consistent_phenotypes=("Decreased Function",),
        extra_genotypes=("rs12777823 G/A",),
        activity_score="1.0",
    )
    row = gene_row(of(finding), "SLCO1B1")
    assert row.call == ("*1/*5", "From sequence, not phased", "rs12777823 G/A")
    assert row.phenotype == ("Decreased Function", "Activity score 1.0", "2 diplotypes fit, all with this phenotype")
    names = ", ".join(many[:NAMES_SHOWN])
    assert row.coverage == ("35 of 36 positions read", "Tier 1: 1 of 2 read", f"Not excluded (28): {names} and 16 more")
    assert row.notes == ("No review needed",)
    few = gene_row(of(replace(finding, not_excluded=many[:2], phased=True, consistent=())), "SLCO1B1")
    assert few.coverage[-1] == "Not excluded (2): *2, *3"
    assert few.call[1] == "From sequence, phased"
    assert few.phenotype == ("Decreased Function", "Activity score 1.0")


def test_a_gene_from_an_array_by_another_method_or_without_a_call() -> None:
    array = replace(reports.content("traits").specimen, assay=Assay.ARRAY)
    assert gene_row(of(statin(), specimen=array), "SLCO1B1").call[1] == "From array genotypes, not phased"
    outside = gene_row(seen(reports.medicines_every_gene()), "HLA-B")
    assert outside.call == ("*15:02/*44:03", "By another laboratory method")
    assert outside.phenotype[0] == "*15:02 positive, *57:01 negative, *58:01 negative"
    assert outside.coverage == ("Rests on no position of the file",)
    none = reports.gene("CYP4F2", "", "", diplotypes=(), phenotypes=(), reported_phenotype=None, reasons=("new_code",))
    row = gene_row(of(none), "CYP4F2")
    assert (row.call[0], row.phenotype) == ("No call", ("Not reported",))
    # A code without words stands for itself.
    assert row.notes[1] == "new_code"


def test_a_gene_without_phenotypes_keeps_its_call() -> None:
    row = gene_row(seen(reports.medicines_every_gene()), "CYP4F2")
    assert row.phenotype == ("no phenotype assigned", "1 diplotype fits")


def test_no_variant_in_a_part_of_a_gene_names_no_diplotype() -> None:
    shown = seen(reports.medicines_sequence_only())
    assert gene_row(shown, "TPMT").call[0] == "no variant found among the 12 of 43 positions read"
    line = next(gene for row in rows(shown) for gene in row.genes if gene.startswith("TPMT"))
    assert line == "TPMT: Normal Metabolizer; no variant found among the 12 of 43 positions read"


# --- The participant's own list, limits


def test_the_own_list_has_every_entry_with_its_rows_or_why_there_is_none() -> None:
    shown = seen(reports.medicines_reviewed())
    entered = {row.remarks[0]: row for row in shown.own if row.remarks}
    assert entered["Entered as “Simvastatina”"].medicine == "simvastatin"
    clopidogrel = entered["Entered as “Plavix 75 mg”"]
    assert clopidogrel.statement == "Depends on a gene that was reviewed and not settled: CYP2C19."
    assert clopidogrel.genes == ("CYP2C19: No Result (reviewed, not settled)",)
    (unknown,) = [row for row in shown.own if row.medicine == "vitamin D"]
    assert unknown.statement.startswith("Not covered by this report.")
    assert (unknown.genes, unknown.source) == (("Not applicable",), ("No guideline row",))
    assert seen(reports.medicines_held()).own == ()


def test_an_own_medicine_that_only_the_second_source_knows_is_covered() -> None:
    alone = replace(SECOND, drug="phenprocoumon")
    (row,) = of(statin(second_opinions=(alone,)), own_medicines=("Phenprocoumon 3 mg",)).own
    assert row.statement == "Second opinion: Another statement."


def test_limits_of_genes_stand_together_and_facts_keep_their_names() -> None:
    report = reports.medicines_not_read(
        **{"not_called.A": "Same.", "not_called.B": "Same.", "not_called.C": "Other.", "genes": "A,B,C", "new": "x, y"}
    )
    shown = seen(report)
    assert [(fact.label, fact.value) for fact in shown.not_called] == [("A, B", "Same."), ("C", "Other.")]
    assert [(fact.label, fact.value) for fact in shown.facts] == [("Genes asked for", "A, B, C"), ("new", "x, y")]
    assert shown.not_tested[0].value == "No defining position is in the file."
    assert len(shown.limits) == 5
    assert len(shown.methods) == 3


@pytest.mark.parametrize("state", [name for name in reports.STATES if name.startswith("medicines")])
def test_both_versions_hold_and_recommend_the_same_medicines(state: str) -> None:
    """A medicine that the participant is told is still being checked has no recommendation for the clinician."""
    report = reports.STATES[state]()
    told_to_wait = {
        medicine.name
        for row in medicines.view(report, Words(Language.EN)).summary
        if row.sign.style == "held"
        for medicine in row.medicines
    }
    assert bool(told_to_wait) == (state == "medicines-held")
    assert told_to_wait.isdisjoint(row.medicine for row in rows(seen(report)))


def test_a_medicine_of_the_second_source_without_a_row_says_so() -> None:
    (row,) = seen(replace(reports.medicines_not_read(), own_medicines=("Lamictal",))).own
    assert row.remarks[0] == "Entered as “Lamictal”"
    assert row.statement.startswith("Not covered by this report.")
