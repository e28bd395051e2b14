"""Speaks to one delivery partner over HTTP: deliver, recall, read its ledger.

What an answer means for the one who sends:

| answer | error | what to do |
|---|---|---|
| no connection, time-out, cut, 408, 425, 429, 5xx | `DeliveryUnavailableError` | try again with the same key |
| its name leads where no partner may be | `PartnerAddressError` | try again; an operator looks at name and settings |
| 2xx without a receipt that a registered key signed | `DeliveryUnavailableError` | the same: perhaps it arrived |
| 2xx with a well-signed receipt for something else | `DeliveryRefusedError` | an operator looks |
| 410 | `DeliveryRecalledError` | never send again |
| a redirect, any other 4xx | `DeliveryRefusedError` | an operator looks |

A receipt that does not verify proves nothing either way: a proxy may have spoiled it, or the partner's new key is not
registered yet. So the delivery counts as unknown and is tried again with the same idempotency key, which has one
effect; what stays wrong ends in the dead letter. A receipt that *does* verify and names another delivery or manifest
is the partner's own signed word, and no repetition will change it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import httpx
from opentelemetry.trace import SpanKind

from ror_service import traces
from ror_service.delivery.addresses import AddressRefusedError, Reach
from ror_service.delivery.messages import Clock, sign_request, utc_now
from ror_service.delivery.partners import Partner
from ror_service.delivery.retry import parse_retry_after
from ror_service.errors import (
    DeliveryRecalledError,
    DeliveryRefusedError,
    DeliveryUnavailableError,
    InvalidInputError,
    PartnerAddressError,
    SignatureError,
)
from ror_service.sealing.bundle import MEDIA_TYPE, manifest_digest
from ror_service.sealing.canonical import utc_moment
from ror_service.sealing.receipts import RECEIPT_TYPE, Receipt, ReceiptStatus, verify_receipt
from ror_service.sealing.signing import Signer, verify_compact

LARGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read at most; a receipt takes less than one thousand."""
LARGEST_LEDGER_PAGE = 2 * 1024 * 1024
LEDGER_PAGE_ENTRIES = 500
PUBLIC = Reach()
"""Public addresses alone."""

