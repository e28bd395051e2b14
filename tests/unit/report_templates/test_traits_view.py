from dataclasses import replace

import pytest
from support import reports

from interpreters.findings import NotTested, TraitFinding
from report_templates.content import Language
from report_templates.views.traits import view
from report_templates.wording import WordingError, Words, content_file

EN = Words(Language.EN)


def test_read_and_unread_traits_are_told_apart() -> None:
    seen = view(reports.traits(), EN)
    assert [card.name for card in seen.cards] == ["Bitter taste", "Earwax type", "Digesting lactose"]
    assert [trait.name for trait in seen.unread] == ["Cilantro taste"]
    assert "3 of 4 traits" in seen.headline.paragraphs[0]
    assert [card.partly is not None for card in seen.cards] == [False, False, True]


def test_an_outcome_without_a_likelihood_has_no_dots() -> None:
    rare = TraitFinding("bitter_taste", "rare", {"rs713598": "C/G"}, "read", 3, 3)
    (card,) = view(reports.content("traits", (rare,)), EN).cards
    assert (card.steps, card.likelihood) == (0, "Cannot tell")


def test_nothing_read_is_neither_yes_nor_no() -> None:
    seen = view(reports.traits_not_read(), EN)
    assert not seen.headline.answered
    assert seen.headline.title == "Your traits could not be read"
    assert len(seen.unread) == 4
    assert seen.cards == ()


@pytest.mark.parametrize(("trait", "outcome"), [("earwax", "unheard of"), ("unheard_of", "TT")])
def test_a_result_without_wording_stops_the_report(trait: str, outcome: str) -> None:
    found = TraitFinding(trait, outcome, {}, "read", 1, 1)
    with pytest.raises(WordingError):
        view(reports.content("traits", (found,)), EN)


def test_an_unread_panel_is_no_trait() -> None:
    report = reports.traits()
    read = replace(report.interpretation, not_tested=(NotTested("traits", "panel", "file_lists_variants_only"),))
    assert view(replace(report, interpretation=read), EN).unread == ()


@pytest.mark.parametrize("language", Language)
def test_every_outcome_of_every_trait_has_a_card(language: Language) -> None:
    for trait in content_file("traits.json")["traits"]:
        for outcome in trait["outcomes"]:
            if outcome["model_outcome"] is not None:
                found = TraitFinding(trait["id"], outcome["model_outcome"], {"rs1": "A/A"}, "read", 1, 1)
                (card,) = view(reports.content("traits", (found,)), Words(language)).cards
                assert card.likelihood
