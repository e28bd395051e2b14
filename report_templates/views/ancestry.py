"""Ancestry: which regions may be named, in whole percents, and what the rest is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from interpreters.findings import AncestryFinding, GroupPosition, Placement, Region, RegionShare
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
from report_templates.views.placement import Drawing, draw, in_lines
from report_templates.wording import Words, content_file

LEAST_SHARE = 0.02
"""A smaller share is not assigned."""
NEAREST_FROM = 90
"""Percent of one region, and of no other, from which the nearest groups are named. Somebody of two regions lies between
the groups of both, where those that happen to be near need not be alike; also a tenth draws a point away from its like.
"""
MOST_NEAREST = 3
SUBREGION_PANEL = "kgp23k"
"""Panel that tells the places within a region apart."""

REGION_IDS = {
    Region.AMERICAS: "AMR",
    Region.EASTERN_AND_NORTHERN_ASIA: "EAS",
    Region.EUROPE: "EUR",
    Region.MIDDLE_EAST_AND_NORTH_AFRICA: "MENA",
    Region.OCEANIA: "OCE",
    Region.SOUTHERN_ASIA: "SAS",
    Region.SUB_SAHARAN_AFRICA: "AFR",
}
_AXES_OF_A_PICTURE = 2
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
class Picture:
    """One drawing of the person among the reference groups, with its words."""

    drawing: Drawing
    title: str
    """Text alternative: where the person lies."""
    description: str
    """What the drawing's signs are."""
    caption: str


@dataclass(frozen=True, slots=True)
class PlacementView:
    """Where the person lies among the reference groups."""

    words: Passage
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """The reference people of one region."""

    region: str
    people: str
    places: tuple[str, ...]
    """Each with its number of people."""


