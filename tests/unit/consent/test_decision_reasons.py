"""Each reason comes from the fact that it names, alone and in the order of the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from support.consent_facts import (
    ANOTHER_PERSON,
    HANDOVER,
    MODULES,
    NOW,
    OFFERS_DESIGNEE,
    POLICY,
    candidate,
    consent,
    dead,
    history,
    hours,
    module_decision,
    naming,
    positive,
)

from consent.decision import PERSONAL_RULES, RULES, choice_reasons, decide
from consent.types import (
    Answer,
    Candidate,
    Capacity,
    Confirmation,
    ConsentRecord,
    Disclosure,
    DocumentType,
    History,
    ModuleAnswer,
    Participation,
    Quality,
    Validation,
    VitalStatus,
)


def reasons(person: History, result: Candidate) -> tuple[str, ...]:
    return decide(person, result, POLICY, NOW).reasons


@pytest.mark.parametrize("module", MODULES)
def test_someone_who_said_yes_to_everything_gets_every_module(module: str) -> None:
    outcome = decide(history(), candidate(module), POLICY, NOW)
    assert outcome.released
    assert outcome.reasons == ()
    assert all(entry.passed for entry in outcome.outcomes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"participant_id": ANOTHER_PERSON}, "wrong_person"),
        ({"vital_status": VitalStatus.DEATH_REPORTED}, "death_reported"),
        ({"vital_status": VitalStatus.DECEASED}, "deceased"),
        ({"vital_status": VitalStatus.UNKNOWN}, "vital_status_unknown"),
        ({"participation": Participation.WITHDRAWN}, "withdrawn"),
        ({"participation": Participation.UNKNOWN}, "participation_unknown"),
        ({"birth_date": None}, "age_unknown"),
        ({"birth_date": NOW.date() + timedelta(days=1)}, "age_unknown"),
        ({"birth_date": date(2008, 11, 23)}, "under_age"),
        ({"residence_state": None}, "residence_state_unknown"),
        ({"residence_state": ""}, "residence_state_unknown"),
        ({"decisions": ()}, "informing_loop_missing"),
    ],
)
def test_a_fact_about_the_person(changes: dict[str, object], reason: str) -> None:
    assert reasons(history(**changes), candidate()) == (reason,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"assay": "unknown"}, "array_only"),
        ({"specimen": "buccal"}, "specimen_not_allowed"),
        ({"quality": Quality.HELD}, "qc_hold"),
        ({"quality": Quality.UNKNOWN}, "no_data_file"),
        ({"assay": ""}, "no_sample"),
        ({"specimen": ""}, "no_sample"),
        ({"quality": Quality.FAILED}, "qc_failed"),
        ({"identity_case_open": True}, "identity_case_open"),
        ({"interpreted": False}, "interpretation_pending"),
        ({"paused": True}, "programme_paused"),
        ({"review_required": True}, "review_pending"),
        ({"review_required": True, "signers": ("",)}, "review_pending"),
        ({"review_required": True, "signers": ("counselor-1", "counselor-1")}, "same_signer"),
    ],
)
def test_a_fact_about_the_result(changes: dict[str, object], reason: str) -> None:
    assert reasons(history(), candidate(**changes)) == (reason,)


def test_an_eighteenth_birthday_is_old_enough() -> None:
    assert reasons(history(birth_date=date(2008, 11, 22)), candidate()) == ()


def test_someone_without_contact_still_reads_what_was_chosen() -> None:
    assert reasons(history(participation=Participation.DEACTIVATED), candidate()) == ()


def test_a_module_that_nobody_described_is_withheld() -> None:
    person = history(decisions=(module_decision("unheard_of"),))
    expected = (
        "module_not_offered",
        "under_age",
        "residence_state_not_allowed",
        "informing_loop_outdated",
        "array_only",
        "specimen_not_allowed",
        "second_signature_pending",
    )
    assert reasons(person, candidate("unheard_of", review_required=True, signers=("director-1",))) == expected


def test_a_module_that_is_not_offered_and_an_excluded_state() -> None:
    row = replace(POLICY.modules["traits"], offered=False, excluded_residence_states=("CA",))
    policy = replace(POLICY, modules={"traits": row})
    expected = ("module_not_offered", "residence_state_not_allowed")
    assert decide(history(), candidate(), policy, NOW).reasons == expected


RETURN, PRIMARY = DocumentType.RETURN_OF_RESULTS, DocumentType.PRIMARY
EARLIER, LATER = {"authored_at": NOW - hours(48)}, {"event_id": "later", "authored_at": NOW - hours(1)}


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((), "missing"),
        ((consent(RETURN, authored_at=NOW + hours(1)),), "missing"),
        ((consent(RETURN, answer=Answer.NO),), "no"),
        ((consent(RETURN, answer=Answer.NOT_SURE),), "not_sure"),
        ((consent(RETURN, validation=Validation.INVALID),), "invalid"),
        ((consent(RETURN, validation=Validation.PENDING),), "invalid"),
        ((consent(RETURN, document_version="0.9"),), "outdated"),
        ((consent(RETURN), consent(RETURN, answer=Answer.NO, **LATER)), "revoked"),
        ((consent(RETURN), consent(RETURN, answer=Answer.NO, validation=Validation.INVALID, **LATER)), "revoked"),
        ((consent(RETURN, validation=Validation.INVALID), consent(RETURN, answer=Answer.NO, **LATER)), "no"),
        ((consent(RETURN, answer=Answer.NOT_SURE, **EARLIER), consent(RETURN, answer=Answer.NO)), "no"),
        ((consent(RETURN), consent(RETURN, answer=Answer.NOT_SURE, **LATER)), "not_sure"),
        ((consent(RETURN), consent(DocumentType.RESEARCH_USE, answer=Answer.NO, **LATER)), None),
        ((consent(RETURN, answer=Answer.NO, **EARLIER), consent(RETURN)), None),
    ],
)
def test_a_document(records: tuple[ConsentRecord, ...], reason: str | None) -> None:
    codes = {
        RETURN: {"missing": "ror_consent_missing", "no": "ror_consent_no", "not_sure": "ror_consent_not_sure"},
        # The primary consent has one answer that lets anything happen; the rest is its absence.
        PRIMARY: dict.fromkeys(("missing", "no", "not_sure"), "primary_consent_missing"),
    }
    shared = {"invalid": "consent_invalid", "outdated": "consent_version_outdated", "revoked": "consent_revoked"}
    for document, other in ((RETURN, PRIMARY), (PRIMARY, RETURN)):
        said = [replace(record, document=document) if record.document is RETURN else record for record in records]
        expected = () if reason is None else ((codes[document] | shared)[reason],)
        assert reasons(history(consents=(consent(other), *said)), candidate()) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authored_at": NOW + hours(1)}, "informing_loop_missing"),
        ({"answer": ModuleAnswer.NO}, "informing_loop_no"),
        ({"answer": ModuleAnswer.MAYBE_LATER}, "informing_loop_maybe_later"),
        ({"script_version": "0.9"}, "informing_loop_outdated"),
    ],
)
def test_an_informing_loop_answer(changes: dict[str, object], reason: str) -> None:
    others = tuple(module_decision(module) for module in MODULES if module != "traits")
    assert reasons(history(decisions=(*others, module_decision("traits", **changes))), candidate()) == (reason,)
    assert reasons(history(decisions=others), candidate()) == ("informing_loop_missing",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ()),
        ({"disclosure": Disclosure.NO_CONTACT_PATH}, ()),
        ({"signers": ()}, ("review_pending",)),
        ({"signers": ("counselor-1",)}, ("second_signature_pending",)),
        ({"signers": ("counselor-1", "")}, ("second_signature_pending",)),
        ({"signers": ("counselor-1", "counselor-1")}, ("same_signer",)),
        ({"confirmation": Confirmation.NOT_ORDERED}, ("confirmation_pending",)),
        ({"confirmation": Confirmation.PENDING}, ("confirmation_pending",)),
        ({"confirmation": Confirmation.DISCORDANT}, ("confirmation_discordant",)),
        ({"confirmation": Confirmation.FAILED}, ("confirmation_failed",)),
        ({"disclosure": Disclosure.NOT_STARTED}, ("disclosure_pending",)),
        ({"disclosure": Disclosure.SCHEDULED}, ("disclosure_pending",)),
        ({"assay": "array"}, ("array_only",)),
        ({"review_required": False, "signers": ()}, ("review_pending",)),
    ],
)
def test_a_positive_hereditary_result(changes: dict[str, object], expected: tuple[str, ...]) -> None:
    assert reasons(history(), positive(**changes)) == expected


def test_no_policy_lets_one_person_or_an_array_release_a_positive_hereditary_result() -> None:
    loose = replace(POLICY.modules["hereditary_risk"], signers_when_reviewed=0, assays=("wgs", "array"))
    policy = replace(POLICY, modules={"hereditary_risk": loose})
    result = positive(assay="array", signers=("counselor-1",))
    assert decide(history(), result, policy, NOW).reasons == ("array_only", "second_signature_pending")


def test_an_array_is_enough_for_ancestry_and_traits_but_not_for_hereditary_risk() -> None:
    assert reasons(history(), candidate("ancestry", assay="array")) == ()
    assert reasons(history(), candidate("traits", assay="array")) == ()
    assert reasons(history(), candidate("hereditary_risk", assay="array")) == ("array_only",)


@pytest.mark.parametrize(
    ("person", "changes", "reason"),
    [
        (dead(), {}, None),
        (dead(vital_status=VitalStatus.ALIVE), {}, "designee_death_not_verified"),
        (dead(vital_status=VitalStatus.DEATH_REPORTED), {}, "designee_death_not_verified"),
        (dead(vital_status=VitalStatus.UNKNOWN), {}, "designee_death_not_verified"),
        (dead(participation=Participation.WITHDRAWN), {}, "withdrawn"),
        (dead(participation=Participation.DEACTIVATED), {}, None),
        (dead(namings=()), {}, "designee_not_named"),
        (dead(namings=(naming(authored_at=NOW + hours(1)),)), {}, "designee_not_named"),
        (dead(namings=(naming(), naming(event_id="a", somebody=False))), {}, None),
        (dead(namings=(naming(), naming(event_id="zz", somebody=False))), {}, "designee_not_named"),
        (dead(consents=history().consents), {}, "designee_not_named"),
        (dead(), {"module": "pharmacogenomics"}, "designee_not_offered"),
        (dead(), {"handover": None}, "deceased"),
        (dead(), {"handover": replace(HANDOVER, approved_by=None)}, "designee_not_approved"),
        (dead(), {"handover": replace(HANDOVER, approved_by="counselor-1")}, "designee_not_approved"),
        (dead(), {"handover": replace(HANDOVER, recorded_by="")}, "designee_not_approved"),
        (dead(), {"handover": replace(HANDOVER, until=None)}, "designee_too_late"),
        (dead(), {"handover": replace(HANDOVER, until=NOW)}, "designee_too_late"),
        (dead(), {"identity_case_open": True}, "identity_case_open"),
    ],
)
def test_a_fact_about_the_person_who_was_named(person: History, changes: dict[str, object], reason: str | None) -> None:
    result = candidate(**({"handover": HANDOVER} | changes))
    assert decide(person, result, OFFERS_DESIGNEE, NOW).reasons == (() if reason is None else (reason,))


def test_without_the_offer_nothing_is_handed_over() -> None:
    policy = replace(OFFERS_DESIGNEE, designee=replace(OFFERS_DESIGNEE.designee, offered=False))
    assert decide(dead(), candidate(handover=HANDOVER), policy, NOW).reasons == ("designee_not_offered",)


def test_every_reason_is_told_in_the_order_of_the_rules() -> None:
    person = history(vital_status=VitalStatus.DECEASED, consents=(), decisions=())
    outcome = decide(person, candidate(quality=Quality.FAILED, paused=True), POLICY, NOW)
    assert outcome.reasons == (
        "deceased",
        "primary_consent_missing",
        "ror_consent_missing",
        "informing_loop_missing",
        "qc_failed",
        "programme_paused",
    )
    assert [entry.rule for entry in outcome.outcomes] == list(RULES)


def test_choice_reasons_look_at_the_person_alone() -> None:
    assert choice_reasons(history(), "traits", POLICY, NOW) == ()
    person = history(participation=Participation.WITHDRAWN, decisions=())
    assert choice_reasons(person, "traits", POLICY, NOW) == ("withdrawn", "informing_loop_missing")
    assert set(PERSONAL_RULES) <= set(RULES)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize(("born", "minor"), [(date(2008, 11, 23), True), (date(2008, 11, 22), False), (None, False)])
@pytest.mark.parametrize("capacity", Capacity)
def test_a_guardians_yes_counts_where_the_policy_says_so_until_the_person_is_of_age(
    capacity: Capacity, born: date | None, minor: bool, counts: bool
) -> None:
    modules = {"traits": replace(POLICY.modules["traits"], minimum_age_years=0)}
    policy = replace(POLICY, guardian_answers_count=counts, modules=modules)
    person = history(
        birth_date=born,
        consents=(consent(PRIMARY, capacity=capacity), consent(RETURN)),
        decisions=(module_decision("traits", capacity=capacity),),
    )
    own = capacity is Capacity.SELF or (counts and minor)
    expected = (() if own else ("own_answer_needed",) * 2) if born else ("age_unknown",)
    found = decide(person, candidate(), policy, NOW).reasons
    assert tuple(reason for reason in found if born or reason != "own_answer_needed") == expected


def test_a_guardians_no_counts() -> None:
    person = history(consents=(consent(PRIMARY), consent(RETURN, answer=Answer.NO, capacity=Capacity.GUARDIAN)))
    assert reasons(person, candidate()) == ("ror_consent_no",)
