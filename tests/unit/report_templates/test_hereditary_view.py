from dataclasses import replace

import pytest
from support import reports

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryFinding, NotTested
from interpreters.genotypes import Sex
from report_templates.content import FindingOutcome, Language, NoteChoice, ReportContent
from report_templates.views.hereditary import HereditaryView, view
from report_templates.views.hereditary_facts import State, percent, ranges
from report_templates.wording import WordingError, Words

EN, ES = Words(Language.EN), Words(Language.ES)
NOTHING_FOUND = ("nothing found", "no change", "no result to report", "normal result")


def seen(report: ReportContent, words: Words = EN) -> HereditaryView:
    return view(report, words, "September 28, 2025")


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (reports.hereditary_positive(), State.POSITIVE),
        (reports.hereditary_negative(), State.NEGATIVE),
        (reports.hereditary_in_part(), State.NEGATIVE_IN_PART),
        (reports.hereditary_read_in_part(), State.READ_IN_PART),
        (reports.hereditary_not_read(), State.NOT_READ),
        (reports.content("hereditary_risk"), State.NOT_READ),
    ],
)
def test_states(report: ReportContent, state: State) -> None:
    assert seen(report).state is state


@pytest.mark.parametrize("report", [reports.hereditary_not_read(), reports.hereditary_read_in_part()])
def test_a_file_that_was_not_read_never_says_that_nothing_was_found(report: ReportContent) -> None:
    shown = seen(report)
    said = " ".join((shown.headline.title, *shown.headline.paragraphs)).lower().replace("not the same as a normal", "")
    assert not any(phrase in said for phrase in NOTHING_FOUND)
    assert not shown.headline.answered
    assert all("negative" not in part.heading for part in shown.passages)


def test_that_check_would_see_a_negative_text() -> None:
    said = " ".join(seen(reports.hereditary_negative()).headline.paragraphs).lower()
    assert any(phrase in said for phrase in NOTHING_FOUND)


def test_a_negative_always_has_its_limits() -> None:
    for report in (reports.hereditary_negative(), reports.hereditary_in_part()):
        assert "What this result cannot tell you" in [part.heading for part in seen(report).passages]


def test_genes_that_were_not_read_are_named() -> None:
    shown = seen(reports.hereditary_in_part())
    assert shown.headline.title == "No result to report in the genes that we could read"
    assert "81 of 84" in shown.headline.paragraphs[0]
    assert "most common result" not in " ".join(shown.headline.paragraphs)
    told = " ".join(text for part in shown.coverage for text in part.paragraphs)
    assert "PMS2 and TTN" in told
    assert "CALM2" in told


def test_only_the_list_in_use_counts() -> None:
    report = reports.content("hereditary_risk", (GeneAssessment("BRCA2", GeneStatus.ASSESSED, 1.0),))
    shown = seen(report)
    assert shown.state is State.NEGATIVE
    assert "1 of 1" in shown.headline.paragraphs[0]


def test_a_discordant_second_test_is_told_and_not_shown_as_a_finding() -> None:
    shown = seen(reports.hereditary_in_part())
    assert shown.findings == ()
    assert shown.passages[0].heading == "The second test did not confirm it"


def test_a_confirmed_finding_tells_what_it_means_and_what_it_does_not() -> None:
    shown = seen(reports.hereditary_positive())
    (card,) = shown.findings
    (condition,) = card.conditions
    assert condition.name == "Hereditary breast and ovarian cancer"
    assert [part.heading for part in condition.passages] == [
        "What it can mean",
        "What it does not mean",
        "For your family",
    ]
    assert "17 of 100" in condition.passages[0].paragraphs[1]
    details = dict(card.details)
    assert details["Copies"] == "One copy changed (heterozygous)"
    assert details["Classification"] == "Pathogenic; review status: 3 stars"
    assert details["Confirmed by"] == "Northbridge Clinical Genetics"
    assert "hereditary breast and ovarian cancer" in shown.headline.paragraphs[0]
    assert shown.emergency is not None
    assert len(shown.letters) == 1


def test_two_findings_are_counted_and_each_has_its_pages() -> None:
    shown = seen(reports.hereditary_two(), ES)
    assert shown.headline.title == "Usted tiene más de un resultado"
    assert "BRCA2 y HFE" in shown.headline.paragraphs[1]
    assert [card.gene for card in shown.findings] == ["BRCA2", "HFE"]


def test_a_gene_of_two_conditions_tells_both() -> None:
    shown = seen(reports.hereditary_positive(reports.finding("SMAD4", reports.BRCA2)))
    assert shown.headline.title == "We found a change in your SMAD4 gene"
    assert len(shown.findings[0].conditions) == 2
    assert any("more than one condition" in paragraph for paragraph in shown.headline.paragraphs)