@dataclass(frozen=True, slots=True)
class AncestryView:
    """The ancestry report."""

    headline: Headline
    shares: tuple[NamedShare, ...]
    described: bool
    """Whether the descriptions of regions, which count reference people, belong to the panel that was used."""
    not_assigned: int
    not_assigned_passage: Passage | None
    subregion: Passage | None
    """The part of the main region that fits best, or that none is named."""
    placement: PlacementView | None
    map_title: str
    map_caption: str
    bar_caption: str
    notices: tuple[Passage, ...]
    intro: Passage
    passages: tuple[Passage, ...]
    cannot_say: Passage
    method: tuple[Passage, ...]
    reference: tuple[ReferenceRow, ...]
    """By falling number of people; empty when the finding does not say who they were."""
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
    described = finding is not None and _described(content, finding)
    placement = finding.placement if finding else None
    return AncestryView(
        headline=_headline(content, finding, names, words),
        shares=shares,
        described=described,
        not_assigned=not_assigned,
        not_assigned_passage=(
            passage(words, report["not_assigned"], percent=not_assigned) if shares and not_assigned else None
        ),
        subregion=_subregion(finding, shares[0].name, words) if finding and shares else None,
        placement=_placement(placement, shares, words) if placement and placement.groups and shares else None,
        map_title=_map_title(shares, words),
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
        reference=_reference(placement, words) if placement else (),
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
    named = tuple(_named(part, estimate, words) for part, estimate in zip(shown, estimates, strict=True))
    return named, not_assigned


def _described(content: ReportContent, finding: AncestryFinding) -> bool:
    """Whether the reference people that the wording counts are those that were used."""
    wording = content_file("ancestry.json")
    counted = str(wording["reference_total"]["people"])
    return (
        wording["panel"] in finding.panel and content.interpretation.limits.get("reference_people", counted) == counted
    )


def _may_be_named(part: RegionShare) -> bool:
    return part.share >= LEAST_SHARE and _percent(part.low) > 0


def _percent(fraction: float) -> int:
    """A whole percent, halves rounded up."""
    return math.floor(fraction * WHOLE + 0.5)


def _named(part: RegionShare, estimate: int, words: Words) -> NamedShare:
    report, region = content_file("ancestry.json")["report"], _region(part.region)
    name = words.text(region["name"])
    people = {key: words.number(value) for key, value in region["reference"].items()}
    # Rounding to a sum of 100 may move the estimate by one; the range must still hold it.
    low, high = min(_percent(part.low), estimate), max(min(_percent(part.high), WHOLE), estimate)
    values = {"region": name, "low": low, "high": high, "estimate": estimate}
    few = words.text(report["few_references_note"], region=name, people=people["people"])
    return NamedShare(
        name=name,
        map_id=region["map_id"],
        estimate=estimate,
        low=low,
        high=high,
        in_words=words("ancestry.range", **values),
        chart_title=words.text(report["bar"]["alt"], **values),
        description=words.text(region["description"], **people),
        few_references=few if region["few_references"] else None,
    )


def _map_title(shares: tuple[NamedShare, ...], words: Words) -> str:
    if not shares:
        return ""
    listed = words.listed(words("ancestry.map_share", region=share.name, percent=share.estimate) for share in shares)
    return words.text(content_file("ancestry.json")["report"]["map"]["alt"], region_list=listed)


def _subregion(finding: AncestryFinding, region: str, words: Words) -> Passage:
    """What is said of the parts of the main region: the one that fits best, or that none is named."""
    wording = content_file("ancestry.json")
    place = wording["places"][SUBREGION_PANEL].get(finding.subregion.code) if finding.subregion else None
    if place is None:
        return passage(words, wording["report"]["broad_region"], region=region)
    return passage(words, wording["report"]["subregion"], region=region, place=words.text(place))


def _placement(placement: Placement, shares: tuple[NamedShare, ...], words: Words) -> PlacementView:
    wording = content_file("ancestry.json")["report"]["placement"]
    where = _where(placement, shares, words)
    labels = tuple((region, _label(region, people, words)) for region, people in _people(placement))
    pictures = []
    for first, caption in zip(
        range(0, len(placement.coordinates), _AXES_OF_A_PICTURE), wording["captions"], strict=False
    ):
        axes = slice(first, first + _AXES_OF_A_PICTURE)
        groups = [replace(group, coordinates=group.coordinates[axes]) for group in placement.groups]
        pictures.append(
            Picture(
                draw(groups, placement.coordinates[axes], labels, words.text(wording["you"])),
                words.text(wording["alt"], groups=len(groups), where=where),
                words.text(wording["description"]),
                words.text(caption),
            )
        )
    told = passage(words, wording)
    return PlacementView(Passage(told.heading, (where, *told.paragraphs)), tuple(pictures))


def _label(region: Region, people: int, words: Words) -> tuple[str, ...]:
    """The lines of a region's label; a region whose frequencies were inferred has no number of people."""
    told = words.text(content_file("ancestry.json")["report"]["placement"]["people"], n=people)
    return (*in_lines(_region_name(region, words)), *((told,) if people else ()))


def _where(placement: Placement, shares: tuple[NamedShare, ...], words: Words) -> str:
    """Where the person lies, in words: near groups of the main region, or between those of several."""
    wording = content_file("ancestry.json")["report"]["placement"]
    if len(shares) > 1:
        return words.text(wording["between"], region_list=words.listed(share.name for share in shares))
    (main,) = shares
    if main.estimate < NEAREST_FROM:
        return words.text(wording["nearest"], place_list=main.name)
    near = sorted(
        (group for group in placement.groups if _region(group.region)["map_id"] == main.map_id),
        key=lambda group: (math.dist(group.coordinates, placement.coordinates), group.name),
    )
    places = dict.fromkeys(_place_name(placement.panel, group, words) for group in near[:MOST_NEAREST])
    return words.text(wording["nearest"], place_list="; ".join(places))


def _reference(placement: Placement, words: Words) -> tuple[ReferenceRow, ...]:
    inferred = words.text(content_file("ancestry.json")["report"]["who_is_in_the_reference"]["inferred"])
    return tuple(
        ReferenceRow(
            _region_name(region, words),
            words.number(people) if people else inferred,
            tuple(
                words("ancestry.place_people", place=_place_name(placement.panel, group, words), people=group.people)
                for group in sorted(placement.groups, key=lambda group: (-group.people, group.name))
                if group.region is region and group.people
            ),
        )
        for region, people in _people(placement)
    )


def _people(placement: Placement) -> list[tuple[Region, int]]:
    """Reference people of each region, most first."""
    people: dict[Region, int] = {}
    for group in placement.groups:
        people[group.region] = people.get(group.region, 0) + group.people
    return sorted(people.items(), key=lambda item: (-item[1], item[0]))


def _place_name(panel: str, group: GroupPosition, words: Words) -> str:
    """The name of a group's place; its region's where the wording does not know the place."""
    place = content_file("ancestry.json")["places"].get(panel, {}).get(group.name)
    return words.text(place) if place else _region_name(group.region, words)


def _region(region: Region) -> dict[str, Any]:
    found: dict[str, Any] = next(
        entry for entry in content_file("ancestry.json")["regions"] if entry["id"] == REGION_IDS[region]
    )
    return found


def _region_name(region: Region, words: Words) -> str:
    return words.text(_region(region)["name"])


def _headline(content: ReportContent, finding: AncestryFinding | None, names: str, words: Words) -> Headline:
    wording = content_file("ancestry.json")
    if finding is None:
        return _not_read(content, words)
    if not names:
        state = wording["states"]["all_not_assigned"]
        return Headline(words.text(state["heading"]), (words.text(state["body"]),), "ancestry.svg", answered=False)
    summary = words.text(wording["report"]["summary_line"], region_list=names)
    return Headline(summary, (words("ancestry.about_places"),), "ancestry.svg")


def _not_read(content: ReportContent, words: Words) -> Headline:
    """Why there is no result, in the words of the reason where it has some."""
    needed = content.interpretation.limits.get("sites_needed")
    states = content_file("ancestry.json")["states"]
    state = next((states[item.reason] for item in content.interpretation.not_tested if item.reason in states), None)
    if state is None or needed is None:
        return not_read_headline(content, words)
    told = passage(words, state, sites_needed=words.number(int(needed)))
    return Headline(told.heading, told.paragraphs, "could-not-read.svg", answered=False)


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
        listed = words.listed(_region_name(Region(name), words) for name in without.split("; "))
        heading = words("ancestry.no_reference_heading")
        notices.append(Passage(heading, (words("ancestry.no_reference", regions=listed),)))
    return tuple(notices)


def _passages(content: ReportContent, words: Words, *, answered: bool, described: bool) -> tuple[Passage, ...]:
    wording = content_file("ancestry.json")
    report = wording["report"]
    gaps = passage(words, report["reference_gaps"])
    if described:
        people = _region(Region.OCEANIA)["reference"]["people"]
        few = words.text(report["reference_gaps"]["few"], people=people, too_few=wording["reference_total"]["too_few"])
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
