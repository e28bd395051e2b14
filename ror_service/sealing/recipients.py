"""Seals bytes to a recipient's public key: HPKE in base mode (RFC 9180), one shot for each message, or JWE.

The default key encapsulation joins ML-KEM-768 and X25519 (HPKE number 0x647a, "X-Wing"), so that what is recorded
today stays closed to a quantum computer of later; X25519 alone is there for partners, or builds, without it, and JSON
Web Encryption to P-256 for those without HPKE. None tells the sender: whoever needs to know signs as well.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl.backend import backend
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from ror_service.errors import SealError
from ror_service.sealing import jwe
from ror_service.sealing.private_files import read_private, write_private

_FORMAT = b"\x01"
_HEADER_BYTES = 7
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64
_X25519_BYTES = 32

_HpkePublicKey: TypeAlias = X25519PublicKey | MLKEM768X25519PublicKey
_HpkePrivateKey: TypeAlias = X25519PrivateKey | MLKEM768X25519PrivateKey


class Profile(Enum):
    """How things are sealed to a recipient; the value is the name in manifests and key texts."""

    MLKEM768_X25519 = "MLKEM768-X25519.HKDF-SHA256.AES-256-GCM"
    X25519 = "DHKEM-X25519.HKDF-SHA256.AES-256-GCM"
    JWE_P256 = "JWE-P256.ECDH-ES+A256KW.A256GCM"

    @property
    def form(self) -> str:
        """`hpke` or `jwe`: how key identifiers begin, and how names of sealed files end."""
        return "jwe" if self is Profile.JWE_P256 else "hpke"

    @property
    def identifier(self) -> bytes:
        """HPKE: the six bytes of the suite in the IANA registry (encapsulation, derivation, cipher). JWE: its name."""
        if self is Profile.JWE_P256:
            return str(self.value).encode()
        encapsulation = 0x647A if self is Profile.MLKEM768_X25519 else 0x0020
        return encapsulation.to_bytes(2, "big") + b"\x00\x01\x00\x02"

    @property
    def cipher(self) -> Suite:
        """The HPKE suite as the library makes it."""
        kem = KEM.MLKEM768_X25519 if self is Profile.MLKEM768_X25519 else KEM.X25519
        return Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def default_profile() -> Profile:
    """The hybrid where the installed OpenSSL has ML-KEM, X25519 alone elsewhere."""
    return Profile.MLKEM768_X25519 if backend.mlkem_supported() else Profile.X25519


@dataclass(frozen=True, slots=True)
class RecipientPublicKey:
    """A partner's public key.

    Attributes:
        profile: What it is for.
        raw: Its bytes as HPKE serialises them (1216 for the hybrid: ML-KEM-768, then X25519; 32 for X25519), or for JWE
            the uncompressed point (65).
    """

    profile: Profile
    raw: bytes

    @property
    def key_id(self) -> str:
        """Name that follows from the key: "hpke-" or "jwe-", and 32 hex digits of SHA-256 over profile and key."""
        return f"{self.profile.form}-" + hashlib.sha256(self.profile.identifier + self.raw).hexdigest()[:32]

    def to_text(self) -> str:
        """The key in one line: name of the profile, colon, base64url."""
        return _to_text(self.profile, self.raw)

    @classmethod
    def from_text(cls, text: str) -> RecipientPublicKey:
        """Undo `to_text`.

        Raises:
            SealError: If `text` is no public key.
        """
        key = cls(*_from_text(text, "public"))
        key.load()
        return key

    def load(self) -> _HpkePublicKey | EllipticCurvePublicKey:
        """The key as the library holds it.

        Raises:
            SealError: If the bytes are no key of this profile, or this build does not know it.
        """
        try:
            if self.profile is Profile.JWE_P256:
                return jwe.load_public(self.raw)
            if self.profile is Profile.X25519:
                return X25519PublicKey.from_public_bytes(self.raw)
            return MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC_BYTES]),
                X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC_BYTES:]),
            )
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SealError(f"not a public key for {self.profile.value}; ask the partner for its key again") from error


@dataclass(frozen=True, slots=True, repr=False)
class RecipientKeyPair:
    """A recipient's private key with the public key that belongs to it. It never shows its secret when printed."""

    profile: Profile
    secret: bytes
    """X25519: 32 bytes. Hybrid: the ML-KEM seed (64 bytes), then X25519 (32 bytes). JWE: the P-256 scalar, 32 bytes."""

    @classmethod
    def generate(cls, profile: Profile | None = None) -> RecipientKeyPair:
        """A fresh key pair, for the default profile unless told otherwise."""
        profile = profile or default_profile()
        if profile is Profile.JWE_P256:
            return cls(profile, jwe.generate())
        secret = X25519PrivateKey.generate().private_bytes_raw()
        if profile is Profile.MLKEM768_X25519:
            secret = MLKEM768PrivateKey.generate().private_bytes_raw() + secret
        return cls(profile, secret)

    @classmethod
    def load_or_create(cls, path: Path) -> RecipientKeyPair:
        """The key pair in a file of mode 0600, generated at first use.

        Raises:
            UnsafeConfigurationError: If others may read the file.
            SealError: If it holds no private key.
        """
        if not path.exists():
            pair = cls.generate()
            # If another process was first, its key counts.
            with contextlib.suppress(FileExistsError):
                write_private(path, pair.private_text().encode())
        return cls.from_text(read_private(path).decode(errors="replace"))

    @classmethod
    def from_text(cls, text: str) -> RecipientKeyPair:
        """The key pair that `private_text` wrote.

        Raises:
            SealError: If `text` is no private key.
        """
        pair = cls(*_from_text(text, "private"))
        pair.load()
        return pair

    def private_text(self) -> str:
        """The private key in one line: name of the profile, colon, base64url. Keep it secret."""
        return _to_text(self.profile, self.secret)

    @property
    def public(self) -> RecipientPublicKey:
        """The half to give away."""
        if self.profile is Profile.JWE_P256:
            return RecipientPublicKey(self.profile, jwe.public_bytes(jwe.load_private(self.secret).public_key()))
        if self.profile is Profile.X25519:
            return RecipientPublicKey(self.profile, self._x25519().public_key().public_bytes_raw())
        raw = self._mlkem().public_key().public_bytes_raw() + self._x25519().public_key().public_bytes_raw()
        return RecipientPublicKey(self.profile, raw)

    @property
    def key_id(self) -> str:
        """The public key's identifier."""
        return self.public.key_id

    def load(self) -> _HpkePrivateKey | EllipticCurvePrivateKey:
        """The key as the library holds it.

        Raises:
            SealError: If the bytes are no key of this profile, or this build does not know it.
        """
        try:
            if self.profile is Profile.JWE_P256:
                return jwe.load_private(self.secret)
            if self.profile is Profile.X25519:
                return self._x25519()
            return MLKEM768X25519PrivateKey(self._mlkem(), self._x25519())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SealError(f"not a private key for {self.profile.value}; restore it from safe keeping") from error

    def _mlkem(self) -> MLKEM768PrivateKey:
        return MLKEM768PrivateKey.from_seed_bytes(self.secret[:_MLKEM_SEED_BYTES])

    def _x25519(self) -> X25519PrivateKey:
        start = 0 if self.profile is Profile.X25519 else _MLKEM_SEED_BYTES
        return X25519PrivateKey.from_private_bytes(self.secret[start:])


