"""Facts for the gate from current rows, and what a participant may know of the way."""

from __future__ import annotations

import pytest
from support.consent_facts import MODULES, PERSON
from support.service import COUNSELOR, DIRECTOR, POSITIVE, Service

from consent.types import Confirmation, Disclosure, Participation, Quality, VitalStatus
from interpreters.genotypes import Assay
from ror_service import cases, pipeline
from ror_service.errors import IllegalTransitionError, WithheldError
from ror_service.intake.qc import Verdict
from ror_service.review.queue import Disposition
from ror_service.states import CaseState
from ror_service.storage import participants, results
from ror_service.storage.tables import IdentityCaseRow, ReleaseDecisionRow, ResultCaseRow

OTHER = "P-0002"


def _reasons(service: Service, module: str = "traits", participant_id: str = PERSON) -> tuple[str, ...]:
    case = service.case(participant_id, module)
    with service.work() as work:
        return cases.explain(work, case).reasons


def _progress(service: Service, module: str) -> tuple[str, str | None]:
    case = service.case(module=module)
    with service.work() as work:
        return cases.progress(work, case)


def test_a_case_moves_only_along_the_table_and_every_move_is_audited(service: Service) -> None:
    service.register()
    case_id = service.case().case_id
    with service.work() as work, pytest.raises(IllegalTransitionError):
        cases.advance(work, results.must_get(work.session, ResultCaseRow, case_id), CaseState.AVAILABLE)
    with service.work() as work:
        cases.advance(work, results.must_get(work.session, ResultCaseRow, case_id), CaseState.ELIGIBLE)
    (moved,) = service.actions("case.state")
    assert moved.details == {"before": "awaiting_data", "after": "eligible"}
    assert (moved.actor, moved.purpose) == ("portal-1", "participation")


def test_there_is_one_open_case_of_a_module(service: Service) -> None:
    service.register()
    with service.work() as work:
        assert cases.open_case(work, PERSON, "traits").generation == 1
    assert len(service.rows(ResultCaseRow)) == len(MODULES)


# --- Quality before anything else


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(Verdict.PASS, CaseState.ACCEPTED), (Verdict.HOLD, CaseState.QC_HOLD), (None, CaseState.QC_HOLD)],
)
def test_a_sample_counts_only_when_its_quality_was_looked_at(
    service: Service, verdict: Verdict | None, state: CaseState
) -> None:
    service.enroll()
    assert service.state() is CaseState.AWAITING_DATA
    service.sample(verdict=verdict)
    assert {service.state(module) for module in MODULES} == {state}


def test_a_hold_ends_with_a_good_sample(service: Service) -> None:
    service.enroll()
    sample_id = service.sample(verdict=Verdict.HOLD)
    service.verdict(sample_id, Verdict.HOLD)
    assert service.state() is CaseState.QC_HOLD
    service.sample(sample_id="sample-2")
    assert service.state() is CaseState.ACCEPTED
    assert service.case().sample_id == "sample-2"


def test_a_second_sample_does_not_disturb_what_is_under_way(service: Service) -> None:
    case_id = service.available()
    service.sample(sample_id="sample-2", verdict=None)
    assert service.case().case_id == case_id
    assert service.case().sample_id == f"sample-of-{PERSON}"
    assert service.read()


@pytest.mark.parametrize(("verdict", "reason"), [(Verdict.HOLD, "qc_hold"), (None, "qc_failed")])
def test_a_hold_that_comes_later_withholds(service: Service, verdict: Verdict | None, reason: str) -> None:
    service.available()
    service.verdict(f"sample-of-{PERSON}", verdict)
    with pytest.raises(WithheldError, match=reason):
        service.read()


def test_facts_of_a_case_without_a_sample(service: Service) -> None:
    service.enroll()
    case = service.case()
    with service.work() as work:
        facts = cases.candidate(work, case)
    assert (facts.quality, facts.assay, facts.specimen, facts.interpreted) == (Quality.UNKNOWN, "", "", False)


# --- Safety rules


