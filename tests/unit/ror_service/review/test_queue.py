"""The review queue: claims, two signatures, confirmation, disclosure; only then anything is released."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from support.consent_facts import POLICY
from support.service import (
    COUNSELOR,
    DIRECTOR,
    FOUR_MEDICINE_GENES,
    LABORATORY,
    LEASE,
    OPERATOR,
    POSITIVE,
    TWO_POSITIVE,
    UNCERTAIN_MEDICINES,
    Service,
)

from consent.decision import decide
from consent.gate import Release
from consent.types import Confirmation, Disclosure
from report_templates.content import FindingOutcome
from ror_service import cases, pipeline, reports
from ror_service.audit.log import Actor
from ror_service.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from ror_service.review import queue
from ror_service.review.queue import OPEN_STATES, Disposition
from ror_service.review.triage import findings_under_review
from ror_service.states import CaseState, ReviewState
from ror_service.storage import participants, results
from ror_service.storage.tables import ConfirmationOrderRow, JobRow, SignOffRow

REPORT, DO_NOT = Disposition.REPORT, Disposition.DO_NOT_REPORT
SECOND_COUNSELOR = replace(COUNSELOR, name="counselor-2")


def _withheld_for(service: Service) -> tuple[str, ...]:
    case = service.case(module="hereditary_risk")
    with service.work() as work:
        return cases.explain(work, case).reasons


def _is_asked_to_release(service: Service, case_id: str) -> bool:
    return bool(service.rows(JobRow, JobRow.task == "release_report", JobRow.subject_id == case_id))


# --- The whole way of a hereditary candidate


def test_a_candidate_is_released_only_after_two_signers_confirmation_and_disclosure(service: Service) -> None:
    case_id, review_id = service.positive()
    assert service.state("hereditary_risk") is CaseState.IN_REVIEW
    assert "review_pending" in _withheld_for(service)

    def try_to_release(expected: CaseState) -> None:
        pipeline.release_report(service.context, case_id)
        assert service.state("hereditary_risk") is expected
        with pytest.raises(NotFoundError):
            service.read("hereditary_risk")

    try_to_release(CaseState.IN_REVIEW)
    service.sign(review_id, COUNSELOR, REPORT)
    assert _withheld_for(service) == ("second_signature_pending",)
    try_to_release(CaseState.IN_REVIEW)
    service.sign(review_id, DIRECTOR, REPORT)
    assert _withheld_for(service) == ("confirmation_pending", "disclosure_pending")
    try_to_release(CaseState.CONFIRMING)
    service.confirm(review_id)
    assert _withheld_for(service) == ("disclosure_pending",)
    assert service.review().state == ReviewState.CLOSED
    try_to_release(CaseState.SIGNED_OFF)
    service.schedule(case_id)
    try_to_release(CaseState.DISCLOSURE_SCHEDULED)
    assert not _is_asked_to_release(service, case_id)
    service.disclose(case_id)
    assert _withheld_for(service) == ()
    assert _is_asked_to_release(service, case_id)
    pipeline.release_report(service.context, case_id)
    assert service.state("hereditary_risk") is CaseState.AVAILABLE
    assert service.read("hereditary_risk")


@pytest.mark.parametrize("outcome", [Confirmation.DISCORDANT, Confirmation.FAILED])
def test_what_was_not_confirmed_is_not_released(service: Service, outcome: Confirmation) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, REPORT)
    service.confirm(review_id, outcome)
    assert service.state("hereditary_risk") is CaseState.IN_REVIEW
    assert f"confirmation_{outcome}" in _withheld_for(service)
    with pytest.raises(IllegalTransitionError):
        service.disclose(case_id)
    with pytest.raises(IllegalTransitionError):
        service.confirm(review_id)


@pytest.mark.parametrize("outcome", [Confirmation.DISCORDANT, Confirmation.FAILED])
def test_what_was_not_confirmed_can_be_ordered_again_by_two_people(service: Service, outcome: Confirmation) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, REPORT)
    service.confirm(review_id, outcome)
    assert not service.rows(SignOffRow)
    for signer in (DIRECTOR, COUNSELOR):
        service.sign(review_id, signer, REPORT)
    assert service.state("hereditary_risk") is CaseState.CONFIRMING
    assert len(service.rows(ConfirmationOrderRow)) == 2
    service.confirm(review_id)
    service.disclose(case_id)
    pipeline.release_report(service.context, case_id)
    assert service.state("hereditary_risk") is CaseState.AVAILABLE


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Confirmation.DISCORDANT, FindingOutcome.NOT_CONFIRMED),
        (Confirmation.FAILED, FindingOutcome.NOT_REPORTED),
    ],
)
def test_what_was_not_confirmed_can_be_left_out_by_two_people(
    service: Service, outcome: Confirmation, said: FindingOutcome
) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, REPORT)
    service.confirm(review_id, outcome)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, DO_NOT)
    with service.work() as work:
        release = reports.draft(
            work, service.context.keys, service.context.programme, case_id, settle=service.context.settle
        )
    assert isinstance(release, Release)
    assert {decision.outcome for decision in release.payload.decisions} == {said}


def test_do_not_report_by_both_releases_a_report_without_the_finding(service: Service) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, DO_NOT)
    assert service.state("hereditary_risk") is CaseState.SIGNED_OFF
    assert not service.rows(ConfirmationOrderRow)
    with pytest.raises(IllegalTransitionError, match="no disclosure"):
        service.disclose(case_id)
    with pytest.raises(IllegalTransitionError, match="no disclosure"):
        service.schedule(case_id)
    pipeline.release_report(service.context, case_id)
    assert service.state("hereditary_risk") is CaseState.AVAILABLE


def test_one_reported_finding_of_two_needs_confirmation(service: Service) -> None:
    _, review_id = service.positive(TWO_POSITIVE)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, DO_NOT, REPORT)
    assert service.state("hereditary_risk") is CaseState.CONFIRMING


# --- Signatures


def test_the_same_person_cannot_sign_twice_by_code_and_by_database(service: Service) -> None:
    _, review_id = service.positive()
    service.sign(review_id, COUNSELOR, REPORT)
    with pytest.raises(ConflictError, match="another person"):
        service.sign(review_id, COUNSELOR, REPORT)
    (first,) = service.rows(SignOffRow)
    copied = {name: getattr(first, name) for name in ("review_id", "signer", "role", "dispositions", "reason")}
    with service.work(COUNSELOR) as work:
        work.session.add(SignOffRow(sign_off_id="sign-off-2", signed_at=work.at, **copied))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            work.session.flush()
        work.session.rollback()
    assert len(service.rows(SignOffRow)) == 1


def test_the_same_person_in_another_role_is_still_the_same_person(service: Service) -> None:
    _, review_id = service.positive()
    service.sign(review_id, COUNSELOR, REPORT)
    with pytest.raises(ConflictError):
        service.sign(review_id, replace(DIRECTOR, name=COUNSELOR.name), REPORT)


def test_a_gate_that_counts_signatures_instead_of_people_is_not_ours(service: Service) -> None:
    _, review_id = service.positive()
    service.sign(review_id, COUNSELOR, REPORT)
    case = service.case(module="hereditary_risk")
    with service.work() as work:
        facts = cases.candidate(work, case)
        known = participants.history(work.session, case.participant_id)
    twice = replace(facts, signers=facts.signers * 2, positive_hereditary=True)
    assert "same_signer" in decide(known, twice, POLICY, service.clock.now).reasons


def test_the_signers_must_decide_alike_on_every_finding(service: Service) -> None:
    _, review_id = service.positive(TWO_POSITIVE)
    service.sign(review_id, COUNSELOR, REPORT, DO_NOT)
    with pytest.raises(ConflictError, match="decided otherwise"):
        service.sign(review_id, DIRECTOR, DO_NOT, REPORT)
    service.sign(review_id, DIRECTOR, REPORT, DO_NOT)
    assert service.state("hereditary_risk") is CaseState.CONFIRMING


def test_every_finding_needs_a_decision_and_a_reason(service: Service) -> None:
    _, review_id = service.positive()
    service.claim(review_id, COUNSELOR)
    for dispositions, reason in (((), "why"), ((REPORT, REPORT), "why"), ((REPORT,), " ")):
        with service.work(COUNSELOR) as work, pytest.raises(InvalidInputError):
            queue.sign(work, review_id, dispositions, reason, findings=POSITIVE.findings[:1])
    assert not service.rows(SignOffRow)


def test_roles_that_may_not_sign(service: Service) -> None:
    _, review_id = service.positive()
    for role in ("participant", "portal", "operator", "genome_center", "clinical_laboratory", "auditor", "service"):
        with service.work(Actor("somebody", role, "curiosity")) as work:
            with pytest.raises(ForbiddenError):
                queue.claim(work, review_id, LEASE)
            with pytest.raises(ForbiddenError):
                queue.sign(work, review_id, (REPORT,), "why", findings=POSITIVE.findings[:1])
            with pytest.raises(ForbiddenError):
                queue.return_review(work, review_id, "why")


def test_a_pharmacogenomic_review_needs_one_signer(service: Service) -> None:
    case_id = service.interpreted(UNCERTAIN_MEDICINES)
    review = service.review("pharmacogenomics")
    assert (review.tier, review.reasons) == ("counselor", ["pharmacogenomic_call_uncertain"])
    service.sign(review.review_id, COUNSELOR, REPORT)
    assert service.review("pharmacogenomics").state == ReviewState.CLOSED
    assert not service.rows(ConfirmationOrderRow), "a second specimen is for hereditary findings"
    assert service.state("pharmacogenomics") is CaseState.SIGNED_OFF
    pipeline.release_report(service.context, case_id)
    assert service.state("pharmacogenomics") is CaseState.AVAILABLE


@pytest.mark.parametrize("decided", [(), (REPORT,), (REPORT, DO_NOT), (DO_NOT,) * 4])
def test_every_uncertain_call_needs_its_own_decision(service: Service, decided: tuple[Disposition, ...]) -> None:
    service.interpreted(FOUR_MEDICINE_GENES)
    review_id = service.review("pharmacogenomics").review_id
    with pytest.raises(InvalidInputError, match="each of the 3 findings"):
        service.sign(review_id, COUNSELOR, *decided)
    assert not service.rows(SignOffRow)
    assert service.state("pharmacogenomics") is CaseState.IN_REVIEW


def test_a_call_without_a_single_result_cannot_be_reported(service: Service) -> None:
    service.interpreted(FOUR_MEDICINE_GENES)
    review_id = service.review("pharmacogenomics").review_id
    with pytest.raises(InvalidInputError) as refused:
        service.sign(review_id, COUNSELOR, REPORT, REPORT, REPORT)
    assert str(refused.value) == "finding 2 has no single result: decide do_not_report"
    assert not service.rows(SignOffRow)
    service.sign(review_id, COUNSELOR, REPORT, DO_NOT, REPORT)
    assert [row.dispositions for row in service.rows(SignOffRow)] == [[REPORT, DO_NOT, REPORT]]


def test_decisions_go_with_their_findings_only_when_there_is_one_for_each() -> None:
    findings = findings_under_review(FOUR_MEDICINE_GENES)
    signed = [SignOffRow(dispositions=["report"]), SignOffRow(dispositions=["report", "do_not_report", "report"])]
    assert queue.decided(findings, signed) == tuple(zip(findings, (REPORT, DO_NOT, REPORT), strict=True))
    for wrong in ([], signed[:1]):
        with pytest.raises(ConflictError, match="one decision for each"):
            queue.decided(findings, wrong)
    assert queue.decided((), []) == ()


# --- How reviews are claimed and sent back


def test_a_claim_holds_for_its_lease_and_can_be_prolonged(service: Service) -> None:
    _, review_id = service.positive()
    service.claim(review_id, COUNSELOR)
    with pytest.raises(ConflictError, match="holds this review"):
        service.claim(review_id, DIRECTOR)
    service.clock.now += LEASE - timedelta(seconds=1)
    service.claim(review_id, COUNSELOR)
    service.clock.now += LEASE - timedelta(seconds=1)
    with pytest.raises(ConflictError):
        service.claim(review_id, DIRECTOR)
    service.clock.now += timedelta(seconds=1)
    service.claim(review_id, DIRECTOR)
    assert service.review().assignee == DIRECTOR.name


def test_nobody_signs_without_holding_the_review(service: Service) -> None:
    _, review_id = service.positive()

    def sign(signer: Actor) -> None:
        with service.work(signer) as work:
            queue.sign(work, review_id, (REPORT,), "why", findings=POSITIVE.findings[:1])

    with pytest.raises(ForbiddenError, match="claim"):
        sign(COUNSELOR)
    service.claim(review_id, COUNSELOR)
    with pytest.raises(ForbiddenError, match="claim"):
        sign(DIRECTOR)
    service.clock.now += LEASE
    with pytest.raises(ForbiddenError, match="claim"):
        sign(COUNSELOR)
    assert not service.rows(SignOffRow)


def test_returning_removes_signatures_and_leaves_their_trace(service: Service) -> None:
    _, review_id = service.positive()
    service.sign(review_id, COUNSELOR, REPORT)
    service.claim(review_id, DIRECTOR)
    with service.work(DIRECTOR) as work, pytest.raises(InvalidInputError):
        queue.return_review(work, review_id, " ")
    with service.work(SECOND_COUNSELOR) as work, pytest.raises(ConflictError):
        queue.return_review(work, review_id, "it is not mine")
    with service.work(DIRECTOR) as work:
        queue.return_review(work, review_id, "look at the depth again")
    assert not service.rows(SignOffRow)
    assert service.review().state == ReviewState.RETURNED
    (returned,) = service.actions("review.return")
    assert returned.details == {"removed_signatures": 1}
    assert len(service.actions("review.sign")) == 1
    assert "review_pending" in _withheld_for(service)
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, DO_NOT)
    assert service.state("hereditary_risk") is CaseState.SIGNED_OFF


def test_a_review_that_nobody_claimed_cannot_be_returned(service: Service) -> None:
    _, review_id = service.positive()
    with service.work(COUNSELOR) as work, pytest.raises(IllegalTransitionError):
        queue.return_review(work, review_id, "why")


def test_the_queue_is_sorted_by_urgency_and_forgets_what_is_decided(service: Service) -> None:
    service.interpreted(POSITIVE)
    service.clock.advance(hours=1)
    service.found(UNCERTAIN_MEDICINES)
    expected = [service.case(module=module).case_id for module in ("hereditary_risk", "pharmacogenomics")]
    with service.work() as work:
        waiting = results.reviews(work.session, OPEN_STATES)
    assert [row.case_id for row in waiting] == expected
    service.sign(waiting[1].review_id, COUNSELOR, DO_NOT)
    with service.work() as work:
        assert [row.review_id for row in results.reviews(work.session, OPEN_STATES)] == [waiting[0].review_id]


@pytest.mark.parametrize("late", [COUNSELOR, SECOND_COUNSELOR])
def test_a_decided_review_is_closed_to_everybody(service: Service, late: Actor) -> None:
    _, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, REPORT)
    with pytest.raises(IllegalTransitionError, match="nothing to decide"):
        service.claim(review_id, late)


# --- Out of turn


def test_confirmation_needs_an_order_and_a_result(service: Service) -> None:
    _, review_id = service.positive()
    with pytest.raises(IllegalTransitionError):
        service.confirm(review_id)
    for outcome in (Confirmation.NOT_ORDERED, Confirmation.PENDING):
        with pytest.raises(InvalidInputError):
            service.confirm(review_id, outcome)
    with service.work(LABORATORY) as work, pytest.raises(NotFoundError):
        queue.report_confirmation(work, "review-of-nobody", Confirmation.CONCORDANT)


def test_confirmation_after_the_withdrawal_changes_nothing(service: Service) -> None:
    _, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, REPORT)
    service.withdraw()
    with pytest.raises(IllegalTransitionError):
        service.confirm(review_id)
    assert service.state("hereditary_risk") is CaseState.DELETED


@pytest.mark.parametrize("outcome", [Disclosure.NOT_STARTED, Disclosure.SCHEDULED])
def test_a_disclosure_ends_with_an_end(service: Service, outcome: Disclosure) -> None:
    case_id, _ = service.positive()
    with service.work(OPERATOR) as work, pytest.raises(InvalidInputError):
        queue.complete_disclosure(work, case_id, outcome)


def test_nothing_is_disclosed_before_it_is_signed_off(service: Service) -> None:
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, REPORT)
    with pytest.raises(IllegalTransitionError):
        service.disclose(case_id)
    with pytest.raises(IllegalTransitionError):
        service.schedule(case_id)
