"""The sandbox partner by itself: what it checks, what it keeps, how it fails, and that it runs alone."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.partners import HERE, REPORT, SENDER, SENDERS, STRANGER, client_of, sealed_bundle

from ror_service.delivery.client import LedgerEvent, PartnerClient
from ror_service.delivery.messages import sign_request, utc_now
from ror_service.delivery.partner_events import EventType, PartnerEvent, verify_event
from ror_service.delivery.partners import Partner
from ror_service.errors import DeliveryRefusedError, ForbiddenError
from ror_service.sandbox import partner as partner_module
from ror_service.sandbox.partner import SandboxPartner, main
from ror_service.sandbox.partner_faults import Fault, FaultPlan
from ror_service.sandbox.partner_ledger import PartnerLedger
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.sealing.bundle import manifest_digest
from ror_service.sealing.signing import Signer


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


def put(partner: SandboxPartner, body: bytes, **changes: object) -> httpx.Request:
    """A PUT signed by the service, with changes before the signature."""
    given: dict[str, Any] = {"path": "/v1/deliveries/delivery-1", "key": "key-1", "type": "application/zip"} | changes
    request = httpx.Request(
        "PUT",
        partner.registration.base_url + given["path"],
        headers={"Content-Type": given["type"], "Idempotency-Key": given["key"]},
        content=body,
    )
    sign_request(request, given.get("signer", SENDER))
    return request


def bundle_for(partner: SandboxPartner, delivery_id: str = "delivery-1", **changes: Any) -> bytes:  # noqa: ANN401 - passed on
    return sealed_bundle(partner.registration.recipient_public_key, delivery_id, **changes)


def refusal(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return response.status_code, response.json()["code"]


def events(partner: SandboxPartner) -> list[tuple[str, str | None]]:
    return [(entry.event.value, entry.reason) for entry in partner.ledger.entries()]


# What it checks


def test_a_delivery_is_opened_and_kept(partner: SandboxPartner, http: httpx.Client) -> None:
    response = http.send(put(partner, bundle_for(partner)))
    assert response.status_code == 201
    assert (partner.opened_folder("delivery-1") / "participant.en.html").read_bytes() == REPORT


def test_nothing_opened_is_kept_unless_asked_for(tmp_path: Path, http: httpx.Client) -> None:
    with SandboxPartner(tmp_path, senders=SENDERS) as partner:
        assert http.send(put(partner, bundle_for(partner))).status_code == 201
    assert not (tmp_path / "opened").exists()
    assert REPORT not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_every_changed_byte_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    """Signed anew after the change, so that the bundle's own seals have to find it."""
    bundle = bundle_for(partner)
    for position in range(0, len(bundle), 97):
        changed = bytearray(bundle)
        changed[position] ^= 1
        status, code = refusal(http.send(put(partner, bytes(changed))))
        assert status == 422, position
        assert code in {"seal_broken", "bad_signature"}
    assert {event for event, _ in events(partner)} == {"refused"}


def test_a_byte_changed_on_the_way_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    request = put(partner, bundle_for(partner))
    changed = bytearray(request.content)
    changed[-1] ^= 1
    altered = httpx.Request("PUT", request.url, headers=request.headers, content=bytes(changed))
    assert refusal(http.send(altered)) == (401, "bad_signature")
    assert events(partner) == [("refused", "bad_signature")]


def test_an_unsigned_request_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    address = partner.registration.base_url + "/v1/deliveries/delivery-1"
    headers = {"Content-Type": "application/zip", "Idempotency-Key": "key-1"}
    assert refusal(http.put(address, headers=headers, content=bundle_for(partner))) == (401, "bad_signature")
    assert refusal(http.post(address + "/recall", headers=headers, content=b"{}")) == (401, "bad_signature")
    assert refusal(http.get(partner.registration.base_url + "/v1/ledger")) == (401, "bad_signature")


