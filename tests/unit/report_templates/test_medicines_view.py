import json
from dataclasses import replace
from typing import Any

import pytest
from support import reports

from interpreters.findings import Coverage, NotTested
from report_templates.content import Language, ReportContent
from report_templates.views.medicines import MedicinesView, OwnMedicine, view
from report_templates.wording import Words, content_file

EN, ES = Words(Language.EN), Words(Language.ES)


def seen(report: ReportContent, words: Words = EN) -> MedicinesView:
    return view(report, words)


def test_the_summary_goes_from_most_care_to_least_and_names_every_medicine_once() -> None:
    rows = seen(reports.medicines()).summary
    assert [row.sign.style for row in rows] == ["talk-before-use", "be-aware", "none", "no-answer"]
    names = [medicine.name for row in rows for medicine in row.medicines]
    assert len(names) == len(set(names)) == 81
    assert all(row.sign.words and row.sign.pictogram_title for row in rows)


def test_the_headline_counts_the_medicines_of_each_sign() -> None:
    shown = seen(reports.medicines())
    number = {row.sign.style: len(row.medicines) for row in shown.summary}
    assert shown.headline.title == f"{number['talk-before-use']} medicines to talk about before use"
    assert shown.headline.paragraphs[1] == f"{number['be-aware']} more medicines have the sign “Be aware”."
    assert "We could not read this gene: G6PD." in shown.headline.paragraphs[2]


def test_what_only_asks_to_be_aware_is_not_told_as_a_warning_before_use() -> None:
    careful = reports.gene(
        "CYP3A5", "*3/*3", "Poor Metabolizer",
        reports.row("tacrolimus", ("CYP3A5",), "monitor,standard_dose", "757bd591adf1"),
    )  # fmt: skip
    shown = seen(reports.content("pharmacogenomics", (careful,)))
    assert shown.headline.title == "1 medicine to be aware of"
    assert len(shown.headline.paragraphs) == 1


def test_one_medicine_is_spoken_of_in_the_singular() -> None:
    one = reports.gene(
        "SLCO1B1",
        "*1/*5",
        "Decreased Function",
        reports.row("simvastatin", ("SLCO1B1",), "alternative,limit_dose", "757bd591adf1"),
    )
    shown = seen(reports.content("pharmacogenomics", (one,)), ES)
    assert shown.headline.title == "1 medicamento para consultar antes de usarlo"
    assert "en 1 gen y qué" in shown.intro


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
    assert in_part.headline.title == "No gene warning in the genes with a clear result"
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
    assert "CYP2D6, HLA-A, HLA-B, and MT-RNR1" in shown.not_looked_at[0]
    assert not any("could not read" in paragraph for paragraph in shown.headline.paragraphs)


def test_a_gene_with_an_outside_call_was_looked_at() -> None:
    shown = seen(reports.medicines_every_gene())
    assert shown.genes_not_looked_at == shown.not_looked_at == ()
    assert len(shown.genes) == 23
    card = next(card for card in shown.genes if card.gene == "CYP2D6")
    assert card.paragraphs[-1] == "The lab found this result with another kind of test."
    assert card.technical.endswith("activity score 1.0; found by another laboratory method")
    one_left = [f for f in reports.every_gene(outside=True) if f.gene != "HLA-A"]
    (left,) = seen(reports.content("pharmacogenomics", tuple(one_left)), ES).not_looked_at
    assert left.startswith("No analizamos HLA-A.")
    assert "este gen" in left


def test_an_outside_call_of_a_phenotype_alone_is_told() -> None:
    finding = next(f for f in reports.every_gene(outside=True) if f.gene == "HLA-A")
    (card,) = seen(reports.content("pharmacogenomics", (replace(finding, diplotypes=()),))).genes
    assert card.label == "This risk form was not found"
    assert card.technical == "*31:01 negative; found by another laboratory method"


def test_results_that_hold_side_by_side_are_all_told() -> None:
    card = next(card for card in seen(reports.medicines_every_gene()).genes if card.gene == "HLA-B")
    assert card.label == "Higher chance of a serious reaction; This risk form was not found"
    assert [text.split(":")[0:2] for text in card.paragraphs[1:4]] == [
        ["HLA-B*15", "02"],
        ["HLA-B*57", "01"],
        ["HLA-B*58", "01"],
    ]
    assert "*15:02 positive, *57:01 negative, *58:01 negative" in card.technical


