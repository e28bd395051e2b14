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
    results_of,
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
    for actions in ("limit_dose,monitor", "monitor,limit_dose"):
        found = advice_on("simvastatin", [statin(row("simvastatin", SLCO1B1, actions, "757bd591adf1"))])
        assert (found.kind, found.level) == (AdviceKind.MESSAGE, Level.TALK_BEFORE_USE)
        assert found.message == "limit_dose,monitor"


def test_the_order_of_the_tags_chooses_between_messages_of_the_same_tags() -> None:
    """In another order than any message has, the most careful one of the same tags is meant."""
    for actions, level in (
        ("alternative,standard_dose,increase_dose,monitor", Level.TALK_BEFORE_USE),
        ("standard_dose,increase_dose,alternative,monitor", Level.BE_AWARE),
        ("monitor,alternative,increase_dose,standard_dose", Level.TALK_BEFORE_USE),
    ):
        found = advice_on("simvastatin", [statin(row("simvastatin", SLCO1B1, actions, "757bd591adf1"))])
        assert found.level is level


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
        "CYP4F2": GeneState.NO_SET_MEANING,
        "UNHEARD": GeneState.NOT_KNOWN,
        "G6PD": GeneState.COULD_NOT_BE_READ,
    }


def test_what_a_specialist_said_goes_before_what_the_data_fit() -> None:
    fits_two = {
        "reported_phenotype": None,
        "phenotypes": ("Decreased Function", "Normal Function"),
        "reasons": ("ambiguous_phenotype", "not_settled_in_review"),
    }
    unsettled = statin(SIMVASTATIN, **fits_two)
    assert gene_states([unsettled], ()) == {"SLCO1B1": GeneState.NOT_SETTLED}
    found = advice_on("simvastatin", [unsettled])
    assert (found.kind, found.unsettled_genes) == (AdviceKind.NOT_SETTLED, SLCO1B1)
    accepted = statin(SIMVASTATIN, reasons=("accepted_in_review",))
    assert advice_on("simvastatin", [accepted]).kind is AdviceKind.MESSAGE
    # Without that rule the recommendation of an unsettled gene would be shown.
    open_again = replace(unsettled, reasons=("ambiguous_phenotype",))
    assert advice_on("simvastatin", [open_again]).kind is AdviceKind.MESSAGE


def test_an_unsettled_gene_next_to_a_result_is_a_missing_gene() -> None:
    unsettled = gene("ABCG2", "", "", reported_phenotype=None, reasons=("not_settled_in_review",))
    row_without = row("rosuvastatin", ("ABCG2", "SLCO1B1"), "partial_data,monitor,standard_dose", "d8c130835cb3")
    found = advice_on("rosuvastatin", [statin(row_without), unsettled])
    assert (found.kind, found.level, found.missing_genes) == (AdviceKind.MESSAGE, Level.BE_AWARE, ("ABCG2",))
    assert advice_on("rosuvastatin", [statin(), unsettled]).kind is AdviceKind.NOT_SETTLED


def test_a_gene_without_set_meaning_is_not_missing() -> None:
    found = advice_on("warfarin", [
        gene("CYP2C9", "*1/*1", "Normal Metabolizer"),
        gene("CYP4F2", "*1/*3", "", reported_phenotype=None, phenotypes=()),
    ])  # fmt: skip
    assert found.missing_genes == ("VKORC1",)


def test_results_side_by_side_are_one_result_if_all_have_a_meaning() -> None:
    statuses = ("*15:02 negative", "*57:01 positive")
    both = gene("HLA-B", "", ", ".join(statuses), phenotypes=statuses)
    assert results_of(both) == statuses
    assert gene_states([both], ()) == {"HLA-B": GeneState.RESULT}
    strange = replace(both, phenotypes=("*15:02 negative", "*99:99 positive"))
    assert gene_states([strange], ()) == {"HLA-B": GeneState.NOT_KNOWN}
    assert results_of(statin()) == ("Decreased Function",)
    assert results_of(gene("UNHEARD", "*1/*1", "Normal Metabolizer")) == ("Normal Metabolizer",)


SECOND = row("simvastatin", SLCO1B1, "alternative", "x", source="DPWG")


def test_no_warning_is_given_where_the_second_source_asks_for_more_care() -> None:
    alone = advice_on("simvastatin", [statin(NO_WARNING)])
    assert alone.level is Level.NONE
    found = advice_on("simvastatin", [statin(NO_WARNING, second_opinions=(SECOND,))])
    assert (found.level, found.notes) == (Level.BE_AWARE, ("second_opinion",))
    silent = row("simvastatin", SLCO1B1, "no_recommendation", "1c52b87da23d")
    found = advice_on("simvastatin", [statin(silent, second_opinions=(SECOND,))])
    assert (found.level, found.no_answer) == (Level.BE_AWARE, False)


def test_a_second_opinion_changes_nothing_where_it_asks_for_no_more_or_there_is_a_warning() -> None:
    for actions in ("standard_dose", "no_recommendation"):
        usual = replace(SECOND, actions=(actions,))
        assert advice_on("simvastatin", [statin(NO_WARNING, second_opinions=(usual,))]).level is Level.NONE
    assert advice_on("simvastatin", [statin(SIMVASTATIN, second_opinions=(SECOND,))]).notes == ()
    unsettled = statin(NO_WARNING, second_opinions=(SECOND,), reasons=("not_settled_in_review",))
    assert advice_on("simvastatin", [unsettled]).kind is AdviceKind.NOT_SETTLED


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
