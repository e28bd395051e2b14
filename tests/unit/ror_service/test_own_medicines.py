"""The participant's own list of medicines: sealed, audited, used in one report alone, and gone with that result."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.consent_facts import MODULES, PERSON
from support.service import PIPELINE, Service

from consent.gate import Release
from consent.types import Answer, ModuleAnswer, VitalStatus
from report_templates.content import ReportContent
from ror_service import own_medicines, participants, pipeline, reports
from ror_service.errors import ErasedError, NotFoundError, WithheldError
from ror_service.sealing import vault
from ror_service.storage import data_keys
from ror_service.storage.tables import ArtifactRow, DataKeyRow, OwnMedicinesRow, ReportVersionRow

SOMEBODY_ELSE = "P-0002"
MEDICINES = "pharmacogenomics"


def living_keys(service: Service) -> set[str]:
    return {row.key_id for row in service.rows(DataKeyRow, DataKeyRow.wrapped.is_not(None))}


def content(service: Service, module: str = MEDICINES) -> ReportContent:
    """What the person's report of a module would say now."""
    case_id = service.case(module=module).case_id
    with service.work(PIPELINE) as work:
        context = service.context
        drafted = reports.draft(work, context.keys, context.programme, case_id, settle=context.settle)
    assert isinstance(drafted, Release)
    return drafted.payload


# --- Entering, reading, removing


def test_a_list_is_kept_in_its_order_and_a_name_that_comes_again_counts_once(service: Service) -> None:
    service.enroll()
    assert service.medicines() == ()
    service.enter_medicines("Warfarin", "Ácido fólico", "warfarin", "ÁCIDO FÓLICO", "aspirin")
    assert service.medicines() == ("Warfarin", "Ácido fólico", "aspirin")


def test_a_new_list_takes_the_place_of_the_one_before_whose_key_is_destroyed(service: Service) -> None:
    service.enroll()
    service.enter_medicines("warfarin")
    (first,) = living_keys(service)
    service.enter_medicines("aspirin")
    (second,) = living_keys(service)
    assert first != second
    assert service.medicines() == ("aspirin",)
    assert len(service.rows(OwnMedicinesRow)) == 1


@pytest.mark.parametrize("by", ["removing it", "an empty list"])
def test_a_removed_list_can_be_opened_by_nobody_and_entered_anew(service: Service, by: str) -> None:
    service.enroll()
    service.enter_medicines("warfarin")
    for _ in range(2):
        if by == "an empty list":
            service.enter_medicines()
        else:
            with service.work() as work:
                own_medicines.remove(work, PERSON)
    assert service.medicines() == ()
    assert living_keys(service) == set()
    assert len(service.actions("own_medicines.erase")) == 1
    service.enter_medicines("aspirin")
    assert service.medicines() == ("aspirin",)


def test_every_reading_and_change_is_audited_without_a_name_of_a_medicine(service: Service) -> None:
    service.enroll()
    before = len(service.actions())
    service.enter_medicines("warfarin")
    service.medicines()
    service.enter_medicines()
    events = service.actions()[before:]
    assert [row.action for row in events] == ["own_medicines.enter", "own_medicines.read", "own_medicines.erase"]
    assert {(row.actor, row.role, row.participant_id) for row in events} == {(PERSON, "participant", PERSON)}
    assert "warfarin" not in str([row.details for row in events])


def test_the_list_does_not_stand_in_the_database_in_clear(service: Service) -> None:
    service.enroll()
    service.enter_medicines("an unheard-of liniment")
    assert service.rows(OwnMedicinesRow)[0].entered_at == service.clock.now
    stored = b"".join(path.read_bytes() for path in service.context.settings.home.glob("ror.sqlite3*"))
    assert b"liniment" not in stored


def test_a_list_opens_for_its_person_alone(service: Service) -> None:
    service.enroll()
    service.enroll(SOMEBODY_ELSE)
    service.enter_medicines("warfarin")
    service.enter_medicines("aspirin", participant_id=SOMEBODY_ELSE)
    assert service.medicines() == ("warfarin",)
    assert service.medicines(SOMEBODY_ELSE) == ("aspirin",)


@pytest.mark.parametrize("act", [Service.enter_medicines, Service.medicines], ids=["enter", "read"])
def test_nobody_has_no_list(service: Service, act: Callable[..., object]) -> None:
    with pytest.raises(NotFoundError):
        act(service, participant_id="P-unknown")
    with service.work() as work, pytest.raises(NotFoundError):
        own_medicines.remove(work, "P-unknown")


