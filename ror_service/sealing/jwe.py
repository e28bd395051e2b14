"""Seals to a P-256 key as a compact JSON Web Encryption (RFC 7516), for partners whose libraries or hardware lack HPKE.

ECDH-ES+A256KW agrees on the key, A256GCM seals. The header's `apv` is the SHA-256 of what HPKE takes as `info`: it goes
into the derivation of the key, and is authenticated with the header. One header is written and read, member by member:
a message that asks for another algorithm, or for decompression, is refused before any key is used.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

KEY_AGREEMENT, CONTENT_CIPHER = "ECDH-ES+A256KW", "A256GCM"
TYPE = "ror-sealed+jwe"
_PARTS = 5
_SCALAR_BYTES = 32
_MOST_HEADER_CHARACTERS = 1024


class _Registry(JWERegistry):
    """The library's own limit of 64 KiB is below the size of a report."""

    max_ciphertext_length = 1 << 30


_REGISTRY = _Registry(algorithms=[KEY_AGREEMENT, CONTENT_CIPHER])


def generate() -> bytes:
    """A fresh private key: the scalar, 32 bytes."""
    return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(_SCALAR_BYTES, "big")


def load_private(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """The private key.

    Raises:
        ValueError: If it is none.
    """
    if len(secret) != _SCALAR_BYTES:
        raise ValueError("a P-256 private key is 32 bytes")
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


def load_public(raw: bytes) -> ec.EllipticCurvePublicKey:
    """The public key.

    Raises:
        ValueError: If it is no uncompressed point of the curve (65 bytes).
    """
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    if public_bytes(key) != raw:
        raise ValueError("a P-256 public key is written uncompressed")
    return key


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """The uncompressed point, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def seal(key: ec.EllipticCurvePublicKey, key_id: str, plaintext: bytes, info: bytes) -> bytes:
    """The compact serialization, ASCII."""
    return jwe.encrypt_compact(_header(key_id, info), plaintext, ECKey.import_key(key), registry=_REGISTRY).encode()


def open_sealed(key: ec.EllipticCurvePrivateKey, key_id: str, sealed: bytes, info: bytes) -> bytes:
    """Undo `seal`.

    Raises:
        ValueError: If it was sealed to another key or with another `info`, or any byte was changed.
    """
    parts = sealed.split(b".")
    # What base64url leaves undecided must not leave room for two texts of one message.
    if len(parts) != _PARTS or any(urlsafe_b64encode(urlsafe_b64decode(part)) != part for part in parts):
        raise ValueError("not a compact serialization")
    header: Any = json.loads(urlsafe_b64decode(parts[0][:_MOST_HEADER_CHARACTERS]))
    if not isinstance(header, dict) or header != {**_header(key_id, info), "epk": header.get("epk")}:
        raise ValueError("another header")
    try:
        opened = jwe.decrypt_compact(sealed, ECKey.import_key(key), registry=_REGISTRY).plaintext
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError("does not open") from error
    return opened or b""


def _header(key_id: str, info: bytes) -> dict[str, Any]:
    digest = Hash(SHA256())
    digest.update(info)
    bound = urlsafe_b64encode(digest.finalize()).decode()
    return {"alg": KEY_AGREEMENT, "enc": CONTENT_CIPHER, "kid": key_id, "typ": TYPE, "apv": bound}
