"""Every text is there in every language, with the same placeholders, and easy enough to read."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

import pytest

from report_templates.content import Language
from report_templates.wording import catalogue, content_file

ROOT = files("report_templates")
CONTENT = (
    "ancestry.json",
    "traits.json",
    "pictograms.json",
    "medicines/drugs.json",
    "medicines/genes.json",
    "medicines/messages.json",
    "hereditary/conditions.json",
    "hereditary/templates.json",
)
NOT_FOR_READERS = {"clinician", "clinician_cover", "staff", "mask_terms"}
GRADE = 8.0
INFLESZ_FAIRLY_EASY = 65.0
LONG_ENOUGH = 12
PLACEHOLDER = re.compile(r"\{\w+\}")


def texts(value: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every text for participants below a content value, with its path."""
    if isinstance(value, dict):
        if "en" in value or "es" in value:
            yield path, value
            return
        for key, inner in value.items():
            if key not in NOT_FOR_READERS:
                yield from texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}[{number}]")


def strings(language: Language) -> dict[str, str]:
    """Catalogue strings of one language, each plural form on its own."""
    flat = {}
    for key, value in catalogue(language).items():
        forms = value.items() if isinstance(value, dict) else [("", value)]
        flat.update({f"{key}.{form}" if form else key: text for form, text in forms})
    return flat


@pytest.mark.parametrize("name", CONTENT)
def test_every_content_text_is_in_every_language(name: str) -> None:
    found = list(texts(content_file(name)))
    assert found
    for path, text in found:
        assert {"en", "es"} <= set(text), path
        english, spanish = (text[key] if isinstance(text[key], list) else [text[key]] for key in ("en", "es"))
        assert len(english) == len(spanish), path
        for one, other in zip(english, spanish, strict=True):
            assert one.strip(), path
            assert other.strip(), path
            assert set(PLACEHOLDER.findall(one)) == set(PLACEHOLDER.findall(other)), path


def test_the_catalogues_hold_the_same_strings() -> None:
    english, spanish = strings(Language.EN), strings(Language.ES)
    assert set(english) == set(spanish)
    for key, text in english.items():
        assert text
        assert spanish[key]
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(spanish[key])), key


def test_a_missing_spanish_text_would_be_seen() -> None:
    broken = {"report": {"title": {"en": "Your traits"}}}
    assert [set(text) for _, text in texts(broken)] == [{"en"}]


def test_every_string_is_used_and_every_key_exists() -> None:
    code = "".join(
        part.read_text("utf-8")
        for folder in (ROOT, ROOT / "views", ROOT / "templates")
        for part in folder.iterdir()
        if part.name.endswith((".py", ".j2"))
    )
    written = set(re.findall(r"""(?<![\w.])(?:words|t|self)\(\s*"([\w.]+)\"""", code))
    prefixes = {found.rsplit("{", 1)[0] for found in re.findall(r"""(?<![\w.])(?:words|self)\(f"([\w.]+\{)""", code)}
    keys = set(catalogue(Language.EN))
    assert written <= keys
    unused = {key for key in keys - written if not key.startswith(("list.", "classification.", *prefixes))}
    assert unused == set()


def test_every_pictogram_that_is_named_is_there() -> None:
    there = {part.name for part in (ROOT / "pictograms").iterdir()}
    titled = set(content_file("pictograms.json")["pictograms"])
    named = {
        outcome["pictogram"]["file"] for trait in content_file("traits.json")["traits"] for outcome in trait["outcomes"]
    }
    wording = content_file("medicines/messages.json")
    signs = {f"{level['symbol']}.svg" for level in wording["levels"].values()} | {f"{wording['no_answer_symbol']}.svg"}
    assert titled | named | signs <= there


def test_every_health_text_carries_its_review_status() -> None:
    conditions = content_file("hereditary/conditions.json")["conditions"]
    wording = content_file("medicines/messages.json")
    entries = [*conditions, *wording["messages"], *wording["overrides"], *content_file("medicines/genes.json")["genes"]]
    assert all(entry["review"].startswith("awaiting clinical") for entry in entries)


def test_the_catalogue_is_easy_to_read() -> None:
    """Grade 8 at most in English, INFLESZ "fairly easy" in Spanish, for each string of 12 words or more."""
    too_hard = {key: grade for key, grade in grades(Language.EN).items() if grade > GRADE}
    too_hard |= {key: score for key, score in grades(Language.ES).items() if score < INFLESZ_FAIRLY_EASY}
    assert too_hard == {}


@cache
def grades(language: Language) -> dict[str, float]:
    """Flesch-Kincaid grade (English) or Szigriszt-Pazos index (Spanish) of every longer catalogue string."""
    # textstat 0.7.4 asks for pkg_resources, for a word list that is not used here.
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources"))
    textstat = import_module("textstat").textstat
    textstat.set_lang(language.value)
    measure = textstat.flesch_kincaid_grade if language is Language.EN else textstat.szigriszt_pazos
    short = {"en": "name", "es": "caso"}[language]
    masked = {key: PLACEHOLDER.sub(short, text) for key, text in strings(language).items()}
    return {key: measure(text) for key, text in masked.items() if len(text.split()) >= LONG_ENOUGH}
