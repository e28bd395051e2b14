"""Signatures that name their key: JSON Web Signatures by Ed25519, over canonical JSON.

One algorithm is written and read ("Ed25519", RFC 9864): a token that asks for another one, "none" included, is refused
before any key is looked at. The header's "typ" keeps a signature for one purpose from being shown for another.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64decode

from ror_service.errors import SignatureError
from ror_service.sealing.canonical import canonical_json, sha256_hex
from ror_service.sealing.private_files import read_private, write_private

ALGORITHM = "Ed25519"
MANIFEST_TYPE = "ror-manifest+jws"
_KEY_BYTES = 32
_MAX_HEADER_CHARACTERS = 512
_DOTS = 2


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """An Ed25519 private key and the name that others know it by."""

    key_id: str
    private_key: Ed25519PrivateKey

    @classmethod
    def generate(cls, key_id: str | None = None) -> Signer:
        """A fresh key, named after its public key unless told otherwise."""
        return cls.from_secret(Ed25519PrivateKey.generate().private_bytes_raw(), key_id)

    @classmethod
    def from_secret(cls, secret: bytes, key_id: str | None = None) -> Signer:
        """The key of 32 secret bytes.

        Raises:
            SignatureError: If they are not 32.
        """
        if len(secret) != _KEY_BYTES:
            raise SignatureError("not an Ed25519 private key (32 bytes); restore it from safe keeping")
        private_key = Ed25519PrivateKey.from_private_bytes(secret)
        return cls(key_id or signing_key_id(private_key.public_key()), private_key)

    @classmethod
    def load_or_create(cls, path: Path, key_id: str | None = None) -> Signer:
        """The key in a file of mode 0600, generated at first use.

        Raises:
            UnsafeConfigurationError: If others may read the file.
            SignatureError: If it holds no key.
        """
        if not path.exists():
            # If another process was first, its key counts.
            with contextlib.suppress(FileExistsError):
                write_private(path, cls.generate().private_key.private_bytes_raw())
        return cls.from_secret(read_private(path), key_id)

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The half to give away."""
        return self.private_key.public_key()


def signing_key_id(public_key: Ed25519PublicKey) -> str:
    """A name that follows from the key: "ed25519-" and 32 hexadecimal digits of its SHA-256."""
    return f"ed25519-{sha256_hex(public_key.public_bytes_raw())[:32]}"


def sign_manifest(manifest: Mapping[str, object], signer: Signer) -> str:
    """A detached signature (RFC 7515, appendix F) over the canonical JSON of `manifest`.

    Raises:
        ValueError: If `manifest` has no canonical JSON form.
    """
    return jws.detach_content(sign_compact(canonical_json(manifest), signer, MANIFEST_TYPE))


def verify_manifest(manifest: Mapping[str, object], token: str, trusted: Mapping[str, Ed25519PublicKey]) -> str:
    """Check a detached signature over `manifest`.

    Returns:
        Identifier of the trusted key that signed.

    Raises:
        SignatureError: If the signature is malformed, by an unknown key, by another algorithm, or over other bytes.
    """
    return verify_detached(canonical_json(manifest), token, trusted)


def verify_detached(payload: bytes, token: str, trusted: Mapping[str, Ed25519PublicKey]) -> str:
    """As `verify_manifest`, for a manifest that is canonical bytes already and not yet trusted enough to parse."""
    key_id = _trusted_key_id(token, trusted, MANIFEST_TYPE)
    if ".." not in token:
        # The library would check the enclosed bytes and leave ours unread.
        raise SignatureError("the manifest's signature encloses another manifest")
    _verify(token, payload, trusted[key_id])
    return key_id


def sign_compact(payload: bytes, signer: Signer, token_type: str) -> str:
    """A compact signature that encloses `payload`."""
    header = {"alg": ALGORITHM, "kid": signer.key_id, "typ": token_type}
    return jws.serialize_compact(header, payload, OKPKey.import_key(signer.private_key), algorithms=[ALGORITHM])


def verify_compact(token: str, trusted: Mapping[str, Ed25519PublicKey], token_type: str) -> tuple[str, bytes]:
    """Check a compact signature of one type.

    Returns:
        Identifier of the trusted key that signed, and the enclosed payload.

    Raises:
        SignatureError: If the signature is malformed, of another type, by an unknown key or by another algorithm.
    """
    key_id = _trusted_key_id(token, trusted, token_type)
    return key_id, _verify(token, None, trusted[key_id])


def _trusted_key_id(token: str, trusted: Mapping[str, Ed25519PublicKey], token_type: str) -> str:
    header = _header(token)
    key_id = str(header.get("kid"))
    if header != {"alg": ALGORITHM, "kid": key_id, "typ": token_type}:
        raise SignatureError(f"not a signature by {ALGORITHM} of type {token_type}")
    if key_id not in trusted:
        raise SignatureError("signed by a key that is not trusted here; register the sender's key first")
    return key_id


def _header(token: str) -> dict[str, object]:
    first = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(first.encode("ascii"))) if len(first) <= _MAX_HEADER_CHARACTERS else None
    except ValueError as error:
        raise SignatureError("not a JSON Web Signature") from error
    if token.count(".") != _DOTS or not isinstance(header, dict):
        raise SignatureError("not a JSON Web Signature")
    return header


def _verify(token: str, payload: bytes | None, public_key: Ed25519PublicKey) -> bytes:
    try:
        verified = jws.deserialize_compact(
            token, OKPKey.import_key(public_key), algorithms=[ALGORITHM], payload=payload
        )
    except (JoseError, ValueError) as error:
        raise SignatureError("the signature does not match: other bytes, or another key of the same name") from error
    return bytes(verified.payload)