# --- Standing and answers


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (lambda service: service.register(), "primary_consent_missing"),
        (lambda service: service.enroll(modules=("traits",)), "informing_loop_missing"),
        (lambda service: (service.enroll(), service.withdraw()), "withdrawn"),
        (
            lambda service: (service.enroll(), service.standing(vital_status=VitalStatus.DEATH_REPORTED)),
            "death_reported",
        ),
        (lambda service: (service.enroll(), service.consent(Answer.NO)), "consent_revoked"),
    ],
    ids=["no consent", "no choice", "withdrawn", "death reported", "revoked"],
)
def test_whoever_does_not_ask_for_the_report_enters_and_reads_nothing(
    service: Service, said: Callable[[Service], object], reason: str
) -> None:
    said(service)
    for act in (lambda: service.enter_medicines("warfarin"), service.medicines):
        with pytest.raises(WithheldError) as refused:
            act()
        assert reason in refused.value.reasons
    assert not service.rows(OwnMedicinesRow)
    service.enter_medicines()  # nothing to remove, and removing never asks


ENDINGS: dict[str, Callable[[Service], object]] = {
    "withdrawal": lambda service: service.withdraw(),
    "death": lambda service: service.standing(vital_status=VitalStatus.DECEASED),
    "no to every result": lambda service: service.consent(Answer.NO),
    "no to medicines": lambda service: service.choose(ModuleAnswer.NO, MEDICINES),
    "maybe later": lambda service: service.choose(ModuleAnswer.MAYBE_LATER, MEDICINES),
}


def opens(service: Service) -> bool:
    (row,) = service.rows(OwnMedicinesRow)
    try:
        with service.work() as work:
            return vault.open_own_medicines(work, service.context.keys, row) == ("warfarin",)
    except ErasedError:
        return False


@pytest.mark.parametrize("interpreted", [False, True], ids=["before a sample", "after its report"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_list_is_erased_with_the_result_that_it_was_given_for(
    service: Service, ending: str, interpreted: bool
) -> None:
    if interpreted:
        service.available(MEDICINES)
    else:
        service.enroll()
    service.enter_medicines("warfarin")
    assert opens(service)
    service.clock.advance(hours=1)
    ENDINGS[ending](service)
    assert not opens(service)
    (event,) = service.actions("own_medicines.erase")
    assert event.details["cause"] in {"withdrawal", "standing", "consent", "choice"}


def test_a_no_to_something_else_and_a_reported_death_erase_nothing(service: Service) -> None:
    service.available(MEDICINES)
    service.enter_medicines("warfarin")
    service.clock.advance(hours=1)
    for module in set(MODULES) - {MEDICINES}:
        service.choose(ModuleAnswer.NO, module)
    service.standing(vital_status=VitalStatus.DEATH_REPORTED)
    assert opens(service)


def test_a_withdrawal_that_forgets_the_list_is_caught(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.enroll()
    service.enter_medicines("warfarin")
    monkeypatch.setattr(participants, "forget_own_medicines", lambda *_: None)
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO, MEDICINES)
    assert opens(service)
    # The withdrawal itself destroys every key of the person: the list's is among them.
    service.withdraw()
    assert not opens(service)


def test_a_withdrawal_that_does_not_know_the_lists_key_is_caught(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.enroll()
    service.enter_medicines("warfarin")
    monkeypatch.setattr(participants, "forget_own_medicines", lambda *_: None)
    monkeypatch.setattr(data_keys, "keys_of_participant", lambda *_: set())
    service.withdraw()
    assert opens(service)


def test_one_who_comes_back_has_no_list(service: Service) -> None:
    service.enroll()
    service.enter_medicines("warfarin")
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO, MEDICINES)
    service.clock.advance(hours=1)
    service.choose(module=MEDICINES)
    assert service.medicines() == ()


# --- In the report


def test_the_medicines_report_alone_holds_the_list_and_its_use_is_audited(service: Service) -> None:
    service.interpreted(MEDICINES)
    service.found("traits")
    service.enter_medicines("warfarin", "vitamin D")
    assert content(service).own_medicines == ("warfarin", "vitamin D")
    assert content(service, "traits").own_medicines == ()
    (event,) = service.actions("own_medicines.use")
    assert (event.object_id, event.actor) == (service.case(module=MEDICINES).case_id, PIPELINE.name)


@pytest.mark.parametrize("removed", [False, True])
def test_without_a_list_the_report_has_none(service: Service, removed: bool) -> None:
    service.interpreted(MEDICINES)
    if removed:
        service.enter_medicines("warfarin")
        service.enter_medicines()
    assert content(service).own_medicines == ()
    assert not service.actions("own_medicines.use")


def test_the_list_changes_nothing_that_is_said_about_the_person(service: Service) -> None:
    service.interpreted(MEDICINES)
    before = content(service).interpretation
    service.enter_medicines("azathioprine")
    assert content(service).interpretation == before


def test_a_new_list_leaves_the_released_version_as_it_is(service: Service) -> None:
    case_id = service.interpreted(MEDICINES)
    service.enter_medicines("warfarin")
    pipeline.release_report(service.context, case_id)
    before = [(row.name, row.sealed) for row in service.rows(ArtifactRow)]
    service.enter_medicines("aspirin")
    service.run_jobs()
    pipeline.release_report(service.context, case_id)
    assert [(row.name, row.sealed) for row in service.rows(ArtifactRow)] == before
    assert len(service.rows(ReportVersionRow)) == 1
