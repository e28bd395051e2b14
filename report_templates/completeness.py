"""Whether a language is whole: every text there, with the placeholders of the English one. Pure.

A report in a language that lacks one text would be half English, or could not be made for some people alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from report_templates.content import Language

PLACEHOLDER = re.compile(r"\{(\w+)\}")
NOT_FOR_READERS = frozenset({"clinician", "clinician_cover", "staff", "mask_terms"})
"""Parts of content files that participants do not read. They are in English alone."""


class IncompleteLanguageError(LookupError):
    """A language lacks a text, or has one that cannot take its place; the message names the first."""


def texts(value: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every text for participants below a content value, with its path."""
    if isinstance(value, dict):
        if any(language in value for language in Language):
            yield path, value
            return
        for key, inner in value.items():
            if key not in NOT_FOR_READERS:
                yield from texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}[{number}]")


def content_faults(content: object, languages: Iterable[str] = tuple(Language)) -> Iterator[str]:
    """What the texts of a content file lack.

    Args:
        content: The parsed file.
        languages: Which languages it must have.
    """
    wanted = tuple(languages)
    for path, local in texts(content):
        for language in wanted:
            yield from (
                f"{path}.{language}: {fault}" for fault in text_faults(local.get(Language.EN), local.get(language))
            )


def catalogue_faults(english: Mapping[str, Any], other: Mapping[str, Any], forms: frozenset[str]) -> Iterator[str]:
    """What a catalogue lacks, or has too much, compared with the English one.

    Args:
        english: The English strings by key.
        other: Those of another language.
        forms: Forms that a plural must have in it.
    """
    yield from (f"{key}: is not in English" for key in other.keys() - english.keys())
    for key, text in english.items():
        if not isinstance(text, dict):
            yield from (f"{key}: {fault}" for fault in text_faults(text, other.get(key)))
            continue
        given = other.get(key)
        for form in sorted(forms):
            mine = given.get(form) if isinstance(given, dict) else None
            yield from (f"{key}.{form}: {fault}" for fault in text_faults(text.get(form, text["other"]), mine))


def text_faults(english: object, other: object) -> Iterator[str]:
    """Why one text (or list of paragraphs) cannot stand for the English one."""
    if isinstance(english, list):
        if not isinstance(other, list) or len(other) != len(english):
            yield "not the same number of paragraphs"
            return
        for one, its in zip(english, other, strict=True):
            yield from text_faults(one, its)
    elif not isinstance(other, str) or not other.strip():
        yield "no text"
    elif not isinstance(english, str) or set(PLACEHOLDER.findall(english)) != set(PLACEHOLDER.findall(other)):
        yield "not the same placeholders"
