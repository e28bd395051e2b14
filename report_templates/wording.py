"""The wording of reports: content files, interface strings, and how names, numbers and dates read in each language.

Content files hold texts as objects with one entry a language (`{"en": ..., "es": ...}`), with placeholders in braces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, cast

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal

from report_templates import completeness
from report_templates.completeness import PLACEHOLDER, IncompleteLanguageError
from report_templates.content import Audience, Language

_SPANISH_I_SOUND = re.compile(r"^h?i(?!e)", re.IGNORECASE)
_MONTH_PARTS = 2
_NUMBERS_TRIED = 1000
"""Counts below it show every form of a language that a report needs."""


class WordingError(LookupError):
    """There is no wording for something that a report must say; the message names the key."""


@cache
def content_file(name: str) -> dict[str, Any]:
    """A content file by its path below `content/`, for example `medicines/genes.json`.

    Raises:
        IncompleteLanguageError: If a text lacks a language.
    """
    content = _json(f"content/{name}")
    _refuse(completeness.content_faults(content), name)
    return content


@cache
def catalogue(language: Language, audience: Audience = Audience.PARTICIPANT) -> dict[str, Any]:
    """The interface strings of one language, by key; a plural is an object with a text for each form.

    Another audience than participants has some strings of its own, and the participants' for all others.

    Raises:
        IncompleteLanguageError: If it lacks a text that the English one has.
    """
    name = f"{language}.json"
    strings = _json(f"locale/{name}")
    _refuse(completeness.catalogue_faults(_json("locale/en.json"), strings, plural_forms(language)), name)
    if audience is not Audience.PARTICIPANT:
        return strings | _json(f"locale/{language}.{audience}.json")
    return strings


def check_every_language() -> None:
    """Load every text in every language, so that no report is made of texts that are translated in part.

    Raises:
        IncompleteLanguageError: If one is missing anywhere.
    """
    for language in Language:
        catalogue(language)
    for name in content_files():
        content_file(name)


@cache
def content_files() -> tuple[str, ...]:
    """The path of every content file below `content/`."""
    return tuple(sorted(_names_below(files("report_templates") / "content")))


def _names_below(folder: Traversable, path: str = "") -> Iterator[str]:
    for part in folder.iterdir():
        if part.is_dir():
            yield from _names_below(part, f"{path}{part.name}/")
        elif part.name.endswith(".json"):
            yield path + part.name


def _json(path: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((files("report_templates") / path).read_text("utf-8")))


def _refuse(faults: Iterable[str], name: str) -> None:
    if found := list(faults):
        raise IncompleteLanguageError(f"{name}: {len(found)} faults, first: {found[0]}")


@cache
def locale_of(language: str) -> Locale:
    """How dates and numbers read in a language: as readers in the United States know them, where that differs."""
    try:
        return Locale(language, "US")
    except UnknownLocaleError:
        return Locale(language)


@cache
def plural_forms(language: str) -> frozenset[str]:
    """The forms that a counted thing has in a language (`one`, `few`, ...), by Unicode's plural rules."""
    form = locale_of(language).plural_form
    return frozenset(form(number) for number in range(_NUMBERS_TRIED)) | {"other"}


def change_reason(code: str) -> Mapping[Language, str]:
    """Why a version of a report was made, by the code that the service keeps, as a clause in every language.

    Raises:
        WordingError: If there is no wording for the code.
    """
    return {words.language: words(f"change.reason.{code}") for words in map(Words, Language)}


def fill(text: str, values: Mapping[str, object], where: str) -> str:
    """Put values into the placeholders of a text.

    Raises:
        WordingError: If a placeholder has no value.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise WordingError(f"{where}: no value for placeholder {match[1]!r}")
        return str(values[match[1]])

    return PLACEHOLDER.sub(value, text)


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that depends on the language of a report, and on whom it is written for."""

    language: Language
    audience: Audience = Audience.PARTICIPANT

    def __call__(self, key: str, **values: object) -> str:
        """Interface string `key`; `n` chooses between the forms of a plural.

        Raises:
            WordingError: If the catalogue lacks the key, or a placeholder has no value.
        """
        text = self._string(key)
        if isinstance(text, dict):
            text = text.get(self._form(values), text["other"])
            values = {
                name: self.number(value) if isinstance(value, int) and name == "n" else value
                for name, value in values.items()
            }
        if not isinstance(text, str):
            raise WordingError(f"locale/{self.language}.json: no text {key!r}")
        return fill(text, values, key)

    def has(self, key: str) -> bool:
        """Whether the catalogue holds `key`."""
        return key in catalogue(self.language, self.audience)

    def text(self, local: Mapping[str, Any], /, **values: object) -> str:
        """A content text in this language, its placeholders filled.

        A text with the forms `one` and `other` takes the one that `n` asks for.
        """
        chosen = local
        if "other" in local:
            chosen = local.get(self._form(values), local["other"])
        return fill(cast("str", self.in_language(chosen)), values, "content")

    def texts(self, local: Mapping[str, Any], /, **values: object) -> tuple[str, ...]:
        """A content text of several paragraphs."""
        return tuple(fill(paragraph, values, "content") for paragraph in self.in_language(local))

    def in_language(self, local: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - a text, or a list of them
        """What a text says in this language, as it is: its placeholders are not filled."""
        return local[self.language]

    def number(self, value: int) -> str:
        """A whole number with its thousands set apart."""
        return format_decimal(value, locale=locale_of(self.language))

    def day(self, value: date) -> str:
        """A date in words."""
        return format_date(value, "long", locale_of(self.language))

    def iso_date(self, value: str) -> str:
        """An ISO 8601 date or month in words; anything else as it is."""
        parts = value.split("-")
        if not all(part.isdigit() for part in parts):
            return value
        if len(parts) == _MONTH_PARTS:
            return format_skeleton("yMMMM", date(int(parts[0]), int(parts[1]), 1), locale=locale_of(self.language))
        return self.day(date.fromisoformat(value)) if len(parts) > _MONTH_PARTS else value

    def listed(self, items: Iterable[str]) -> str:
        """Names joined as a sentence joins them."""
        names = list(items)
        joined = format_list(names, locale=locale_of(self.language))
        if self.language is Language.ES and len(names) > 1 and _SPANISH_I_SOUND.match(names[-1]):
            return f"{joined.removesuffix(f'y {names[-1]}')}e {names[-1]}"
        return joined

    def _string(self, key: str) -> object:
        return catalogue(self.language, self.audience).get(key)

    def _form(self, values: Mapping[str, object]) -> str:
        number = values.get("n")
        return locale_of(self.language).plural_form(number) if isinstance(number, int) else "other"
