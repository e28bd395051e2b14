"""Ancestry: which regions may be named, in whole percents, and what the rest is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from interpreters.findings import AncestryFinding, Region, RegionShare
from report_templates.content import ReportContent
from report_templates.views.common import (
    WHOLE,
    Headline,
    Passage,
    Term,
    glossary,
    not_read_headline,
    passage,
    whole_percents,
)
from report_templates.wording import Words, content_file

LEAST_SHARE = 0.02
"""A smaller share is not assigned."""

REGION_IDS = {
    Region.AMERICAS: "AMR",
    Region.EASTERN_AND_NORTHERN_ASIA: "EAS",
    Region.EUROPE: "EUR",
    Region.MIDDLE_EAST_AND_NORTH_AFRICA: "MENA",
    Region.OCEANIA: "OCE",
    Region.SOUTHERN_ASIA: "SAS",
    Region.SUB_SAHARAN_AFRICA: "AFR",
}
_GLOSSARY = ("genetic_ancestry", "reference_group", "region", "share", "estimate", "range", "not_assigned", "site")


@dataclass(frozen=True, slots=True)
class NamedShare:
    """A region that the report names; whole percents."""

    name: str
    map_id: str
    estimate: int
    low: int
    high: int
    in_words: str
    chart_title: str
    description: str
    few_references: str | None
    """Warning for a region with few reference people."""


@dataclass(frozen=True, slots=True)
class AncestryView:
    """The ancestry report."""

    headline: Headline
    shares: tuple[NamedShare, ...]
    described: bool
    """Whether the descriptions of regions, which count reference people, belong to the panel that was used."""
    not_assigned: int
    not_assigned_passage: Passage | None
    map_title: str
    map_caption: str
    bar_caption: str
    notices: tuple[Passage, ...]
    intro: Passage
    passages: tuple[Passage, ...]
    cannot_say: Passage
    method: tuple[Passage, ...]
    glossary: tuple[Term, ...]


def view(content: ReportContent, words: Words) -> AncestryView:
    """The ancestry report of `content`."""
    wording = content_file("ancestry.json")
    report = wording["report"]
    finding = next((f for f in content.interpretation.findings if isinstance(f, AncestryFinding)), None)
    shares: tuple[NamedShare, ...] = ()
    not_assigned = WHOLE
    if finding is not None:
        shares, not_assigned = named_shares(finding, words)
    names = words.listed(share.name for share in shares)
    described = finding is not None and wording["panel"] in finding.panel
    return AncestryView(
        headline=_headline(content, finding, names, words),
        shares=shares,
        described=described,
        not_assigned=not_assigned,
        not_assigned_passage=(
            passage(words, report["not_assigned"], percent=not_assigned) if shares and not_assigned else None
        ),
        map_title=words.text(report["map"]["alt"], region_list=names) if shares else "",
        map_caption=words.text(report["map"]["caption"]),
        bar_caption=words.text(report["bar"]["caption"]),
        notices=_notices(content, finding, words),
        intro=passage(words, report["intro"]),
        passages=_passages(content, words, answered=bool(shares), described=described),
        cannot_say=Passage(
            words.text(report["cannot_say"]["heading"]),
            tuple(words.text(item) for item in report["cannot_say"]["items"].values()),
        ),
        method=_method(content, finding, words),
        glossary=glossary(words, wording["glossary"], _GLOSSARY),
    )


def named_shares(finding: AncestryFinding, words: Words) -> tuple[tuple[NamedShare, ...], int]:
    """The regions that may be named, by falling share, and the whole percent that is not assigned.

    A region whose interval includes zero (or rounds to it), or whose share is below 2 %, is not assigned. The
    percents and the rest add up to 100: fractions go to those that lost most by rounding down.
    """
    shown = [part for part in finding.components if _may_be_named(part)]
    rest = max(0.0, 1.0 - sum(part.share for part in shown))
    *estimates, not_assigned = whole_percents([*(part.share for part in shown), rest])
    regions = {region["id"]: region for region in content_file("ancestry.json")["regions"]}
    named = tuple(
        _named(part, estimate, regions[REGION_IDS[part.region]], words)
        for part, estimate in zip(shown, estimates, strict=True)
    )
    return named, not_assigned


def _may_be_named(part: RegionShare) -> bool:
    return part.share >= LEAST_SHARE and _percent(part.low) > 0


def _percent(fraction: float) -> int:
    """A whole percent, halves rounded up."""
    return math.floor(fraction * WHOLE + 0.5)


def _named(part: RegionShare, estimate: int, region: dict[str, object], words: Words) -> NamedShare:
    report = content_file("ancestry.json")["report"]
    name = words.text(region["name"])  # type: ignore[arg-type]  # content texts are objects
    people = {key: words.number(value) for key, value in region["reference"].items()}  # type: ignore[attr-defined]
    # Rounding to a sum of 100 may move the estimate by one; the range must still hold it.
    low, high = min(_percent(part.low), estimate), max(min(_percent(part.high), WHOLE), estimate)
    values = {"region": name, "low": low, "high": high, "estimate": estimate}
    few = words.text(report["few_references_note"], region=name, people=people["people"])
    return NamedShare(
        name=name,
        map_id=str(region["map_id"]),
        estimate=estimate,
        low=low,
        high=high,
        in_words=words("ancestry.range", **values),
        chart_title=words.text(report["bar"]["alt"], **values),
        description=words.text(region["description"], **people),  # type: ignore[arg-type]  # as above
        few_references=few if region["few_references"] else None,
    )


def _headline(content: ReportContent, finding: AncestryFinding | None, names: str, words: Words) -> Headline:
    wording = content_file("ancestry.json")
    if finding is None:
        return not_read_headline(content, words)
    if not names:
        state = wording["states"]["all_not_assigned"]
        return Headline(words.text(state["heading"]), (words.text(state["body"]),), "ancestry.svg", answered=False)
    summary = words.text(wording["report"]["summary_line"], region_list=names)
    return Headline(summary, (words("ancestry.about_places"),), "ancestry.svg")


def _notices(content: ReportContent, finding: AncestryFinding | None, words: Words) -> tuple[Passage, ...]:
    """What the reader must know before the numbers."""
    wording = content_file("ancestry.json")
    if finding is None:
        return ()
    notices = []
    if finding.status == "fewer_sites":
        notices.append(passage(words, wording["states"]["fewer_sites"], **_sites(finding, words)))
    if finding.status == "fits_less_well":
        notices.append(passage(words, wording["report"]["fit_warning"]))
    without = content.interpretation.limits.get("regions_without_reference", "")
    if without:
        names = {region["id"]: words.text(region["name"]) for region in wording["regions"]}
        listed = words.listed(names[REGION_IDS[Region(name)]] for name in without.split("; "))
        heading = words("ancestry.no_reference_heading")
        notices.append(Passage(heading, (words("ancestry.no_reference", regions=listed),)))
    return tuple(notices)


def _passages(content: ReportContent, words: Words, *, answered: bool, described: bool) -> tuple[Passage, ...]:
    wording = content_file("ancestry.json")
    report = wording["report"]
    gaps = passage(words, report["reference_gaps"])
    if described:
        oceania = next(region for region in wording["regions"] if region["id"] == "OCE")
        few = words.text(report["reference_gaps"]["few"], people=words.number(oceania["reference"]["people"]))
        gaps = Passage(gaps.heading, (*gaps.paragraphs, few))
    change = passage(words, report["results_can_change"])
    if not answered:
        return (gaps, change)
    surprise = passage(words, report["surprise"], support_phone=content.programme.support_contact)
    return (passage(words, report["how_to_read_ranges"]), gaps, surprise, change)


def _method(content: ReportContent, finding: AncestryFinding | None, words: Words) -> tuple[Passage, ...]:
    if finding is None:
        return ()
    wording = content_file("ancestry.json")
    report, total, limits = wording["report"], wording["reference_total"], content.interpretation.limits
    return (
        passage(words, report["how_we_did_it"], **_sites(finding, words)),
        passage(
            words,
            report["who_is_in_the_reference"],
            people=words.number(int(limits.get("reference_people", total["people"]))),
            groups=limits.get("reference_groups", total["groups"]),
            panel_version=finding.panel,
        ),
    )


def _sites(finding: AncestryFinding, words: Words) -> dict[str, str]:
    return {"sites_read": words.number(finding.sites_read), "sites_total": words.number(finding.sites_total)}
