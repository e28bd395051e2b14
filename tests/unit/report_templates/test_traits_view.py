import re
import sys
import types
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from support import reports, trait_genomes

from interpreters.findings import Likelihood, NotTested, TraitFinding
from interpreters.traits.models import outcomes
from report_templates.content import Language, WordingReview
from report_templates.render import render_html
from report_templates.views.traits import LIKELIHOOD_STEPS, TraitCard, view
from report_templates.wording import WordingError, Words, content_file

EN, ES = Words(Language.EN), Words(Language.ES)
SENSITIVE = ("alcohol_flush", "alcohol_metabolism", "abo")


def finding(trait: str, outcome: str, **more: Any) -> TraitFinding:  # noqa: ANN401 - fields of any type
    facts = {"likelihood": Likelihood.LIKELY, "evidence": "A"} | more
    return TraitFinding(trait, outcome, {"rs1": "A/A"}, "read", 1, 1, **facts)


def card(found: TraitFinding, words: Words = EN) -> TraitCard:
    (made,) = view(reports.content("traits", (found,)), words).cards
    return made


def test_read_and_unread_traits_are_told_apart() -> None:
    seen = view(reports.traits(), EN)
    assert [shown.name for shown in seen.cards] == ["Bitter taste", "Earwax type", "Digesting lactose"]
    assert [(trait.name, trait.reason) for trait in seen.unread] == [
        ("Cilantro taste", "The spots that we need could not be read.")
    ]
    assert "3 of 4 traits" in seen.headline.paragraphs[0]


def test_what_is_missing_is_named() -> None:
    *whole, partly = view(reports.traits(), EN).cards
    assert partly.notes == ("We read 1 of the 4 spots that this trait depends on.",)
    assert partly.genotype == "rs4988235 A/G; not read: rs41380347, rs41525747, rs145946881"
    assert all(not shown.notes and "not read" not in shown.genotype for shown in whole)


def test_an_outcome_without_a_likelihood_has_no_dots() -> None:
    rare = card(finding("bitter_taste", "rare", likelihood=Likelihood.CANNOT_TELL))
    assert (rare.steps, rare.likelihood) == (0, "Cannot tell")
    assert set(LIKELIHOOD_STEPS) == set(Likelihood)


def test_ten_traits_say_how_likely_in_whom_and_with_what_limits() -> None:
    for words in (EN, ES):
        seen = view(reports.traits_ten(), words)
        assert len(seen.cards) == 10
        assert len({shown.pictogram.removesuffix("-unknown.svg").split("-")[0] for shown in seen.cards}) == 10
        for shown in seen.cards:
            for text in (shown.headline, shown.likelihood, shown.explanation, shown.who_was_studied, shown.limits):
                assert text
            assert shown.evidence


def test_eye_color_in_numbers() -> None:
    shares = {"blue": 0.0001, "intermediate": 0.0447, "brown": 0.9552}
    found = finding("eye_colour", "brown", probability=0.9552, probabilities=shares)
    shown = card(found)
    assert shown.number == "Of 100 people in the studies with a result like yours, about 96 are like this."
    assert shown.categories == ("Blue: fewer than 1 of 100", "Green, hazel, or mixed: 4 of 100", "Brown: 96 of 100")
    sure = {"blue": 0.0, "intermediate": 0.0004, "brown": 0.9996}
    assert card(replace(found, probabilities=sure)).categories[2] == "Brown: 99 of 100"
    assert card(found, ES).categories[0] == "Azul: menos de 1 de 100"
    partly = card(replace(found, probability=0.7189, probabilities=None, missing=("rs1800407",)))
    assert partly.number == "Of 100 people in the studies with a result like yours, at least 71 are like this."
    assert partly.categories == ()
    assert card(finding("earwax", "TT")).number is None


def test_sensitive_traits_say_that_their_wording_waits_for_a_counselor() -> None:
    report = reports.traits_sensitive()
    for shown in view(report, EN).cards:
        waits = "This text still waits for a check by a genetic counselor." in shown.notes
        assert waits is (shown.name != "Eye color")
    review = WordingReview("Dr. A. Reviewer", report.issued)
    assert all(
        "counselor" not in note
        for shown in view(replace(report, wording_review=review), EN).cards
        for note in shown.notes
    )


