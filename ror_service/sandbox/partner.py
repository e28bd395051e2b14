"""A delivery partner for demonstrations and tests: a real HTTP server on loopback that checks everything it is sent.

    python -m ror_service.sandbox.partner --folder DIR --port 0 --sender KEY_ID=BASE64URL

prints its registration as one line of JSON and serves until it is told to stop. Its folder holds its two private keys,
its ledger, and, only where asked for, the reports that it opened.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ror_service.delivery.client import LedgerEntry, LedgerEvent
from ror_service.delivery.messages import Clock, MessageVerifier, ReceivedRequest, utc_now
from ror_service.delivery.partner_events import EventType, PartnerEvent, signed_event
from ror_service.delivery.partners import NextRecipientKey, Partner, ed25519_from_text
from ror_service.errors import ForbiddenError, SealError, ServiceError, SignatureError
from ror_service.sandbox.partner_faults import FaultPlan, FaultyApplication
from ror_service.sandbox.partner_ledger import PartnerLedger
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.sealing.bundle import MEDIA_TYPE, OpenedBundle, open_bundle
from ror_service.sealing.canonical import utc_text
from ror_service.sealing.receipts import ReceiptStatus, issue_receipt
from ror_service.sealing.recipients import Profile, RecipientKeyPair
from ror_service.sealing.signing import Signer

PARTNER_ID = "sandbox-partner"
LARGEST_BUNDLE = 64 * 1024 * 1024
_LARGEST_PAGE = 1000
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_FILE_PART = re.compile(r"[A-Za-z0-9-]{1,16}")
_REASON = re.compile(r"[a-z0-9_]{1,64}")


class _Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """What the partner answers instead of a receipt."""

    def __init__(self, status: int, code: str, title: str) -> None:
        super().__init__(title)
        self.status, self.code, self.title = status, code, title


class SandboxPartner:
    """A delivery partner in a thread of this process; a context manager.

    Args:
        folder: Where it keeps its keys, its ledger and what it opened.
        senders: Public keys, by identifier, of the services that it accepts deliveries from.
        partner_id: Its name in its registration.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        keep_opened: Whether it keeps the reports that it opened, under `opened/<delivery id>/`, until their recall.
        recall_supported: Whether it has the recall call.
        clock: The present, UTC.

    Attributes:
        faults: Tell it here how to fail.
        ledger: What it wrote down.
        registration: The document's content that a service needs to know it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        senders: Mapping[str, Ed25519PublicKey] | None = None,
        partner_id: str = PARTNER_ID,
        port: int = 0,
        keep_opened: bool = False,
        recall_supported: bool = True,
        clock: Clock = utc_now,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._opened = folder / "opened"
        self._keep_opened = keep_opened
        self._clock = clock
        self._recipients = [RecipientKeyPair.load_or_create(folder / "recipient.key")]
        self._signer = Signer.load_or_create(folder / "receipt.key")
        self._senders = dict(senders or {})
        self._messages = MessageVerifier(self._senders, clock=clock)
        self.ledger = PartnerLedger(folder / "ledger.sqlite3")
        self.faults = FaultPlan()
        self._server = LoopbackServer(port)
        self.registration = Partner(
            partner_id,
            self._server.base_url,
            self._recipients[0].public,
            {self._signer.key_id: self._signer.public_key},
            recall_supported,
        )

    def start(self) -> Self:
        """Begin to answer."""
        application = FaultyApplication(
            self._application(), self.faults, reset=self._server.reset, wrong_receipt=self._receipt_for_another
        )
        self._server.start(application)
        return self

    def close(self) -> None:
        """Stop answering and close the ledger."""
        self._server.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def announce_recipient_key(self, begins_at: datetime, profile: Profile | None = None) -> None:
        """Change to a new key, held in memory alone: from now on it opens what is sealed to either."""
        pair = RecipientKeyPair.generate(profile)
        self._recipients.append(pair)
        self.registration = replace(self.registration, next_recipient_key=NextRecipientKey(pair.public, begins_at))

    def opened_folder(self, delivery_id: str) -> Path:
        """Return where the opened reports of a delivery are kept, if they are."""
        return self._opened / delivery_id

    def tell_viewed(
        self, service_url: str, delivery_id: str, *, event_id: str | None = None, timeout: float = 10.0
    ) -> int:
        """Post to the service that a person opened a delivery.

        Args:
            service_url: Where the service's API answers.
            delivery_id: The delivery.
            event_id: Name of the event; give the same to send it again.
            timeout: Seconds to wait.

        Returns:
            The HTTP status of the service's answer.

        Raises:
            ForbiddenError: If this partner does not hold the delivery: it cannot have been viewed here.
        """
        held = self.ledger.accepted_for(delivery_id)
        if held is None or self.ledger.tombstone(delivery_id, held.idempotency_key) is not None:
            raise ForbiddenError(f"delivery {delivery_id} is not held here")
        now = self._clock()
        event = PartnerEvent(event_id or f"event-{uuid.uuid4().hex}", EventType.VIEWED, delivery_id, now)
        message = signed_event(event, self._signer, sent_at=now)
        address = f"{service_url.rstrip('/')}/v1/partners/{self.registration.partner_id}/events"
        with httpx.Client(trust_env=False, timeout=timeout) as client:
            return client.post(address, headers=dict(message.headers), content=message.body).status_code

    def _application(self) -> Starlette:
        routes = [
            Route("/v1/deliveries/{delivery_id}", self._answering(self._deliver), methods=["PUT"]),
            Route("/v1/deliveries/{delivery_id}/recall", self._answering(self._recall), methods=["POST"]),
            Route("/v1/ledger", self._answering(self._page), methods=["GET"]),
        ]
        return Starlette(routes=routes)

    def _answering(self, handler: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
        """Wrap a handler: read and authenticate the request before, write down and explain a refusal after.

        Handlers do not await, so that one request is done with before the next one begins.
        """

        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request)
                self._authenticate(request, body)
                return handler(request, body)
            except _Refusal as refusal:
                self._write_down(request, refusal)
                return JSONResponse(
                    {"type": "about:blank", "status": refusal.status, "code": refusal.code, "title": refusal.title},
                    status_code=refusal.status,
                    media_type="application/problem+json",
                )
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it: the sender is gone

        return endpoint

    def _authenticate(self, request: Request, body: bytes) -> None:
        query = request.scope["query_string"].decode("latin-1")
        target = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        url = self.registration.base_url + target
        try:
            self._messages.verify(ReceivedRequest(request.method, url, request.headers, body))
        except SignatureError as error:
            raise _Refusal(401, "bad_signature", str(error)) from error

    def _write_down(self, request: Request, refusal: _Refusal) -> None:
        delivery_id, key = request.path_params.get("delivery_id"), request.headers.get("idempotency-key", "")
        if request.method == "PUT" and delivery_id is not None and _TOKEN.fullmatch(delivery_id):
            self.ledger.append(
                LedgerEvent.REFUSED,
                at=self._clock(),
                delivery_id=delivery_id,
                idempotency_key=key if _TOKEN.fullmatch(key) else "",
                reason=refusal.code,
            )

    def _deliver(self, request: Request, body: bytes) -> Response:
        delivery_id, key = _names(request)
        if self.ledger.tombstone(delivery_id, key) is not None:
            raise _Refusal(410, "recalled", "this delivery was recalled")
        opened = self._open(request, body)
        digest = opened.manifest.sha256
        if opened.manifest.delivery_id != delivery_id:
            raise _Refusal(422, "other_delivery", "the bundle is of another delivery than the address names")
        before = self.ledger.accepted(key)
        if before is not None:
            if (before.delivery_id, before.manifest_sha256) != (delivery_id, digest):
                raise _Refusal(422, "key_reused", "this idempotency key came before with something else")
            return JSONResponse({"receipt": before.receipt})
        if self._keep_opened:
            self._keep(delivery_id, opened)
        receipt = self._receipt(delivery_id, digest, ReceiptStatus.ACCEPTED)
        self.ledger.append(
            LedgerEvent.ACCEPTED,
            at=self._clock(),
            delivery_id=delivery_id,
            idempotency_key=key,
            manifest_sha256=digest,
            receipt=receipt,
        )
        return JSONResponse({"receipt": receipt}, status_code=201)

    def _recall(self, request: Request, body: bytes) -> Response:
        delivery_id, key = _names(request)
        if not self.registration.recall_supported:
            raise _Refusal(404, "no_recall", "this partner has no recall call")
        before = self.ledger.recalled(delivery_id, key)
        if before is not None:
            return JSONResponse({"receipt": before.receipt})
        held = self.ledger.accepted_for(delivery_id)
        digest = None if held is None else held.manifest_sha256
        reason = _recall_reason(body)
        # Deleted first: a kill in between leaves a recall that is not acknowledged, and comes again.
        if self.opened_folder(delivery_id).exists():
            shutil.rmtree(self.opened_folder(delivery_id))
        receipt = self._receipt(delivery_id, digest, ReceiptStatus.RECALLED)
        self.ledger.append(
            LedgerEvent.RECALLED,
            at=self._clock(),
            delivery_id=delivery_id,
            idempotency_key=key,
            manifest_sha256=digest,
            reason=reason,
            receipt=receipt,
        )
        return JSONResponse({"receipt": receipt})

    def _page(self, request: Request, _body: bytes) -> Response:
        after, limit = (request.query_params.get(name, start) for name, start in (("after", "0"), ("limit", "100")))
        if not re.fullmatch(r"[0-9]{1,15}", after) or not re.fullmatch(r"[1-9][0-9]{0,5}", limit):
            raise _Refusal(422, "invalid_input", "after and limit are whole numbers")
        size = min(int(limit), _LARGEST_PAGE)
        entries = self.ledger.entries(int(after), size + 1)
        page = entries[:size]
        following = page[-1].sequence if len(entries) > size else None
        return JSONResponse({"entries": [_row(entry) for entry in page], "next": following})

    def _open(self, request: Request, body: bytes) -> OpenedBundle:
        if request.headers["content-type"] != MEDIA_TYPE:
            raise _Refusal(415, "unsupported_media_type", f"a bundle is {MEDIA_TYPE}")
        try:
            return open_bundle(body, recipient_pairs=self._recipients, trusted_senders=self._senders)
        except (SealError, SignatureError) as error:
            raise _Refusal(422, error.code, str(error)) from error

    def _keep(self, delivery_id: str, opened: OpenedBundle) -> None:
        files = {(item.audience, item.language, item.format): item.data for item in opened.artifacts}
        if not all(_FILE_PART.fullmatch(part) for parts in files for part in parts):
            raise _Refusal(422, "unsafe_name", "audience, language and format are short words")
        folder = self.opened_folder(delivery_id)
        folder.mkdir(parents=True, exist_ok=True)
        for parts, data in files.items():
            (folder / ".".join(parts)).write_bytes(data)
        (folder / "index.json").write_text(json.dumps(asdict(opened.index)), encoding="utf-8")

    def _receipt(self, delivery_id: str, digest: str | None, status: ReceiptStatus) -> str:
        return issue_receipt(
            self._signer,
            receipt_id=f"receipt-{uuid.uuid4().hex}",
            delivery_id=delivery_id,
            manifest_sha256=digest,
            received_at=self._clock(),
            status=status,
        )

    def _receipt_for_another(self) -> str:
        return self._receipt("delivery-of-somebody-else", "0" * 64, ReceiptStatus.ACCEPTED)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BUNDLE:
            raise _Refusal(413, "too_large", f"a bundle has at most {LARGEST_BUNDLE} bytes")
    return bytes(body)