_RETRYABLE = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        # A signature is good once and for minutes. A network that repeats a request lets the partner refuse the repeat
        # of what it did already, and clocks and new keys may be late; the next try is signed anew.
        HTTPStatus.UNAUTHORIZED,
    }
)
_PORTS = {"https": 443, "http": 80}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CODE = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt that was checked, and the partner's own words as evidence.

    Attributes:
        receipt: What it says.
        token: The signed form; keep it.
    """

    receipt: Receipt
    token: str


class LedgerEvent(StrEnum):
    """What a partner wrote down."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of a partner's ledger, for reconciliation.

    Attributes:
        sequence: Grows with every entry, from 1.
        at: When, UTC.
        event: What happened.
        delivery_id: The delivery, as its address named it.
        idempotency_key: The key that it came with.
        manifest_sha256: Digest of its manifest; None where the partner could not read one, or a recall came first.
        reason: Code of a refusal or recall; None for an acceptance.
        receipt: The signed receipt given, not yet verified; None for a refusal.
    """

    sequence: int
    at: datetime
    event: LedgerEvent
    delivery_id: str
    idempotency_key: str
    manifest_sha256: str | None
    reason: str | None
    receipt: str | None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes | None  # None: larger than we read, or compressed


class PartnerClient:
    """Client of one partner. Holds no connection: it may be shared by threads and survives a fork.

    It speaks to the registered host alone, at an address that was looked at before (see `delivery.addresses`); TLS
    proves the registered name. No redirect is followed, no proxy or password is taken from the environment. Each call
    has one deadline over looking up the name, connecting, sending, waiting and reading, so that a consent lock held
    during a send is never held longer.

    Args:
        partner: Whom to speak to.
        signer: The service's key.
        reach: Which addresses the partner may have.
        transport: Stands in for the network, in tests.
        timeout: The deadline of one call, in seconds.
        clock: The present, UTC.
    """

    def __init__(
        self,
        partner: Partner,
        signer: Signer,
        *,
        reach: Reach = PUBLIC,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = 10.0,
        clock: Clock = utc_now,
    ) -> None:
        self.partner = partner
        self._signer = signer
        self._reach = reach
        self._transport = transport
        self._timeout = timeout
        self._clock = clock

    def deliver(self, delivery_id: str, idempotency_key: str, bundle: bytes) -> VerifiedReceipt:
        """Send a bundle.

        Call it again with the same key and the same bytes as often as needed: the partner takes one copy.

        Args:
            delivery_id: Opaque name of the delivery.
            idempotency_key: Stable over all tries of this delivery, meaningless to the partner.
            bundle: The sealed bundle.

        Returns:
            The partner's receipt, verified for this delivery and this bundle.

        Raises:
            InvalidInputError: If an identifier is malformed.
            SealError: If `bundle` is no bundle.
            DeliveryUnavailableError: Unknown or not arrived; try again.
            DeliveryRecalledError: The partner holds a recall for it.
            DeliveryRefusedError: The partner refuses for good.
        """
        digest = manifest_digest(bundle)
        answer = self._send(
            "PUT", self._path(delivery_id), idempotency_key=idempotency_key, media_type=MEDIA_TYPE, body=bundle
        )
        return self._receipt(answer, delivery_id, digest, ReceiptStatus.ACCEPTED)

    def recall(self, delivery_id: str, idempotency_key: str, manifest_sha256: str, reason: str) -> VerifiedReceipt:
        """Order the partner to delete a delivery, and to refuse it should it still arrive.

        Args:
            delivery_id: The delivery.
            idempotency_key: The key of the *delivery*: a late send with it gets 410.
            manifest_sha256: Digest of the manifest that was, or would have been, sent.
            reason: A code, such as `consent_withdrawn`.

        Returns:
            The partner's receipt for the recall.

        Raises:
            InvalidInputError: If an identifier or the reason is malformed.
            DeliveryUnavailableError: Unknown or not arrived; try again.
            DeliveryRefusedError: The partner has no recall call, or refuses.
        """
        if not _CODE.fullmatch(reason):
            raise InvalidInputError("the reason of a recall is a code: small letters, digits and '_'")
        if not self.partner.recall_supported:
            raise DeliveryRefusedError(f"{self._who}: has no recall call; settle this recall with its operator")
        answer = self._send(
            "POST",
            f"{self._path(delivery_id)}/recall",
            idempotency_key=idempotency_key,
            media_type="application/json",
            body=json.dumps({"reason": reason}).encode(),
        )
        return self._receipt(answer, delivery_id, manifest_sha256, ReceiptStatus.RECALLED)

    def ledger(self, since: int = 0) -> Iterator[LedgerEntry]:
        """Read what the partner wrote down, page by page, in order.

        Args:
            since: Sequence number of the last entry known already; 0 for all.

        Yields:
            Entries with a greater sequence number.

        Raises:
            DeliveryUnavailableError: If the partner cannot be reached or what it sends is no ledger.
            DeliveryRefusedError: If it refuses.
        """
        after: int | None = since
        while after is not None:
            request = f"/v1/ledger?after={after}&limit={LEDGER_PAGE_ENTRIES}"
            answer = self._send("GET", request, largest=LARGEST_LEDGER_PAGE)
            try:
                entries, after = _ledger_page(self._document(answer), after)
            except (ValueError, KeyError, TypeError) as error:
                raise self._unavailable("its ledger cannot be read") from error
            yield from entries

    @property
    def _who(self) -> str:
        return f"partner {self.partner.partner_id}"

    def _unavailable(self, said: str, retry_after: float | None = None) -> DeliveryUnavailableError:
        return DeliveryUnavailableError(f"{self._who}: {said}", retry_after, self.partner.partner_id)

    def _path(self, delivery_id: str) -> str:
        if not _TOKEN.fullmatch(delivery_id):
            raise InvalidInputError("a delivery is named by 1 to 128 letters, digits, '_' or '-'")
        return f"/v1/deliveries/{delivery_id}"

    def _send(
        self,
        method: str,
        path: str,
        *,
        idempotency_key: str | None = None,
        media_type: str | None = None,
        body: bytes = b"",
        largest: int = LARGEST_ANSWER,
    ) -> _Answer:
        """Sign and send a request; return an answer of 2xx, raise for any other."""
        about = {"ror.partner": self.partner.partner_id, "http.request.method": method}
        with traces.span("partner call", about, kind=SpanKind.CLIENT) as span:
            answer = self._answer(method, path, idempotency_key, media_type, body, largest)
            span.set_attribute("http.response.status_code", answer.status)
            self._refuse_unless_good(answer)
        return answer

    def _answer(  # noqa: PLR0917 - handed on as they are
        self, method: str, path: str, idempotency_key: str | None, media_type: str | None, body: bytes, largest: int
    ) -> _Answer:
        """Sign and send a request; return any answer."""
        headers = {"Accept": "application/json, application/problem+json", "Accept-Encoding": "identity"}
        if idempotency_key is not None and media_type is not None:
            if not _TOKEN.fullmatch(idempotency_key):
                raise InvalidInputError("an idempotency key is 1 to 128 letters, digits, '_' or '-'")
            headers |= {"Idempotency-Key": idempotency_key, "Content-Type": media_type}
        request = httpx.Request(method, self.partner.base_url + path, headers=headers, content=body)
        sign_request(request, self._signer, clock=self._clock)
        try:
            # In a thread of its own, so that the caller may run an event loop, and signals reach the caller.
            with ThreadPoolExecutor(1, thread_name_prefix="partner-client") as thread:
                return thread.submit(asyncio.run, self._exchange(request, largest)).result()
        except AddressRefusedError:
            raise PartnerAddressError(
                f"{self._who}: its name leads to an address that is neither public nor in ROR_PARTNER_NETWORKS",
                None,
                self.partner.partner_id,
            ) from None
        except (httpx.RequestError, OSError) as error:
            # The cause stays out: it holds the request.
            raise self._unavailable(f"no answer ({type(error).__name__})") from None

    async def _exchange(self, request: httpx.Request, largest: int) -> _Answer:
        """Send and read under one deadline.

        Blocking sockets cannot give one: their time-outs start anew with each read, so that a partner which sends a
        byte now and then would hold the sender for ever. Only a name server that hangs can still exceed it.
        """
        async with (
            asyncio.timeout(self._timeout),
            httpx.AsyncClient(
                transport=self._transport, verify=_tls(), timeout=self._timeout, trust_env=False, follow_redirects=False
            ) as client,
        ):
            response = await self._connect(client, request)
            if response.headers.get("content-encoding", "identity") != "identity":
                return _Answer(response.status_code, response.headers, None)  # a small one may unpack to gigabytes
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > largest:
                    return _Answer(response.status_code, response.headers, None)
            return _Answer(response.status_code, response.headers, bytes(body))

    async def _connect(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """Send to an address of the registered host that was looked at; to the next one where nobody listens.

        The request was made, and signed, for the host: `Host` and the name that TLS proves stay as they are.
        """
        name = request.url
        *others, last = await self._reach.addresses(name.host, name.port or _PORTS[name.scheme])
        request.extensions = {**request.extensions, "sni_hostname": name.host}
        for address in others:
            request.url = name.copy_with(host=address)
            with contextlib.suppress(httpx.ConnectError):  # nothing was sent
                return await client.send(request, stream=True)
        request.url = name.copy_with(host=last)
        return await client.send(request, stream=True)

    def _refuse_unless_good(self, answer: _Answer) -> None:
        status = answer.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        said = f"answers {status}{_problem_code(answer)}"
        if status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = parse_retry_after(answer.headers.get("retry-after"), self._clock())
            raise self._unavailable(said, retry_after=wait)
        if status == HTTPStatus.GONE:
            raise DeliveryRecalledError(f"{self._who}: {said}: it holds a recall; never send this again")
        if status < HTTPStatus.BAD_REQUEST:
            raise DeliveryRefusedError(
                f"{self._who}: {said}: redirects are not followed; correct the registered address"
            )
        raise DeliveryRefusedError(f"{self._who}: {said}: repeating will not help; look at the code with its operator")

    def _document(self, answer: _Answer) -> dict[str, Any]:
        if answer.body is None:
            raise self._unavailable("the answer is compressed, or larger than an answer can be")
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise self._unavailable(f"answers {answer.status} with something that is no JSON object")
        return document

    def _receipt(self, answer: _Answer, delivery_id: str, digest: str, status: ReceiptStatus) -> VerifiedReceipt:
        token, keys = self._document(answer).get("receipt"), self.partner.receipt_keys
        try:
            verify_compact(token if isinstance(token, str) else "", keys, RECEIPT_TYPE)
        except SignatureError as error:
            raise self._unavailable(f"delivery {delivery_id}: no valid receipt: {error}") from error
        token = str(token)
        try:
            receipt = verify_receipt(token, keys, delivery_id=delivery_id, manifest_sha256=digest, status=status)
        except SignatureError as error:
            raise DeliveryRefusedError(f"{self._who}: signed for something else: {error}") from error
        return VerifiedReceipt(receipt, token)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the verifying TLS context; reading the certificates takes longer than a delivery, so once a process."""
    return httpx.create_ssl_context(trust_env=False)


