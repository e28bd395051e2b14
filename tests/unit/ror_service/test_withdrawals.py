"""Three ways to leave: what each erases, the receipt that stays readable, and the certificate when all is done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from support.consent_facts import PERSON
from support.service import PORTAL, REPORT_TEXT, Service

from consent.types import Answer, ModuleAnswer, Participation, VitalStatus
from consent.withdrawal import CONSEQUENCES, Data, WithdrawalKind
from ror_service import participants, withdrawals
from ror_service.errors import NotFoundError, SignatureError
from ror_service.sandbox.partner_faults import Fault
from ror_service.sealing.signing import Signer
from ror_service.states import CaseState, RecallState
from ror_service.storage import results
from ror_service.storage.tables import DataFileRow, DataKeyRow, InterpretationRow, OwnMedicinesRow, ReportVersionRow
from ror_service.withdrawals import Receipt
from ror_service.work import new_id
from ror_service.worker import relay

MEDICINES = "pharmacogenomics"


@pytest.fixture
def delivered(delivering: Service) -> Service:
    """Somebody with one report at a partner, a list of medicines, and a sealed file."""
    service = delivering
    service.available(MEDICINES)
    service.enter_medicines("warfarin")
    with service.work() as work:
        sample = results.samples_of(work.session, PERSON)[0]
        key = DataKeyRow(
            key_id="key-file", key_encryption_key_id="kek", wrapped=b"wrapped", created_at=work.at, destroyed_at=None
        )
        work.session.add(key)
        work.session.flush()
        work.session.add(
            DataFileRow(
                file_id="file-1", sample_id=sample.sample_id, role="genotypes", sha256="f" * 64, size=1,
                data_key_id="key-file", received_at=work.at,
            )
        )  # fmt: skip
    (service.context.store / "file-1").write_bytes(b"sealed")
    service.run_jobs()
    assert service.state(MEDICINES) is CaseState.DELIVERED
    service.clock.advance(hours=1)
    return service


def withdraw(service: Service, kind: WithdrawalKind = WithdrawalKind.PROGRAMME) -> None:
    with service.work(PORTAL) as work:
        withdrawals.request(work, PERSON, kind)
    if kind is not WithdrawalKind.CONTACT:
        service.forbidden_after[PERSON] = service.last_entry()


def receipts(service: Service) -> list[Receipt]:
    with service.work() as work:
        return withdrawals.receipts(work, PERSON)


def said(service: Service, receipt: Receipt) -> dict[str, object]:
    signer = service.context.sender.signer
    assert receipt.certificate is not None
    return json.loads(withdrawals.verify(receipt.certificate, {signer.key_id: signer.public_key}))


HOLDS = {
    Data.REPORTS: ReportVersionRow,
    Data.INTERPRETATIONS: InterpretationRow,
    Data.OWN_MEDICINES: OwnMedicinesRow,
    Data.GENOTYPES: DataFileRow,
}


@pytest.mark.parametrize("kind", WithdrawalKind)
def test_each_kind_erases_exactly_what_it_says(delivered: Service, kind: WithdrawalKind) -> None:
    withdraw(delivered, kind)
    alive = {row.key_id for row in delivered.rows(DataKeyRow, DataKeyRow.wrapped.is_not(None))}
    for data, table in HOLDS.items():
        keys = {row.data_key_id for row in delivered.rows(table)}
        assert keys
        assert bool(keys & alive) is (data in CONSEQUENCES[kind].kept), data
    delivered.run_jobs()
    assert (delivered.context.store / "file-1").exists() is (Data.GENOTYPES in CONSEQUENCES[kind].kept)
    assert delivered.violations() == []


def test_erased_and_kept_name_all_data_once() -> None:
    for does in CONSEQUENCES.values():
        assert sorted((*does.erased, *does.kept)) == sorted(Data)
        assert {Data.CONSENT_LEDGER, Data.AUDIT_LOG, Data.RECEIPTS} <= set(does.kept)
    assert CONSEQUENCES[WithdrawalKind.PROGRAMME].ends_research_use
    assert not CONSEQUENCES[WithdrawalKind.RESULTS].ends_research_use


def test_no_contact_leaves_results_readable(delivered: Service) -> None:
    withdraw(delivered, WithdrawalKind.CONTACT)
    delivered.run_jobs()
    assert delivered.read(MEDICINES).startswith(REPORT_TEXT)
    (receipt,) = receipts(delivered)
    assert (receipt.erased, receipt.ends_contact, receipt.recalls) == ((), True, ())
    assert receipt.certificate


@pytest.mark.parametrize("kind", [WithdrawalKind.RESULTS, WithdrawalKind.PROGRAMME])
def test_the_certificate_comes_when_the_last_recall_is_acknowledged(delivered: Service, kind: WithdrawalKind) -> None:
    delivered.partner.faults.next(Fault.INTERNAL_ERROR)
    withdraw(delivered, kind)
    (receipt,) = receipts(delivered)
    (recall,) = receipt.recalls
    assert (recall.state, recall.overdue, receipt.certificate) == (RecallState.ORDERED, False, None)
    delivered.run_jobs()
    (receipt,) = receipts(delivered)
    assert (receipt.recalls[0].state, receipt.certificate) == (RecallState.SENT, None)
    assert receipt.recalls[0].sent_at is not None
    delivered.clock.advance(hours=25)
    assert receipts(delivered)[0].recalls[0].overdue
    delivered.run_jobs()
    (receipt,) = receipts(delivered)
    assert receipt.recalls[0].state is RecallState.CERTIFIED
    assert receipt.recalls[0].acknowledged_at == delivered.clock.now
    told = said(delivered, receipt)
    assert (told["participant_id"], told["kind"]) == (PERSON, kind)
    assert told["erased"] == list(CONSEQUENCES[kind].erased)
    assert [row["partner"] for row in told["acknowledged"]] == ["sandbox-partner"]
    assert MEDICINES not in json.dumps(told)
    (event,) = delivered.actions("withdrawal.certify")
    assert event.participant_id == PERSON


def test_a_certificate_waits_for_the_file_and_for_every_key(delivered: Service) -> None:
    withdraw(delivered)
    (delivered.context.store / "file-1").rename(delivered.context.store / "aside")
    delivered.run_jobs()
    (receipt,) = receipts(delivered)
    assert receipt.certificate

    def again(store_file: bool) -> bool:
        with delivered.work() as work:
            row = results.must_get(work.session, withdrawals.WithdrawalRow, receipt.withdrawal_id)
            row.certified_at = row.certificate = None
            if not store_file:
                results.must_get(work.session, DataKeyRow, "key-file").wrapped = b"back from a backup"
        with delivered.work() as work:
            signer, store = delivered.context.sender.signer, delivered.context.store
            return withdrawals.certify(work, signer, store, receipt.withdrawal_id)

    (delivered.context.store / "aside").rename(delivered.context.store / "file-1")
    assert not again(store_file=True)
    (delivered.context.store / "file-1").unlink()
    assert again(store_file=True)
    assert not again(store_file=False)


def test_a_certificate_of_another_key_or_with_another_letter_is_refused(delivered: Service) -> None:
    withdraw(delivered)
    delivered.run_jobs()
    (receipt,) = receipts(delivered)
    other = Signer.generate()
    with pytest.raises(SignatureError):
        withdrawals.verify(str(receipt.certificate), {other.key_id: other.public_key})
    head, body, tail = str(receipt.certificate).split(".")
    signer = delivered.context.sender.signer
    with pytest.raises(SignatureError):
        withdrawals.verify(".".join((head, body[:-2], tail)), {signer.key_id: signer.public_key})


@pytest.mark.parametrize("kind", WithdrawalKind)
def test_asking_twice_is_one_withdrawal(delivered: Service, kind: WithdrawalKind) -> None:
    for _ in range(2):
        withdraw(delivered, kind)
    delivered.run_jobs()
    assert len(receipts(delivered)) == 1
    assert len(delivered.actions("withdrawal.certify")) == 1


def test_a_no_to_results_is_a_withdrawal_and_one_that_was_never_yes_is_none(service: Service) -> None:
    service.register()
    service.consent(Answer.NO)
    assert receipts(service) == []
    service.consent(Answer.YES, authored_at=service.clock.advance(hours=1))
    service.consent(Answer.NO, authored_at=service.clock.advance(hours=1))
    assert [receipt.kind for receipt in receipts(service)] == [WithdrawalKind.RESULTS]


def test_a_yes_from_a_clock_that_is_ahead_does_not_outlive_the_stop(service: Service) -> None:
    service.available("traits")
    service.consent(Answer.YES, authored_at=service.clock.now + timedelta(minutes=4))
    with service.work(PORTAL) as work:
        withdrawals.request(work, PERSON, WithdrawalKind.RESULTS)
    assert service.state() is CaseState.DELETED
    with pytest.raises(NotFoundError):
        service.read("traits")


def test_leaving_after_stopping_results_has_two_receipts_and_no_contact_after_leaving_none(delivered: Service) -> None:
    withdraw(delivered, WithdrawalKind.RESULTS)
    delivered.clock.advance(hours=1)
    withdraw(delivered)
    withdraw(delivered, WithdrawalKind.CONTACT)
    delivered.run_jobs()
    first, second = receipts(delivered)
    assert (first.kind, second.kind) == (WithdrawalKind.RESULTS, WithdrawalKind.PROGRAMME)
    assert first.certificate
    assert second.certificate


def test_a_yes_after_stopping_results_is_not_held_against_the_certificate(delivered: Service) -> None:
    delivered.partner.faults.next(Fault.INTERNAL_ERROR)
    withdraw(delivered, WithdrawalKind.RESULTS)
    delivered.run_jobs()
    delivered.consent(Answer.YES, authored_at=delivered.clock.advance(hours=1))
    delivered.forbidden_after.clear()
    delivered.found(MEDICINES)
    delivered.clock.advance(hours=5)
    delivered.run_jobs()
    delivered.run_jobs()
    assert delivered.state(MEDICINES) is CaseState.DELIVERED
    assert receipts(delivered)[0].certificate
    withdraw(delivered)
    delivered.run_jobs()
    first, second = receipts(delivered)
    assert (len(first.recalls), len(second.recalls)) == (1, 2)


def test_nobody_has_no_receipt(service: Service) -> None:
    with service.work() as work, pytest.raises(NotFoundError):
        withdrawals.receipts(work, "P-unknown")


# --- What was put off


def later(service: Service, days: float = 91) -> None:
    """The relay's chore, so many days later, and the jobs that it ordered."""
    service.clock.advance(days=days)
    relay.order_offers(service.context)
    service.run_jobs()


