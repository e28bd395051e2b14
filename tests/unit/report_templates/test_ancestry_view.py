from __future__ import annotations

import csv
import re
import sys
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import reference_groups, reports

from interpreters.ancestry import reference_panels
from interpreters.findings import AncestryFinding, GroupPosition, Interpretation, Placement, Region, RegionShare
from report_templates.content import Language, ReportContent
from report_templates.render import render_html
from report_templates.views import ancestry
from report_templates.views.ancestry import REGION_IDS, named_shares, view
from report_templates.views.placement import Point, draw, in_lines
from report_templates.wording import Words, content_file

EN, ES = Words(Language.EN), Words(Language.ES)
RELEASE = Path(ancestry.__file__).parents[2] / "interpreters" / "ancestry" / "data"
STATES = [state for state in reports.STATES if state.startswith("ancestry")]


def finding(*shares: RegionShare) -> AncestryFinding:
    return AncestryFinding(shares, 34000, 35231, "reported", "world35k")


def with_limits(report: ReportContent, **limits: str) -> ReportContent:
    read: Interpretation = replace(report.interpretation, limits=limits)
    return replace(report, interpretation=read)


def test_regions_with_zero_in_the_interval_or_below_two_percent_are_not_assigned() -> None:
    named, rest = named_shares(
        finding(
            RegionShare(Region.EUROPE, 0.90, 0.85, 0.95),
            RegionShare(Region.OCEANIA, 0.06, 0.0, 0.1),
            RegionShare(Region.AMERICAS, 0.02, 0.004, 0.05),
            RegionShare(Region.SOUTHERN_ASIA, 0.019, 0.01, 0.03),
        ),
        EN,
    )
    assert [share.name for share in named] == ["Europe"]
    assert rest == 10


def test_ranges_are_told_in_words_and_whole_percents() -> None:
    (europe,), _ = named_shares(finding(RegionShare(Region.EUROPE, 0.6249, 0.5851, 0.6649)), ES)
    assert europe.in_words == "Entre 59 y 66 de cada 100 partes. Mejor cálculo: 62."
    assert europe.chart_title == "Europa: mejor cálculo 62 por ciento, rango de 59 a 66 por ciento."


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=7), st.integers(0, 300))
def test_percents_add_up_and_stay_inside_their_range(weights: list[int], half_width: int) -> None:
    total = sum(weights) or 1
    parts = [weight / total for weight in weights]
    width = half_width / 1000
    shares = [
        RegionShare(region, part, max(0.0, part - width), min(1.0, part + width))
        for region, part in zip(Region, parts, strict=False)
    ]
    named, rest = named_shares(finding(*shares), EN)
    assert sum(share.estimate for share in named) + rest == 100
    for share in named:
        assert 1 <= share.low <= share.estimate <= share.high <= 100
        assert share.estimate >= 2


def test_a_region_with_few_reference_people_is_marked() -> None:
    shown = view(reports.ancestry(), EN).shares
    assert [share.name for share in shown if share.few_references] == ["Americas"]


def test_warnings_come_before_the_numbers() -> None:
    assert [part.heading for part in view(reports.ancestry("fewer_sites"), EN).notices] == [
        "Your ranges are wider than usual"
    ]
    assert view(reports.ancestry("fits_less_well"), EN).notices[0].heading.startswith("Our reference groups describe")
    limited = with_limits(reports.ancestry(), regions_without_reference="Oceania; Middle East and North Africa")
    assert "Oceania and Middle East and North Africa" in view(limited, EN).notices[0].paragraphs[0]


def test_numbers_of_the_reference_follow_the_panel_that_was_used() -> None:
    report = with_limits(reports.ancestry(), reference_people="2804", reference_groups="71")
    (used,) = report.interpretation.findings
    assert isinstance(used, AncestryFinding)
    other = replace(report.interpretation, findings=(replace(used, panel="kgp23k"),))
    seen = view(replace(report, interpretation=other), EN)
    assert "2,804 people in 71 groups" in seen.method[1].paragraphs[0]
    assert not seen.described
    assert view(report, EN).described
    assert not view(with_limits(report, reference_people="3000"), EN).described


