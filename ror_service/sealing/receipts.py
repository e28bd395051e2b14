"""What the partner signs for: that it has a delivery, or that it has recalled one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ror_service.errors import SignatureError
from ror_service.sealing.canonical import canonical_json, utc_moment, utc_text
from ror_service.sealing.signing import Signer, sign_compact, verify_compact

RECEIPT_TYPE = "ror-receipt+jws"
SCHEMA = "ror.receipt/1"


class ReceiptStatus(StrEnum):
    """What the partner did."""

    ACCEPTED = "accepted"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A partner's word for one delivery.

    Attributes:
        receipt_id: The partner's own name for it.
        delivery_id: The delivery.
        manifest_sha256: Digest of the manifest that came with it; None where a recall came before the delivery.
        received_at: When, UTC.
        status: Accepted or recalled.
        key_id: The partner's key that signed.
    """

    receipt_id: str
    delivery_id: str
    manifest_sha256: str | None
    received_at: datetime
    status: ReceiptStatus
    key_id: str


def issue_receipt(
    signer: Signer,
    *,
    receipt_id: str,
    delivery_id: str,
    manifest_sha256: str | None,
    received_at: datetime,
    status: ReceiptStatus,
) -> str:
    """Sign a receipt (the partner's side).

    Returns:
        A compact JSON Web Signature.

    Raises:
        ValueError: If `received_at` has no time zone, or a delivery is accepted without its manifest.
    """
    if status is ReceiptStatus.ACCEPTED and manifest_sha256 is None:
        raise ValueError("only a delivery whose manifest was read can be accepted")
    payload = {
        "schema": SCHEMA,
        "receipt_id": receipt_id,
        "delivery_id": delivery_id,
        "manifest_sha256": manifest_sha256,
        "received_at": utc_text(received_at),
        "status": status.value,
    }
    return sign_compact(canonical_json(payload), signer, RECEIPT_TYPE)


def verify_receipt(
    token: str,
    trusted: Mapping[str, Ed25519PublicKey],
    *,
    delivery_id: str,
    manifest_sha256: str,
    status: ReceiptStatus = ReceiptStatus.ACCEPTED,
) -> Receipt:
    """Check that a partner signed for just this delivery, manifest and status.

    Args:
        token: The receipt.
        trusted: The partner's keys by identifier.
        delivery_id: The delivery that was sent.
        manifest_sha256: Digest of the manifest that was sent. A recall may be signed for without it, when the partner
            never saw the delivery.
        status: What the receipt must say; one for a delivery is none for its recall.

    Raises:
        SignatureError: If the signature does not hold or the receipt is for something else.
    """
    key_id, payload = verify_compact(token, trusted, RECEIPT_TYPE)
    receipt = _parse(payload, key_id)
    if receipt.delivery_id != delivery_id:
        raise SignatureError(f"delivery {delivery_id}: the receipt is for another delivery")
    if receipt.status is not status:
        raise SignatureError(f"delivery {delivery_id}: the receipt says {receipt.status}, not {status}")
    unseen = status is ReceiptStatus.RECALLED and receipt.manifest_sha256 is None
    if receipt.manifest_sha256 != manifest_sha256 and not unseen:
        raise SignatureError(f"delivery {delivery_id}: the receipt is for another manifest")
    return receipt


def _parse(payload: bytes, key_id: str) -> Receipt:
    wrong = SignatureError(f"the receipt is signed but is not a {SCHEMA}")
    try:
        members = json.loads(payload)
        texts = members["schema"], members["receipt_id"], members["delivery_id"], members["manifest_sha256"] or ""
        moment, status = utc_moment(members["received_at"]), ReceiptStatus(members["status"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise wrong from error
    if texts[0] != SCHEMA or not all(isinstance(text, str) for text in texts):
        raise wrong
    _, receipt_id, delivery_id, digest = texts
    return Receipt(receipt_id, delivery_id, digest or None, moment, status, key_id)