def _problem_code(answer: _Answer) -> str:
    """Return the code of a problem document for an error message: a code alone, for its texts may name a person."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return ""
    try:
        document = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return ""
    code = document.get("code") if isinstance(document, dict) else None
    return f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _ledger_page(document: Mapping[str, Any], after: int) -> tuple[list[LedgerEntry], int | None]:
    """Return the entries of a page and where the next one begins; it must lead on, or reading would never end."""
    entries = [_ledger_entry(row) for row in document["entries"]]
    following: int | None = document["next"]
    numbers = [after, *(entry.sequence for entry in entries)]
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        raise ValueError("entries are not in order")
    if following is not None and (not entries or following != numbers[-1]):
        raise ValueError("the next page does not follow this one")
    return entries, following


def _ledger_entry(row: Mapping[str, Any]) -> LedgerEntry:
    texts = [row["delivery_id"], row["idempotency_key"]]
    optional = [row["manifest_sha256"], row["reason"], row["receipt"]]
    if type(row["sequence"]) is not int or not all(isinstance(text, str) for text in texts):
        raise TypeError("a number and two texts are expected")
    if not all(text is None or isinstance(text, str) for text in optional):
        raise TypeError("texts are expected")
    return LedgerEntry(row["sequence"], utc_moment(row["at"]), LedgerEvent(row["event"]), *texts, *optional)