@pytest.fixture
def put_off(service: Service) -> Service:
    service.enroll(modules=())
    service.sample()
    service.choose(ModuleAnswer.MAYBE_LATER)
    assert service.state() is CaseState.DEFERRED
    return service


def test_what_was_put_off_is_really_offered_again_once(put_off: Service) -> None:
    later(put_off, 89)
    assert put_off.state() is CaseState.DEFERRED
    later(put_off, 2)
    assert put_off.state() is CaseState.OFFERED
    (moved,) = [row for row in put_off.actions("case.state") if row.actor == "upkeep"]
    assert moved.details == {"before": "deferred", "after": "offered"}
    before = len(put_off.actions())
    later(put_off)
    assert len(put_off.actions()) == before


def test_after_the_last_offer_the_case_rests_until_the_participant_comes_back(put_off: Service) -> None:
    for _ in range(put_off.context.policy.most_re_offers):
        later(put_off)
        assert put_off.state() is CaseState.OFFERED
        put_off.choose(ModuleAnswer.MAYBE_LATER)
    later(put_off, 1000)
    assert put_off.state() is CaseState.DEFERRED
    put_off.choose(ModuleAnswer.YES)
    assert put_off.state() is CaseState.ACCEPTED


@pytest.mark.parametrize(
    "standing",
    [
        {"vital_status": VitalStatus.DECEASED},
        {"vital_status": VitalStatus.DEATH_REPORTED},
        {"participation": Participation.WITHDRAWN},
        {"participation": Participation.DEACTIVATED},
    ],
    ids=str,
)
def test_nothing_is_offered_to_somebody_who_must_not_be_asked(put_off: Service, standing: dict[str, object]) -> None:
    put_off.standing(**standing)
    later(put_off)
    assert put_off.state() is not CaseState.OFFERED
    with put_off.work() as work:
        participants.offer_again(work, PERSON)
    assert put_off.state() is not CaseState.OFFERED


