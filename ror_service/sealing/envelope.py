"""Seals bytes under a data key, bound to the object that they are.

The context is associated data of the cipher: ciphertext that is moved to another participant, report, version, kind or
template does not open. The data key belongs to this one object, so that destroying the key erases the object in every
copy and backup.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ror_service.errors import SealError
from ror_service.sealing.canonical import canonical_json

DATA_KEY_BYTES = 32
FORMAT = b"\x01"
"""First byte of everything sealed: AES-256-GCM, 96-bit nonce, 128-bit tag."""
NONCE_BYTES = 12
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class SealContext:
    """What sealed bytes are.

    Attributes:
        participant_id: Whose they are.
        report_id: Which report (or other stored object).
        version: Version of the report, from 1.
        kind: What sort of object, for example "report" or "genotypes".
        template_digest: Digest of the templates that it was rendered with; empty for what is not rendered.
        key_id: The data key's own identifier. It outlives rotation of the key-encryption key.
    """

    participant_id: str
    report_id: str
    version: int
    kind: str
    template_digest: str
    key_id: str

    def associated_data(self) -> bytes:
        """The context as canonical JSON (RFC 8785), the same bytes for the same context for ever."""
        return canonical_json(
            {"schema": "ror.seal/1", **{field.name: getattr(self, field.name) for field in fields(self)}}
        )


def new_data_key() -> bytes:
    """A fresh random key of 256 bits for one object."""
    return AESGCM.generate_key(bit_length=DATA_KEY_BYTES * 8)


def seal(plaintext: bytes, data_key: bytes, context: SealContext) -> bytes:
    """Seal `plaintext` so that it opens only with `data_key` and in the same context.

    Returns:
        Format byte, nonce (12 bytes), ciphertext, tag (16 bytes).
    """
    return encrypt(plaintext, data_key, context.associated_data())


def open_sealed(sealed: bytes, data_key: bytes, context: SealContext) -> bytes:
    """Undo `seal`.

    Raises:
        SealError: If the key or the context is another one, or any byte was changed.
    """
    return decrypt(sealed, data_key, context.associated_data(), what=f"report {context.report_id}")


def encrypt(plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
    """AES-256-GCM under a fresh random nonce, with the format byte authenticated too."""
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, plaintext, FORMAT + associated_data)


def decrypt(sealed: bytes, key: bytes, associated_data: bytes, *, what: str) -> bytes:
    """Undo `encrypt`; `what` names the object in the error, by opaque identifiers alone.

    Raises:
        SealError: If the key or the associated data is another one, or any byte was changed.
    """
    if len(sealed) < 1 + NONCE_BYTES + _TAG_BYTES or sealed[:1] != FORMAT:
        raise SealError(f"{what}: not sealed in a known format; restore it from a copy that is whole")
    nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, FORMAT + associated_data)
    except (InvalidTag, ValueError) as error:
        raise SealError(f"{what}: does not open: another key, another context, or changed bytes") from error
