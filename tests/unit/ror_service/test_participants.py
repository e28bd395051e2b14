"""Registration, answers in any order, and the withdrawal that makes results unreadable at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent_facts import MODULES, PERSON
from support.service import FILES, REPORT_TEXT, Service

from consent.types import Answer, DocumentType, ModuleAnswer, Participation, VitalStatus
from ror_service import cases, evidence, participants
from ror_service.errors import ConflictError, ErasedError, InvalidInputError, NotFoundError
from ror_service.intake.qc import Verdict
from ror_service.sealing import vault
from ror_service.states import CaseState, DeliveryState, RecallState, ReviewState, VersionState
from ror_service.storage import results
from ror_service.storage.tables import (
    AuditEventRow,
    ConsentRecordRow,
    DataKeyRow,
    DeliveryRow,
    InterpretationRow,
    JobRow,
    ModuleDecisionRow,
    RecallRow,
    ReportVersionRow,
    ResultCaseRow,
)

PRIMARY, ROR = DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS
NO_FIXTURE_CHECK = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
_people = itertools.count(1)


# --- Registration


def test_registering_opens_a_case_of_each_module(service: Service) -> None:
    service.register()
    assert {service.state(module) for module in MODULES} == {CaseState.AWAITING_DATA}
    assert len(service.rows(ResultCaseRow)) == len(MODULES)


def test_registering_again_changes_nothing_and_other_facts_are_a_conflict(service: Service) -> None:
    service.register()
    before = len(service.actions())
    service.register()
    assert len(service.actions()) == before
    with pytest.raises(ConflictError):
        service.register(birth_date=date(1981, 1, 1))


# --- Events


@pytest.mark.parametrize("kind", ["consent", "choose"])
def test_a_replay_changes_nothing(service: Service, kind: str) -> None:
    service.enroll()
    event = getattr(service, kind)()
    before = (len(service.actions()), len(service.rows(ConsentRecordRow)), len(service.rows(ModuleDecisionRow)))
    service.clock.advance(days=1)
    again = {name: getattr(event, name) for name in ("event_id", "authored_at")}
    getattr(service, kind)(**again)
    assert (len(service.actions()), len(service.rows(ConsentRecordRow)), len(service.rows(ModuleDecisionRow))) == before


@pytest.mark.parametrize(
    "change",
    [{"answer": Answer.NO}, {"document": PRIMARY}, {"participant_id": "P-0002"}, {"authored_at": None}],
    ids=lambda change: next(iter(change)),
)
def test_a_consent_event_used_for_something_else_is_a_conflict(service: Service, change: dict[str, object]) -> None:
    service.register()
    service.register("P-0002")
    event = service.consent()
    if "authored_at" in change:
        change = {"authored_at": event.authored_at - timedelta(seconds=1)}
    with pytest.raises(ConflictError):
        service.consent(**({"event_id": event.event_id, "authored_at": event.authored_at} | change))


@pytest.mark.parametrize(
    "change",
    [{"answer": ModuleAnswer.NO}, {"module": "ancestry"}, {"participant_id": "P-0002"}],
    ids=lambda change: next(iter(change)),
)
def test_a_choice_event_used_for_something_else_is_a_conflict(service: Service, change: dict[str, object]) -> None:
    service.register()
    service.register("P-0002")
    event = service.choose()
    with pytest.raises(ConflictError):
        service.choose(**({"event_id": event.event_id, "authored_at": event.authored_at} | change))


def test_answers_of_nobody_to_nothing_or_from_the_future_are_refused(service: Service) -> None:
    service.register()
    tomorrow = service.clock.now + timedelta(days=1)
    with pytest.raises(NotFoundError):
        service.consent(participant_id="P-unknown")
    with pytest.raises(NotFoundError):
        service.choose(participant_id="P-unknown")
    with pytest.raises(NotFoundError):
        service.standing("P-unknown", participation=Participation.WITHDRAWN)
    with pytest.raises(InvalidInputError):
        service.choose(module="horoscope")
    with pytest.raises(InvalidInputError):
        service.consent(authored_at=tomorrow)
    with pytest.raises(InvalidInputError):
        service.choose(authored_at=tomorrow)
    assert not service.rows(ConsentRecordRow)
    assert not service.rows(ModuleDecisionRow)


@pytest.mark.parametrize("evidence_sha256", ["none", "z" * 64, "A" * 64, "a" * 64 + "\n"])
def test_consent_without_evidence_is_kept_and_does_not_count(service: Service, evidence_sha256: str) -> None:
    service.enroll()
    service.sample()
    service.consent(evidence_sha256=evidence_sha256)
    assert service.state() is CaseState.OFFERED
    case = service.case()
    with service.work() as work:
        assert "consent_invalid" in cases.explain(work, case).reasons


def test_a_clock_that_is_a_little_ahead_does_not_delay_an_answer(service: Service) -> None:
    service.available()
    soon = service.clock.now + timedelta(minutes=2)
    service.consent(Answer.NO, authored_at=soon)
    assert service.case().state == CaseState.DELETED
    service.consent(Answer.YES, authored_at=soon + timedelta(seconds=1))
    assert service.state() is CaseState.ACCEPTED


# --- What answers make of a case before interpretation


def _answers(service: Service, person: str, module: str) -> dict[str, Callable[[], object]]:
    """Every event that can concern a module, by name; authored at times of their own."""
    start = service.clock.now - timedelta(days=1)

    def consent(minute: int, document: DocumentType, answer: Answer) -> None:
        event_id, authored_at = f"{person}-{minute}", start + timedelta(minutes=minute)
        service.consent(answer, document, person, event_id=event_id, authored_at=authored_at)

    def choose(minute: int, answer: ModuleAnswer) -> None:
        event_id, authored_at = f"{person}-{minute}", start + timedelta(minutes=minute)
        service.choose(answer, module, person, event_id=event_id, authored_at=authored_at)

    consents = enumerate(itertools.product((PRIMARY, ROR), Answer))
    choices = enumerate(itertools.product(("", "-again"), ModuleAnswer), start=100)
    return {
        "sample": lambda: service.sample(person),
        **{f"{d}-{a}": partial(consent, minute, d, a) for minute, (d, a) in consents},
        **{f"choice-{a}{again}": partial(choose, minute, a) for minute, (again, a) in choices},
    }


def _expected(events: set[str]) -> CaseState:
    """What follows from the events alone, written down apart from the code: the last answer of each kind counts."""
    if "sample" not in events:
        return CaseState.AWAITING_DATA

    def last(names: list[str]) -> str:
        return next((name.split("-")[1] for name in reversed(names) if name in events), "missing")

    def consent(document: DocumentType) -> str:
        said = last([f"{document}-{answer}" for answer in Answer])
        revoked = said == "no" and f"{document}-yes" in events
        return "revoked" if revoked else said

    order = [f"choice-{answer}{repeat}" for repeat in ("", "-again") for answer in ModuleAnswer]
    choice, primary, ror = last(order), consent(PRIMARY), consent(ROR)
    if (primary, ror, choice) == ("yes", "yes", "yes"):
        return CaseState.ACCEPTED
    if choice == "no" or ror in {"no", "revoked"} or primary == "revoked":
        return CaseState.DECLINED
    return CaseState.DEFERRED if choice == "maybe_later" else CaseState.OFFERED


EVENTS = (
    "sample",
    *(f"{document}-{answer}" for document, answer in itertools.product((PRIMARY, ROR), Answer)),
    *(f"choice-{answer}{repeat}" for repeat in ("", "-again") for answer in ModuleAnswer),
)


@given(
    module=st.sampled_from(MODULES),
    arrival=st.lists(st.sampled_from(EVENTS), unique=True, max_size=7),
    replays=st.lists(st.integers(0, 6), max_size=3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=NO_FIXTURE_CHECK, derandomize=True)
def test_the_state_follows_from_the_answers_in_whatever_order_they_arrive(
    service: Service, module: str, arrival: list[str], replays: list[int]
) -> None:
    person = f"P-{next(_people)}"
    service.register(person)
    events = _answers(service, person, module)
    for name in [*arrival, *(arrival[index] for index in replays if index < len(arrival))]:
        events[name]()
    assert service.state(module, person) is _expected(set(arrival))
    others = {service.state(other, person) for other in MODULES if other != module}
    assert CaseState.ACCEPTED not in others


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("answer", ModuleAnswer)
def test_every_module_and_answer(service: Service, module: str, answer: ModuleAnswer) -> None:
    service.enroll(modules=())
    service.sample()
    service.choose(answer, module)
    wanted = {
        ModuleAnswer.YES: CaseState.ACCEPTED,
        ModuleAnswer.NO: CaseState.DECLINED,
        ModuleAnswer.MAYBE_LATER: CaseState.DEFERRED,
    }
    assert service.state(module) is wanted[answer]
    asked = [row for row in service.rows(JobRow) if row.task == "interpret_sample"]
    assert len(asked) == (answer is ModuleAnswer.YES)


def test_maybe_later_is_offered_again_at_a_date_and_a_later_yes_goes_on(service: Service) -> None:
    service.enroll(modules=())
    service.sample()
    event = service.choose(ModuleAnswer.MAYBE_LATER)
    (row,) = service.rows(ModuleDecisionRow)
    assert row.re_offer_at == event.authored_at + timedelta(days=90)
    assert service.state() is CaseState.DEFERRED
    service.clock.advance(days=91)
    service.choose()
    assert service.state() is CaseState.ACCEPTED
    assert [row.re_offer_at is None for row in service.rows(ModuleDecisionRow)].count(True) == 1


@pytest.mark.parametrize("later", [ModuleAnswer.YES, ModuleAnswer.MAYBE_LATER])
def test_revoked_consent_is_never_advertised_as_an_offer(service: Service, later: ModuleAnswer) -> None:
    service.enroll(modules=())
    service.sample()
    service.choose(later)
    service.clock.advance(hours=1)
    service.consent(Answer.NO)
    assert service.state() is CaseState.DECLINED


def test_a_module_that_joins_the_policy_is_opened_for_those_who_want_it(service: Service) -> None:
    everything = service.context.policy
    few = {name: row for name, row in everything.modules.items() if name != "ancestry"}
    service.context.policy = replace(everything, modules=few)
    service.enroll(modules=("traits",))
    service.sample()
    service.context.policy = everything
    service.choose(module="ancestry")
    assert service.state("ancestry") is CaseState.ACCEPTED


# --- Revoking one result


def _unreadable(service: Service, old: ResultCaseRow) -> None:
    """Nothing that the case ever held can be opened: not by the participant, a reviewer, or from the tables."""
    with service.work() as work:
        versions = results.versions_of_cases(work.session, [old.case_id])
        assert all(version.state == VersionState.WITHDRAWN for version in versions)
        for version in versions:
            for row in results.artifacts_of(work.session, version.version_id):
                with pytest.raises(ErasedError):
                    vault.open_artifact(work, service.context.keys, old.participant_id, version, row)
        interpretation = results.must_get(work.session, InterpretationRow, str(old.interpretation_id))
        with pytest.raises(ErasedError):
            vault.open_interpretation(work, service.context.keys, interpretation)


def test_revoking_a_choice_closes_exactly_that_case(delivering: Service) -> None:
    service = delivering
    service.available("traits")
    service.found("ancestry")
    service.run_jobs()
    old = service.case()
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO)
    assert service.state() is CaseState.DELETION_ORDERED
    assert service.state("ancestry") is CaseState.DELIVERED
    _unreadable(service, old)
    with pytest.raises(NotFoundError):
        service.read("traits")
    assert service.read("ancestry").startswith(REPORT_TEXT)
    service.run_jobs()
    assert service.state() is CaseState.DELETED
    assert service.violations() == []


@pytest.mark.parametrize(
    "revoke",
    [
        lambda service: service.consent(Answer.NO),
        lambda service: service.consent(Answer.NO, PRIMARY),
        lambda service: service.consent(Answer.NOT_SURE),
        lambda service: service.choose(ModuleAnswer.NO),
        lambda service: service.choose(ModuleAnswer.MAYBE_LATER),
        lambda service: service.withdraw(),
        lambda service: service.standing(vital_status=VitalStatus.DECEASED),
    ],
    ids=["no", "primary-no", "not-sure", "module-no", "maybe-later", "withdrawal", "death"],
)
def test_everything_that_ends_a_result_makes_it_unreadable_and_recalls_it(
    delivering: Service, revoke: Callable[[Service], None]
) -> None:
    service = delivering
    service.available()
    service.run_jobs()
    old = service.case()
    assert old.state == CaseState.DELIVERED
    service.clock.advance(hours=1)
    revoke(service)
    _unreadable(service, old)
    (recall,) = service.rows(RecallRow)
    assert (recall.state, recall.due_at) == (RecallState.ORDERED, service.clock.now + timedelta(hours=24))
    keys = service.rows(DataKeyRow, DataKeyRow.destroyed_at.is_not(None))
    assert len(keys) == 2, "of the interpretation and of the report"
    assert all(key.wrapped is None for key in keys)
    (erased,) = [row for row in service.actions("case.erase") if row.object_id == old.case_id]
    assert (erased.details["keys_destroyed"], erased.details["recalls"]) == (2, 1)
    service.run_jobs()
    assert service.state() is CaseState.DELETED
    assert service.violations() == []


@pytest.mark.parametrize("outcome", [state for state in DeliveryState if state is not DeliveryState.RECALLED])
def test_a_recall_is_ordered_for_every_intent_whatever_became_of_it(
    delivering: Service, outcome: DeliveryState
) -> None:
    service = delivering
    service.available()
    delivery = service.delivery()
    intended = outcome is not DeliveryState.QUEUED
    with service.work() as work:
        row = results.must_get(work.session, DeliveryRow, delivery.delivery_id)
        row.state, row.intended_at = outcome.value, work.at if intended else None
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO)
    assert len(service.rows(RecallRow)) == intended
    assert service.state() is (CaseState.DELETION_ORDERED if intended else CaseState.DELETED)
    assert (service.delivery().state, service.delivery().bundle) == (DeliveryState.RECALLED, None)


def test_a_delivery_is_recalled_once(delivering: Service) -> None:
    service = delivering
    service.available()
    service.run_jobs()
    service.withdraw()
    delivery_id = service.delivery().delivery_id
    with service.work() as work:
        row = results.must_get(work.session, DeliveryRow, delivery_id)
        assert participants.order_recall(work, row, "twice") is False
    assert len(service.rows(RecallRow)) == 1


def test_consenting_again_opens_a_new_case_and_old_bytes_stay_dead(delivering: Service) -> None:
    service = delivering
    service.available()
    service.run_jobs()
    old = service.case()
    service.clock.advance(hours=1)
    service.consent(Answer.NO)
    service.clock.advance(hours=1)
    service.consent(Answer.YES)
    new = service.case()
    assert (new.generation, new.state, new.sample_id) == (old.generation + 1, CaseState.ACCEPTED, old.sample_id)
    assert new.interpretation_id is None
    _unreadable(service, old)
    with pytest.raises(NotFoundError):
        service.read()
    service.found("traits")
    service.run_jobs()
    assert service.read().startswith(REPORT_TEXT)
    _unreadable(service, old)
    first, second = service.rows(DeliveryRow)
    assert first.idempotency_key != second.idempotency_key
    assert service.violations() == []


def test_a_review_that_is_under_way_ends_with_the_consent(service: Service) -> None:
    _, review_id = service.positive()
    service.choose(ModuleAnswer.NO, "hereditary_risk", authored_at=service.clock.advance(hours=1))
    assert service.review().state == ReviewState.CLOSED
    with service.work() as work, pytest.raises(ErasedError):
        evidence.packet(work, service.context, review_id)


# --- Withdrawal and death


def test_withdrawal_closes_all_and_nothing_is_readable(delivering: Service) -> None:
    service = delivering
    service.available("traits")
    service.found("ancestry")
    service.run_jobs()
    begun = [service.case(module=module) for module in ("traits", "ancestry")]
    service.withdraw()
    states = {module: service.state(module) for module in MODULES}
    assert states == {
        "traits": CaseState.DELETION_ORDERED,
        "ancestry": CaseState.DELETION_ORDERED,
        "pharmacogenomics": CaseState.DELETED,
        "hereditary_risk": CaseState.DELETED,
    }
    for case in begun:
        _unreadable(service, case)
        for name in FILES:
            with pytest.raises(NotFoundError):
                service.read(case.module, name)
    assert not service.rows(DataKeyRow, DataKeyRow.wrapped.is_not(None))
    service.run_jobs()
    assert {service.state(module) for module in MODULES} == {CaseState.DELETED}
    assert service.violations() == []


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.HOLD, None])
def test_a_verdict_that_comes_after_the_withdrawal_opens_nothing(service: Service, verdict: Verdict | None) -> None:
    service.enroll()
    service.withdraw()
    service.sample(verdict=verdict)
    assert {row.state for row in service.rows(ResultCaseRow)} == {CaseState.DELETED}
    assert len(service.rows(ResultCaseRow)) == len(MODULES)


def test_answers_after_the_withdrawal_open_nothing(service: Service) -> None:
    service.interpreted()
    service.withdraw()
    service.choose(authored_at=service.clock.advance(hours=1))
    service.consent()
    assert {row.state for row in service.rows(ResultCaseRow)} == {CaseState.DELETED}


def test_one_who_comes_back_starts_anew(service: Service) -> None:
    service.interpreted()
    service.withdraw()
    service.standing(participation=Participation.ACTIVE)
    assert {service.state(module) for module in MODULES} == {CaseState.ACCEPTED}
    assert service.case().generation == 2


@pytest.mark.parametrize("verdict", [Verdict.HOLD, None])
def test_one_who_comes_back_without_a_good_sample_waits_for_one(service: Service, verdict: Verdict | None) -> None:
    service.enroll()
    service.sample(verdict=verdict)
    service.withdraw()
    service.standing(participation=Participation.ACTIVE)
    assert service.state() is CaseState.AWAITING_DATA
    service.sample(sample_id="sample-2")
    assert service.state() is CaseState.ACCEPTED


def test_a_death_ends_every_case_as_not_deliverable_also_those_not_begun(delivering: Service) -> None:
    service = delivering
    service.available("traits")
    service.run_jobs()
    service.choose(ModuleAnswer.MAYBE_LATER, "ancestry", authored_at=service.clock.advance(hours=1))
    service.standing(vital_status=VitalStatus.DECEASED)
    moved = [row.details["after"] for row in service.actions("case.state")]
    assert moved.count("not_deliverable") == len(MODULES)
    assert len(service.rows(RecallRow)) == 1
    service.run_jobs()
    assert {service.state(module) for module in MODULES} == {CaseState.DELETED}, "nobody is offered anything"
    service.sample(sample_id="sample-2")
    assert len(service.rows(ResultCaseRow)) == len(MODULES)


def test_a_reported_death_withholds_and_destroys_nothing(delivering: Service) -> None:
    service = delivering
    service.available()
    service.run_jobs()
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    assert service.state() is CaseState.DELIVERED
    assert not service.rows(RecallRow)
    assert not service.rows(DataKeyRow, DataKeyRow.wrapped.is_(None))
    case = service.case()
    with service.work() as work:
        assert "death_reported" in cases.explain(work, case).reasons
    service.standing(vital_status=VitalStatus.ALIVE)
    assert service.read().startswith(REPORT_TEXT)


def test_what_was_withheld_for_a_time_goes_on_by_itself(delivering: Service) -> None:
    service = delivering
    service.interpreted("traits")
    service.found("ancestry")
    service.run_jobs()
    service.found("pharmacogenomics")
    first = service.rows(DeliveryRow)[0].delivery_id
    with service.work() as work:
        row = work.session.get_one(DeliveryRow, first)
        row.state = DeliveryState.QUEUED.value
        work.enqueue("deliver_report", row.delivery_id)
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    service.run_jobs()
    assert service.state("pharmacogenomics") is CaseState.CLEAR
    assert [row.state for row in service.rows(DeliveryRow)].count(DeliveryState.QUEUED) == 1
    service.standing(vital_status=VitalStatus.ALIVE)
    service.forbidden_after.clear()
    service.run_jobs()
    assert service.state("pharmacogenomics") is CaseState.DELIVERED
    assert {row.state for row in service.rows(DeliveryRow)} <= {DeliveryState.RECEIVED, DeliveryState.INTENDED}


def test_deactivation_keeps_what_was_chosen_readable(service: Service) -> None:
    service.available()
    service.standing(participation=Participation.DEACTIVATED)
    assert service.read().startswith(REPORT_TEXT)


def test_every_change_is_audited_with_actor_and_purpose(service: Service) -> None:
    service.available()
    service.withdraw()
    assert all(row.actor and row.role and row.purpose for row in service.rows(AuditEventRow))
    (standing,) = service.actions("participant.standing")
    assert standing.details == {"participation": "withdrawn", "vital_status": "alive"}
    assert {row.state for row in service.rows(ReportVersionRow)} == {VersionState.WITHDRAWN}
    assert standing.participant_id == PERSON
