"""Which results a person must look at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import reports as contents
from support.service import FOUR_MEDICINE_GENES, INTERPRETATIONS, POSITIVE, TWO_POSITIVE, UNCERTAIN_MEDICINES

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation
from ror_service.review.triage import Tier, can_be_reported, findings_under_review, triage


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


@pytest.mark.parametrize("found", [UNCERTAIN_MEDICINES, FOUR_MEDICINE_GENES])
def test_uncertain_medicine_calls_need_one(found: Interpretation) -> None:
    need = triage(found)
    assert (need.tier, need.reasons) == (Tier.COUNSELOR, ("pharmacogenomic_call_uncertain",))


def test_every_uncertain_medicine_call_is_decided_on_and_no_other() -> None:
    listed = findings_under_review(FOUR_MEDICINE_GENES)
    assert [finding.gene for finding in listed] == ["CYP2C19", "NUDT15", "SLCO1B1"]


def test_only_a_call_with_one_result_can_be_reported() -> None:
    assert [can_be_reported(finding) for finding in findings_under_review(FOUR_MEDICINE_GENES)] == [True, False, True]
    for phenotypes in ((), ("No Result",), ("n/a",), ("Normal Metabolizer", "n/a")):
        (call,) = UNCERTAIN_MEDICINES.findings
        assert not can_be_reported(replace(call, phenotypes=phenotypes))
    assert all(can_be_reported(finding) for finding in findings_under_review(TWO_POSITIVE))


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
