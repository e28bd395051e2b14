from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from support import reports

from interpreters.findings import AncestryFinding, Interpretation, Region, RegionShare
from report_templates.content import Language, ReportContent
from report_templates.views.ancestry import named_shares, view
from report_templates.wording import Words

EN, ES = Words(Language.EN), Words(Language.ES)


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
    report = with_limits(reports.ancestry(), reference_people="2096", reference_groups="26")
    (used,) = report.interpretation.findings
    assert isinstance(used, AncestryFinding)
    other = replace(report.interpretation, findings=(replace(used, panel="kgp23k"),))
    seen = view(replace(report, interpretation=other), EN)
    assert "2,096 people in 26 groups" in seen.method[1].paragraphs[0]
    assert not seen.described
    assert view(report, EN).described


def test_nothing_named_and_nothing_read_are_different_states() -> None:
    not_assigned, not_read = view(reports.ancestry_not_assigned(), EN), view(reports.ancestry_not_read(), EN)
    assert not_assigned.headline.title == "No region could be named"
    assert not_read.headline.title == "Your ancestry could not be read"
    assert "Too few of the spots that we need are in your DNA file." in not_read.headline.paragraphs
    assert not not_assigned.headline.answered
    assert not not_read.headline.answered
    assert not_read.shares == not_assigned.shares == ()