def test_nothing_named_and_nothing_read_are_different_states() -> None:
    not_assigned, not_read = view(reports.ancestry_not_assigned(), EN), view(reports.ancestry_not_read(), EN)
    assert not_assigned.headline.title == "No region could be named"
    assert not_read.headline.title == "We could not make this result"
    assert "fewer than 1,000 of the sites" in not_read.headline.paragraphs[0]
    assert not not_assigned.headline.answered
    assert not not_read.headline.answered
    assert not_read.shares == not_assigned.shares == ()
    assert not_read.placement is not_assigned.placement is None


def test_each_reason_for_no_result_is_told() -> None:
    only_differences = view(reports.ancestry_not_read("lists_only_differences"), EN).headline
    assert only_differences.title == "Your DNA file is not of the kind we need"
    other = view(reports.ancestry_not_read("something_new"), EN).headline
    assert other.title == "Your ancestry could not be read"
    without_number = view(with_limits(reports.ancestry_not_read()), EN).headline
    assert without_number.title == "Your ancestry could not be read"


# --- Subregion


def test_a_part_of_a_region_is_named_only_when_the_finding_names_one() -> None:
    named = view(reports.ancestry_one_region(), EN).subregion
    assert named is not None
    assert named.heading == "Within this region"
    assert "reference people from: Finland." in named.paragraphs[0]
    alone = view(reports.ancestry(), EN).subregion
    assert alone is not None
    assert alone.heading == "Only the region is shown"


def test_a_part_without_a_name_is_not_named() -> None:
    report = reports.ancestry_one_region()
    (found,) = report.interpretation.findings
    assert isinstance(found, AncestryFinding)
    assert found.subregion is not None
    unknown = replace(found, subregion=replace(found.subregion, code="EUR_X", place="Somewhere"))
    seen = view(with_finding(report, unknown), EN).subregion
    assert seen is not None
    assert seen.heading == "Only the region is shown"


# --- Placement


def with_finding(report: ReportContent, found: AncestryFinding) -> ReportContent:
    return replace(report, interpretation=replace(report.interpretation, findings=(found,)))


def with_placement(report: ReportContent, placement: Placement | None) -> ReportContent:
    (found,) = report.interpretation.findings
    assert isinstance(found, AncestryFinding)
    return with_finding(report, replace(found, placement=placement))


def alternatives(report: ReportContent, words: Words = EN) -> list[str]:
    placed = view(report, words).placement
    return [] if placed is None else [picture.title for picture in placed.pictures]


def test_somebody_of_one_region_is_told_the_nearest_places_by_name() -> None:
    first, second = alternatives(reports.ancestry_one_region())
    assert first == second
    assert first.endswith("nearest to the groups from: Finland; Western Russia; North Caucasus.")
    assert "31 reference groups" in first
    assert "Finlandia; Oeste de Rusia" in alternatives(reports.ancestry_one_region(), ES)[0]


def test_somebody_of_several_regions_lies_between_them_and_is_told_no_place() -> None:
    """A point between two regions may fall on a third that has nothing to do with it."""
    algeria = next(group for group in reference_groups.WORLD if group.name == "MENA_NAf")
    moved = with_placement(reports.ancestry(), Placement("world35k", algeria.coordinates, reference_groups.WORLD))
    for title in alternatives(moved):
        assert "groups from: Europe, Americas, and Sub-Saharan Africa" in title
        assert "Algeria" not in title


def test_somebody_less_close_to_the_only_named_region_is_told_the_region_alone() -> None:
    shares = (RegionShare(Region.EUROPE, 0.8, 0.7, 0.9), RegionShare(Region.OCEANIA, 0.2, 0.0, 0.3))
    placement = Placement("world35k", (0.0, -0.1, 0.0, 0.0), reference_groups.WORLD)
    report = with_finding(reports.ancestry(), replace(finding(*shares), placement=placement))
    assert alternatives(report)[0].endswith("nearest to the groups from: Europe.")


def test_there_is_one_picture_for_each_two_axes_and_none_without_groups() -> None:
    flat = tuple(replace(group, coordinates=group.coordinates[:2]) for group in reference_groups.WORLD)
    assert len(alternatives(with_placement(reports.ancestry(), Placement("world35k", (0.0, 0.0), flat)))) == 1
    assert alternatives(with_placement(reports.ancestry(), Placement("world35k", (0.0, 0.0, 0.0, 0.0)))) == []
    assert alternatives(with_placement(reports.ancestry(), None)) == []
    assert view(with_placement(reports.ancestry(), None), EN).reference == ()


