"""The combining rules: whichever way they are unsure, the answer is never the level without a warning."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.reports import cyp2c19, gene, medicine_findings, row

from interpreters.findings import DrugRecommendation, PharmacogenomicFinding
from report_templates.content import Language
from report_templates.medicine_messages import (
    Advice,
    AdviceKind,
    GeneState,
    Level,
    advise,
    gene_states,
    message_text,
    result_label,
)
from report_templates.wording import content_file

SLCO1B1 = ("SLCO1B1",)


def advice_on(drug: str, findings: Sequence[PharmacogenomicFinding], not_read: Sequence[str] = ()) -> Advice:
    states = gene_states(findings, not_read)
    return next(item for item in advise(findings, states) if item.drug == drug)


def statin(*rows: DrugRecommendation, **changes: object) -> PharmacogenomicFinding:
    return gene("SLCO1B1", "*1/*5", "Decreased Function", *rows, **changes)


SIMVASTATIN = row("simvastatin", SLCO1B1, "alternative,limit_dose", "757bd591adf1")
NO_WARNING = row("simvastatin", SLCO1B1, "standard_dose", "757bd591adf1")


def test_a_message_follows_the_action_tags_in_any_order() -> None:
    for actions in ("alternative,limit_dose", "limit_dose,alternative"):
        found = advice_on("simvastatin", [statin(row("simvastatin", SLCO1B1, actions, "757bd591adf1"))])
        assert (found.kind, found.level) == (AdviceKind.MESSAGE, Level.TALK_BEFORE_USE)
        assert found.message == "alternative,limit_dose"


def test_an_override_goes_before_the_tags() -> None:
    clopidogrel = advice_on("clopidogrel", [cyp2c19()])
    overrides = {entry["id"] for entry in content_file("medicines/messages.json")["overrides"]}
    assert clopidogrel.message in overrides
    assert clopidogrel.level is Level.TALK_BEFORE_USE


@pytest.mark.parametrize(
    "changed",
    [
        replace(SIMVASTATIN, text_sha="000000000000"),
        replace(SIMVASTATIN, actions=()),
        replace(SIMVASTATIN, actions=("unheard_of",)),
        replace(SIMVASTATIN, needs_review=True),
    ],
)
def test_a_row_that_no_wording_was_made_for_is_held(changed: DrugRecommendation) -> None:
    assert advice_on("simvastatin", [statin(changed)]).kind is AdviceKind.HELD
    # Also next to a row that is known: what is held could be the warning.
    assert advice_on("simvastatin", [statin(NO_WARNING, changed)]).kind is AdviceKind.HELD


def test_the_highest_level_wins_and_a_conflict_is_told() -> None:
    both = advice_on("simvastatin", [statin(NO_WARNING, SIMVASTATIN)])
    assert both.level is Level.TALK_BEFORE_USE
    assert "conflict_note" not in both.notes
    other = row("simvastatin", SLCO1B1, "reduce_dose,monitor", "42436023437b")
    assert "conflict_note" in advice_on("simvastatin", [statin(SIMVASTATIN, other)]).notes


def test_groups_of_patients_are_no_conflict_and_the_highest_level_is_shown() -> None:
    rows = [
        replace(NO_WARNING, population="pediatrics"),
        replace(SIMVASTATIN, population="adults"),
        row("simvastatin", SLCO1B1, "reduce_dose,monitor", "42436023437b", population="pediatrics"),
    ]
    found = advice_on("simvastatin", [statin(*rows)])
    assert (found.level, found.message, found.notes) == (Level.TALK_BEFORE_USE, "alternative,limit_dose", ())


def test_rows_for_people_who_never_took_the_medicine_are_used() -> None:
    rows = [replace(NO_WARNING, population="PHT naive"), replace(SIMVASTATIN, population="PHT use >3mos")]
    assert advice_on("simvastatin", [statin(*rows)]).level is Level.NONE


def test_a_missing_gene_never_leaves_the_level_none() -> None:
    found = advice_on("amitriptyline", [cyp2c19()])
    assert found.level is Level.BE_AWARE
    assert found.notes == ("missing_gene_note",)
    assert found.missing_genes == ("CYP2D6",)


def test_a_gene_under_review_holds_every_medicine_that_it_matters_for() -> None:
    held = replace(cyp2c19(), requires_review=True)
    for drug in ("clopidogrel", "amitriptyline", "sertraline"):
        assert advice_on(drug, [held]).kind is AdviceKind.HELD


def test_without_that_rule_a_recommendation_would_be_shown() -> None:
    held = replace(cyp2c19(), requires_review=True)
    broken = {**gene_states([held], ()), "CYP2C19": GeneState.RESULT}
    found = next(item for item in advise([held], broken) if item.drug == "clopidogrel")
    assert found.kind is AdviceKind.MESSAGE


def test_no_gene_read_no_row_and_no_known_meaning() -> None:
    assert advice_on("simvastatin", [], ["SLCO1B1"]).kind is AdviceKind.NOT_ASSESSED
    assert advice_on("simvastatin", [statin()]).kind is AdviceKind.NOT_IN_REPORT
    unknown = statin(SIMVASTATIN, reported_phenotype="n/a", phenotypes=("n/a",))
    found = advice_on("simvastatin", [unknown])
    assert (found.kind, found.missing_genes) == (AdviceKind.NOT_IN_REPORT, ("SLCO1B1",))


def test_a_medicine_without_a_name_in_plain_words_is_held() -> None:
    found = advice_on("newdrug", [statin(row("newdrug", SLCO1B1, "standard_dose", "757bd591adf1"))])
    assert found.kind is AdviceKind.HELD


def test_weak_evidence_is_told_unless_there_is_no_advice() -> None:
    weak = advice_on("omeprazole", [cyp2c19()])
    assert weak.notes == ("limited_evidence",)
    none = row("simvastatin", SLCO1B1, "no_recommendation", "1c52b87da23d", strength="No recommendation")
    found = advice_on("simvastatin", [statin(none)])
    assert (found.no_answer, found.notes, found.level) == (True, (), Level.BE_AWARE)


def test_several_possible_results_are_told() -> None:
    open_result = statin(
        SIMVASTATIN,
        reported_phenotype=None,
        phenotypes=("Decreased Function", "Normal Function"),
        diplotypes=("a", "b"),
    )
    found = advice_on("simvastatin", [open_result])
    assert (found.notes, found.open_genes) == (("several_possible",), SLCO1B1)


def test_states_of_genes() -> None:
    findings = [
        statin(),
        gene("TPMT", "", "", reported_phenotype=None, diplotypes=(), phenotypes=()),
        gene("CYP4F2", "*1/*3", "", reported_phenotype=None, phenotypes=()),
        gene("UNHEARD", "*1/*1", "Normal Metabolizer"),
    ]
    assert gene_states(findings, ["G6PD"]) == {
        "SLCO1B1": GeneState.RESULT,
        "TPMT": GeneState.COULD_NOT_BE_READ,
        "CYP4F2": GeneState.NOT_KNOWN,
        "UNHEARD": GeneState.NOT_KNOWN,
        "G6PD": GeneState.COULD_NOT_BE_READ,
    }


def test_an_activity_score_is_shown_as_its_result() -> None:
    label = result_label("DPYD", "1.0")
    assert label is not None
    assert label["phenotype"] == "Intermediate Metabolizer"


def test_every_message_can_be_found_by_its_key() -> None:
    wording = content_file("medicines/messages.json")
    keys = [entry["id"] for entry in wording["overrides"]] + [m["actions"] for m in wording["messages"]]
    assert all(set(message_text(key)) == set(Language) for key in keys)
    with pytest.raises(KeyError):
        message_text("unheard of")


def test_medicines_shared_by_two_genes_are_counted_once() -> None:
    advice = advise(medicine_findings(), gene_states(medicine_findings(), ()))
    drugs = [item.drug for item in advice]
    assert len(drugs) == len(set(drugs)) == 81
    assert advice_on("azathioprine", medicine_findings()).level is Level.NONE
