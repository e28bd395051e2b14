"""Events that a delivery partner posts to the service, in the form of Standard Webhooks with an Ed25519 key.

Three header fields, `webhook-id`, `webhook-timestamp` and `webhook-signature: v1a,<base64>`; the signature is over
`id.timestamp.body` (Standard Webhooks 1.0, asymmetric signatures). The body carries identifiers and times alone, never
a result, and nothing else is accepted: a partner cannot send us what we must not keep.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ror_service.errors import InvalidInputError, SignatureError
from ror_service.sealing.signing import Signer

TOLERANCE = timedelta(minutes=5)
"""How far the timestamp of an event may be from the present, either way."""

LARGEST_EVENT = 4096
"""Bytes of the largest body accepted."""

ID_FIELD = "webhook-id"
TIMESTAMP_FIELD = "webhook-timestamp"
SIGNATURE_FIELD = "webhook-signature"
_VERSION = "v1a"
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")


class EventType(StrEnum):
    """What a partner can tell."""

    VIEWED = "delivery.viewed"
    """A person opened this delivery."""
    DELETED = "delivery.deleted"
    """The partner has deleted its copy."""


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One event.

    Attributes:
        event_id: Stays the same when the partner sends the event again: the key to have it once.
        event_type: What happened.
        delivery_id: The delivery it happened to; a delivery belongs to one report version.
        occurred_at: When it happened, UTC.
    """

    event_id: str
    event_type: EventType
    delivery_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """What goes over the wire.

    Attributes:
        headers: The three fields, and the content type.
        body: JSON.
    """

    headers: Mapping[str, str]
    body: bytes


def signed_event(event: PartnerEvent, signer: Signer, *, sent_at: datetime) -> SignedEvent:
    """Sign an event, as the partner does.

    Args:
        event: What to tell.
        signer: The partner's key.
        sent_at: The present, UTC; differs from `occurred_at` when the event is sent again.

    Returns:
        Header fields and body for a POST.
    """
    document = {
        "type": event.event_type.value,
        "timestamp": event.occurred_at.astimezone(UTC).isoformat(),
        "data": {"delivery_id": event.delivery_id},
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    timestamp = str(int(sent_at.timestamp()))
    content = _signed_content(event.event_id, timestamp, body)
    signature = base64.b64encode(signer.private_key.sign(content)).decode()
    headers = {
        "content-type": "application/json",
        ID_FIELD: event.event_id,
        TIMESTAMP_FIELD: timestamp,
        SIGNATURE_FIELD: f"{_VERSION},{signature}",
    }
    return SignedEvent(headers, body)


def verify_event(
    headers: Mapping[str, str],
    body: bytes,
    keys: Mapping[str, Ed25519PublicKey],
    *,
    now: datetime,
) -> PartnerEvent:
    """Verify an event that claims to be from a partner, as the service does.

    The same event may come many times (the partner repeats until it hears 2xx): whoever stores it keeps `event_id`
    unique for the partner, and answers a repetition as the first.

    Args:
        headers: Header fields, names in lower case or a case-insensitive mapping.
        body: The body as received.
        keys: The partner's public keys by key identifier; any of them may sign (the form names no key).
        now: The present, UTC.

    Returns:
        The event.

    Raises:
        SignatureError: If a field is missing, no key made the signature, or the timestamp is too far from now.
        InvalidInputError: If the signature holds and the body is not an event of ours, or says more than it may.
    """
    event_id, timestamp = headers.get(ID_FIELD, ""), headers.get(TIMESTAMP_FIELD, "")
    if len(body) > LARGEST_EVENT:
        raise InvalidInputError(f"an event has at most {LARGEST_EVENT} bytes: send identifiers alone")
    if not _IDENTIFIER.fullmatch(event_id) or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise SignatureError(f"the event needs the fields {ID_FIELD} and {TIMESTAMP_FIELD}")
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise SignatureError("the event's timestamp is too far from the present: send it again, signed anew")
    content = _signed_content(event_id, timestamp, body)
    signatures = _signatures(headers.get(SIGNATURE_FIELD, ""))
    if not any(_holds(key, signature, content) for signature in signatures for key in keys.values()):
        raise SignatureError("no registered key of this partner signed the event")
    return _parsed(event_id, body)


def _signed_content(event_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{event_id}.{timestamp}.".encode() + body


def _signatures(value: str) -> list[bytes]:
    """Read the signatures of a version we know; others, for other receivers, are passed over."""
    found = []
    for member in value.split(" ")[:8]:
        version, _, text = member.partition(",")
        if version == _VERSION:
            try:
                found.append(base64.b64decode(text, validate=True))
            except binascii.Error:
                continue
    return found


def _holds(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _parsed(event_id: str, body: bytes) -> PartnerEvent:
    """Read a body whose signature holds; exactly the keys that we know, so that no result can ride along."""
    try:
        match json.loads(body):
            case {
                "type": str(kind),
                "timestamp": str(moment),
                "data": {"delivery_id": str(delivery_id), **more},
                **rest,
            }:
                extra = {*more, *rest}
                occurred_at = datetime.fromisoformat(moment)
            case _:
                raise InvalidInputError("an event holds type, timestamp, and data with a delivery_id")
        event_type = EventType(kind)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("the event is not JSON of a known type with an ISO 8601 time") from error
    if extra or not _IDENTIFIER.fullmatch(delivery_id) or occurred_at.tzinfo is None:
        raise InvalidInputError("an event holds identifiers and a time with its zone, and nothing else")
    return PartnerEvent(event_id, event_type, delivery_id, occurred_at.astimezone(UTC))
