"""A language that lacks one text is refused when the texts are loaded; the pseudo-locale stands for those to come."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import pseudo_locale, reports
from support.reading import FAIRLY_EASY, GRADE
from support.report_pages import EVERY, Version, reading, untranslated

from report_templates import render, wording
from report_templates.completeness import IncompleteLanguageError, catalogue_faults, content_faults, text_faults
from report_templates.content import Audience, Language
from report_templates.render import document, render_html
from report_templates.wording import Words, content_files, locale_of, plural_forms

Json = dict[str, Any]
CACHES = (wording.catalogue, wording.content_file, render._environment)
FOR_PARTICIPANTS = [version for version in EVERY if version[2] is Audience.PARTICIPANT]


def lacks_a_text(strings: Json) -> None:
    del strings["heading.result"]


def empty_text(strings: Json) -> None:
    strings["heading.result"] = " "


def lacks_a_placeholder(strings: Json) -> None:
    strings["contact"] = strings["contact"].replace("{contact}", "")


def lacks_a_plural_form(strings: Json) -> None:
    del strings["medicines.headline"]["one"]


def plural_without_forms(strings: Json) -> None:
    strings["medicines.headline"] = "x"


def has_too_much(strings: Json) -> None:
    strings["heading.nobody_asked"] = "x"


def lacks_a_language(content: Json) -> None:
    del content["traits"][0]["name"]["es"]


def lacks_a_paragraph(content: Json) -> None:
    content["passages"] = {"en": ["one", "two"], "es": ["uno"]}


BROKEN: dict[Callable[[Json], None], tuple[str, str]] = {
    lacks_a_text: ("locale/es.json", "heading.result: no text"),
    empty_text: ("locale/es.json", "heading.result: no text"),
    lacks_a_placeholder: ("locale/es.json", "contact: not the same placeholders"),
    lacks_a_plural_form: ("locale/es.json", "medicines.headline.one: no text"),
    plural_without_forms: ("locale/es.json", "medicines.headline.one: no text"),
    has_too_much: ("locale/es.json", "heading.nobody_asked: is not in English"),
    lacks_a_language: ("content/traits.json", ".traits[0].name.es: no text"),
    lacks_a_paragraph: ("content/traits.json", ".passages.es: not the same number of paragraphs"),
}


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Texts are loaded anew, within the test and after it."""
    for cached in CACHES:
        cached.cache_clear()
    yield
    for cached in CACHES:
        cached.cache_clear()


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_no_report_is_made_while_a_language_lacks_a_text(
    change: Callable[[Json], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a report in English about something else: half of the people would get one, and half would not."""
    file, fault = BROKEN[change]
    read = wording._json

    def broken(path: str) -> Json:
        found = copy.deepcopy(read(path))
        if path == file:
            change(found)
        return found

    monkeypatch.setattr(wording, "_json", broken)
    with pytest.raises(IncompleteLanguageError) as caught:
        render_html(reports.release(reports.ancestry_not_read()), Language.EN)
    assert fault in str(caught.value)


def test_every_content_file_is_checked() -> None:
    assert {"ancestry.json", "medicines/genes.json", "hereditary/templates.json"} <= set(content_files())


def test_a_language_has_the_forms_of_its_own_grammar() -> None:
    assert plural_forms("es") == {"one", "other"}
    assert plural_forms("pl") == {"one", "few", "many", "other"}
    english = {"left": {"one": "{n} day", "other": "{n} days"}}
    polish = {"left": {"one": "{n} dzień", "few": "{n} dni", "other": "{n} dnia"}}
    assert list(catalogue_faults(english, polish, plural_forms("pl"))) == ["left.many: no text"]
    polish["left"]["many"] = "{n} dni"
    assert list(catalogue_faults(english, polish, plural_forms("pl"))) == []


def test_a_language_that_is_not_spoken_in_the_united_states_has_a_locale_too() -> None:
    assert str(locale_of("es")) == "es_US"
    assert str(locale_of("pl")) == "pl"


def test_texts_for_professionals_need_no_translation() -> None:
    assert list(content_faults({"clinician": {"en": "For professionals."}})) == []
    assert list(content_faults({"participant": {"en": "For you."}})) == [".participant.es: no text"]
    assert list(text_faults(None, "x")) == ["not the same placeholders"]


@pytest.mark.parametrize("version", FOR_PARTICIPANTS, ids="-".join)
def test_every_report_is_translated_and_easy_to_read(version: Version) -> None:
    assert untranslated(version) == []
    if version[1] == Language.EN:
        assert reading(version) <= GRADE
    elif version[1] == Language.ES:
        assert reading(version) >= FAIRLY_EASY


def test_the_pseudo_locale_is_longer_and_keeps_what_is_filled_in() -> None:
    assert pseudo_locale.pseudo({"one": "The {gene} of"}) == {"one": "Tháéé {gene} óf"}
    assert pseudo_locale.pseudo(["result", 3]) == ["résúáéílt", 3]
    english = render_html(reports.release(reports.traits()), Language.EN)
    pseudo = document(reports.release(reports.traits()), pseudo_locale.PseudoWords(Language.EN, Audience.PARTICIPANT))
    plain, longer = (len(text.partition("<main>")[2]) for text in (english, pseudo))
    assert 1.1 < longer / plain < 1.5
    assert Words(Language.EN)("heading.result") not in pseudo
