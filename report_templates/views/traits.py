"""Traits: one card for each that was read, and the names of those that were not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interpreters.findings import Likelihood, TraitFinding
from report_templates.content import ReportContent
from report_templates.views.common import UNKNOWN_REASON, WHOLE, Headline, Term, not_read_headline, whole_percents
from report_templates.wording import WordingError, Words, content_file

LIKELIHOOD_STEPS = {
    Likelihood.UNLIKELY: 1,
    Likelihood.LESS: 2,
    Likelihood.SLIGHTLY_LESS: 2,
    Likelihood.AVERAGE: 3,
    Likelihood.POSSIBLE: 3,
    Likelihood.TYPICAL: 3,
    Likelihood.SLIGHTLY_MORE: 4,
    Likelihood.MORE: 4,
    Likelihood.LIKELY: 4,
    Likelihood.VERY_LIKELY: 5,
    Likelihood.CERTAIN: 5,
    Likelihood.CANNOT_TELL: 0,
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
    number: str | None
    """How many of 100 studied people with this result are like this, in words."""
    explanation: str
    about: str
    who_was_studied: str
    limits: str
    evidence: str
    genotype: str
    categories_heading: str
    categories: tuple[str, ...]
    """How likely each category of the trait is; empty where the model gives no such numbers."""
    notes: tuple[str, ...]
    """What was read in part only, and wording that nobody has approved yet."""


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
        WordingError: If a trait, an outcome or a likelihood has no wording; a report must not leave a result out.
    """
    wording = content_file("traits.json")
    report = wording["report"]
    reviewed = content.wording_review is not None
    cards = tuple(
        _card(f, words, reviewed=reviewed) for f in content.interpretation.findings if isinstance(f, TraitFinding)
    )
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


def trait_name(trait: str, words: Words) -> str:
    """A trait as participants know it.

    Raises:
        WordingError: If it has no wording.
    """
    return words.text(_trait(trait)["name"])


def _has_wording(trait: str) -> bool:
    return any(entry["id"] == trait for entry in content_file("traits.json")["traits"])


def _trait(trait: str) -> dict[str, Any]:
    for entry in content_file("traits.json")["traits"]:
        if entry["id"] == trait:
            found: dict[str, Any] = entry
            return found
    raise WordingError(f"content/traits.json: no trait {trait!r}")


def _card(finding: TraitFinding, words: Words, *, reviewed: bool) -> TraitCard:
    wording = content_file("traits.json")
    trait = _trait(finding.trait)
    outcome = next((o for o in trait["outcomes"] if o["model_outcome"] == finding.outcome), None)
    if outcome is None:
        raise WordingError(f"content/traits.json: {finding.trait} has no wording for an outcome of its model")
    if finding.likelihood is None or finding.evidence not in wording["evidence"]:
        raise WordingError(f"content/traits.json: no wording for the likelihood or evidence of {finding.trait}")
    total = finding.variants_total
    shares = _of_hundred(finding.probabilities or {})
    return TraitCard(
        name=words.text(trait["name"]),
        pictogram=outcome["pictogram"]["file"],
        pictogram_title=words.text(outcome["pictogram"]["alt"]),
        headline=words.text(outcome["headline"]),
        likelihood=words.text(wording["likelihood"][finding.likelihood]),
        steps=LIKELIHOOD_STEPS[finding.likelihood],
        number=_number(finding, shares, words),
        explanation=words.text(outcome["explanation"], total=total),
        about=words.text(trait["about"], total=total),
        who_was_studied=words.text(trait["who_was_studied"]),
        limits=words.text(trait["limits"]),
        evidence=words.text(wording["evidence"][finding.evidence]),
        genotype=_genotype(finding, words),
        categories_heading=words.text(trait["categories_heading"]) if shares else "",
        categories=tuple(_share(words.text(trait["categories"][name]), n, words) for name, n in shares.items()),
        notes=tuple(_notes(finding, words, reviewed=reviewed)),
    )


def _number(finding: TraitFinding, shares: Mapping[str, int], words: Words) -> str | None:
    if finding.probability is None:
        return None
    if finding.outcome in shares:
        return words("traits.number_about", n=shares[finding.outcome])
    return words("traits.number_least", n=math.floor(finding.probability * WHOLE))


def _of_hundred(probabilities: Mapping[str, float]) -> dict[str, int]:
    """How many of 100 each category has; never all of them, because a model is never sure."""
    percents = whole_percents(list(probabilities.values())) if probabilities else []
    return {name: min(n, WHOLE - 1) for name, n in zip(probabilities, percents, strict=True)}


def _share(category: str, n: int, words: Words) -> str:
    return words("traits.share", category=category, n=n) if n else words("traits.share_few", category=category)


def _genotype(finding: TraitFinding, words: Words) -> str:
    parts = [", ".join(f"{variant} {bases}" for variant, bases in sorted(finding.genotype.items()))]
    if finding.missing:
        parts.append(words("traits.missing", names=", ".join(finding.missing)))
    return "; ".join(parts)


def _notes(finding: TraitFinding, words: Words, *, reviewed: bool) -> list[str]:
    notes = []
    if finding.missing:
        notes.append(words("traits.partly_read", n=finding.variants_read, total=finding.variants_total))
    if finding.sensitive and not reviewed:
        notes.append(words("traits.sensitive"))
    return notes


def _reason(reason: str, words: Words) -> str:
    return words(f"reason.{reason}" if words.has(f"reason.{reason}") else f"reason.{UNKNOWN_REASON}")
