"""After a death: nothing is kept but for the one who was named, and that one learns of it by two people, for a year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from support.consent_facts import OFFERS_DESIGNEE, PERSON, hours
from support.service import DIRECTOR, FILES, OPERATOR, PIPELINE, READER, Service

from consent.types import Answer, Capacity, DocumentType, ModuleAnswer, Participation, VitalStatus
from ror_service import amendments, break_glass, designees, namings, participants, reports
from ror_service.amendments import Added
from ror_service.audit.log import Actor
from ror_service.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    WithheldError,
)
from ror_service.namings import Named
from ror_service.reports import Opened
from ror_service.states import CaseState, RecallState, SampleState
from ror_service.storage import results
from ror_service.storage.tables import (
    BreakGlassGrantRow,
    DataKeyRow,
    DesigneeNamingRow,
    RecallRow,
    ReleaseDecisionRow,
    ReportVersionRow,
    SampleRow,
)
from ror_service.worker import relay

ANNA = Actor("anna", "genetic_counselor", designees.PURPOSE)
BORIS = Actor("boris", "laboratory_director", designees.PURPOSE)
SISTER = Named("Maria Example", "+1 555 0100")
CHECKED = "passport seen; certificate of death of the county"


@pytest.fixture
def offering(service: Service) -> Iterator[Service]:
    """A programme in which a participant may name somebody, on a day on which the form can be answered."""
    service.context.policy = OFFERS_DESIGNEE
    service.clock.advance(days=2)
    return service


def agree(service: Service, answer: Answer = Answer.YES, **changes: object) -> None:
    service.consent(answer, DocumentType.FAMILY_SHARING, **{"document_version": "1.2", **changes})


def name(service: Service, named: Named = SISTER, event_id: str = "naming-1", at: datetime | None = None) -> None:
    with service.work(READER) as work:
        keys, at = service.context.keys, at or service.clock.now
        namings.name(work, keys, PERSON, named, event_id=event_id, authored_at=at)


def take_back(service: Service, event_id: str = "naming-2", at: datetime | None = None) -> None:
    with service.work(READER) as work:
        namings.take_back(work, PERSON, event_id=event_id, authored_at=at or service.clock.now)


def named(service: Service) -> Named | None:
    with service.work(READER) as work:
        return namings.named(work, service.context.keys, PERSON)


def dies(service: Service) -> None:
    service.standing(vital_status=VitalStatus.DECEASED)


def kept(service: Service) -> list[ReportVersionRow]:
    return service.rows(ReportVersionRow, ReportVersionRow.kept_until.is_not(None))


def living_keys(service: Service) -> set[str]:
    return {row.key_id for row in service.rows(DataKeyRow, DataKeyRow.wrapped.is_not(None))}


def ask(service: Service, who: Actor = ANNA, checked: str = CHECKED) -> str:
    with service.work(who) as work:
        return designees.request(work, PERSON, checked)


def allow(service: Service, grant_id: str, who: Actor = BORIS) -> None:
    with service.work(who) as work:
        designees.approve(work, grant_id)


def read(service: Service, grant_id: str, who: Actor = ANNA, module: str = "traits", name: str = FILES[0]) -> Opened:
    with service.work(who) as work:
        return designees.read(work, service.context.keys, grant_id, module, name)


@pytest.fixture
def died(offering: Service) -> Service:
    """Somebody with two reports of which one may be handed over, who named a sister and died."""
    offering.available("traits")
    offering.found("ancestry")
    agree(offering)
    name(offering)
    dies(offering)
    return offering


# --- At the death


def test_by_default_a_death_erases_everything_whoever_was_named(service: Service) -> None:
    service.clock.advance(days=2)
    service.available("traits")
    agree(service)
    with pytest.raises(ConflictError):
        name(service)
    assert service.rows(DesigneeNamingRow) == []
    dies(service)
    assert (kept(service), living_keys(service)) == ([], set())


def test_at_the_death_nobody_reads_it_any_more_and_one_report_and_the_name_keep_their_keys(died: Service) -> None:
    (version,) = kept(died)
    assert version.kept_until == died.clock.now + timedelta(days=365)
    (naming,) = died.rows(DesigneeNamingRow)
    assert living_keys(died) == {version.data_key_id, naming.data_key_id}
    assert died.state() in {CaseState.DELETION_ORDERED, CaseState.DELETED}
    with pytest.raises(NotFoundError):
        died.read()
    died.grant("emergency", PERSON, ANNA.name, allowed=True)
    with died.work(Actor(ANNA.name, ANNA.role, break_glass.PURPOSE)) as work, pytest.raises(NotFoundError):
        break_glass.read(work, died.context.keys, "emergency", "traits", FILES[0])
    assert [event.object_id for event in died.actions("designee.keep")] == [version.version_id]


def test_a_report_that_was_delivered_is_recalled(delivering: Service) -> None:
    delivering.context.policy = OFFERS_DESIGNEE
    delivering.clock.advance(days=2)
    delivering.available("traits")
    agree(delivering)
    name(delivering)
    delivering.run_jobs()
    dies(delivering)
    delivering.run_jobs()
    (recall,) = delivering.rows(RecallRow)
    assert recall.state == RecallState.ACKNOWLEDGED
    assert len(kept(delivering)) == 1
    assert delivering.violations() == []


NOT_NAMED = {
    "nobody was named": agree,
    "the naming was taken back": lambda service: (agree(service), name(service), take_back(service)),
    "the form was never answered": name,
    "no to the form": lambda service: (name(service), agree(service, Answer.NO)),
    "not sure": lambda service: (name(service), agree(service, Answer.NOT_SURE)),
    "an earlier form": lambda service: (name(service), agree(service, document_version="1.1")),
    "a guardian's yes": lambda service: (
        name(service),
        agree(service, capacity=Capacity.GUARDIAN, answered_by="guardian-1"),
    ),
    "no evidence of the yes": lambda service: (name(service), agree(service, evidence_sha256="")),
    "withdrawn before": lambda service: (agree(service), name(service), service.withdraw()),
    "results stopped before": lambda service: (agree(service), name(service), service.consent(Answer.NO)),
}


@pytest.mark.parametrize("case", NOT_NAMED)
def test_without_a_naming_that_counts_everything_is_erased(offering: Service, case: str) -> None:
    offering.available("traits")
    NOT_NAMED[case](offering)
    dies(offering)
    assert (kept(offering), living_keys(offering)) == ([], set())
    with pytest.raises(ConflictError):
        ask(offering)


def test_a_yes_to_the_form_does_not_count_while_it_is_not_offered(offering: Service) -> None:
    offering.available("traits")
    name(offering)
    closed = replace(OFFERS_DESIGNEE.designee, offered=False)
    offering.context.policy = replace(OFFERS_DESIGNEE, designee=closed)
    agree(offering)
    offering.context.policy = OFFERS_DESIGNEE
    dies(offering)
    assert living_keys(offering) == set()


def test_of_a_report_that_is_about_to_change_nothing_is_kept(offering: Service) -> None:
    offering.available("traits")
    agree(offering)
    name(offering)
    text = {"en": "More is known.", "es": "Se sabe más."}
    with offering.work(DIRECTOR) as work:
        amendments.add(work, offering.context.keys, PERSON, "traits", what=Added.NOTE, note="a note", text=text)
    dies(offering)
    assert (kept(offering), living_keys(offering)) == ([], set())


AFTERWARDS = {
    "alive after all": lambda service: service.standing(vital_status=VitalStatus.ALIVE),
    "not sure of the death": lambda service: service.standing(vital_status=VitalStatus.DEATH_REPORTED),
    "withdrawn": lambda service: service.withdraw(),
    "a no that was on its way": lambda service: agree(service, Answer.NO),
    "a no to results that was on its way": lambda service: service.consent(Answer.NO),
    "a no to this result": lambda service: service.choose(ModuleAnswer.NO),
}


@pytest.mark.parametrize("case", AFTERWARDS)
def test_what_was_kept_is_erased_once_the_facts_no_longer_ask_for_it(died: Service, case: str) -> None:
    grant_id = ask(died)
    allow(died, grant_id)
    (version,) = kept(died)
    AFTERWARDS[case](died)
    assert kept(died) == []
    assert version.data_key_id not in living_keys(died)
    with pytest.raises((NotFoundError, WithheldError, ErasedError)):
        read(died, grant_id)
    # Nothing brings it back.
    dies(died)
    assert kept(died) == []


def test_what_was_kept_goes_with_a_sample_that_was_not_the_participants(died: Service) -> None:
    with died.work(OPERATOR) as work:
        participants.erase_sample(work, f"sample-of-{PERSON}", "identity")
    assert kept(died) == []


# --- Asking, allowing, reading


def test_two_people_let_the_counselor_read_what_was_kept(died: Service) -> None:
    grant_id = ask(died)
    with pytest.raises(ForbiddenError):
        read(died, grant_id)
    with died.work(BORIS) as work:
        asked = designees.look(work, died.context.keys, grant_id)
    assert (asked.named, asked.grant.reason) == (SISTER, CHECKED)
    allow(died, grant_id)
    for file in FILES:
        assert read(died, grant_id, name=file).content
    found = died.actions("designee.read")
    assert [(event.actor, event.purpose, event.object_id) for event in found] == [("anna", "designee", grant_id)] * 4
    assert len(died.actions("report.read")) == 4
    decision = died.rows(ReleaseDecisionRow)[-1]
    assert decision.released
    with pytest.raises(NotFoundError):
        read(died, grant_id, module="ancestry")
    with died.work(ANNA) as work:
        assert [row.grant_id for row in designees.listed(work)] == [grant_id]
    assert died.rows(BreakGlassGrantRow)[0].expires_at == kept(died)[0].kept_until


def test_the_death_closes_the_file_and_the_verdict_on_it_still_counts(died: Service) -> None:
    grant_id = ask(died)
    allow(died, grant_id)
    with died.work(PIPELINE) as work:
        results.must_get(work.session, SampleRow, f"sample-of-{PERSON}").state = SampleState.ERASED.value
    assert read(died, grant_id).content
    with died.work(PIPELINE) as work:
        last = results.last_assessment(work.session, f"sample-of-{PERSON}")
        assert last is not None
        last.verdict = "hold"
    with pytest.raises(WithheldError) as withheld:
        read(died, grant_id)
    assert withheld.value.reasons == ("no_data_file",)


def test_the_gate_is_asked_at_every_reading(died: Service) -> None:
    grant_id = ask(died)
    allow(died, grant_id)
    died.identity_case(PERSON)
    with pytest.raises(WithheldError) as withheld, reports.reading(lambda: died.work(ANNA)) as work:
        designees.read(work, died.context.keys, grant_id, "traits", FILES[0])
    assert withheld.value.reasons == ("identity_case_open",)
    assert died.actions("report.read_refused")[0].purpose == designees.PURPOSE


def test_nobody_allows_their_own_request_nor_reads_by_anothers(died: Service) -> None:
    grant_id = ask(died)
    carla = replace(ANNA, name="carla")
    for other in (ANNA, carla, replace(BORIS, name=ANNA.name)):
        with pytest.raises(ForbiddenError):
            allow(died, grant_id, other)
    with pytest.raises(ForbiddenError):
        ask(died, BORIS)
    with pytest.raises(IntegrityError, match="second_person"), died.work(PIPELINE) as work:
        grant = results.must_get(work.session, BreakGlassGrantRow, grant_id)
        grant.approved_by, grant.approved_at, grant.expires_at = ANNA.name, work.at, work.at + hours(1)
        work.session.flush()
    allow(died, grant_id)
    with pytest.raises(ConflictError):
        allow(died, grant_id)
    for other in (carla, BORIS):
        with pytest.raises(NotFoundError):
            read(died, grant_id, other)


def test_a_request_says_what_was_checked_of_somebody_who_is_there(died: Service) -> None:
    with pytest.raises(InvalidInputError):
        ask(died, checked=" ")
    with died.work(ANNA) as work, pytest.raises(NotFoundError):
        designees.request(work, "P-9", CHECKED)


def test_a_request_can_be_refused_and_ended(died: Service) -> None:
    refused, ended = ask(died), ask(died)
    allow(died, ended)
    for grant_id in (refused, ended):
        with died.work(BORIS) as work:
            designees.end(work, grant_id)
    with pytest.raises(ConflictError):
        allow(died, refused)
    with pytest.raises(ForbiddenError):
        read(died, ended)
    assert len(kept(died)) == 1


def test_a_grant_for_an_emergency_hands_nothing_over_and_the_other_way_round(died: Service) -> None:
    died.grant("emergency", PERSON, ANNA.name, allowed=True)
    died.grant("asked", PERSON, ANNA.name, allowed=False)
    grant_id = ask(died)
    with pytest.raises(NotFoundError):
        read(died, "emergency")
    for act in (designees.approve, designees.end):
        with died.work(BORIS) as work, pytest.raises(NotFoundError):
            act(work, "asked")
    with died.work(BORIS) as work, pytest.raises(NotFoundError):
        break_glass.approve(work, grant_id, timedelta(hours=1))
    allow(died, grant_id)
    with died.work(ANNA) as work, pytest.raises(NotFoundError):
        break_glass.read(work, died.context.keys, grant_id, "traits", FILES[0])
    with died.work(ANNA) as work:
        assert {row.grant_id for row in break_glass.listed(work)} == {"emergency", "asked"}
        assert break_glass.count(work).granted == 1


# --- The time to ask


def test_when_the_time_to_ask_is_over_nothing_is_read_and_a_job_erases_what_was_kept(died: Service) -> None:
    early = ask(died)
    allow(died, early)
    waiting = ask(died)
    died.clock.advance(days=364, hours=23)
    relay.order_erasures(died.context)
    died.run_jobs()
    assert read(died, early).content
    died.clock.advance(hours=1)
    with pytest.raises(ForbiddenError):
        read(died, early)
    with pytest.raises(ConflictError):
        allow(died, waiting)
    with pytest.raises(ConflictError):
        ask(died)
    assert len(kept(died)) == 1
    relay.order_erasures(died.context)
    died.run_jobs()
    assert (kept(died), living_keys(died)) == ([], set())
    with died.work(BORIS) as work, pytest.raises(ErasedError):
        designees.look(work, died.context.keys, early)
    (event,) = died.actions("designee.erase")
    assert event.details == {"cause": "designee_too_late"}
    events = len(died.actions())
    relay.order_erasures(died.context)
    died.run_jobs()
    assert len(died.actions()) == events


# --- Naming


def test_a_new_name_erases_the_one_before_and_the_last_said_counts_whenever_it_comes(offering: Service) -> None:
    offering.register()
    brother, friend = Named("Luis Example", "luis@example.org"), Named("Kim Example", "+1 555 0101")
    name(offering)
    assert named(offering) == SISTER
    offering.clock.advance(hours=1)
    name(offering, brother, "naming-3")
    assert named(offering) == brother
    name(offering, friend, "naming-4", at=offering.clock.now - hours(2))
    assert named(offering) == brother
    assert len(living_keys(offering)) == 1
    offering.clock.advance(hours=1)
    take_back(offering, "naming-5")
    assert named(offering) is None
    assert (living_keys(offering), len(offering.rows(DesigneeNamingRow))) == (set(), 4)
    told = " ".join(str(event.details) for event in offering.actions())
    assert "Example" not in told
    assert len(offering.actions("designee.name")) == 3


def test_a_replay_changes_nothing_and_an_event_is_no_other(offering: Service) -> None:
    offering.register()
    for _ in range(2):
        name(offering)
    assert len(offering.rows(DesigneeNamingRow)) == 1
    with pytest.raises(ConflictError):
        take_back(offering, "naming-1")
    with pytest.raises(ConflictError):
        name(offering, at=offering.clock.now - hours(1))
    for _ in range(2):
        take_back(offering)
    assert len(offering.actions("designee.take_back")) == 1


def test_nobody_is_named_by_the_dead_or_who_left_or_from_the_future(offering: Service) -> None:
    offering.register()
    with pytest.raises(InvalidInputError):
        name(offering, at=offering.clock.now + hours(1))
    offering.standing(participation=Participation.DEACTIVATED)
    name(offering)
    offering.withdraw()
    with pytest.raises(ConflictError):
        name(offering, event_id="naming-3")
    take_back(offering)
    for status in (VitalStatus.DEATH_REPORTED, VitalStatus.DECEASED):
        offering.standing(vital_status=status)
        with pytest.raises(ConflictError):
            name(offering, event_id="naming-3")
        with pytest.raises(ConflictError):
            take_back(offering, "naming-3")


def test_who_stops_taking_part_takes_the_name_along(offering: Service) -> None:
    offering.register()
    name(offering)
    offering.withdraw()
    assert living_keys(offering) == set()
    with pytest.raises(ErasedError):
        named(offering)


# --- Broken variants, which the tests above must catch


def test_a_record_that_its_own_counselor_allows_would_be_told_by_the_gate(
    died: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id = ask(died)
    alone = BreakGlassGrantRow(
        grant_id=grant_id, participant_id=PERSON, requested_by=ANNA.name, approved_by=ANNA.name,
        expires_at=died.clock.now + hours(1), purpose=designees.PURPOSE,
    )  # fmt: skip
    monkeypatch.setattr(break_glass, "in_force", lambda *_: alone)
    with pytest.raises(WithheldError) as withheld:
        read(died, grant_id)
    assert withheld.value.reasons == ("designee_not_approved",)
    alone.approved_by, alone.expires_at = BORIS.name, died.clock.now
    with pytest.raises(WithheldError) as withheld:
        read(died, grant_id)
    assert withheld.value.reasons == ("designee_too_late",)


def test_a_death_that_keeps_without_asking_is_caught(offering: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ror_service.kept_reports.is_named", lambda *_: True)
    offering.available("traits")
    dies(offering)
    assert living_keys(offering) != set(), "the tests of who was not named would fail"
