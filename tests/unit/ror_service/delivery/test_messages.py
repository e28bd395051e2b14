"""Signed requests: what was signed is accepted once, anything else never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519
from support.partners import SENDER, SENDERS, STRANGER

from ror_service.delivery.messages import (
    REQUIRED_ALWAYS,
    REQUIRED_WITH_EFFECT,
    TAG,
    LocalNonceMemory,
    MessageVerifier,
    ReceivedRequest,
    sign_request,
)
from ror_service.errors import SignatureError
from ror_service.sealing.signing import Signer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://partner.example/base/v1/deliveries/delivery-1"
BODY = b"sealed bytes"


def clock() -> datetime:
    return NOW


def request(method: str = "PUT", **changes: object) -> httpx.Request:
    headers = {"Content-Type": "application/zip", "Idempotency-Key": "key-1"}
    given: dict[str, Any] = {"url": URL, "headers": headers, "content": BODY} | changes
    return httpx.Request(method, **given)


def signed(signer: Signer = SENDER, at: datetime = NOW, **changes: object) -> ReceivedRequest:
    outgoing = request(**changes)
    sign_request(outgoing, signer, clock=lambda: at)
    return received(outgoing)


def received(outgoing: httpx.Request) -> ReceivedRequest:
    return ReceivedRequest(outgoing.method, str(outgoing.url), outgoing.headers, outgoing.content)


def signed_otherwise(**changes: object) -> ReceivedRequest:
    """Signed by the right key, in another way than ours."""
    outgoing = request()
    given: dict[str, Any] = {
        "key_id": SENDER.key_id,
        "created": NOW,
        "expires": NOW + timedelta(seconds=60),
        "nonce": "nonce-1",
        "tag": TAG,
        "covered_component_ids": REQUIRED_WITH_EFFECT,
        "body": BODY,
    } | changes
    keys = MappingKeyResolver(public_keys={}, private_keys={SENDER.key_id: SENDER.private_key})
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=keys).sign(
        outgoing, **{name: value for name, value in given.items() if value is not None}
    )
    return received(outgoing)


def verifier() -> MessageVerifier:
    return MessageVerifier(SENDERS, clock=clock)


def test_a_signed_request_is_accepted() -> None:
    verified = verifier().verify(signed())
    assert verified.key_id == SENDER.key_id
    assert verified.created == NOW
    assert len(verified.nonce) >= 24


def test_the_signature_covers_what_the_profile_asks_for() -> None:
    fields = signed().headers
    given = fields["signature-input"]
    assert given.startswith('ror=("@method" "@target-uri" "content-digest" "content-type" "idempotency-key");')
    assert 'alg="ed25519"' in given
    assert fields["content-digest"].startswith("sha-256=:")


def test_a_request_that_only_reads_needs_no_body() -> None:
    outgoing = httpx.Request("GET", "https://partner.example/v1/ledger?after=0")
    sign_request(outgoing, SENDER, clock=clock)
    assert verifier().verify(received(outgoing)).key_id == SENDER.key_id
    outgoing.headers["content-digest"] = "sha-256=:AAAA:"
    with pytest.raises(SignatureError):
        verifier().verify(received(outgoing))


def test_the_time_of_day_is_the_default_clock() -> None:
    outgoing = request()
    sign_request(outgoing, SENDER)
    MessageVerifier(SENDERS).verify(received(outgoing))


def test_a_request_without_key_or_type_cannot_be_signed() -> None:
    with pytest.raises(SignatureError, match="idempotency-key"):
        sign_request(request(headers={"Content-Type": "application/zip"}), SENDER)


def with_field(name: str, value: str | None) -> Callable[[ReceivedRequest], ReceivedRequest]:
    def change(message: ReceivedRequest) -> ReceivedRequest:
        headers = httpx.Headers(message.headers)
        if value is None:
            del headers[name]
        else:
            headers[name] = value
        return replace(message, headers=headers)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda message: replace(message, method="POST"), id="method"),
        pytest.param(lambda message: replace(message, url=URL + "2"), id="path"),
        pytest.param(lambda message: replace(message, url=URL.replace("partner", "other")), id="host"),
        pytest.param(lambda message: replace(message, url=URL + "?x=1"), id="query"),
        pytest.param(lambda message: replace(message, body=BODY + b"!"), id="body"),
        pytest.param(lambda message: replace(message, body=b""), id="body removed"),
        pytest.param(with_field("idempotency-key", "key-2"), id="key"),
        pytest.param(with_field("idempotency-key", None), id="key removed"),
        pytest.param(with_field("content-type", "text/plain"), id="type"),
        pytest.param(with_field("content-digest", None), id="digest removed"),
        pytest.param(with_field("signature", None), id="signature removed"),
        pytest.param(with_field("signature-input", None), id="input removed"),
        pytest.param(with_field("signature", "ror=:AAAA:"), id="signature changed"),
        pytest.param(with_field("signature", "ror"), id="signature malformed"),
    ],
)
def test_a_changed_request_is_refused(change: Callable[[ReceivedRequest], ReceivedRequest]) -> None:
    with pytest.raises(SignatureError):
        verifier().verify(change(signed()))


def test_another_digest_of_the_same_body_is_refused() -> None:
    message = signed()
    other = with_field("content-digest", "sha-256=:" + "A" * 43 + "=:")(message)
    with pytest.raises(SignatureError):
        verifier().verify(other)


def test_an_unknown_key_is_refused_under_any_name() -> None:
    with pytest.raises(SignatureError, match="Unable to resolve"):
        verifier().verify(signed(STRANGER))
    impostor = Signer(SENDER.key_id, STRANGER.private_key)
    with pytest.raises(SignatureError, match="does not match"):
        verifier().verify(signed(impostor))


@pytest.mark.parametrize("left_out", [component for component in REQUIRED_WITH_EFFECT if component != "content-digest"])
def test_weaker_coverage_is_refused(left_out: str) -> None:
    covered = tuple(component for component in REQUIRED_WITH_EFFECT if component != left_out)
    with pytest.raises(SignatureError, match="not covered"):
        verifier().verify(signed_otherwise(covered_component_ids=covered))


def test_a_signature_that_leaves_out_the_body_is_refused() -> None:
    with pytest.raises(SignatureError, match="not covered"):
        verifier().verify(signed_otherwise(covered_component_ids=REQUIRED_ALWAYS, body=None))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires": None}, "lacks the parameters expires"),
        ({"nonce": None}, "lacks the parameters nonce"),
        ({"tag": None}, "lacks the parameters tag"),
        ({"include_alg": False}, "lacks the parameters alg"),
        ({"tag": "another-purpose"}, "the tag return-of-results is required"),
        ({"expires": NOW + timedelta(hours=1)}, "may not live"),
        ({"created": NOW + timedelta(seconds=5), "expires": NOW}, "may not live"),
    ],
)
def test_other_parameters_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(SignatureError, match=why):
        verifier().verify(signed_otherwise(**changes))


def test_the_same_way_as_ours_is_accepted() -> None:
    verifier().verify(signed_otherwise())


def test_two_signatures_are_refused() -> None:
    message = signed()
    twice = httpx.Headers(message.headers)
    twice["signature-input"] += ", b=" + twice["signature-input"].removeprefix("ror=")
    twice["signature"] += ", b=" + twice["signature"].removeprefix("ror=")
    with pytest.raises(SignatureError, match="Multiple"):
        verifier().verify(replace(message, headers=twice))


def test_sha_512_alone_is_refused() -> None:
    outgoing = request()

    class Sha512Signer(HTTPMessageSigner):
        content_digest_class = type("Digest", (HTTPMessageSigner.content_digest_class,), {"algorithm": "sha-512"})

    keys = MappingKeyResolver(public_keys={}, private_keys={SENDER.key_id: SENDER.private_key})
    Sha512Signer(signature_algorithm=ED25519, key_resolver=keys).sign(
        outgoing,
        key_id=SENDER.key_id,
        created=NOW,
        expires=NOW + timedelta(seconds=60),
        nonce="nonce-1",
        tag=TAG,
        covered_component_ids=REQUIRED_WITH_EFFECT,
        body=BODY,
    )
    with pytest.raises(SignatureError, match="SHA-256"):
        verifier().verify(received(outgoing))


@pytest.mark.parametrize(
    ("signed_at", "why"),
    [
        (NOW - timedelta(minutes=10), "too old"),
        (NOW - timedelta(seconds=91), "too old"),
        (NOW + timedelta(seconds=31), "from the future"),
    ],
)
def test_a_stale_signature_is_refused(signed_at: datetime, why: str) -> None:
    with pytest.raises(SignatureError, match=why):
        verifier().verify(signed(at=signed_at))


@pytest.mark.parametrize("seconds", [-89, -30, 0, 29])
def test_clocks_may_differ_a_little(seconds: int) -> None:
    verifier().verify(signed(at=NOW + timedelta(seconds=seconds)))


def test_a_replayed_request_is_refused() -> None:
    partner, message = verifier(), signed()
    partner.verify(message)
    with pytest.raises(SignatureError, match="used before"):
        partner.verify(message)
    partner.verify(signed())


def test_a_refused_request_uses_up_no_nonce() -> None:
    partner, message = verifier(), signed()
    with pytest.raises(SignatureError):
        partner.verify(replace(message, body=b"changed"))
    partner.verify(message)


def test_a_verifier_that_forgets_nonces_would_take_a_replay() -> None:
    class Forgetful:
        def first_use(self, *_seen: object) -> bool:
            return True

    partner, message = MessageVerifier(SENDERS, clock=clock, nonces=Forgetful()), signed()
    partner.verify(message)
    partner.verify(message)


def test_expired_nonces_are_forgotten() -> None:
    memory = LocalNonceMemory()
    later = NOW + timedelta(seconds=61)
    assert memory.first_use("key", "one", NOW + timedelta(seconds=60), NOW)
    assert not memory.first_use("key", "one", NOW + timedelta(seconds=60), NOW)
    assert memory.first_use("other key", "one", NOW + timedelta(seconds=60), NOW)
    assert memory.first_use("key", "two", later + timedelta(seconds=60), later)
    assert len(memory._seen) == 1
