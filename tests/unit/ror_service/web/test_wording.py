"""The portal's texts: in both languages, with the same placeholders, easy to read, and none that pages do not have."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from support.reading import GRADE, LONG_ENOUGH, NORMAL, textstat

from report_templates.completeness import texts
from report_templates.content import Language
from report_templates.wording import WordingError
from ror_service.errors import NotFoundError
from ror_service.states import CaseState
from ror_service.web.wording import Texts, content

NAMES = ("portal", "choices")
FILLED = {"programme_name": "our program", "support_phone": "this number", "date": "May 3", "reoffer_date": "May 3"}


def every_text() -> list[tuple[str, dict[str, str]]]:
    return [(f"{name}{path}", said) for name in NAMES for path, said in texts(content(name))]


def test_each_text_is_there_in_both_languages_with_the_same_placeholders() -> None:
    for path, said in every_text():
        assert set(said) == {language.value for language in Language}, path
        holes = [set(re.findall(r"{(\w+)}", text)) for text in said.values()]
        assert holes[0] == holes[1], path
        assert all(text.strip() for text in said.values()), path


def plain(text: str) -> str:
    return re.sub(r"{(\w+)}", lambda hole: FILLED.get(hole[1], "one"), text)


def test_english_texts_are_at_grade_eight_or_below() -> None:
    formulas = textstat(Language.EN)
    graded = {path: formulas.flesch_kincaid_grade(plain(said["en"])) for path, said in every_text() if is_long(said)}
    assert len(graded) > 100
    assert {path: grade for path, grade in graded.items() if grade > GRADE} == {}


def test_spanish_texts_are_in_the_normal_band_or_easier() -> None:
    formulas = textstat(Language.ES)
    pages: dict[str, list[str]] = {}
    for path, said in every_text():
        if is_long(said):
            pages.setdefault(re.match(r"\w+\.\w+(\[\d+\])?", path)[0], []).append(plain(said["es"]))  # type: ignore[index]
    eases = {page: formulas.szigriszt_pazos(" ".join(said)) for page, said in pages.items()}
    assert {page: ease for page, ease in eases.items() if ease < NORMAL} == {}


def is_long(said: dict[str, str]) -> bool:
    return len(said["en"].split()) >= LONG_ENOUGH


def test_each_text_that_a_template_names_is_there() -> None:
    named = set()
    for template in (file for file in (files("ror_service.web") / "templates").iterdir() if file.is_file()):
        named |= set(re.findall(r't\("([\w.]+)"[,)]', template.read_text(encoding="utf-8")))
    assert len(named) > 50
    for name in named:
        said = content("portal")
        for part in name.split("."):
            said = said[part]
        assert set(said) == {"en", "es"}, name


def test_each_state_has_words() -> None:
    for state in CaseState:
        assert Texts(Language.EN, "", "").state(state.value)["label"]


def test_a_text_that_is_missing_is_an_error() -> None:
    t = Texts(Language.ES, "", "")
    for path in ("ui.nowhere", "ui.nav.home.deeper", ""):
        with pytest.raises(WordingError):
            t(path)
    with pytest.raises(NotFoundError):
        t.module("astrology")
