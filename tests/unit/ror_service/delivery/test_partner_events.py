"""Events from a partner: identifiers alone, signed, recent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.partners import RECEIPT_SIGNER, SENDER, STRANGER

from ror_service.delivery.partner_events import (
    EventType,
    PartnerEvent,
    SignedEvent,
    signed_event,
    verify_event,
)
from ror_service.errors import InvalidInputError, SignatureError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = {RECEIPT_SIGNER.key_id: RECEIPT_SIGNER.public_key}
EVENT = PartnerEvent("event-1", EventType.VIEWED, "delivery-1", NOW - timedelta(minutes=1))


def verified(message: SignedEvent, now: datetime = NOW) -> PartnerEvent:
    return verify_event(message.headers, message.body, KEYS, now=now)


def signed_body(body: bytes) -> SignedEvent:
    """Any body, with a signature that holds."""
    content = b"event-1." + str(int(NOW.timestamp())).encode() + b"." + body
    signature = base64.b64encode(RECEIPT_SIGNER.private_key.sign(content)).decode()
    return SignedEvent(
        {**signed_event(EVENT, SENDER, sent_at=NOW).headers, "webhook-signature": f"v1a,{signature}"}, body
    )


def test_an_event_comes_through() -> None:
    message = signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW)
    assert verified(message) == EVENT
    assert set(json.loads(message.body)) == {"type", "timestamp", "data"}
    assert json.loads(message.body)["data"] == {"delivery_id": "delivery-1"}


def test_the_same_event_sent_again_has_the_same_identifier() -> None:
    again = signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW + timedelta(minutes=30))
    assert verified(again, NOW + timedelta(minutes=30)) == EVENT


def test_another_time_zone_is_the_same_moment() -> None:
    body = json.loads(signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW).body)
    body["timestamp"] = "2026-11-22T06:59:00-05:00"
    assert verified(signed_body(json.dumps(body).encode())) == EVENT


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_event_signed_too_long_ago_or_ahead_is_refused(minutes: int) -> None:
    with pytest.raises(SignatureError, match="too far"):
        verified(signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW), NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_differ(minutes: int) -> None:
    verified(signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW), NOW + timedelta(minutes=minutes))


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureError, match="no registered key"):
        verified(signed_event(EVENT, STRANGER, sent_at=NOW))


def test_any_of_several_signatures_may_hold() -> None:
    message = signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW)
    other = signed_event(EVENT, STRANGER, sent_at=NOW).headers["webhook-signature"]
    both = f"v1,abc v1a,not-base64 {other} {message.headers['webhook-signature']}"
    assert verified(SignedEvent({**message.headers, "webhook-signature": both}, message.body)) == EVENT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("webhook-id", "event-2"),
        ("webhook-id", ""),
        ("webhook-id", "event-1.1"),
        ("webhook-timestamp", str(int(NOW.timestamp()) + 1)),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "9" * 400),
        ("webhook-signature", ""),
        ("webhook-signature", "v1a,AAAA"),
        ("webhook-signature", "v2,AAAA"),
    ],
)
def test_a_changed_field_is_refused(field: str, value: str) -> None:
    message = signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW)
    with pytest.raises(SignatureError):
        verified(SignedEvent({**message.headers, field: value}, message.body))


@pytest.mark.parametrize("field", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_field_is_refused(field: str) -> None:
    message = signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW)
    with pytest.raises(SignatureError):
        verified(SignedEvent({name: value for name, value in message.headers.items() if name != field}, message.body))


def test_a_changed_body_is_refused() -> None:
    message = signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW)
    with pytest.raises(SignatureError):
        verified(SignedEvent(message.headers, message.body.replace(b"delivery-1", b"delivery-2")))


def with_change(change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(signed_event(EVENT, RECEIPT_SIGNER, sent_at=NOW).body)
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(with_change(lambda body: body["data"].update(result="something")), id="a result in data"),
        pytest.param(with_change(lambda body: body.update(result="something")), id="a result beside data"),
        pytest.param(with_change(lambda body: body["data"].update(delivery_id="a b")), id="identifier malformed"),
        pytest.param(with_change(lambda body: body["data"].update(delivery_id=1)), id="identifier no text"),
        pytest.param(with_change(lambda body: body.update(type="delivery.loved")), id="unknown type"),
        pytest.param(with_change(lambda body: body.update(timestamp="2026-11-22T12:00:00")), id="no time zone"),
        pytest.param(with_change(lambda body: body.update(timestamp="soon")), id="no time"),
        pytest.param(with_change(lambda body: body.pop("data")), id="no data"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff{", id="no JSON"),
        pytest.param(b"[" * 4000, id="deep"),
    ],
)
def test_what_is_signed_but_no_event_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        verified(signed_body(body))


def test_a_large_event_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(InvalidInputError, match="4096"):
        verify_event({}, b" " * 4097, KEYS, now=NOW)
