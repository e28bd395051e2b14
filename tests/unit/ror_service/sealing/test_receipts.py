"""A receipt stands for one delivery, one manifest and one status, or for nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ror_service.errors import SignatureError
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.receipts import RECEIPT_TYPE, Receipt, ReceiptStatus, issue_receipt, verify_receipt
from ror_service.sealing.signing import MANIFEST_TYPE, Signer, sign_compact

WHEN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
DIGEST, OTHER_DIGEST = "a" * 64, "b" * 64
PARTNER = Signer.generate()
TRUSTED = {PARTNER.key_id: PARTNER.public_key}
ACCEPTED, RECALLED = ReceiptStatus.ACCEPTED, ReceiptStatus.RECALLED


def issued(status: ReceiptStatus = ACCEPTED, manifest_sha256: str | None = DIGEST, signer: Signer = PARTNER) -> str:
    return issue_receipt(
        signer,
        receipt_id="receipt-1",
        delivery_id="delivery-1",
        manifest_sha256=manifest_sha256,
        received_at=WHEN,
        status=status,
    )


def verified(
    token: str, delivery_id: str = "delivery-1", manifest_sha256: str = DIGEST, status: ReceiptStatus = ACCEPTED
) -> Receipt:
    return verify_receipt(token, TRUSTED, delivery_id=delivery_id, manifest_sha256=manifest_sha256, status=status)


def test_a_receipt_says_what_was_signed() -> None:
    assert verified(issued()) == Receipt("receipt-1", "delivery-1", DIGEST, WHEN, ACCEPTED, PARTNER.key_id)
    assert verified(issued(RECALLED), status=RECALLED).status is RECALLED


def test_a_recall_may_come_before_the_delivery_was_seen() -> None:
    receipt = verified(issued(RECALLED, manifest_sha256=None), status=RECALLED)
    assert receipt.manifest_sha256 is None
    with pytest.raises(ValueError, match="whose manifest was read"):
        issued(ACCEPTED, manifest_sha256=None)


@pytest.mark.parametrize(
    ("token", "expected", "message"),
    [
        (issued(), {"delivery_id": "delivery-2"}, "another delivery"),
        (issued(), {"manifest_sha256": OTHER_DIGEST}, "another manifest"),
        (issued(RECALLED), {"manifest_sha256": OTHER_DIGEST, "status": RECALLED}, "another manifest"),
        (issued(), {"status": RECALLED}, "says accepted, not recalled"),
        (issued(RECALLED), {}, "says recalled, not accepted"),
    ],
)
def test_a_receipt_for_something_else_is_refused(token: str, expected: dict[str, Any], message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        verified(token, **expected)


def test_a_receipt_by_someone_else_is_refused() -> None:
    with pytest.raises(SignatureError, match="not trusted"):
        verified(issued(signer=Signer.generate()))
    with pytest.raises(SignatureError, match="does not match"):
        verified(issued(signer=Signer.generate(PARTNER.key_id)))


def test_every_changed_character_is_refused() -> None:
    token = issued()
    for place, old in enumerate(token):
        with pytest.raises(SignatureError):
            verified(token[:place] + ("A" if old != "A" else "B") + token[place + 1 :])


PAYLOAD: dict[str, Any] = {
    "schema": "ror.receipt/1",
    "receipt_id": "receipt-1",
    "delivery_id": "delivery-1",
    "manifest_sha256": DIGEST,
    "received_at": "2026-11-22T09:30:00Z",
    "status": "accepted",
}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        canonical_json(PAYLOAD | {"schema": "ror.receipt/2"}),
        canonical_json(PAYLOAD | {"receipt_id": 1}),
        canonical_json(PAYLOAD | {"delivery_id": None}),
        canonical_json(PAYLOAD | {"manifest_sha256": ["x"]}),
        canonical_json(PAYLOAD | {"manifest_sha256": None}),
        canonical_json(PAYLOAD | {"received_at": "yesterday"}),
        canonical_json(PAYLOAD | {"received_at": "2026-11-22T09:30:00"}),
        canonical_json(PAYLOAD | {"status": "maybe"}),
        *(canonical_json({key: value for key, value in PAYLOAD.items() if key != missing}) for missing in PAYLOAD),
    ],
)
def test_a_signed_payload_that_is_no_receipt_is_refused(payload: bytes) -> None:
    assert verified(sign_compact(canonical_json(PAYLOAD), PARTNER, RECEIPT_TYPE)).receipt_id == "receipt-1"
    with pytest.raises(SignatureError):
        verified(sign_compact(payload, PARTNER, RECEIPT_TYPE))


def test_a_signature_for_another_purpose_is_no_receipt() -> None:
    with pytest.raises(SignatureError, match="of type ror-receipt"):
        verified(sign_compact(canonical_json(PAYLOAD), PARTNER, MANIFEST_TYPE))


def test_a_moment_without_a_zone_is_not_signed() -> None:
    with pytest.raises(ValueError, match="time zone"):
        issue_receipt(
            PARTNER,
            receipt_id="r",
            delivery_id="d",
            manifest_sha256=DIGEST,
            received_at=WHEN.replace(tzinfo=None),
            status=ACCEPTED,
        )