def test_a_signature_that_leaves_out_the_key_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    """What the library's own defaults would sign and accept."""
    request = put(partner, bundle_for(partner))
    for name in ("signature", "signature-input", "content-digest"):
        del request.headers[name]
    keys = MappingKeyResolver(public_keys={}, private_keys={SENDER.key_id: SENDER.private_key})
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=keys)
    signer.sign(request, key_id=SENDER.key_id, body=request.content)
    assert refusal(http.send(request)) == (401, "bad_signature")


def test_a_request_signed_by_a_stranger_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    assert refusal(http.send(put(partner, bundle_for(partner), signer=STRANGER))) == (401, "bad_signature")


def test_a_bundle_signed_by_a_stranger_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    bundle = bundle_for(partner, signer=STRANGER)
    assert refusal(http.send(put(partner, bundle))) == (422, "bad_signature")


def test_the_same_signed_request_again_is_refused_and_has_one_effect(
    partner: SandboxPartner, http: httpx.Client
) -> None:
    request = put(partner, bundle_for(partner))
    assert http.send(request).status_code == 201
    assert refusal(http.send(request)) == (401, "bad_signature")
    assert events(partner) == [("accepted", None), ("refused", "bad_signature")]


def test_a_request_for_another_server_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    request = httpx.Request(
        "PUT",
        "https://other.example/v1/deliveries/delivery-1",
        headers={"Content-Type": "application/zip", "Idempotency-Key": "key-1"},
        content=bundle_for(partner),
    )
    sign_request(request, SENDER)
    passed_on = httpx.Request(
        "PUT",
        partner.registration.base_url + "/v1/deliveries/delivery-1",
        headers=request.headers,
        content=request.content,
    )
    assert refusal(http.send(passed_on)) == (401, "bad_signature")


def test_the_same_key_with_another_bundle_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    assert http.send(put(partner, bundle_for(partner))).status_code == 201
    other = bundle_for(partner, report=b"another report")
    assert refusal(http.send(put(partner, other))) == (422, "key_reused")
    elsewhere = put(partner, bundle_for(partner, "delivery-2"), path="/v1/deliveries/delivery-2")
    assert refusal(http.send(elsewhere)) == (422, "key_reused")
    assert events(partner) == [("accepted", None), ("refused", "key_reused"), ("refused", "key_reused")]
    assert (partner.opened_folder("delivery-1") / "participant.en.html").read_bytes() == REPORT


def test_a_bundle_under_the_address_of_another_is_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    assert refusal(http.send(put(partner, bundle_for(partner, "delivery-2")))) == (422, "other_delivery")


def test_other_media_are_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    response = http.send(put(partner, bundle_for(partner), type="text/plain"))
    assert refusal(response) == (415, "unsupported_media_type")


def test_malformed_names_are_refused(partner: SandboxPartner, http: httpx.Client) -> None:
    assert refusal(http.send(put(partner, bundle_for(partner), key="a b"))) == (422, "invalid_input")
    long = put(partner, bundle_for(partner), path="/v1/deliveries/" + "d" * 129)
    assert refusal(http.send(long)) == (422, "invalid_input")
    assert [entry.idempotency_key for entry in partner.ledger.entries()] == [""]


@pytest.mark.parametrize("part", ["audience", "language"])
def test_names_that_are_no_file_names_are_refused(partner: SandboxPartner, http: httpx.Client, part: str) -> None:
    assert refusal(http.send(put(partner, bundle_for(partner, **{part: "../../x"})))) == (422, "unsafe_name")
    assert events(partner) == [("refused", "unsafe_name")]
    assert not partner.opened_folder("delivery-1").exists()


def test_an_endless_body_is_refused(
    partner: SandboxPartner, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partner_module, "LARGEST_BUNDLE", 10)
    assert refusal(http.send(put(partner, bundle_for(partner)))) == (413, "too_large")


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=-1", "limit=x", "after=" + "9" * 20])
def test_a_malformed_page_is_refused(partner: SandboxPartner, http: httpx.Client, query: str) -> None:
    request = httpx.Request("GET", f"{partner.registration.base_url}/v1/ledger?{query}")
    sign_request(request, SENDER)
    assert refusal(http.send(request)) == (422, "invalid_input")
    assert events(partner) == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"reason": 1}', b'{"reason": "Because of Anna"}', b"[" * 9999])