@pytest.mark.parametrize("language", Language)
def test_sensitive_traits_never_appear_unless_the_programme_returns_them(language: Language) -> None:
    """A genome that carries all of them, interpreted as every programme does that does not choose."""
    carrier = {rsid: (variant.alt, variant.alt) for rsid, variant in trait_genomes.variants().items()}
    names = [Words(language).text(t["name"]) for t in content_file("traits.json")["traits"] if t["id"] in SENSITIVE]
    words = [*names, "ALDH2", "ADH1B", "ABO", "rs671", "rs1229984", "rs8176719", "rs8176746"]

    def html(wanted: str) -> str:
        made = trait_genomes.interpret(trait_genomes.person(carrier), wanted=wanted)
        report = reports.content("traits", made.findings, made.not_tested)
        text = render_html(reports.release(report), language)
        return re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)

    assert [word for word in words if word in html("recommended")] == []
    assert [word for word in words if word not in html("all")] == []


def test_nothing_read_is_neither_yes_nor_no() -> None:
    seen = view(reports.traits_not_read(), EN)
    assert not seen.headline.answered
    assert seen.headline.title == "Your traits could not be read"
    assert len(seen.unread) == 4
    assert seen.cards == ()


@pytest.mark.parametrize(
    "found",
    [
        finding("earwax", "unheard of"),
        finding("unheard_of", "TT"),
        finding("earwax", "TT", likelihood=None),
        finding("earwax", "TT", evidence="Z"),
    ],
)
def test_a_result_without_wording_stops_the_report(found: TraitFinding) -> None:
    with pytest.raises(WordingError):
        card(found)


def test_an_unread_panel_is_no_trait() -> None:
    report = reports.traits()
    read = replace(report.interpretation, not_tested=(NotTested("traits", "panel", "file_lists_variants_only"),))
    assert view(replace(report, interpretation=read), EN).unread == ()


@pytest.mark.parametrize("language", Language)
def test_every_outcome_that_a_trait_can_have_has_a_card(language: Language) -> None:
    traits = trait_genomes.interpreter().traits
    assert [entry["id"] for entry in content_file("traits.json")["traits"]] == [trait.id for trait in traits]
    for entry, trait in zip(content_file("traits.json")["traits"], traits, strict=True):
        worded = [outcome["model_outcome"] for outcome in entry["outcomes"]]
        assert set(worded) == outcomes(trait.model)
        for outcome in worded:
            found = finding(trait.id, outcome, likelihood=trait.likelihoods[outcome], evidence=trait.evidence)
            assert card(found, Words(language)).likelihood


@pytest.mark.parametrize(("language", "limit"), [(Language.EN, 8.0), (Language.ES, 65.0)])
def test_the_wording_is_easy_to_read(language: Language, limit: float) -> None:
    """Flesch-Kincaid grade 8 at most in English, INFLESZ 65 at least in Spanish, for each text of 12 words or more."""
    # textstat 0.7.4 asks for pkg_resources, for a word list that is not used here.
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources"))
    textstat = import_module("textstat").textstat
    textstat.set_lang(language.value)
    short = {Language.EN: "name", Language.ES: "caso"}[language]
    too_hard = []
    for text in texts(content_file("traits.json"), language):
        masked = re.sub(r"\{\w+\}|\b(?:[A-Z]+\d[A-Z\d]*|ABO|ALDH2)\b|cilantro", short, text)
        if len(masked.split()) < 12:
            continue
        if language is Language.EN:
            hard = textstat.flesch_kincaid_grade(masked) > limit
        else:
            hard = textstat.szigriszt_pazos(masked) < limit
        if hard:
            too_hard.append(text)
    assert too_hard == []


def texts(value: Any, language: Language) -> list[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        own = value.get(language.value)
        return [own] if isinstance(own, str) else [text for inner in value.values() for text in texts(inner, language)]
    return [text for inner in value for text in texts(inner, language)] if isinstance(value, list) else []
