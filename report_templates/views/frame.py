"""What every report has around its result: identifiers, why this version exists, specimen, sources and sign-off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from report_templates.content import ReportContent
from report_templates.views.common import Passage
from report_templates.views.differences import in_words
from report_templates.wording import Words

HEALTH_MODULES = frozenset({"hereditary_risk", "pharmacogenomics"})
"""Modules whose wording needs a clinical review before it counts as final."""
_DIGEST_SHOWN = 16
_FULL_DATE = 10


@dataclass(frozen=True, slots=True)
class Fact:
    """One label with its value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source of the knowledge that was used."""

    name: str
    version: str
    date: str
    licence: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything around the result."""

    title: str
    kind: str
    review_banner: str | None
    change: Passage | None
    identity: tuple[Fact, ...]
    specimen: tuple[Fact, ...]
    versions: tuple[Fact, ...]
    sources: tuple[SourceRow, ...]
    sign_offs: tuple[Fact, ...]
    running_title: str


def frame(content: ReportContent, words: Words, policy_version: str) -> Frame:
    """The frame of `content`.

    Args:
        content: The report.
        words: Language.
        policy_version: Version of the consent policy that let the report through.
    """
    title = words(f"title.{content.module}")
    return Frame(
        title=title,
        kind=words(f"kind.{content.kind}"),
        review_banner=_review_banner(content, words),
        change=_change(content, words),
        identity=_identity(content, words),
        specimen=_specimen(content, words),
        versions=_versions(content, words, policy_version),
        sources=tuple(
            SourceRow(source.name, source.version, words.iso_date(source.date), source.licence)
            for source in content.sources
        ),
        sign_offs=tuple(
            Fact(words(f"role.{sign.role}"), words("sign_off", name=sign.name, day=words.day(sign.signed_on)))
            for sign in content.sign_offs
        ),
        running_title=f"{title} · {content.participant.programme_id}",
    )


def knowledge_date(content: ReportContent, words: Words) -> str | None:
    """The newest full date among the sources, in words; None if no source has one."""
    dates = [source.date for source in content.sources if len(source.date) == _FULL_DATE]
    return words.iso_date(max(dates)) if dates else None


def limit_facts(limits: Mapping[str, str], words: Words) -> tuple[Fact, ...]:
    """What an interpretation says of its own limits; a key without words stands for itself."""
    return tuple(
        Fact(words(f"limits.{key}") if words.has(f"limits.{key}") else key, re.sub(r",(?=\S)", ", ", value))
        for key, value in limits.items()
    )


def _review_banner(content: ReportContent, words: Words) -> str | None:
    needed = content.module in HEALTH_MODULES and content.wording_review is None
    return words(f"review_banner.{content.module}") if needed else None


def _change(content: ReportContent, words: Words) -> Passage | None:
    if content.change is None:
        return None
    change = content.change
    day = words.day(change.previous_issued)
    values = {
        "previous": change.previous_version,
        "day": day,
        "reason": words.in_language(change.reason),
        "knowledge": " → ".join(change.knowledge or (content.interpretation.knowledge_release,)),
    }
    told = in_words(change.differences, words)
    body = [words(f"change.{content.kind}.body", **values)]
    body += [words.in_language(change.note)] if change.note else []
    body += [words("change.since", day=day)] if told else []
    return Passage(words(f"change.{content.kind}.heading"), tuple(body), told, words("change.share"))


def _identity(content: ReportContent, words: Words) -> tuple[Fact, ...]:
    return (
        Fact(words("fact.participant"), content.participant.programme_id),
        Fact(words("fact.birth_year"), str(content.participant.birth_year)),
        Fact(words("fact.accession"), content.accession),
        Fact(words("fact.version"), words("version_kind", version=content.version, kind=words(f"kind.{content.kind}"))),
        Fact(words("fact.issued"), words.day(content.issued)),
    )


def _specimen(content: ReportContent, words: Words) -> tuple[Fact, ...]:
    specimen = content.specimen
    unknown = words("date_not_given")
    return (
        Fact(words("fact.specimen"), words(f"specimen.{specimen.kind}")),
        Fact(words("fact.collected"), words.day(specimen.collected) if specimen.collected else unknown),
        Fact(words("fact.received"), words.day(specimen.received) if specimen.received else unknown),
        Fact(words("fact.assay"), words(f"assay.{specimen.assay}")),
        Fact(words("fact.build"), str(specimen.build)),
    )


def _versions(content: ReportContent, words: Words, policy_version: str) -> tuple[Fact, ...]:
    read = content.interpretation
    review = content.wording_review
    rows = [
        Fact(words("fact.method"), f"{read.module} {read.version}"),
        Fact(words("fact.knowledge"), f"{read.knowledge_release} ({read.knowledge_digest[:_DIGEST_SHOWN]})"),
        Fact(words("fact.policy"), policy_version),
    ]
    if content.module in HEALTH_MODULES:
        value = (
            words("wording_reviewed", name=review.reviewer, day=words.day(review.approved_on))
            if review
            else words("wording_not_reviewed")
        )
        rows.append(Fact(words("fact.wording"), value))
    return tuple(rows)
