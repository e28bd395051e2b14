"""The wording of reports: content files, interface strings, and how names, numbers and dates read in each language.

Content files hold texts as objects with one entry a language (`{"en": ..., "es": ...}`), with placeholders in braces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, cast

from report_templates.content import Audience, Language

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SPANISH_I_SOUND = re.compile(r"^h?i(?!e)", re.IGNORECASE)
_MONTH_PARTS = 2


class WordingError(LookupError):
    """There is no wording for something that a report must say; the message names the key."""


@cache
def content_file(name: str) -> dict[str, Any]:
    """A content file by its path below `content/`, for example `medicines/genes.json`."""
    return cast("dict[str, Any]", json.loads((files("report_templates") / "content" / name).read_text("utf-8")))


@cache
def catalogue(language: Language, audience: Audience = Audience.PARTICIPANT) -> dict[str, Any]:
    """The interface strings of one language, by key; a plural is an object with `one` and `other`.

    Another audience than participants has some strings of its own, and the participants' for all others.
    """
    if audience is not Audience.PARTICIPANT:
        return catalogue(language) | _locale(f"{language}.{audience}.json")
    return _locale(f"{language}.json")


def _locale(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((files("report_templates") / "locale" / name).read_text("utf-8")))


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

    return _PLACEHOLDER.sub(value, text)


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
        text = catalogue(self.language, self.audience).get(key)
        if isinstance(text, dict):
            text = text["one" if values.get("n") == 1 else "other"]
            values = {name: self.number(value) if name == "n" else value for name, value in values.items()}
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
            chosen = local["one" if values.get("n") == 1 else "other"]
        return fill(cast("str", chosen[self.language]), values, "content")

    def texts(self, local: Mapping[str, Any], /, **values: object) -> tuple[str, ...]:
        """A content text of several paragraphs."""
        return tuple(fill(paragraph, values, "content") for paragraph in local[self.language])

    def number(self, value: object) -> str:
        """A whole number with its thousands set apart, as readers in the United States know it in both languages."""
        return f"{value:,}"

    def day(self, value: date) -> str:
        """A date in words."""
        return self("date.day", day=value.day, month=self(f"month.{value.month}"), year=value.year)

    def iso_date(self, value: str) -> str:
        """An ISO 8601 date or month in words; anything else as it is."""
        parts = value.split("-")
        if not all(part.isdigit() for part in parts):
            return value
        if len(parts) == _MONTH_PARTS:
            return self("date.month", month=self(f"month.{int(parts[1])}"), year=parts[0])
        return self.day(date.fromisoformat(value)) if len(parts) > _MONTH_PARTS else value

    def listed(self, items: Iterable[str]) -> str:
        """Names joined as a sentence joins them."""
        names = list(items)
        if len(names) < _MONTH_PARTS:
            return "".join(names)
        key = "list.two" if len(names) == _MONTH_PARTS else "list.last"
        if self.language is Language.ES and _SPANISH_I_SOUND.match(names[-1]):
            key += "_e"
        return self(key, first=", ".join(names[:-1]), last=names[-1])
