"""Signed HTTP requests: RFC 9421 message signatures over an RFC 9530 content digest.

The library's defaults accept a signature that leaves out the body and never expires. The profile here is stricter, in
one place for the one who signs and the one who verifies:

- Ed25519 only, one signature, tag `return-of-results` (a signature made for something else is not accepted).
- Covered: `@method` and `@target-uri` always; `content-digest`, `content-type` and `idempotency-key` too wherever the
  method can change something. The digest is SHA-256 and must match the body.
- `created`, `expires`, `nonce`, `keyid` and `alg` are required; a signature lives at most `LONGEST_LIFETIME`, and a
  nonce is good once.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    VerifyResult,
)
from http_message_signatures.algorithms import ED25519

from ror_service.errors import SignatureError
from ror_service.sealing.signing import Signer

TAG = "return-of-results"
_LABEL = "ror"
_NONCE_BYTES = 18
REQUIRED_ALWAYS = ("@method", "@target-uri")
REQUIRED_WITH_EFFECT = (*REQUIRED_ALWAYS, "content-digest", "content-type", "idempotency-key")
REQUIRED_PARAMETERS = ("created", "expires", "nonce", "keyid", "alg", "tag")
METHODS_WITHOUT_EFFECT = frozenset({"GET", "HEAD"})

LIFETIME = timedelta(seconds=60)
LONGEST_LIFETIME = timedelta(minutes=5)
CLOCK_TOLERANCE = timedelta(seconds=30)
"""How far the clocks of the two sides may differ."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present, UTC and aware."""
    return datetime.now(UTC)


def required_components(method: str) -> tuple[str, ...]:
    """Return what a signature must cover for this HTTP method."""
    return REQUIRED_ALWAYS if method in METHODS_WITHOUT_EFFECT else REQUIRED_WITH_EFFECT


class NonceMemory(Protocol):
    """Remembers the nonces seen, so that a signed request is accepted once."""

    def first_use(self, key_id: str, nonce: str, expires: datetime, now: datetime) -> bool:
        """Remember a nonce until it expires; False where it was seen before."""


@dataclass(slots=True)
class LocalNonceMemory:
    """Nonces of one process. What has expired is forgotten: the signature is too old by itself then."""

    _seen: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def first_use(self, key_id: str, nonce: str, expires: datetime, now: datetime) -> bool:
        """Remember a nonce until it expires; False where it was seen before."""
        with self._lock:
            for old in [known for known, until in self._seen.items() if until < now]:
                del self._seen[old]
            if (key_id, nonce) in self._seen:
                return False
            self._seen[key_id, nonce] = expires
            return True


