"""Withdrawals: the request, the receipt that the participant can read ever after, and the signed certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent import document_registry
from consent.types import Answer, DocumentType, Participation
from consent.withdrawal import CONSEQUENCES, Data, WithdrawalKind
from ror_service import certificates, participants, states
from ror_service.sealing.canonical import canonical_json, sha256_hex
from ror_service.sealing.signing import Signer, sign_compact, verify_compact
from ror_service.states import RecallState
from ror_service.storage import data_keys, results, withdrawals
from ror_service.storage import participants as rows
from ror_service.storage.participants import Lock
from ror_service.storage.tables import SampleRow, WithdrawalRow
from ror_service.work import Work, new_id

CERTIFICATE_TYPE = "ror-withdrawal+jws"


@dataclass(frozen=True, slots=True)
class Recall:
    """What one partner was told to delete, and whether it signed that it did."""

    partner: str
    state: RecallState
    ordered_at: datetime
    due_at: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """A withdrawal as its participant reads it."""

    withdrawal_id: str
    kind: WithdrawalKind
    requested_at: datetime
    """From then on nothing that was withdrawn could be read."""
    erased: tuple[Data, ...]
    kept: tuple[Data, ...]
    ends_research_use: bool
    ends_contact: bool
    recalls: tuple[Recall, ...]
    """The partners that had a report, or may have had one."""
    certified_at: datetime | None
    certificate: str | None


def request(work: Work, participant_id: str, kind: WithdrawalKind) -> None:
    """Stop what `kind` says in this transaction. Asking again for what is stopped already changes nothing.

    Raises:
        NotFoundError: If there is no such participant.
    """
    if kind is WithdrawalKind.RESULTS:
        _stop_results(work, participant_id)
        return
    rows.take_turn(work.session, participant_id)
    row = rows.get(work.session, participant_id, Lock.EXCLUSIVE)
    left = Participation.WITHDRAWN if kind is WithdrawalKind.PROGRAMME else Participation.DEACTIVATED
    if Participation(row.participation) not in {left, Participation.WITHDRAWN}:
        participants.set_standing(work, participant_id, participation=left)


def _stop_results(work: Work, participant_id: str) -> None:
    """A no to the return of results, given to this service itself: the request is its own evidence."""
    rows.take_turn(work.session, participant_id)
    language = rows.get(work.session, participant_id, Lock.EXCLUSIVE).language
    answered = [
        record.authored_at
        for record in rows.history(work.session, participant_id).consents
        if record.document is DocumentType.RETURN_OF_RESULTS
    ]
    # The portal's clock may be ahead of ours: what is asked now comes after every answer that is there.
    at = max([work.at, *(time + timedelta(microseconds=1) for time in answered)])
    asked = {"kind": WithdrawalKind.RESULTS.value, "participant_id": participant_id, "at": at.isoformat()}
    newest = max(
        (known for known in document_registry.load_registry().values() if known.type is DocumentType.RETURN_OF_RESULTS),
        key=lambda known: (known.effective_from, known.version),
    )
    participants.answer_consent(
        work,
        participant_id,
        participants.ConsentAnswer(
            event_id=new_id("consent"),
            document=newest.type,
            document_version=newest.version,
            language=language,
            answer=Answer.NO,
            authored_at=at,
            evidence_sha256=sha256_hex(canonical_json(asked)),
        ),
    )


def receipts(work: Work, participant_id: str) -> list[Receipt]:
    """Every withdrawal of a participant, the first first; readable also by somebody who left.

    Raises:
        NotFoundError: If there is no such participant.
    """
    rows.get(work.session, participant_id)
    return [_receipt(work, row) for row in withdrawals.of_participant(work.session, participant_id)]


def _receipt(work: Work, row: WithdrawalRow) -> Receipt:
    kind = WithdrawalKind(row.kind)
    does = CONSEQUENCES[kind]
    recalled = withdrawals.recalls_of(work.session, row.participant_id) if does.erased else []
    return Receipt(
        withdrawal_id=row.withdrawal_id,
        kind=kind,
        requested_at=row.requested_at,
        erased=does.erased,
        kept=does.kept,
        ends_research_use=does.ends_research_use,
        ends_contact=does.ends_contact,
        recalls=tuple(
            Recall(
                partner=partner,
                state=RecallState(recall.state),
                ordered_at=recall.ordered_at,
                due_at=recall.due_at,
                sent_at=recall.sent_at,
                acknowledged_at=recall.acknowledged_at,
                overdue=recall.acknowledged_at is None and recall.due_at < work.at,
            )
            for recall, partner in recalled
            # What was ordered later belongs to a later yes, and has a receipt of its own.
            if recall.ordered_at <= row.requested_at
        ),
        certified_at=row.certified_at,
        certificate=row.certificate,
    )


def erased(work: Work, sample_id: str) -> None:
    """A sample's file is gone: perhaps its participant's withdrawal is all done."""
    sample = results.must_get(work.session, SampleRow, sample_id)
    certificates.look_again(work, sample.participant_id)


def certify(work: Work, signer: Signer, store: Path, withdrawal_id: str) -> bool:
    """Sign what was erased and who acknowledged, once every recall is acknowledged, every key and file gone.

    Args:
        work: The transaction.
        signer: The service's key.
        store: Folder of sealed files.
        withdrawal_id: The withdrawal.

    Returns:
        Whether there is a certificate.
    """
    participant_id = results.must_get(work.session, WithdrawalRow, withdrawal_id).participant_id
    rows.get(work.session, participant_id, Lock.SHARED)
    row = results.must_get(work.session, WithdrawalRow, withdrawal_id, lock=True)
    if row.certified_at is not None:
        return True
    receipt = _receipt(work, row)
    if any(recall.acknowledged_at is None for recall in receipt.recalls) or not _is_erased(work, receipt, row, store):
        return False
    row.certificate = sign_compact(canonical_json(_statement(work, row, receipt)), signer, CERTIFICATE_TYPE)
    row.certified_at = work.at
    for recall, _ in withdrawals.recalls_of(work.session, participant_id):
        if recall.ordered_at <= row.requested_at and RecallState(recall.state) is RecallState.ACKNOWLEDGED:
            states.move(states.RECALL, recall, RecallState.CERTIFIED)
    work.audit("withdrawal.certify", "withdrawal", withdrawal_id, participant_id, kind=row.kind)
    return True


def _is_erased(work: Work, receipt: Receipt, row: WithdrawalRow, store: Path) -> bool:
    """Whether no key that the withdrawal destroys lives, and no file is left; what a later yes made is apart."""
    session, participant_id = work.session, row.participant_id
    if Data.GENOTYPES in receipt.erased:
        keys = data_keys.keys_of_participant(session, participant_id)
        files = [store / file_id for file_id in withdrawals.files_of(session, participant_id)]
    else:
        keys = data_keys.keys_of_results(session, participant_id) if Data.REPORTS in receipt.erased else set()
        files = []
    return not data_keys.living_keys(session, keys, row.requested_at) and not any(file.exists() for file in files)


def _statement(work: Work, row: WithdrawalRow, receipt: Receipt) -> dict[str, object]:
    said = asdict(receipt)
    for name in ("certificate", "certified_at", "recalls"):
        del said[name]
    partners = [
        {"partner": recall.partner, "ordered_at": recall.ordered_at, "acknowledged_at": recall.acknowledged_at}
        for recall in receipt.recalls
    ]
    said |= {"participant_id": row.participant_id, "certified_at": work.at, "acknowledged": partners}
    return {name: _plain(value) for name, value in said.items()}


def _plain(value: object) -> object:
    """Times as ISO 8601, lists for tuples: what canonical JSON knows."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def verify(certificate: str, trusted: Mapping[str, Ed25519PublicKey]) -> bytes:
    """What a certificate says, canonical JSON, once its signature was checked.

    Raises:
        SignatureError: If it is not signed by one of these keys, or was changed.
    """
    return verify_compact(certificate, trusted, CERTIFICATE_TYPE)[1]