def test_notes_follow_zygosity_sex_and_the_reviewer() -> None:
    def meaning(found: HereditaryFinding, sex: Sex, *notes: NoteChoice) -> str:
        report = reports.hereditary_positive(found)
        decisions = tuple(replace(decision, notes=notes) for decision in report.decisions)
        shown = seen(replace(report, sex_at_birth=sex, decisions=decisions))
        return " ".join(text for part in shown.findings[0].conditions[0].passages for text in part.paragraphs)

    hfe = reports.finding("HFE", reports.HFE)
    assert "In women, iron" in meaning(hfe, Sex.FEMALE)
    assert "In women, iron" not in meaning(hfe, Sex.UNKNOWN)
    assert "Only two copies of C282Y" in meaning(hfe, Sex.MALE)
    brca = reports.finding("BRCA2", reports.BRCA2)
    assert "Fanconi" not in meaning(brca, Sex.FEMALE)
    pair = replace(brca, second_variant=reports.BRCA2)
    assert "Fanconi" in meaning(pair, Sex.FEMALE)
    assert "Each of your children will get one of these changes" in meaning(pair, Sex.FEMALE)
    ttr = reports.finding("TTR", reports.BRCA2)
    assert meaning(ttr, Sex.MALE) != meaning(ttr, Sex.MALE, NoteChoice.SPECIFIC_VARIANT)


def test_facts_that_are_not_known_are_left_out() -> None:
    bare = replace(reports.BRCA2, hgvs=None, clinvar_id=None, classification=None, stars=None)
    found = reports.finding("BRCA2", bare)
    report = reports.hereditary_positive(found)
    decision = replace(report.decisions[0], laboratory=None, decided_on=None)
    shown = seen(replace(report, decisions=(decision,)))
    assert [label for label, _ in shown.findings[0].details] == ["Gene", "Position", "Copies"]
    assert any("chr13:32340300 GT>G" in text for text in shown.letters[0].paragraphs)
    starless = seen(reports.hereditary_positive(reports.finding("BRCA2", replace(reports.BRCA2, stars=None))))
    assert dict(starless.findings[0].details)["Classification"] == "Pathogenic"


def test_an_unusual_classification_is_shown_as_it_is() -> None:
    odd = replace(reports.BRCA2, classification="Pathogenic,_low_penetrance", stars=1)
    shown = seen(reports.hereditary_positive(reports.finding("BRCA2", odd)))
    assert dict(shown.findings[0].details)["Classification"] == "Pathogenic, low penetrance; review status: 1 star"


def test_a_positive_in_a_file_without_depth_does_not_claim_to_have_looked() -> None:
    found = reports.finding("BRCA2", reports.BRCA2)
    report = replace(
        reports.hereditary_positive(found),
        interpretation=replace(
            reports.hereditary_not_read().interpretation,
            findings=(found, *reports.hereditary_not_read().interpretation.findings),
        ),
    )
    assert seen(report).coverage[0].heading == "What we wanted to look at"


def test_a_finding_that_was_decided_not_to_be_reported_is_not_mentioned() -> None:
    report = reports.hereditary_in_part()
    decision = replace(report.decisions[0], outcome=FindingOutcome.NOT_REPORTED)
    shown = seen(replace(report, decisions=(decision,)))
    assert [part.heading for part in shown.passages] == ["What this result cannot tell you"]


def test_a_gene_without_wording_stops_the_report() -> None:
    with pytest.raises(WordingError):
        seen(reports.hereditary_positive(reports.finding("UNHEARD", reports.BRCA2)))


def test_dates_and_list_come_from_the_interpretation_where_it_has_them() -> None:
    report = reports.hereditary_negative()
    limits = {"clinvar_date": "2026-02-26", "gene_list": "ACMG SF v3.2"}
    shown = seen(replace(report, interpretation=replace(report.interpretation, limits=limits)))
    told = " ".join(shown.coverage[0].paragraphs)
    assert "ACMG SF v3.2" in told
    assert "February 26, 2026" in told


def family(report: ReportContent) -> str:
    (card,) = seen(report).findings
    return " ".join(card.conditions[0].passages[2].paragraphs)


def test_a_pair_is_told_as_two_changes_and_what_is_not_known_of_them() -> None:
    shown = seen(reports.hereditary_pair())
    assert shown.headline.title == "We found two changes in your MUTYH gene"
    details = list(shown.findings[0].details)
    assert [value for label, value in details if label == "Change"] == ["1 of 2", "2 of 2"]
    assert [value for label, value in details if label == "ClinVar number"] == ["5293", "5294"]
    assert dict(details)["The two changes"] == "It is not known if they are on two copies of the gene or on one."
    assert "Recessive" in [entry.term for entry in shown.glossary]
    assert "g.45332803T>C and NC_000001.11:g.45331556C>T" in " ".join(shown.letters[0].paragraphs)
    assert "1 in 4" in family(reports.hereditary_pair())


def test_a_change_on_both_copies_is_urgent_where_one_is_enough() -> None:
    shown = seen(reports.hereditary_both_copies())
    assert shown.headline.title == "We found a change in both copies of your LDLR gene"
    (condition,) = shown.findings[0].conditions
    assert "today or on the next working day" in condition.how_soon
    assert "next few weeks" in seen(reports.hereditary_positive()).findings[0].conditions[0].how_soon
    assert "Two copies (homozygous)" in [entry.term for entry in shown.glossary]
    assert condition.numbers_from is not None
    assert "Circulation 2020" in condition.numbers_from