def test_no_variant_in_a_part_of_a_gene_is_told_so_and_names_no_diplotype() -> None:
    partial = {"coverage": Coverage.PARTIAL, "variant_found": False, "positions_read": 12, "positions_total": 43}
    whole = reports.gene("TPMT", "*1/*1", "Normal Metabolizer")
    for words, technical, told in (
        (EN, "no variant found among the 12 of 43 positions read", "We read 12 of the 43 spots"),
        (ES, "ninguna variante hallada en las 12 de 43 posiciones leídas", "Leímos 12 de los 43 puntos"),
    ):
        (card,) = seen(reports.content("pharmacogenomics", (replace(whole, **partial),)), words).genes
        assert card.technical == f"TPMT: {technical}; Normal Metabolizer"
        assert told in card.paragraphs[1]
        assert "*1" not in str(card)
    for shown_whole in (partial | {"variant_found": True}, partial | {"coverage": Coverage.SUFFICIENT}):
        (card,) = seen(reports.content("pharmacogenomics", (replace(whole, **shown_whole),))).genes
        assert card.technical == "TPMT *1/*1; Normal Metabolizer; 12 of 43 positions read"
    outside = replace(whole, **partial, called_from="outside_call")
    (card,) = seen(reports.content("pharmacogenomics", (outside,))).genes
    assert card.technical == "TPMT *1/*1; Normal Metabolizer; found by another laboratory method"


def test_a_result_that_a_specialist_accepted_is_a_result() -> None:
    card = next(card for card in seen(reports.medicines_reviewed()).genes if card.gene == "SLCO1B1")
    assert card.label == "Somewhat low function"
    assert card.paragraphs[-1] == "A specialist looked at this result and agreed with it."
    assert card.pictogram is None


def test_what_a_specialist_could_not_settle_is_neither_open_nor_a_result() -> None:
    shown = seen(reports.medicines_reviewed())
    card = next(card for card in shown.genes if card.gene == "CYP2C19")
    assert card.label == "No clear result"
    assert "A specialist looked at your CYP2C19 gene." in card.paragraphs[0]
    assert card.technical == "35 of 36 positions read"
    assert "held" not in {row.sign.style for row in shown.summary}
    assert any("looked at this gene: CYP2C19" in paragraph for paragraph in shown.headline.paragraphs)
    clopidogrel = next(item for item in shown.own if item.name == "clopidogrel")
    assert clopidogrel.sign.style == "no-answer"
    assert "It depends on CYP2C19. A specialist looked" in clopidogrel.paragraphs[0]


def test_a_typical_result_next_to_an_unsettled_gene_is_typical_in_part() -> None:
    unsettled = replace(
        reports.cyp2c19(), reported_phenotype=None, recommendations=(), reasons=("not_settled_in_review",)
    )
    shown = seen(reports.content("pharmacogenomics", (unsettled, *reports.medicine_findings()[2:4])))
    assert shown.headline.title == "No gene warning in the genes with a clear result"


# --- The participant's own list


def own(*typed: str, words: Words = EN) -> tuple[OwnMedicine, ...]:
    return seen(replace(reports.medicines(), own_medicines=typed), words).own


def test_the_own_list_shows_every_entry_as_typed_with_a_sign_in_words() -> None:
    shown = own("Plavix 75 mg", "azatioprina", "CODEINE", "vitamin D", words=ES)
    assert [(item.typed, item.name, item.sign.words) for item in shown] == [
        ("Plavix 75 mg", "clopidogrel", "Consulte antes de usarlo"),
        ("azatioprina", "", "Sin aviso por este gen"),
        ("CODEINE", "codeína", "Sin respuesta por los genes"),
        ("vitamin D", "", "No está en nuestra lista"),
    ]
    assert shown[0].paragraphs[0].startswith("Su resultado puede significar que clopidogrel")


def test_what_is_not_in_the_list_is_never_no_warning() -> None:
    (unknown,) = own("vitamin D")
    assert unknown.sign.style == "no-answer"
    assert unknown.sign.words == "Not in our list"
    assert "So we have no gene result for it." in unknown.paragraphs[0]
    assert unknown.genes == ""