def test_a_result_that_was_put_off_after_it_was_there_is_offered_again_as_a_new_case(delivering: Service) -> None:
    delivering.available("traits")
    delivering.run_jobs()
    delivering.choose(ModuleAnswer.MAYBE_LATER, authored_at=delivering.clock.advance(hours=1))
    delivering.run_jobs()
    assert delivering.state() is CaseState.DELETED
    later(delivering)
    assert (delivering.state(), delivering.case().generation) == (CaseState.OFFERED, 2)


# --- Documents and guardians


@pytest.mark.parametrize(
    "changes",
    [{"document_version": "7.0"}, {"language": "fr"}, {"authored_at": None}],
    ids=["version", "language", "before it was in effect"],
)
def test_an_answer_to_a_document_that_there_was_not_never_counts(service: Service, changes: dict[str, object]) -> None:
    service.enroll()
    service.sample()
    if "authored_at" in changes:
        service.consent(Answer.NO)
        changes = {"authored_at": service.clock.now - timedelta(days=2000), "event_id": new_id("event")}
    else:
        changes |= {"authored_at": service.clock.advance(hours=1)}
    service.consent(Answer.YES, **changes)
    assert service.state() is not CaseState.ACCEPTED


def test_an_outdated_form_withholds_and_the_new_version_lets_the_same_case_go_on(service: Service) -> None:
    service.available("traits")
    case_id, policy = service.case().case_id, service.context.policy
    outdated = dict.fromkeys(policy.accepted_documents, ("2.0",))
    service.context.policy = replace(policy, accepted_documents=outdated)
    with service.work() as work:
        assert "consent_version_outdated" in participants.cases.explain(work, service.case()).reasons
    service.context.policy = policy
    service.consent(authored_at=service.clock.advance(hours=1))
    assert service.read("traits").startswith(REPORT_TEXT)
    assert service.case().case_id == case_id
