"""Which results a person must look at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import reports as contents
from support.service import INTERPRETATIONS, POSITIVE, TWO_POSITIVE, UNCERTAIN_MEDICINES

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation
from ror_service.review.triage import Tier, findings_under_review, triage


@pytest.mark.parametrize("module", INTERPRETATIONS)
def test_plain_results_need_nobody(module: str) -> None:
    assert triage(INTERPRETATIONS[module]).tier is Tier.NONE


@pytest.mark.parametrize("outcome", HereditaryOutcome)
def test_hereditary_findings_need_people_unless_the_policy_does_not_report_them(outcome: HereditaryOutcome) -> None:
    found = contents.finding("BRCA2", contents.BRCA2, outcome)
    need = triage(replace(POSITIVE, findings=(found,)))
    if outcome is HereditaryOutcome.NOT_REPORTABLE:
        assert (need.tier, need.reasons) == (Tier.NONE, ())
    else:
        assert (need.tier, need.reasons) == (Tier.LABORATORY_DIRECTOR, (f"hereditary_{outcome.value.lower()}",))


def test_an_uncertain_medicine_call_needs_one() -> None:
    assert triage(UNCERTAIN_MEDICINES).tier is Tier.COUNSELOR


def test_reasons_name_neither_gene_nor_variant() -> None:
    for interpretation in (TWO_POSITIVE, UNCERTAIN_MEDICINES):
        said = " ".join(triage(interpretation).reasons)
        for finding in interpretation.findings:
            if hasattr(finding, "gene"):
                assert finding.gene.lower() not in said.lower()


def test_findings_come_in_the_order_of_the_interpretation() -> None:
    listed = findings_under_review(TWO_POSITIVE)
    assert [finding.gene for finding in listed] == ["BRCA2", "HFE"]
    assert all(isinstance(finding, HereditaryFinding) for finding in listed)


def test_nothing_found_needs_nobody() -> None:
    assert triage(Interpretation("traits", "1.0", "r", "d", (), ())).tier is Tier.NONE
