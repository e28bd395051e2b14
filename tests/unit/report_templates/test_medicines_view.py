from dataclasses import replace

from support import reports

from interpreters.findings import NotTested
from report_templates.content import Language, ReportContent
from report_templates.views.medicines import MedicinesView, view
from report_templates.wording import Words

EN, ES = Words(Language.EN), Words(Language.ES)


def seen(report: ReportContent, words: Words = EN) -> MedicinesView:
    return view(report, words)


def test_the_summary_goes_from_most_care_to_least_and_names_every_medicine_once() -> None:
    rows = seen(reports.medicines()).summary
    assert [row.sign.style for row in rows] == ["talk-before-use", "be-aware", "none", "no-answer"]
    names = [medicine.name for row in rows for medicine in row.medicines]
    assert len(names) == len(set(names)) == 81
    assert all(row.sign.words and row.sign.pictogram_title for row in rows)


def test_the_headline_counts_the_medicines_to_talk_about() -> None:
    shown = seen(reports.medicines())
    warned = [row for row in shown.summary if row.sign.style in {"talk-before-use", "be-aware"}]
    assert shown.headline.title.startswith(f"{sum(len(row.medicines) for row in warned)} medicines")
    assert "We could not read this gene: G6PD." in shown.headline.paragraphs[1]


def test_one_medicine_is_spoken_of_in_the_singular() -> None:
    one = reports.gene(
        "SLCO1B1",
        "*1/*5",
        "Decreased Function",
        reports.row("simvastatin", ("SLCO1B1",), "alternative,limit_dose", "757bd591adf1"),
    )
    shown = seen(reports.content("pharmacogenomics", (one,)), ES)
    assert shown.headline.title == "1 medicamento para hablar con su médico o farmacéutico"
    assert "en 1 gen y qué" in shown.intro.paragraphs[0]


def test_medicines_with_the_same_words_share_a_card() -> None:
    cards = seen(reports.medicines()).messages
    together = next(card for card in cards if len(card.medicines) == 4)
    assert "this medicine" in together.paragraphs[0]
    alone = next(card for card in cards if [m.name for m in card.medicines] == ["clopidogrel"])
    assert "clopidogrel" in alone.paragraphs[0]
    assert all("{" not in paragraph for card in cards for paragraph in card.paragraphs)


def test_typical_results_promise_nothing() -> None:
    shown = seen(reports.medicines_typical())
    assert shown.headline.title == "No medicine with a gene warning"
    assert "it is not a promise" in shown.headline.paragraphs[0]
    assert shown.headline.answered


def test_a_held_gene_shows_no_result_and_no_recommendation() -> None:
    shown = seen(reports.medicines_held())
    assert shown.messages == ()
    (card,) = shown.genes
    assert card.label == "Still being checked"
    assert "*2" not in card.technical
    assert "Intermediate" not in card.technical
    assert not shown.headline.answered


def test_the_headline_does_not_reassure_while_anything_is_open() -> None:
    typical = reports.medicine_findings()[2:4]
    held = replace(reports.cyp2c19(), requires_review=True)
    open_part = seen(reports.content("pharmacogenomics", (held, *typical)))
    assert open_part.headline.title == "We are still checking your result"
    assert "So far, we have an answer for 3 medicines." in open_part.headline.paragraphs[1]
    assert not open_part.headline.answered
    unread = (NotTested("pharmacogenomics", "G6PD", "no_position_read"),)
    in_part = seen(reports.content("pharmacogenomics", typical, unread))
    assert in_part.headline.title == "No gene warning in the genes that we could read"
    assert "the list is not complete" in in_part.headline.paragraphs[1]


def test_a_held_gene_next_to_a_result_is_mentioned() -> None:
    held = replace(reports.cyp2c19(), requires_review=True)
    shown = seen(reports.content("pharmacogenomics", (held, *reports.medicine_findings()[1:])))
    assert any("We are still checking" in paragraph for paragraph in shown.headline.paragraphs)