def test_a_hemizygous_change_is_told_as_the_only_copy() -> None:
    shown = seen(reports.hereditary_hemizygous())
    assert shown.headline.title == "We found a change in your GLA gene"
    assert dict(shown.findings[0].details)["Copies"] == "The only copy changed (hemizygous)"
    assert "In men, a blood test" in " ".join(shown.findings[0].conditions[0].passages[0].paragraphs)
    assert "X-linked" in [entry.term for entry in shown.glossary]


@pytest.mark.parametrize(
    ("gene", "said"),
    [
        ("LDLR", "Each of your children will get one of these changes."),
        ("MYH7", "Most likely, each of your children will get one of them."),
        ("GLA", "Most likely, each of your children will get one of your two changes."),
    ],
)
def test_two_changes_where_one_is_enough_never_give_each_child_one_chance_in_two(gene: str, said: str) -> None:
    two = reports.finding(gene, replace(reports.BRCA2, zygosity="homozygous"))
    assert said in family(reports.hereditary_positive(two))
    assert "1 in 2" not in family(reports.hereditary_positive(two))
    assert "1 in 2" in family(reports.hereditary_positive(reports.finding(gene, reports.BRCA2)))


def test_a_second_change_that_was_only_for_review_is_not_told() -> None:
    both = replace(reports.finding("BRCA2", reports.BRCA2), second_variant=reports.MUTYH)
    for_review = replace(both, flags=("second_allele_for_review",))
    shown = seen(reports.hereditary_positive(for_review))
    assert shown.headline.title == "We found a change in your BRCA2 gene"
    assert "5293" not in dict(shown.findings[0].details).values()
    assert "45332803" not in " ".join(shown.letters[0].paragraphs)
    assert seen(reports.hereditary_positive(both)).headline.title == "We found two changes in your BRCA2 gene"
    homozygous = replace(both, variant=replace(reports.BRCA2, zygosity="homozygous"))
    assert "5293" not in dict(seen(reports.hereditary_positive(homozygous)).findings[0].details).values()


def test_copies_that_are_not_known_are_told_as_such() -> None:
    found = reports.finding("BRCA2", replace(reports.BRCA2, zygosity="unknown"))
    details = dict(seen(reports.hereditary_positive(found)).findings[0].details)
    assert details["Copies"] == "Number of copies not known"


def test_genes_read_in_part_are_told_with_share_exons_and_known_spots() -> None:
    readings = {row.gene: row for row in seen(reports.hereditary_in_part()).readings}
    assert set(readings) == {"PMS2", "TTN"}
    assert readings["TTN"].share == "94 of 100 letters"
    assert readings["TTN"].missing == (
        "Coding parts (exons) 3, 5-7, 11. 8 of 214 spots where a harmful change is known."
    )
    many = GeneAssessment("TTN", GeneStatus.PARTLY_ASSESSED, 0.95, 2, 2, tuple(range(1, 40, 2)))
    (row,) = seen(reports.hereditary((many,))).readings
    assert row.missing == "20 coding parts (exons), such as 1, 3, 5, 7, 9, 11, 13, 15."
    bare = reports.hereditary((GeneAssessment("TTN", GeneStatus.PARTLY_ASSESSED, 0.95),))
    assert seen(bare).readings[0].missing == "Not given"
    assert seen(reports.hereditary_negative()).readings == ()
    assert seen(reports.hereditary_not_read()).readings == ()


def test_a_negative_names_list_rules_date_and_what_was_not_looked_at() -> None:
    shown = seen(reports.hereditary_negative())
    assert shown.headline.paragraphs[-1] == "This result does not rule out a condition that runs in families."
    told = " ".join(text for part in shown.coverage for text in (*part.paragraphs, *part.items))
    for fact in ("ACMG SF v3.3", "September 28, 2025", "version 2026.11-2 of our rules", "Large pieces of DNA", "deep"):
        assert fact in told


def test_genes_that_could_not_be_read_come_with_the_reason() -> None:
    report = reports.hereditary_in_part()
    unread = (NotTested("hereditary_risk", "CALM2", "read_below_threshold"),)
    shown = seen(replace(report, interpretation=replace(report.interpretation, not_tested=unread)))
    told = " ".join(text for part in shown.coverage for text in part.paragraphs)
    assert "did not read this part of your DNA often enough" in told


def test_shares_are_rounded_down_and_numbers_become_ranges() -> None:
    assert [percent(share) for share in (0.0, 0.29, 0.9999, 0.999999, 1.0)] == ["0", "29", "99", "99", "100"]
    assert [percent(share, 1) for share in (0.979999, 0.999999, 1.0)] == ["97.9", "99.9", "100.0"]
    assert ranges(()) == ()
    assert ranges((7, 3, 5, 6, 5)) == ("3", "5-7")
