from dataclasses import replace
from datetime import date

import pytest
from support import reports

from interpreters.findings import HereditaryOutcome
from report_templates.content import (
    Change,
    ContentError,
    FindingOutcome,
    Language,
    OpenFindingError,
    ReportKind,
    variant_key,
)

REASON = dict.fromkeys(Language, "a reason")


@pytest.mark.parametrize("outcome", [HereditaryOutcome.CANDIDATE_POSITIVE, HereditaryOutcome.REVIEW])
def test_an_open_finding_stops_a_report(outcome: HereditaryOutcome) -> None:
    found = reports.finding("BRCA2", reports.BRCA2, outcome)
    with pytest.raises(OpenFindingError) as caught:
        reports.content("hereditary_risk", (found, *reports.assessed()))
    assert "BRCA2" not in str(caught.value)


def test_a_decision_on_another_variant_does_not_count() -> None:
    found = reports.finding("BRCA2", reports.BRCA2)
    other = replace(reports.decision(found), variant="13-1-A-C")
    with pytest.raises(OpenFindingError):
        reports.content("hereditary_risk", (found,), decisions=(other,))


def test_a_finding_that_the_policy_does_not_report_needs_no_decision() -> None:
    found = reports.finding("BRCA2", reports.BRCA2, HereditaryOutcome.NOT_REPORTABLE)
    assert reports.content("hereditary_risk", (found, *reports.assessed())).candidates == ()


def test_the_decision_is_found_by_gene_and_variant() -> None:
    report = reports.hereditary_two()
    outcomes = [report.decision_on(found).outcome for found in report.candidates]
    assert outcomes == [FindingOutcome.CONFIRMED, FindingOutcome.CONFIRMED]
    assert variant_key(reports.HFE) == "6-26092913-G-A"


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"kind": ReportKind.AMENDED},
        {"change": Change(1, date(2026, 1, 1), REASON)},
        {"version": 2, "kind": ReportKind.AMENDED},
        {"version": 1, "kind": ReportKind.CORRECTED, "change": Change(1, date(2026, 1, 1), REASON)},
        {"version": 2, "kind": ReportKind.AMENDED, "change": Change(1, date(2026, 1, 1), {Language.EN: "a reason"})},
    ],
)
def test_version_kind_and_change_must_agree(changes: dict[str, object]) -> None:
    with pytest.raises(ContentError):
        reports.content("traits", **changes)