def test_nothing_read_is_not_typical() -> None:
    shown = seen(reports.medicines_not_read())
    assert not shown.headline.answered
    assert shown.headline.title == "Your medicine genes could not be read"
    assert (shown.summary, shown.messages, shown.genes) == ((), (), ())


def test_genes_without_guidance_give_no_answer() -> None:
    unknown = reports.gene("NAT2", "*4/*99", "n/a")
    shown = seen(reports.content("pharmacogenomics", (unknown,)))
    assert shown.headline.title == "No gene-based answer for your medicines"
    assert shown.genes[0].label == "Effect not known"


def test_a_gene_of_no_set_meaning_and_one_that_nobody_wrote_about() -> None:
    findings = (
        reports.gene("CYP4F2", "*1/*3", "", reported_phenotype=None, phenotypes=()),
        reports.gene("UNHEARD", "*1/*1", "Normal Metabolizer"),
    )
    genes = seen(reports.content("pharmacogenomics", findings)).genes
    assert [card.gene for card in genes] == ["CYP4F2"]


def test_several_possible_results_are_named() -> None:
    open_result = reports.gene(
        "SLCO1B1",
        "*1/*5",
        "",
        reports.row("simvastatin", ("SLCO1B1",), "alternative,limit_dose", "757bd591adf1"),
        reported_phenotype=None,
        phenotypes=("Decreased Function", "Normal Function"),
        diplotypes=("*1/*5", "*1/*1"),
    )
    (card,) = seen(reports.content("pharmacogenomics", (open_result,))).genes
    assert card.label == "Somewhat low function or Usual function"
    assert "SLCO1B1 *1/*5 or *1/*1" in card.technical


def test_a_gene_that_this_data_cannot_show_was_not_looked_at() -> None:
    report = reports.content(
        "pharmacogenomics",
        reports.medicine_findings(),
        (NotTested("pharmacogenomics", "CYP2D6", "not_callable_from_sequence"),),
    )
    shown = seen(report)
    assert "CYP2D6" not in [card.gene for card in shown.genes]
    assert "CYP2D6" in shown.genes_not_looked_at
    assert "CYP2D6" in shown.not_looked_at[0]
    assert len(shown.headline.paragraphs) == 1


def test_an_unknown_medicine_is_listed_by_its_name_as_being_checked() -> None:
    new = reports.gene(
        "SLCO1B1", "*1/*5", "Decreased Function", reports.row("newdrug", ("SLCO1B1",), "standard_dose", "757bd591adf1")
    )
    rows = {row.sign.style: row for row in seen(reports.content("pharmacogenomics", (new,))).summary}
    assert [medicine.name for medicine in rows["held"].medicines] == ["newdrug"]


def test_the_age_of_the_guidelines_is_that_of_the_oldest_row_used() -> None:
    def told(report: ReportContent) -> list[str]:
        return [text for text in seen(report).limits if "what was known" in text]

    newer = replace(reports.cyp2c19().recommendations[0], as_of="2025-11", population="NVI", text_sha="3c76364b8c18")
    both = replace(reports.cyp2c19(), recommendations=(*reports.cyp2c19().recommendations, newer))
    assert "known in May 2024." in told(reports.content("pharmacogenomics", (both,)))[0]
    full = reports.medicines_not_read(recommendations_as_of="2025-11-05")
    assert "known on November 5, 2025." in told(full)[0]
    assert told(reports.medicines_not_read()) == []


def test_all_genes_looked_at_leaves_only_the_limits() -> None:
    known = [card.gene for card in seen(reports.medicines()).genes]
    left_out = seen(reports.medicines()).genes_not_looked_at
    everything = reports.content(
        "pharmacogenomics",
        reports.medicine_findings(),
        tuple(NotTested("pharmacogenomics", name, "no_position_read") for name in (*left_out, "G6PD")),
    )
    assert set(known).isdisjoint(left_out)
    assert seen(everything).not_looked_at == ()