def test_a_recall_without_a_reason_is_refused(partner: SandboxPartner, http: httpx.Client, body: bytes) -> None:
    request = httpx.Request(
        "POST",
        partner.registration.base_url + "/v1/deliveries/delivery-1/recall",
        headers={"Content-Type": "application/json", "Idempotency-Key": "key-1"},
        content=body,
    )
    sign_request(request, SENDER)
    assert refusal(http.send(request)) == (422, "invalid_input")


# What it keeps


def test_a_recall_deletes_what_was_kept(partner: SandboxPartner) -> None:
    client, bundle = client_of(partner), bundle_for(partner)
    client.deliver("delivery-1", "key-1", bundle)
    client.recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn")
    assert not partner.opened_folder("delivery-1").exists()
    assert events(partner) == [("accepted", None), ("recalled", "consent_withdrawn")]
    assert partner.ledger.entries()[1].manifest_sha256 == manifest_digest(bundle)


def test_a_tombstone_holds_for_the_delivery_under_any_key_and_the_key_under_any_delivery(
    partner: SandboxPartner, http: httpx.Client
) -> None:
    client_of(partner).recall("delivery-1", "key-1", "0" * 64, "consent_withdrawn")
    assert refusal(http.send(put(partner, bundle_for(partner), key="key-2"))) == (410, "recalled")
    other = put(partner, bundle_for(partner, "delivery-2"), path="/v1/deliveries/delivery-2")
    assert refusal(http.send(other)) == (410, "recalled")
    allowed = put(partner, bundle_for(partner, "delivery-2"), path="/v1/deliveries/delivery-2", key="key-2")
    assert http.send(allowed).status_code == 201


def test_a_partner_without_recall_says_so(tmp_path: Path) -> None:
    with SandboxPartner(tmp_path, senders=SENDERS, recall_supported=False) as partner:
        assert not partner.registration.recall_supported
        mistaken = replace(partner.registration, recall_supported=True)
        with pytest.raises(DeliveryRefusedError, match=r"404 \(no_recall\)"):
            client_of(partner, partner=mistaken).recall("delivery-1", "key-1", "0" * 64, "consent_withdrawn")


def test_keys_and_ledger_survive_a_restart(tmp_path: Path) -> None:
    with SandboxPartner(tmp_path, senders=SENDERS) as partner:
        bundle, before = bundle_for(partner), partner.registration
        given = client_of(partner).deliver("delivery-1", "key-1", bundle)
    with SandboxPartner(tmp_path, senders=SENDERS) as partner:
        assert replace(partner.registration, base_url=before.base_url) == before
        assert client_of(partner).deliver("delivery-1", "key-1", bundle) == given
        assert events(partner) == [("accepted", None)]


def test_the_ledger_itself_refuses_a_second_acceptance_of_a_key(tmp_path: Path) -> None:
    with closing(PartnerLedger(tmp_path / "ledger.sqlite3")) as ledger:
        entry: dict[str, Any] = {"at": utc_now(), "delivery_id": "delivery-1", "idempotency_key": "key-1"}
        ledger.append(LedgerEvent.ACCEPTED, **entry)
        ledger.append(LedgerEvent.RECALLED, **entry)
        for event in (LedgerEvent.ACCEPTED, LedgerEvent.RECALLED):
            with pytest.raises(sqlite3.IntegrityError):
                ledger.append(event, **entry)
        ledger.append(LedgerEvent.REFUSED, **entry)
        ledger.append(LedgerEvent.REFUSED, **entry)


# Its events