def test_places_that_the_wording_does_not_know_are_shown_as_their_region() -> None:
    groups = (GroupPosition("NEW", Region.EUROPE, "A new place", 40, (0.0, 0.0)),)
    report = with_placement(reports.ancestry_one_region(), Placement("own", (0.0, 0.1), groups))
    assert alternatives(report)[0].endswith("from: Europe.")
    assert [row.places for row in view(report, ES).reference] == [("Europa 40",)]


def test_the_reference_people_are_counted_by_region() -> None:
    rows = view(reports.ancestry(), EN).reference
    assert [(row.region, row.people) for row in rows[:2]] == [
        ("Eastern and Northern Asia", "697"),
        ("Southern Asia", "644"),
    ]
    assert rows[-1].places == ("New Guinea 14", "Bougainville 11")
    inferred = view(reports.ancestry_core_only(), EN).reference[-1]
    assert (inferred.region, inferred.places) == ("Americas", ())
    assert inferred.people.startswith("No people.")


# --- The drawing

COORDINATES = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@given(st.lists(COORDINATES, min_size=1, max_size=12), COORDINATES)
def test_every_sign_is_inside_the_drawing(groups: list[tuple[float, float]], person: tuple[float, float]) -> None:
    placed = [GroupPosition(str(at), Region.EUROPE, "", 1, at) for at in groups]
    drawing = draw(placed, person, [(Region.EUROPE, ("Europe", "1 person"))], "You")
    signs = (*drawing.points, drawing.person, *(label.at for label in (*drawing.labels, drawing.person_label)))
    assert all(0 <= sign.x <= drawing.width and 0 <= sign.y <= drawing.height for sign in signs)


def test_both_axes_have_the_same_scale() -> None:
    groups = [GroupPosition(str(at), Region.EUROPE, "", 1, at) for at in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1))]
    middle, right, up = draw(groups, (0.02, 0.02), [], "You").points
    assert right.x - middle.x == pytest.approx(middle.y - up.y, abs=0.2)
    assert right.y == middle.y


def test_labels_of_a_real_map_cover_neither_each_other_nor_the_person() -> None:
    placed = view(reports.ancestry(), ES).placement
    assert placed is not None
    for picture in placed.pictures:
        middles = [label.at for label in (*picture.drawing.labels, picture.drawing.person_label)]
        middles.append(picture.drawing.person)
        assert min(apart(one, other) for number, one in enumerate(middles) for other in middles[:number]) > 11


def apart(one: Point, other: Point) -> float:
    return max(abs(one.x - other.x), abs(one.y - other.y))


def test_long_names_take_two_lines() -> None:
    assert in_lines("Europe") == ("Europe",)
    assert in_lines("Middle East and North Africa") == ("Middle East and", "North Africa")
    assert in_lines("Unbreakablelongname") == ("Unbreakablelongname",)


# --- The wording and the release