def _names(request: Request) -> tuple[str, str]:
    delivery_id, key = str(request.path_params["delivery_id"]), request.headers["idempotency-key"]
    if not _TOKEN.fullmatch(delivery_id) or not _TOKEN.fullmatch(key):
        raise _Refusal(422, "invalid_input", "delivery and key are 1 to 128 letters, digits, '_' or '-'")
    return delivery_id, key


def _recall_reason(body: bytes) -> str:
    try:
        reason = json.loads(body)["reason"]
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = None
    if not isinstance(reason, str) or not _REASON.fullmatch(reason):
        raise _Refusal(422, "invalid_input", "a recall is a JSON object with the code of its reason")
    return reason


def _row(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": utc_text(entry.at),
        "event": entry.event.value,
        "delivery_id": entry.delivery_id,
        "idempotency_key": entry.idempotency_key,
        "manifest_sha256": entry.manifest_sha256,
        "reason": entry.reason,
        "receipt": entry.receipt,
    }


def _sender(text: str) -> tuple[str, Ed25519PublicKey]:
    key_id, _, encoded = text.partition("=")
    try:
        return key_id, ed25519_from_text(encoded)
    except ServiceError as error:
        raise argparse.ArgumentTypeError("write KEY_ID=BASE64URL of an Ed25519 public key") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ror_service.sandbox.partner", description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="keys, ledger and opened reports")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--partner-id", default=PARTNER_ID)
    parser.add_argument("--sender", type=_sender, action="append", default=[], metavar="KEY_ID=BASE64URL")
    parser.add_argument("--keep-opened", action="store_true", help="keep the opened reports until they are recalled")
    given = parser.parse_args(arguments)
    stop = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before any thread is made, so that all of them wait
    try:
        with SandboxPartner(
            given.folder,
            senders=dict(given.sender),
            partner_id=given.partner_id,
            port=given.port,
            keep_opened=given.keep_opened,
        ) as partner:
            sys.stdout.write(json.dumps(partner.registration.to_document()) + "\n")
            sys.stdout.flush()
            signal.sigwait(stop)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