def test_it_tells_the_service_of_a_view(partner: SandboxPartner) -> None:
    posted: list[tuple[str, PartnerEvent]] = []

    async def take(request: Request) -> Response:
        keys = partner.registration.receipt_keys
        event = verify_event(request.headers, await request.body(), keys, now=utc_now())
        posted.append((request.url.path, event))
        return Response(status_code=202)

    service = Starlette(routes=[Route("/v1/partners/{partner_id}/events", take, methods=["POST"])])
    bundle = bundle_for(partner)
    client_of(partner).deliver("delivery-1", "key-1", bundle)
    with LoopbackServer() as server:
        server.start(service)
        assert partner.tell_viewed(server.base_url + "/", "delivery-1", event_id="event-1") == 202
        assert partner.tell_viewed(server.base_url, "delivery-1") == 202
    (path, first), (_, second) = posted
    assert path == "/v1/partners/sandbox-partner/events"
    assert (first.event_id, first.event_type, first.delivery_id) == ("event-1", EventType.VIEWED, "delivery-1")
    assert second.event_id != first.event_id
    client_of(partner).recall("delivery-1", "key-1", manifest_digest(bundle), "consent_withdrawn")
    for delivery_id in ("delivery-1", "delivery-2"):
        with pytest.raises(ForbiddenError, match="not held here"):
            partner.tell_viewed("http://127.0.0.1:1", delivery_id)


# How it fails


def test_planned_faults_come_first_and_in_order() -> None:
    plan = FaultPlan()
    plan.always(Fault.UNAVAILABLE)
    plan.next(Fault.RESET, None)
    assert [plan.take() for _ in range(4)] == [Fault.RESET, None, Fault.UNAVAILABLE, Fault.UNAVAILABLE]
    plan.next(Fault.RESET)
    plan.clear()
    assert plan.take() is None


def test_a_fault_of_receipts_leaves_other_answers_alone(partner: SandboxPartner) -> None:
    partner.faults.always(Fault.WRONG_SIGNATURE)
    assert list(client_of(partner).ledger()) == []


def test_requests_for_other_paths_and_methods_get_the_usual_answers(
    partner: SandboxPartner, http: httpx.Client
) -> None:
    assert http.get(partner.registration.base_url + "/").status_code == 404
    assert http.delete(partner.registration.base_url + "/v1/deliveries/delivery-1").status_code == 405


def test_a_server_that_was_not_started_closes() -> None:
    server = LoopbackServer()
    server.reset(("127.0.0.1", 1))
    server.close()


def test_a_reset_meets_the_client_that_is_meant(http: httpx.Client) -> None:
    server = LoopbackServer()

    async def answer(request: Request) -> Response:
        assert request.client is not None
        server.reset((request.client.host, request.client.port + 1))
        return Response("whole")

    with server:
        server.start(Starlette(routes=[Route("/", answer)]))
        assert http.get(server.base_url).text == "whole"


# Alone


def test_it_runs_alone(tmp_path: Path) -> None:
    text = f"{SENDER.key_id}={base64.urlsafe_b64encode(SENDER.public_key.public_bytes_raw()).decode()}"
    command = [sys.executable, "-m", "ror_service.sandbox.partner", "--folder", str(tmp_path), "--sender", text]
    with subprocess.Popen([*command, "--keep-opened"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            assert process.stdout is not None
            registration = Partner.from_document(json.loads(process.stdout.readline()))
            bundle = sealed_bundle(registration.recipient_public_key)
            PartnerClient(registration, SENDER, reach=HERE).deliver("delivery-1", "key-1", bundle)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    assert (tmp_path / "opened" / "delivery-1" / "participant.en.html").read_bytes() == REPORT


def test_it_stops_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "sigwait", min)
    assert main(["--folder", str(tmp_path), "--partner-id", "another"]) == 0
    assert Partner.from_document(json.loads(capsys.readouterr().out)).partner_id == "another"


@pytest.mark.parametrize("sender", ["", "key", "key=", "key=AAAA"])
def test_a_malformed_sender_is_refused(tmp_path: Path, sender: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--folder", str(tmp_path), "--sender", sender])
    assert "KEY_ID=BASE64URL" in capsys.readouterr().err


def test_the_key_files_are_its_own(partner: SandboxPartner, tmp_path: Path) -> None:
    folder = tmp_path / "partner"
    assert {path.name for path in folder.glob("*.key")} == {"recipient.key", "receipt.key"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.key"))
    (key_id,) = partner.registration.receipt_keys
    assert Signer.load_or_create(folder / "receipt.key").key_id == key_id
