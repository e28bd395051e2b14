"""What the views of all modules share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreters.findings import NotTested
from report_templates.content import ReportContent
from report_templates.wording import Words

UNKNOWN_REASON = "other"
WHOLE = 100
"""Percent."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A heading with its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...] = ()
    closing: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of the glossary."""

    term: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Headline:
    """The result, before anything else."""

    title: str
    paragraphs: tuple[str, ...]
    pictogram: str
    """File below `pictograms/`."""
    answered: bool = True
    """False when nothing could be said; shown in another dress, never as a good or bad result."""


def passage(words: Words, local: Mapping[str, Any], **values: object) -> Passage:
    """A content entry with `heading` and `body`, or `title` and `body`, as a passage."""
    heading = words.text(local["heading"] if "heading" in local else local["title"], **values)
    body = local["body"]
    if isinstance(body["en"], list):
        return Passage(heading, words.texts(body, **values))
    return Passage(heading, (words.text(body, **values),))


def glossary(words: Words, entries: Iterable[Mapping[str, Any]], wanted: Sequence[str]) -> tuple[Term, ...]:
    """The wanted entries of a content file's glossary, in the order of their terms."""
    found = [
        Term(words.text(entry["term"]), words.text(entry.get("meaning") or entry["definition"]))
        for entry in entries
        if entry["id"] in wanted
    ]
    return tuple(sorted(found, key=lambda term: term.term.lower()))


def why_not(words: Words, not_tested: Iterable[NotTested]) -> tuple[str, ...]:
    """Why something could not be read: one sentence for each different reason, in order of first appearance.

    A reason that the catalogue does not know is told in general words, so that a new reason cannot stop a report.
    """
    known = [item.reason if words.has(f"reason.{item.reason}") else UNKNOWN_REASON for item in not_tested]
    return tuple(words(f"reason.{reason}") for reason in dict.fromkeys(known))


def not_read_headline(content: ReportContent, words: Words) -> Headline:
    """The state of a module that could not be read at all: never a good or a bad result."""
    return Headline(
        words(f"not_read.title.{content.module}"),
        (
            words(f"not_read.body.{content.module}"),
            *why_not(words, content.interpretation.not_tested),
            words("not_read.next"),
        ),
        "could-not-read.svg",
        answered=False,
    )


def whole_percents(fractions: Sequence[float]) -> list[int]:
    """Whole percents of fractions of one whole that add up to 100 (largest remainder)."""
    exact = [fraction * WHOLE / sum(fractions) for fraction in fractions]
    whole = [math.floor(value) for value in exact]
    by_loss = sorted(range(len(exact)), key=lambda index: (whole[index] - exact[index], index))
    for index in by_loss[: WHOLE - sum(whole)]:
        whole[index] += 1
    return whole