def test_a_medicine_that_the_second_source_alone_knows_is_in_the_list() -> None:
    """Its rows for this participant speak; without one that asks for care there is no answer, and never no warning."""
    report = replace(reports.medicines_every_gene(), own_medicines=("Lamictal 25 mg", "flecainida", "haloperidol"))
    assert [(item.name, item.sign.words, item.genes) for item in seen(report).own] == [
        ("lamotrigine", "Talk before use", "HLA-B"),
        ("flecainide", "Be aware", "CYP2D6"),
        ("", "No gene-based answer", ""),
    ]
    assert seen(report).own[0].paragraphs[0].startswith("Another group of experts advises more care with lamotrigine")
    assert "no gene-based message about haloperidol" in seen(report).own[2].paragraphs[0]
    assert [item.name for item in seen(report, ES).own] == ["lamotrigina", "", ""]
    unread = seen(replace(reports.medicines_not_read(), own_medicines=("lamotrigine",))).own[0]
    assert unread.sign.style == "no-answer"
    assert "It depends on HLA-B, which we did not read." in unread.paragraphs[0]
    held = replace(reports.every_gene(outside=True)[0], gene="HLA-B", requires_review=True)
    (still,) = seen(reports.content("pharmacogenomics", (held,), own_medicines=("lamotrigine",))).own
    assert still.sign.style == "held"


def test_every_medicine_of_the_second_source_has_names() -> None:
    known = content_file("medicines/drugs.json")
    named = {drug["id"] for drug in (*known["drugs"], *known["second_source"])}
    rows = json.loads((reports.RELEASE / "recommendations_dpwg.json").read_text("utf-8"))["rows"]
    assert {row[0] for row in rows} <= named


def test_each_medicine_of_one_entry_has_its_own_answer() -> None:
    assert [item.name for item in own("codeine with omeprazole")] == ["omeprazole", "codeine"]


def test_each_kind_of_answer_has_its_own_words() -> None:
    held = replace(reports.cyp2c19(), requires_review=True)
    report = reports.content("pharmacogenomics", (held,), own_medicines=("clopidogrel", "codeine"))
    still, not_read = seen(report).own
    assert "still checking" in still.paragraphs[0]
    assert "It depends on CYP2D6, which we did not read." in not_read.paragraphs[0]
    (no_row,) = own("rasburicase")
    assert "G6PD" in no_row.paragraphs[0]
    unknown = reports.gene("NAT2", "*4/*99", "n/a")
    (unread,) = seen(reports.content("pharmacogenomics", (unknown,), own_medicines=("hydralazine",))).own
    assert unread.paragraphs[0].startswith("This report has no gene-based message about hydralazine.")


@pytest.mark.parametrize("words", [EN, ES])
def test_every_medicine_of_the_list_has_an_answer_in_words(words: Words) -> None:
    names = [drug["name"][words.language] for drug in content_file("medicines/drugs.json")["drugs"]]
    for report in (reports.medicines(), reports.medicines_every_gene(), reports.medicines_not_read()):
        answers = {item.typed: item for item in seen(replace(report, own_medicines=tuple(names)), words).own}
        assert list(answers) != []
        assert set(answers) == set(names)
        for item in answers.values():
            assert item.sign.words != words.text(NOT_LISTED)
            assert all(text and "{" not in text for text in item.paragraphs)


WORDING = content_file("medicines/messages.json")
NOT_LISTED = WORDING["general"]["not_in_list_label"]
BY_ACTIONS = [("simvastatin", m["actions"], "757bd591adf1", m) for m in WORDING["messages"] if m["actions"]]
OVERRIDES = [(m["drugs"][0], "", m["text_sha"][0], m) for m in WORDING["overrides"]]


@pytest.mark.parametrize(("drug", "actions", "text_sha", "message"), BY_ACTIONS + OVERRIDES)
def test_every_message_reaches_the_participant_in_both_languages(
    drug: str, actions: str, text_sha: str, message: dict[str, Any]
) -> None:
    entry = next(entry for entry in content_file("medicines/drugs.json")["drugs"] if entry["id"] == drug)
    name = entry["genes"][0]
    phenotype = next(g for g in content_file("medicines/genes.json")["genes"] if g["gene"] == name)["phenotypes"][0]
    finding = reports.gene(name, "", phenotype["phenotype"], reports.row(drug, (name,), actions, text_sha))
    report = reports.content("pharmacogenomics", (finding,), own_medicines=(drug,))
    for words in (EN, ES):
        (own_answer,) = seen(report, words).own
        assert "{" not in own_answer.paragraphs[0]
        last = message["participant"][words.language].rpartition("} ")[2].rpartition(". ")[2]
        assert own_answer.paragraphs[0].endswith(last)
        level = "be-aware" if message["level"] == "none" and len(entry["genes"]) > 1 else message["level"]
        assert own_answer.sign.style == ("no-answer" if message["no_answer"] else level)


def test_the_own_list_is_shown_also_when_nothing_could_be_read() -> None:
    shown = seen(replace(reports.medicines_not_read(), own_medicines=("Plavix",)))
    assert shown.summary == ()
    assert shown.own[0].sign.words == "No gene-based answer"


def test_no_list_no_section() -> None:
    assert own() == ()


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
