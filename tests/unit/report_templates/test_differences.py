"""What a version says otherwise than the one before: of what was reported alone, and said in plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from support import reports
from support.reading import GRADE, textstat

from interpreters.findings import Region, RegionShare
from report_templates.content import (
    Audience,
    Change,
    Difference,
    FindingOutcome,
    Language,
    ReportContent,
    ReportKind,
)
from report_templates.differences import Reported, changes_a_result, differences, document
from report_templates.render import render_html
from report_templates.views.differences import in_words
from report_templates.wording import WordingError, Words, change_reason

EN, ES = Words(Language.EN), Words(Language.ES)
CLINICIAN = Words(Language.EN, Audience.CLINICIAN)
REASONS = ("new_knowledge", "laboratory_error", "wrong_rule", "wrong_text", "own_medicines", "note")


def said(content: ReportContent) -> Reported:
    return Reported(content.interpretation, content.decisions)


def between(before: ReportContent, after: ReportContent) -> tuple[Difference, ...]:
    return differences(said(before), said(after))


def brief(found: tuple[Difference, ...]) -> list[tuple[str, str, str]]:
    return [(difference.kind.value, difference.topic, difference.subject) for difference in found]


NEGATIVE, POSITIVE, TWO = reports.hereditary_negative(), reports.hereditary_positive(), reports.hereditary_two()


def findings_of(found: tuple[Difference, ...]) -> list[tuple[str, str, str]]:
    return [each for each in brief(found) if each[1] == "finding"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NEGATIVE, POSITIVE, [("added", "finding", "BRCA2")]),
        (POSITIVE, NEGATIVE, [("removed", "finding", "BRCA2")]),
        (TWO, POSITIVE, [("removed", "finding", "HFE")]),
        (POSITIVE, POSITIVE, []),
    ],
)
def test_hereditary_findings(before: ReportContent, after: ReportContent, expected: list[tuple[str, str, str]]) -> None:
    assert findings_of(between(before, after)) == expected


@pytest.mark.parametrize("outcome", [FindingOutcome.NOT_CONFIRMED, FindingOutcome.NOT_REPORTED])
def test_what_was_left_out_is_no_difference(outcome: FindingOutcome) -> None:
    left_out = replace(POSITIVE, decisions=tuple(replace(each, outcome=outcome) for each in POSITIVE.decisions))
    assert findings_of(between(NEGATIVE, left_out)) == []


def test_another_variant_of_the_same_gene_is_a_change_with_its_rule() -> None:
    (finding,) = POSITIVE.candidates
    other = replace(finding, variant=replace(finding.variant, zygosity="homozygous"))
    after = replace(
        POSITIVE,
        interpretation=replace(
            POSITIVE.interpretation,
            findings=tuple(other if each is finding else each for each in POSITIVE.interpretation.findings),
        ),
    )
    (told,) = between(POSITIVE, after)
    assert brief((told,)) == [("changed", "finding", "BRCA2")]
    assert told.before is not None
    assert told.after is not None
    assert (told.before.rule, told.after.rule) == (finding.reason, finding.reason)
    assert "heterozygous" in told.before.text
    assert "homozygous" in told.after.text
    assert in_words((told,), EN) == ("What we say about the change in your BRCA2 gene is different now.",)
    assert told.after.text in in_words((told,), CLINICIAN)[0]


def test_a_pair_is_told_whole() -> None:
    (told,) = (each for each in between(NEGATIVE, reports.hereditary_pair()) if each.topic == "finding")
    assert told.after is not None
    assert ";" in told.after.text


def test_how_much_was_read_is_told_and_makes_no_version() -> None:
    found = between(NEGATIVE, reports.hereditary_in_part())
    assert {topic for _, topic, _ in brief(found)} == {"coverage"}
    assert not changes_a_result(found)
    assert changes_a_result(between(NEGATIVE, POSITIVE))
    (line,) = in_words(found, EN)
    assert line.startswith("We could read ")


def medicines(*genes: object) -> ReportContent:
    base = reports.medicines_typical()
    return replace(base, interpretation=replace(base.interpretation, findings=genes))


def test_pharmacogenes_are_told_by_their_calls() -> None:
    normal, poor = (
        reports.gene("CYP2C19", "*1/*1", "Normal Metabolizer"),
        reports.gene("CYP2C19", "*2/*2", "Poor Metabolizer"),
    )
    found = between(medicines(normal), medicines(poor))
    assert in_words(found, EN) == ("CYP2C19 gene: it was *1/*1. It is now *2/*2.",)
    assert in_words(found, CLINICIAN) == ("CYP2C19: was *1/*1, Normal Metabolizer; is now *2/*2, Poor Metabolizer.",)
    assert in_words(between(medicines(), medicines(poor)), ES) == ("Gen CYP2C19: ahora tenemos un resultado.",)
    assert in_words(between(medicines(poor), medicines()), EN) == ("CYP2C19 gene: we have no result any more.",)
    held = replace(poor, requires_review=True, reported_phenotype=None)
    assert in_words(between(medicines(held), medicines(poor)), EN) == ("CYP2C19 gene: your result is different now.",)


def test_medicines_are_named_once_by_what_is_said_of_them() -> None:
    bare = reports.gene("CYP2C19", "*1/*2", "Intermediate Metabolizer")
    full = reports.cyp2c19()
    found = between(medicines(bare), medicines(full))
    drugs = {subject for _, topic, subject in brief(found) if topic == "medicine"}
    assert drugs == {row.drug for row in (*full.recommendations, *full.second_opinions)}
    assert in_words(found, EN)[-1].startswith("What we say is different now for: ")
    renewed = replace(
        full, recommendations=tuple(replace(row, as_of="2030-01", url="x") for row in full.recommendations)
    )
    assert between(medicines(full), medicines(renewed)) == (), "links and dates are no advice"


def test_traits_and_regions_are_told_in_a_line_each() -> None:
    (line,) = in_words(between(reports.traits(), reports.traits_ten()), ES)
    assert line.startswith("Estos resultados son distintos ahora: ")
    before, after = reports.ancestry(), reports.ancestry_one_region()
    assert in_words(between(before, after), EN) == ("The shares of your DNA by region are different now.",)
    (finding,) = after.interpretation.findings
    close = replace(finding, components=(RegionShare(Region.EUROPE, 0.0004, 0.0, 0.001),))
    nothing = replace(after, interpretation=replace(after.interpretation, findings=(close,)))
    assert {kind for kind, *_ in brief(between(after, nothing))} == {"removed"}, "less than a percent is not named"


def test_the_document_names_the_schema_and_holds_plain_values() -> None:
    told = document(between(NEGATIVE, POSITIVE), {"version": 2})
    assert (told["schema"], told["version"]) == ("ror.report-difference/1", 2)
    assert {"kind", "topic", "subject", "before", "after"} == set(told["differences"][0])


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_words(code: str) -> None:
    assert set(change_reason(code)) == set(Language)


def test_a_reason_without_words_stops_the_report() -> None:
    with pytest.raises(WordingError, match="no_such"):
        change_reason("no_such")


NOTE = {Language.EN: "We looked again.", Language.ES: "Volvimos a mirar."}


def next_version(kind: ReportKind, reason: str, **changes: object) -> ReportContent:
    found = between(NEGATIVE, POSITIVE)
    change = Change(1, date(2026, 3, 2), change_reason(reason), found, ("2025-09-28", "2026-02-26"), **changes)
    return replace(POSITIVE, version=2, kind=kind, reason=reason, change=change)


@pytest.mark.parametrize("kind", [ReportKind.AMENDED, ReportKind.CORRECTED])
@pytest.mark.parametrize("reason", REASONS)
def test_the_report_says_number_kind_date_and_what_changed(kind: ReportKind, reason: str) -> None:
    release = reports.release(next_version(kind, reason))
    english = render_html(release, Language.EN)
    assert "What changed since the report of March 2, 2026:" in english
    assert "New: we found a change in your BRCA2 gene." in english
    assert f"2 ({Words(Language.EN)(f'kind.{kind}')})" in english
    assert "Nuevo: hallamos un cambio en su gen BRCA2." in render_html(release, Language.ES)
    clinician = render_html(release, Language.EN, Audience.CLINICIAN)
    assert "plp_ge2star_dominant" in clinician
    assert "2025-09-28 → 2026-02-26" in clinician
    body = Words(Language.EN)(f"change.{kind}.body", previous=1, day="May 1", reason=change_reason(reason)[Language.EN])
    assert textstat(Language.EN).flesch_kincaid_grade(body) <= GRADE


def test_a_note_stands_in_the_language_of_the_report() -> None:
    release = reports.release(next_version(ReportKind.ADDENDUM, "note", note=NOTE))
    assert NOTE[Language.EN] in render_html(release, Language.EN)
    assert NOTE[Language.ES] in render_html(release, Language.ES)