def rows(name: str) -> list[dict[str, str]]:
    release = (RELEASE / "default-release").read_text("utf-8").strip()
    with (RELEASE / release / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_the_wording_counts_the_reference_people_of_the_release() -> None:
    wording = content_file("ancestry.json")
    people, groups = Counter[str](), Counter[str]()
    for row in rows("components.tsv"):
        if row["panel"] == wording["panel"]:
            people[row["region"]] += int(row["people"])
            groups[row["region"]] += len(row["groups"].split(";"))
    told = {region["id"]: region["reference"] for region in wording["regions"]}
    assert told == {code: {"people": people[code], "groups": groups[code]} for code in people}
    assert set(told) == set(REGION_IDS.values())
    total = wording["reference_total"]
    assert (total["people"], total["groups"]) == (people.total(), groups.total())
    (too_few,) = (row for row in rows("groups.tsv") if "Namibia" in row["column"])
    assert total["too_few"] == int(too_few["people"])


def test_every_place_of_the_release_has_a_name_and_no_name_is_left_over() -> None:
    for panel in reference_panels():
        components, _ = panel.finest()
        assert set(content_file("ancestry.json")["places"][panel.name]) == {found.name for found in components}


def test_the_places_of_a_part_of_a_region_are_those_of_its_panel() -> None:
    names = {panel.name: {place.name for place in panel.places} for panel in reference_panels()}
    assert {panel for panel, places in names.items() if places} == {ancestry.SUBREGION_PANEL}


# --- What no ancestry report may show


def faults(html: str, found: AncestryFinding, words: Words) -> set[str]:
    """What is wrong with a rendered ancestry report."""
    named = set(re.findall(r"<li><b>[^<]*</b> ([^<]*)</li>", html))
    named |= set(re.findall(r'<th scope="row">([^<]*)</th><td>\s*<svg', html))
    regions = {region["id"]: words.text(region["name"]) for region in content_file("ancestry.json")["regions"]}
    zero = {regions[REGION_IDS[part.region]] for part in found.components if part.low == 0}
    text = re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    pictures = re.findall(r"<svg[^>]*>(.{8})", html)
    return (
        {"an interval that includes zero is printed" for _ in named & zero}
        | {"a decimal" for _ in re.findall(r"\d[.,]\d{1,2}(?!\d)\s*(?:%|percent|por ciento|of every|de cada)", text)}
        | {"a picture without text alternative" for start in pictures if not re.match(r"<title>[^<]", start)}
    )


def rendered(report: ReportContent, words: Words) -> set[str]:
    found = next((f for f in report.interpretation.findings if isinstance(f, AncestryFinding)), finding())
    return faults(render_html(reports.release(report), words.language), found, words)


@pytest.mark.parametrize("words", [EN, ES], ids=["en", "es"])
@pytest.mark.parametrize("state", STATES)
def test_no_report_shows_a_doubtful_region_a_decimal_or_a_mute_picture(state: str, words: Words) -> None:
    assert rendered(reports.STATES[state](), words) == set()


def test_a_region_whose_interval_includes_zero_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ancestry, "_may_be_named", lambda part: part.share > 0)
    assert rendered(reports.ancestry(), EN) == {"an interval that includes zero is printed"}


def test_a_decimal_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ancestry, "whole_percents", lambda parts: [100 * part for part in parts])
    assert "a decimal" in rendered(reports.ancestry(), ES)


def test_a_picture_without_text_alternative_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = ancestry.Picture
    monkeypatch.setattr(ancestry, "Picture", lambda drawing, _title, *rest: drawn(drawing, "", *rest))
    assert rendered(reports.ancestry(), EN) == {"a picture without text alternative"}


RACE = re.compile(
    r"\b(?:caucasian|negro|mongoloid|hispanic|latin[oax]|mixed[- ]race|half[- ]blood|pure|bantu"
    r"|caucásic\w*|hispan\w*|mestiz\w*|mulat\w*|pur[oa]s?|bantú)\b",
    re.IGNORECASE,
)


def texts() -> Iterator[dict[str, str]]:
    def inside(value: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401 - any JSON
        if isinstance(value, dict) and "es" in value:
            both = [text if isinstance(text, list) else [text] for text in (value["en"], value["es"])]
            yield from ({"en": english, "es": spanish} for english, spanish in zip(*both, strict=True))
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from inside(inner)

    return inside(content_file("ancestry.json"))


def test_places_are_named_and_never_races() -> None:
    assert [text for local in texts() for text in local.values() if RACE.search(text)] == []
    assert RACE.search("East Africa (Bantu-speaking)")


@pytest.mark.parametrize("language", Language)
def test_every_longer_text_is_easy_to_read(language: Language) -> None:
    """Grade 8 at most in English, INFLESZ "fairly easy" or better in Spanish."""
    # textstat 0.7.4 asks for pkg_resources, for a word list that is not used here.
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources"))
    textstat = import_module("textstat").textstat
    textstat.set_lang(language.value)

    def hard(text: str) -> bool:
        masked = re.sub(r"\{\w+\}", {"en": "name", "es": "caso"}[language], text)
        if language is Language.EN:
            return bool(textstat.flesch_kincaid_grade(masked) > 8)
        return bool(textstat.szigriszt_pazos(masked) < 65)

    longer = [local[language] for local in texts() if len(local[language].split()) >= 12]
    assert len(longer) > 40
    assert [text for text in longer if hard(text)] == []
    assert hard(
        "Interpretación pluridimensional consideraba necesariamente individualizaciones."
        if language is Language.ES
        else "Multidimensional interpretation necessitates individualized consideration."
    )
