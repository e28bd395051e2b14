"""Every text is there in every language, with the same placeholders, and easy enough to read."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from support.reading import FAIRLY_EASY, GRADE, LONG_ENOUGH, textstat

from report_templates.completeness import texts
from report_templates.content import Audience, Language
from report_templates.wording import Words, catalogue, content_file

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
NORMAL = 60.0
LONG_ENOUGH_ABOUT_MEDICINES = 8
PLACEHOLDER = re.compile(r"\{\w+\}")


def strings(language: Language) -> dict[str, str]:
    """Catalogue strings of one language, each plural form on its own."""
    flat = {}
    for key, value in catalogue(language).items():
        forms = value.items() if isinstance(value, dict) else [("", value)]
        flat.update({f"{key}.{form}" if form else key: text for form, text in forms})
    return flat


def clinician_strings() -> dict[str, Any]:
    """The strings that the clinician version has of its own."""
    text = (ROOT / "locale" / "en.clinician.json").read_text("utf-8")
    return {str(key): value for key, value in json.loads(text).items()}


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
    keys, own = set(catalogue(Language.EN)), set(clinician_strings())
    assert written <= keys | own
    generated = ("list.", "classification.", *prefixes)
    assert {key for key in (keys | own) - written if not key.startswith(generated)} == set()


def test_only_the_clinician_version_uses_its_own_strings() -> None:
    """What overrides a participant's string may be used anywhere; all else would be missing in Spanish."""
    of_participants = "".join(
        part.read_text("utf-8")
        for folder in ("views", "templates")
        for part in (ROOT / folder).iterdir()
        if part.name.endswith((".py", ".j2")) and "clinician" not in part.name
    )
    only_clinicians = set(clinician_strings()) - set(catalogue(Language.EN))
    assert {key for key in only_clinicians if f'"{key}"' in of_participants} == set()


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
    entries = [*conditions, *wording["messages"], *wording["overrides"], *wording["general"].values()]
    entries += content_file("medicines/genes.json")["genes"]
    assert all(entry["review"].startswith("awaiting clinical") for entry in entries)


def test_every_reason_of_the_interpreter_has_words_for_clinicians() -> None:
    known = reason_codes((files("interpreters.pharmacogenomics") / "README.md").read_text("utf-8"))
    assert {"missing_positions", "accepted_in_review", "outside_call_of_unknown_gene"} <= known
    missing = {code for code in known if not Words(Language.EN, Audience.CLINICIAN).has(f"reason.{code}")}
    assert missing == set()


def reason_codes(readme: str) -> set[str]:
    """Every reason code that the interpreter's README lists."""
    section = readme.partition("\n## Reasons\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    cells.append(section.partition("`not_tested` reasons:")[2].partition(". ")[0])
    return set(re.findall(r"`(\w+)`", " ".join(cells)))


def test_every_patient_group_of_the_guidelines_has_words_for_clinicians() -> None:
    groups = content_file("medicines/messages.json")["populations"]
    assert {key for key in groups if not Words(Language.EN, Audience.CLINICIAN).has(f"population.{key}")} == set()


def test_the_catalogue_is_easy_to_read() -> None:
    """Grade 8 at most in English, INFLESZ "fairly easy" in Spanish, for each string of 12 words or more."""
    too_hard = {key: grade for key, grade in grades(Language.EN).items() if grade > GRADE}
    too_hard |= {key: score for key, score in grades(Language.ES).items() if score < FAIRLY_EASY}
    assert too_hard == {}


def test_the_texts_about_medicines_are_easy_to_read() -> None:
    """Grade 8 at most in English, Fernández Huerta "normal" or easier in Spanish, for each text of 8 words or more."""
    # The reports take their banner from the catalogue.
    written = {
        key: text for key, text in content_file("medicines/messages.json")["general"].items() if key != "review_banner"
    }
    general = dict(texts(written, "general"))
    general |= dict(texts(content_file("medicines/genes.json")["genes"], "genes"))
    english, spanish = (
        {path: shortened(text[language], language) for path, text in general.items()} for language in Language
    )
    measure = textstat(Language.EN).flesch_kincaid_grade
    assert {path: text for path, text in english.items() if is_scored(text) and measure(text) > GRADE} == {}
    measure = textstat(Language.ES).fernandez_huerta
    assert {path: text for path, text in spanish.items() if is_scored(text) and measure(text) < NORMAL} == {}


def test_a_hard_text_would_be_seen() -> None:
    hard = (
        "Pharmacogenomic interpretation necessitates multidisciplinary consideration of individual contraindications."
    )
    assert is_scored(hard)
    assert textstat(Language.EN).flesch_kincaid_grade(hard) > GRADE


def is_scored(text: str) -> bool:
    """Whether a text about medicines is long enough for a formula, and no label."""
    return len(text.split()) >= LONG_ENOUGH_ABOUT_MEDICINES and text.endswith(".")


def shortened(text: str, language: Language) -> str:
    """A text with gene and medicine names, which cannot be simpler, put as one short word."""
    word = {"en": "drug", "es": "fármaco"}[language]
    drugs = content_file("medicines/drugs.json")["drugs"]
    names = {name for drug in drugs for name in (*drug["name"].values(), *drug["brands_us"])}
    names |= {entry["gene"] for entry in content_file("medicines/genes.json")["genes"]}
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"{PLACEHOLDER.pattern}|\b(?:{longest_first})\b", word, text)


@cache
def grades(language: Language) -> dict[str, float]:
    """Flesch-Kincaid grade (English) or Szigriszt-Pazos index (Spanish) of every longer catalogue string."""
    formulas = textstat(language)
    measure = formulas.flesch_kincaid_grade if language is Language.EN else formulas.szigriszt_pazos
    short = {"en": "name", "es": "caso"}[language]
    masked = {key: PLACEHOLDER.sub(short, text) for key, text in strings(language).items()}
    return {key: measure(text) for key, text in masked.items() if len(text.split()) >= LONG_ENOUGH}