def sign_request(
    request: httpx.Request,
    signer: Signer,
    *,
    clock: Clock = utc_now,
    lifetime: timedelta = LIFETIME,
) -> None:
    """Add `Content-Digest`, `Signature-Input` and `Signature` to a request, in place.

    The body must be at hand (bytes, not a stream), because its digest is signed.

    Args:
        request: The request; with an effect it needs `Content-Type` and `Idempotency-Key` before it is signed.
        signer: The sender's key.
        clock: The present, UTC.
        lifetime: How long the signature is good.

    Raises:
        SignatureError: If the request lacks a field that must be covered.
    """
    with_effect = request.method not in METHODS_WITHOUT_EFFECT
    created = clock()
    keys = MappingKeyResolver(public_keys={}, private_keys={signer.key_id: signer.private_key})
    try:
        HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=keys).sign(
            request,
            key_id=signer.key_id,
            created=created,
            expires=created + lifetime,
            nonce=secrets.token_urlsafe(_NONCE_BYTES),
            label=_LABEL,
            tag=TAG,
            covered_component_ids=required_components(request.method),
            body=request.content if with_effect else None,
        )
    except HTTPMessageSignaturesException as error:
        raise SignatureError(f"the request cannot be signed: {error}") from error


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """What a server received, as far as the signature speaks of it.

    Attributes:
        method: HTTP method, upper case.
        url: The absolute URL under which the server is registered, with path and query as they came. Built from the
            server's own address, not from the `Host` field, so that a request signed for another server is refused.
        headers: Header fields; of a repeated field the values joined by ", ".
        body: The body, before any decoding.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """What a valid signature says.

    Attributes:
        key_id: The key that signed.
        nonce: The nonce, now used.
        created: When the request was signed.
    """

    key_id: str
    nonce: str
    created: datetime


class _ProfileVerifier(HTTPMessageVerifier):
    """The library's verifier on a given clock; our profile of times is checked by `MessageVerifier`."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey], clock: Clock) -> None:
        resolver = MappingKeyResolver(public_keys=keys, private_keys={})
        super().__init__(signature_algorithm=ED25519, key_resolver=resolver)
        self._clock = clock

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:  # noqa: ANN401 - the library's own untyped node
        missing = [name for name in REQUIRED_PARAMETERS if name not in sig_input.params]
        if missing:
            raise InvalidSignature(f"the signature lacks the parameters {', '.join(missing)}")
        created, expires, now = sig_input.params["created"], sig_input.params["expires"], self._clock().timestamp()
        tolerance = CLOCK_TOLERANCE.total_seconds()
        longest = (max_age or LONGEST_LIFETIME).total_seconds()
        if created > now + tolerance:
            raise InvalidSignature("the signature is from the future")
        if expires < now - tolerance or created + longest < now - tolerance:
            raise InvalidSignature("the signature is too old")
        if not 0 <= expires - created <= longest:
            raise InvalidSignature("the signature may not live as long as it says")


class MessageVerifier:
    """Verifies the signatures of requests that a server receives.

    Args:
        keys: The senders' public keys by key identifier.
        clock: The present, UTC.
        nonces: Where used nonces are remembered; by default in this process.
    """

    def __init__(
        self, keys: Mapping[str, Ed25519PublicKey], *, clock: Clock = utc_now, nonces: NonceMemory | None = None
    ) -> None:
        self._library = _ProfileVerifier(keys, clock)
        self._clock = clock
        self._nonces = nonces if nonces is not None else LocalNonceMemory()

    def verify(self, request: ReceivedRequest) -> VerifiedMessage:
        """Verify a request: signature, coverage, age, digest of the body, and first use of the nonce.

        Args:
            request: What was received.

        Returns:
            Who signed and when.

        Raises:
            SignatureError: If the signature is missing, by an unknown key, wrong, stale, replayed, or covers too
                little, or the body is not the one that was signed.
        """
        result = self._verified(request)
        parameters = result.parameters
        key_id, nonce = str(parameters["keyid"]), str(parameters["nonce"])
        now, expires = self._clock(), datetime.fromtimestamp(int(parameters["expires"]), UTC)
        if not self._nonces.first_use(key_id, nonce, expires + CLOCK_TOLERANCE, now):
            raise SignatureError("the signature was used before: sign each try anew")
        return VerifiedMessage(key_id, nonce, datetime.fromtimestamp(int(parameters["created"]), UTC))

    def _verified(self, request: ReceivedRequest) -> VerifyResult:
        try:
            (result,) = self._library.verify(  # without a tag to select by, it refuses more than one signature
                request,
                max_age=LONGEST_LIFETIME,
                require_components=required_components(request.method),
                body=request.body,
            )
            if result.parameters["tag"] != TAG:
                raise InvalidSignature(f"the tag {TAG} is required")
            digest = result.covered_components.get('"content-digest"')
            if digest is not None and not digest.startswith(f"{ContentDigest.algorithm}="):
                raise InvalidSignature("the content digest must be SHA-256")
        except HTTPMessageSignaturesException as error:
            raise SignatureError(f"the request's signature is refused: {str(error) or 'it does not match'}") from error
        return result