def test_array_data_never_yields_a_releasable_hereditary_finding(service: Service) -> None:
    service.enroll()
    service.sample(assay=Assay.ARRAY)
    case_id = service.found(POSITIVE).case_id
    review_id = service.review().review_id
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
    service.confirm(review_id, Confirmation.CONCORDANT)
    service.disclose(case_id, Disclosure.COMPLETED)
    assert _reasons(service, "hereditary_risk") == ("array_only",)
    pipeline.release_report(service.context, case_id)
    assert service.state("hereditary_risk") is CaseState.DISCLOSED
    service.found("traits")
    pipeline.release_report(service.context, service.case().case_id)
    assert service.state("traits") is CaseState.AVAILABLE, "an array is good enough for a trait"


def test_an_open_identity_case_suspends_every_result_of_every_member_those_viewed_included(
    delivering: Service,
) -> None:
    service = delivering
    for person in (PERSON, OTHER, "P-0003"):
        service.available(participant_id=person)
        service.run_jobs()
    with service.work() as work:
        cases.advance(work, results.current_case(work.session, PERSON, "traits"), CaseState.VIEWED)
    service.found("ancestry", OTHER)
    identity = service.identity_case(PERSON, OTHER)
    service.run_jobs()
    assert service.state("ancestry", OTHER) is CaseState.CLEAR
    for person in (PERSON, OTHER):
        with pytest.raises(WithheldError, match="identity_case_open"):
            service.read(participant_id=person)
    assert service.read(participant_id="P-0003")
    with service.work() as work:
        case = work.session.get_one(IdentityCaseRow, identity)
        case.resolved_at, case.resolved_by = work.at, "director-1"
        case.resolution, case.resolution_reason = "samples_right", "looked at both tubes"
    assert service.read()


@pytest.mark.parametrize("status", [VitalStatus.DEATH_REPORTED, VitalStatus.DECEASED, VitalStatus.UNKNOWN])
def test_nothing_is_released_to_the_dead(service: Service, status: VitalStatus) -> None:
    case_id = service.interpreted()
    service.standing(vital_status=status)
    pipeline.release_report(service.context, case_id)
    with service.work() as work:
        assert not results.versions_of_cases(work.session, [case_id])


def test_a_suspended_result_is_withheld(service: Service) -> None:
    service.available()
    with service.work() as work:
        cases.advance(work, results.current_case(work.session, PERSON, "traits"), CaseState.SUSPENDED)
    with pytest.raises(WithheldError, match="programme_paused"):
        service.read()
    service.withdraw()
    assert service.state() is CaseState.DELETED


@pytest.mark.parametrize("participation", Participation)
def test_use_is_forbidden_after_withdrawal_and_where_nothing_is_known(
    service: Service, participation: Participation
) -> None:
    service.register()
    service.standing(participation=participation)
    with service.work() as work:
        known = participants.history(work.session, PERSON)
    assert cases.use_forbidden(known) is (participation in {Participation.WITHDRAWN, Participation.UNKNOWN})


def test_every_decision_of_the_gate_is_kept_with_every_rule(service: Service) -> None:
    service.available()
    service.read()
    decisions = service.rows(ReleaseDecisionRow)
    assert {row.purpose for row in decisions} == {"release", "read"}
    assert all(row.released and row.policy_version == "2026-11" for row in decisions)
    assert all(len(row.outcomes) == 18 for row in decisions)


# --- What the participant may know


def test_a_result_that_is_looked_at_more_closely_reads_like_any_other(service: Service) -> None:
    service.enroll()
    service.sample()
    shown = {_progress(service, "traits")}
    service.found("traits")
    shown.add(_progress(service, "traits"))
    service.found(POSITIVE)
    review_id = service.review().review_id
    shown.add(_progress(service, "hereditary_risk"))
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
        shown.add(_progress(service, "hereditary_risk"))
    service.confirm(review_id)
    shown.add(_progress(service, "hereditary_risk"))
    assert shown == {("being_checked", "interpretation_pending")}


def test_personal_reasons_are_told_while_a_result_is_checked(service: Service) -> None:
    service.interpreted()
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    assert _progress(service, "traits") == ("being_checked", "death_reported")


def test_progress_before_and_after(service: Service) -> None:
    service.available()
    assert _progress(service, "traits") == ("available", None)
    assert _progress(service, "ancestry") == ("being_checked", "interpretation_pending")
    service.withdraw()
    assert _progress(service, "traits") == ("deleted", "withdrawn")
