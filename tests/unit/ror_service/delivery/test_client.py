"""The client against a real HTTP server on loopback, and against answers that no sane server gives."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from support.partners import (
    HERE,
    NOWHERE,
    RECEIPT_SIGNER,
    RECIPIENT,
    SENDER,
    STRANGER,
    client_of,
    registered,
    sealed_bundle,
)

from ror_service.delivery.client import LARGEST_ANSWER, LedgerEvent, PartnerClient, VerifiedReceipt
from ror_service.errors import (
    DeliveryRecalledError,
    DeliveryRefusedError,
    DeliveryUnavailableError,
    InvalidInputError,
    SealError,
)
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sandbox.partner_faults import RETRY_AFTER_SECONDS, Fault
from ror_service.sealing.bundle import manifest_digest
from ror_service.sealing.receipts import ReceiptStatus, issue_receipt

ADDRESS = "93.184.216.34"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def events(partner: SandboxPartner) -> list[str]:
    return [entry.event.value for entry in partner.ledger.entries()]


# Against the sandbox


def test_a_delivery_is_receipted(partner: SandboxPartner) -> None:
    bundle = sealed_bundle(partner.registration.recipient_public_key)
    given = client_of(partner).deliver("delivery-1", "key-1", bundle)
    assert given.receipt.delivery_id == "delivery-1"
    assert given.receipt.manifest_sha256 == manifest_digest(bundle)
    assert given.receipt.status is ReceiptStatus.ACCEPTED
    assert given.receipt.key_id in partner.registration.receipt_keys
    assert events(partner) == ["accepted"]


def test_a_repetition_has_one_effect_and_the_same_receipt(partner: SandboxPartner) -> None:
    bundle = sealed_bundle(partner.registration.recipient_public_key)
    client = client_of(partner)
    first, second = (client.deliver("delivery-1", "key-1", bundle) for _ in range(2))
    assert first == second
    assert events(partner) == ["accepted"]


def test_many_at_once_have_one_effect(partner: SandboxPartner) -> None:
    bundle = sealed_bundle(partner.registration.recipient_public_key)
    client = client_of(partner)
    with ThreadPoolExecutor(8) as threads:
        tries = [threads.submit(client.deliver, "delivery-1", "key-1", bundle) for _ in range(8)]
    assert len({done.result().token for done in tries}) == 1
    assert events(partner) == ["accepted"]


def test_a_new_key_for_each_try_is_caught_by_the_ledger(partner: SandboxPartner) -> None:
    """The broken variant: what a stable key prevents."""
    bundle = sealed_bundle(partner.registration.recipient_public_key)
    for attempt in (1, 2):
        client_of(partner).deliver("delivery-1", f"key-of-try-{attempt}", bundle)
    assert events(partner) == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("fault", "retry_after"),
    [
        (Fault.INTERNAL_ERROR, None),
        (Fault.UNAVAILABLE, float(RETRY_AFTER_SECONDS)),
        (Fault.REQUEST_TIMEOUT, None),
        (Fault.RESET, None),
    ],
)
def test_a_failure_before_anything_is_done_is_tried_again(
    partner: SandboxPartner, fault: Fault, retry_after: float | None
) -> None:
    client, bundle = client_of(partner), sealed_bundle(partner.registration.recipient_public_key)
    partner.faults.next(fault)
    with pytest.raises(DeliveryUnavailableError) as caught:
        client.deliver("delivery-1", "key-1", bundle)
    assert caught.value.retry_after == retry_after
    assert events(partner) == []
    client.deliver("delivery-1", "key-1", bundle)
    assert events(partner) == ["accepted"]


def test_retry_after_may_be_a_date(partner: SandboxPartner) -> None:
    partner.faults.next(Fault.TOO_MANY)
    client = client_of(partner)
    with pytest.raises(DeliveryUnavailableError) as caught:
        client.deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 3600


@pytest.mark.parametrize("fault", [Fault.LOST_ACKNOWLEDGEMENT, Fault.GARBAGE, Fault.OVERSIZED, Fault.WRONG_SIGNATURE])
def test_a_lost_or_spoiled_acknowledgement_leaves_one_copy(partner: SandboxPartner, fault: Fault) -> None:
    client, bundle = client_of(partner), sealed_bundle(partner.registration.recipient_public_key)
    partner.faults.next(fault)
    with pytest.raises(DeliveryUnavailableError):
        client.deliver("delivery-1", "key-1", bundle)
    assert events(partner) == ["accepted"]
    given = client.deliver("delivery-1", "key-1", bundle)
    assert events(partner) == ["accepted"]
    assert given.token == partner.ledger.entries()[0].receipt


def test_a_partner_that_hangs_is_left_at_the_deadline(partner: SandboxPartner) -> None:
    partner.faults.next(Fault.HANG)
    client = client_of(partner, timeout=0.2)
    with pytest.raises(DeliveryUnavailableError, match="no answer"):
        client.deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))
    assert events(partner) == []


def test_a_slow_answer_within_the_deadline_is_read(partner: SandboxPartner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ror_service.sandbox.partner_faults.SLOW_SECONDS_PER_BYTE", 0.0)
    partner.faults.next(Fault.SLOW)
    client_of(partner).deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))


def test_bytes_that_drip_do_not_extend_the_deadline(partner: SandboxPartner) -> None:
    """Each byte comes well within the time-out of a single read: without one deadline the answer would be read."""
    partner.faults.next(Fault.SLOW)
    client = client_of(partner, timeout=0.5)
    with pytest.raises(DeliveryUnavailableError):
        client.deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.REDIRECT, Fault.WRONG_RECEIPT])
def test_what_repetition_cannot_mend_is_refused(partner: SandboxPartner, fault: Fault) -> None:
    partner.faults.next(fault)
    with pytest.raises(DeliveryRefusedError) as caught:
        client_of(partner).deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))
    assert not isinstance(caught.value, DeliveryRecalledError)


def test_a_refusal_names_the_partners_code_and_none_of_its_texts(partner: SandboxPartner) -> None:
    partner.faults.next(Fault.REFUSED)
    with pytest.raises(DeliveryRefusedError, match=r"answers 403 \(not_accepted\)") as caught:
        client_of(partner).deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))
    assert "today" not in str(caught.value)


def test_a_recall_after_the_delivery(partner: SandboxPartner) -> None:
    client, bundle = client_of(partner), sealed_bundle(partner.registration.recipient_public_key)
    client.deliver("delivery-1", "key-1", bundle)
    first, second = (
        client.recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn") for _ in range(2)
    )
    assert first == second
    assert first.receipt.status is ReceiptStatus.RECALLED
    assert first.receipt.manifest_sha256 == manifest_digest(bundle)
    with pytest.raises(DeliveryRecalledError):
        client.deliver("delivery-1", "key-1", bundle)
    assert events(partner) == ["accepted", "recalled", "refused"]


def test_a_recall_before_the_delivery(partner: SandboxPartner) -> None:
    client, bundle = client_of(partner), sealed_bundle(partner.registration.recipient_public_key)
    given = client.recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn")
    assert given.receipt.manifest_sha256 is None
    with pytest.raises(DeliveryRecalledError, match="never send this again"):
        client.deliver("delivery-1", "key-1", bundle)
    assert events(partner) == ["recalled", "refused"]


@pytest.mark.parametrize("fault", [Fault.LOST_ACKNOWLEDGEMENT, Fault.WRONG_SIGNATURE, Fault.UNAVAILABLE])
def test_a_recall_is_repeated_until_it_is_acknowledged(partner: SandboxPartner, fault: Fault) -> None:
    client, bundle = client_of(partner), sealed_bundle(partner.registration.recipient_public_key)
    client.deliver("delivery-1", "key-1", bundle)
    partner.faults.next(fault)
    with pytest.raises(DeliveryUnavailableError):
        client.recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn")
    client.recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn")
    assert events(partner) == ["accepted", "recalled"]


def test_a_delivery_receipt_is_no_recall_receipt(partner: SandboxPartner) -> None:
    client, bundle = client_of(partner), sealed_bundle(partner.registration.recipient_public_key)
    partner.faults.next(Fault.WRONG_RECEIPT)
    with pytest.raises(DeliveryRefusedError, match="something else"):
        client.recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn")


def test_a_partner_without_recall_is_not_asked() -> None:
    client = PartnerClient(
        registered(recall_supported=False), SENDER, reach=NOWHERE, transport=httpx.MockTransport(_never)
    )
    with pytest.raises(DeliveryRefusedError, match="no recall call"):
        client.recall("delivery-1", "key-1", "0" * 64, "consent_withdrawn")


def test_the_ledger_is_read_page_by_page(partner: SandboxPartner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ror_service.delivery.client.LEDGER_PAGE_ENTRIES", 2)
    client = client_of(partner)
    for number in range(1, 6):
        bundle = sealed_bundle(partner.registration.recipient_public_key, f"delivery-{number}")
        client.deliver(f"delivery-{number}", f"key-{number}", bundle)
    entries = list(client.ledger())
    assert entries == partner.ledger.entries()
    assert [entry.delivery_id for entry in entries] == [f"delivery-{number}" for number in range(1, 6)]
    assert {entry.event for entry in entries} == {LedgerEvent.ACCEPTED}
    assert [entry.sequence for entry in client.ledger(since=3)] == [4, 5]
    assert list(client.ledger(since=5)) == []


def test_the_client_signs_with_the_key_that_the_partner_knows(partner: SandboxPartner) -> None:
    bundle = sealed_bundle(partner.registration.recipient_public_key)
    with pytest.raises(DeliveryUnavailableError, match=r"401 \(bad_signature\)"):
        client_of(partner, signer=STRANGER).deliver("delivery-1", "key-1", bundle)
    with pytest.raises(DeliveryUnavailableError, match=r"401 \(bad_signature\)"):
        list(client_of(partner, signer=STRANGER).ledger())
    assert events(partner) == ["refused"]


def test_a_bundle_for_another_partner_is_refused(partner: SandboxPartner) -> None:
    with pytest.raises(DeliveryRefusedError, match=r"422 \(seal_broken\)"):
        client_of(partner).deliver("delivery-1", "key-1", sealed_bundle(RECIPIENT.public))


def test_a_receipt_by_an_unregistered_key_proves_nothing(partner: SandboxPartner) -> None:
    keys = {STRANGER.key_id: STRANGER.public_key}
    client = client_of(partner, partner=replace(partner.registration, receipt_keys=keys))
    with pytest.raises(DeliveryUnavailableError, match="not trusted"):
        client.deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))


def test_a_caller_may_run_an_event_loop(partner: SandboxPartner) -> None:
    bundle = sealed_bundle(partner.registration.recipient_public_key)

    async def caller() -> VerifiedReceipt:
        return client_of(partner).deliver("delivery-1", "key-1", bundle)

    assert asyncio.run(caller()).receipt.delivery_id == "delivery-1"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = PartnerClient(registered(f"http://127.0.0.1:{port}"), SENDER, reach=HERE, timeout=5)
    with pytest.raises(DeliveryUnavailableError, match="ConnectError"):
        client.deliver("delivery-1", "key-1", sealed_bundle(RECIPIENT.public))


def test_the_environment_names_no_proxy(partner: SandboxPartner, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    client_of(partner).deliver("delivery-1", "key-1", sealed_bundle(partner.registration.recipient_public_key))


# Against answers made by hand


def _never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"asked for {request.url.path}")


def client_with(answer: Callable[[httpx.Request], httpx.Response]) -> PartnerClient:
    return PartnerClient(registered(), SENDER, reach=NOWHERE, transport=httpx.MockTransport(answer), clock=lambda: NOW)


def deliver_to(answer: httpx.Response) -> VerifiedReceipt:
    return client_with(lambda _: answer).deliver("delivery-1", "key-1", sealed_bundle(RECIPIENT.public))


def test_the_request_names_key_and_type_and_goes_to_the_registered_host() -> None:
    seen: list[httpx.Request] = []
    bundle = sealed_bundle(RECIPIENT.public)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        receipt = issue_receipt(
            RECEIPT_SIGNER,
            receipt_id="receipt-1",
            delivery_id="delivery-1",
            manifest_sha256=manifest_digest(bundle),
            received_at=NOW,
            status=ReceiptStatus.ACCEPTED,
        )
        return httpx.Response(201, json={"receipt": receipt})

    client_with(answer).deliver("delivery-1", "key-1", bundle)
    (request,) = seen
    assert (request.method, str(request.url)) == ("PUT", f"https://{ADDRESS}/v1/deliveries/delivery-1")
    assert (request.headers["host"], request.extensions["sni_hostname"]) == ("partner.example", "partner.example")
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["content-type"] == "application/zip"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


@pytest.mark.parametrize("status", [401, 408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_asks_to_come_again(status: int) -> None:
    with pytest.raises(DeliveryUnavailableError, match=str(status)):
        deliver_to(httpx.Response(status))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 400, 403, 404, 405, 409, 413, 415, 422])
def test_a_status_that_does_not(status: int) -> None:
    with pytest.raises(DeliveryRefusedError, match=str(status)):
        deliver_to(httpx.Response(status, headers={"location": "https://elsewhere.example/"}))


def test_a_redirect_is_not_followed() -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.headers["host"])
        return httpx.Response(307, headers={"location": "https://elsewhere.example/"})

    with pytest.raises(DeliveryRefusedError, match="correct the registered address"):
        client_with(answer).deliver("delivery-1", "key-1", sealed_bundle(RECIPIENT.public))
    assert hosts == ["partner.example"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200),
        httpx.Response(202, json={}),
        httpx.Response(204),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"receipt": None}),
        httpx.Response(200, json={"receipt": "a.b.c"}),
        httpx.Response(200, content=b"[" * 50_000),
        httpx.Response(200, content=b" " * (LARGEST_ANSWER + 1)),
    ],
)
def test_an_answer_without_a_valid_receipt_proves_nothing(answer: httpx.Response) -> None:
    with pytest.raises(DeliveryUnavailableError):
        deliver_to(answer)


@pytest.mark.parametrize(
    ("content_type", "body", "shown"),
    [
        ("application/problem+json", b'{"code": "key_reused", "detail": "secret"}', " (key_reused)"),
        ("application/problem+json; charset=utf-8", b'{"code": "key_reused"}', " (key_reused)"),
        ("application/problem+json", b'{"code": "Name Of A Person"}', ""),
        ("application/problem+json", b'{"code": 7}', ""),
        ("application/problem+json", b"{}", ""),
        ("application/problem+json", b"[]", ""),
        ("application/problem+json", b"{", ""),
        ("application/problem+json", b" " * (LARGEST_ANSWER + 1), ""),
        ("text/html", b'{"code": "key_reused"}', ""),
    ],
)
def test_of_a_problem_only_the_code_is_repeated(content_type: str, body: bytes, shown: str) -> None:
    with pytest.raises(DeliveryRefusedError) as caught:
        deliver_to(httpx.Response(422, headers={"content-type": content_type}, content=body))
    assert str(caught.value).startswith(f"partner partner-1: answers 422{shown}:")
    assert "secret" not in str(caught.value)


def test_a_compressed_answer_is_not_unpacked() -> None:
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8bnothing"))
    with pytest.raises(DeliveryUnavailableError, match="compressed"):
        deliver_to(answer)


def test_a_failure_says_nothing_of_what_was_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"failed with {request.headers['signature']}", request=request)

    with pytest.raises(DeliveryUnavailableError) as caught:
        client_with(answer).deliver("delivery-1", "secret-key", sealed_bundle(RECIPIENT.public))
    assert str(caught.value) == "partner partner-1: no answer (ReadError)"
    assert caught.value.__suppress_context__


def test_what_is_malformed_is_not_sent() -> None:
    client, bundle = client_with(_never), sealed_bundle(RECIPIENT.public)
    for delivery_id in ("", "../recall", "a/b", "a?b", "a b", "d" * 129):
        with pytest.raises(InvalidInputError, match="delivery"):
            client.deliver(delivery_id, "key-1", bundle)
        with pytest.raises(InvalidInputError, match="delivery"):
            client.recall(delivery_id, "key-1", "0" * 64, "consent_withdrawn")
    for key in ("", "a\r\nb", "k" * 129):
        with pytest.raises(InvalidInputError, match="idempotency key"):
            client.deliver("delivery-1", key, bundle)
    for reason in ("", "Because of Anna", "r" * 65):
        with pytest.raises(InvalidInputError, match="reason"):
            client.recall("delivery-1", "key-1", "0" * 64, reason)
    with pytest.raises(SealError):
        client.deliver("delivery-1", "key-1", b"no bundle")


ROW: dict[str, Any] = {
    "sequence": 1,
    "at": "2026-11-22T12:00:00Z",
    "event": "accepted",
    "delivery_id": "delivery-1",
    "idempotency_key": "key-1",
    "manifest_sha256": "0" * 64,
    "reason": None,
    "receipt": "a.b.c",
}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"entries": []},
        {"entries": None, "next": None},
        {"entries": [], "next": 1},
        {"entries": [1], "next": None},
        {"entries": [ROW], "next": 2},
        {"entries": [ROW], "next": "1"},
        {"entries": [ROW, ROW], "next": None},
        {"entries": [ROW | {"sequence": 0}], "next": None},
        {"entries": [ROW | {"sequence": "1"}], "next": None},
        {"entries": [ROW | {"sequence": True}], "next": None},
        {"entries": [ROW | {"at": "yesterday"}], "next": None},
        {"entries": [ROW | {"event": "opened"}], "next": None},
        {"entries": [ROW | {"delivery_id": None}], "next": None},
        {"entries": [ROW | {"reason": 1}], "next": None},
        {"entries": [{"sequence": 1}], "next": None},
    ],
)
def test_what_is_no_ledger_is_refused(document: dict[str, Any]) -> None:
    client = client_with(lambda _: httpx.Response(200, content=json.dumps(document).encode()))
    with pytest.raises(DeliveryUnavailableError, match="ledger cannot be read"):
        list(client.ledger())