def seal_to(recipient: RecipientPublicKey, plaintext: bytes, info: bytes) -> bytes:
    """Seal `plaintext` so that only the holder of the private key opens it, and only with the same `info`.

    Returns:
        HPKE: format byte, suite (6 bytes), encapsulated key, ciphertext with tag. JWE: its compact serialization.

    Raises:
        SealError: If the public key is not usable.
    """
    key = recipient.load()
    if isinstance(key, EllipticCurvePublicKey):
        return jwe.seal(key, recipient.key_id, plaintext, info)
    header = _FORMAT + recipient.profile.identifier
    try:
        return header + recipient.profile.cipher.encrypt(plaintext, key, header + info)
    except ValueError as error:  # a point of small order: the shared secret would be known to all
        raise SealError(f"key {recipient.key_id} seals nothing; ask the partner for another") from error


def open_from(private: RecipientKeyPair, sealed: bytes, info: bytes) -> bytes:
    """Undo `seal_to`.

    Raises:
        SealError: If it was sealed to another key, by another profile or with another `info`, or any byte was changed.
    """
    key, header = private.load(), _FORMAT + private.profile.identifier
    try:
        if isinstance(key, EllipticCurvePrivateKey):
            return jwe.open_sealed(key, private.key_id, sealed, info)
        if sealed[:_HEADER_BYTES] != header:
            raise SealError(f"not sealed by {private.profile.value}, the profile of key {private.key_id}")
        return private.profile.cipher.decrypt(sealed[_HEADER_BYTES:], key, header + info)
    except (InvalidTag, ValueError) as error:
        raise SealError(f"does not open with key {private.key_id}: another key or context, or changed bytes") from error


def _to_text(profile: Profile, raw: bytes) -> str:
    return f"{profile.value}:{base64.urlsafe_b64encode(raw).decode()}"


def _from_text(text: str, half: str) -> tuple[Profile, bytes]:
    name, _, encoded = text.strip().partition(":")
    try:
        return Profile(name), base64.b64decode(encoded, altchars=b"-_", validate=True)
    except ValueError as error:
        raise SealError(f"not a {half} key; expected one line, PROFILE:BASE64URL") from error
