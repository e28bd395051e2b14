"""Traits: one card for each that was read, and the names of those that were not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interpreters.findings import TraitFinding
from report_templates.content import ReportContent
from report_templates.views.common import UNKNOWN_REASON, Headline, Term, not_read_headline
from report_templates.wording import WordingError, Words, content_file

LIKELIHOOD_STEPS = {
    "unlikely": 1,
    "less": 2,
    "slightly_less": 2,
    "average": 3,
    "possible": 3,
    "typical": 3,
    "slightly_more": 4,
    "more": 4,
    "likely": 4,
    "very_likely": 5,
    "certain": 5,
}
"""Filled dots, of five, next to the likelihood word; none for an outcome that cannot be told."""


_NOTES = ("intro", "equity_note", "children_note", "results_can_change")
"""Closing notes; the first of them opens a report in which nothing was read."""


@dataclass(frozen=True, slots=True)
class TraitCard:
    """One trait that was read."""

    name: str
    pictogram: str
    pictogram_title: str
    headline: str
    likelihood: str
    steps: int
    explanation: str
    about: str
    who_was_studied: str
    limits: str
    evidence: str
    genotype: str
    partly: str | None


@dataclass(frozen=True, slots=True)
class UnreadTrait:
    """One trait that could not be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class TraitsView:
    """The traits report."""

    headline: Headline
    intro: str
    how_to_read: str
    cards: tuple[TraitCard, ...]
    unread: tuple[UnreadTrait, ...]
    unread_explanation: str
    notes: tuple[str, ...]
    headings: dict[str, str]
    glossary: tuple[Term, ...] = ()


def view(content: ReportContent, words: Words) -> TraitsView:
    """The traits report of `content`.

    Raises:
        WordingError: If a trait or an outcome has no wording; a report must not leave a result out.
    """
    wording = content_file("traits.json")
    report = wording["report"]
    cards = tuple(_card(f, words) for f in content.interpretation.findings if isinstance(f, TraitFinding))
    unread = tuple(
        UnreadTrait(words.text(_trait(item.subject)["name"]), _reason(item.reason, words))
        for item in content.interpretation.not_tested
        if _has_wording(item.subject)
    )
    total = len(cards) + len(unread)
    return TraitsView(
        headline=(
            Headline(
                words("traits.headline", n=len(cards)),
                (words.text(report["read_count"], n=len(cards), total=total),),
                "ready.svg",
            )
            if cards
            else not_read_headline(content, words)
        ),
        intro=words.text(report["intro"]),
        how_to_read=words.text(report["how_to_read"]),
        cards=cards,
        unread=unread,
        unread_explanation=words("traits.unread_explanation"),
        notes=tuple(words.text(report[key]) for key in _NOTES[not cards :]),
        headings={key: words.text(text) for key, text in report.items() if key.endswith("_heading")},
    )


def _has_wording(trait: str) -> bool:
    return any(entry["id"] == trait for entry in content_file("traits.json")["traits"])


def _trait(trait: str) -> dict[str, Any]:
    for entry in content_file("traits.json")["traits"]:
        if entry["id"] == trait:
            found: dict[str, Any] = entry
            return found
    raise WordingError(f"content/traits.json: no trait {trait!r}")


def _card(finding: TraitFinding, words: Words) -> TraitCard:
    wording = content_file("traits.json")
    trait = _trait(finding.trait)
    outcome = next((o for o in trait["outcomes"] if o["model_outcome"] == finding.outcome), None)
    if outcome is None:
        raise WordingError(f"content/traits.json: {finding.trait} has no wording for an outcome of its model")
    return TraitCard(
        name=words.text(trait["name"]),
        pictogram=outcome["pictogram"]["file"],
        pictogram_title=words.text(outcome["pictogram"]["alt"]),
        headline=words.text(outcome["headline"]),
        likelihood=words.text(wording["likelihood"][outcome["likelihood"]]),
        steps=LIKELIHOOD_STEPS.get(outcome["likelihood"], 0),
        explanation=words.text(outcome["explanation"]),
        about=words.text(trait["about"]),
        who_was_studied=words.text(trait["who_was_studied"]),
        limits=words.text(trait["limits"]),
        evidence=words.text(wording["evidence"][trait["evidence"]]),
        genotype=", ".join(f"{variant} {bases}" for variant, bases in sorted(finding.genotype.items())),
        partly=(
            words("traits.partly_read", n=finding.variants_read, total=finding.variants_total)
            if finding.variants_read < finding.variants_total
            else None
        ),
    )


def _reason(reason: str, words: Words) -> str:
    return words(f"reason.{reason}" if words.has(f"reason.{reason}") else f"reason.{UNKNOWN_REASON}")
