"""Data keys, wrapped by a key-encryption key that a provider holds.

A wrapped data key is bound to the same context as the object it seals and to the identifier of the key that wraps it.
Rotation makes a new key-encryption key current; data keys are unwrapped and wrapped anew, while both still open.
Random nonces allow one key-encryption key 2^32 wraps (NIST SP 800-38D); rotate long before.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ror_service.errors import SealError
from ror_service.sealing.envelope import DATA_KEY_BYTES, decrypt, encrypt
from ror_service.sealing.private_files import make_private_folder, read_private, write_private

KEK_ID = re.compile(r"kek-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key that only the named key-encryption key opens; safe to store."""

    kek_id: str
    wrapped: bytes


class KeyProvider(Protocol):
    """Holds key-encryption keys: a folder, a hardware module or a cloud service."""

    def current_key_id(self) -> str:
        """Identifier of the key-encryption key that new data keys are wrapped by."""

    def wrap(self, data_key: bytes, associated_data: bytes) -> WrappedKey:
        """Wrap by the current key-encryption key."""

    def unwrap(self, wrapped: WrappedKey, associated_data: bytes) -> bytes:
        """Undo `wrap`.

        Raises:
            SealError: If the key-encryption key is not here or the wrapped key does not open.
            KeysUnavailableError: If the holder cannot be reached now.
        """

    def holds(self, kek_id: str) -> bool:
        """Whether this key-encryption key is here."""

    def rotate(self) -> str:
        """Make a new key-encryption key the current one; old ones still unwrap. Returns the new identifier."""

    def destroy(self, kek_id: str) -> None:
        """Remove a key-encryption key: every data key still under it is lost for good.

        Raises:
            SealError: If it is the current key, or not here.
        """


class FileKeyProvider:
    """Key-encryption keys as files of mode 0600 in one folder, for embedded use.

    The folder holds `<kek id>.key` (32 random bytes each) and `current`, which names one of them. Both are created at
    first use. Processes may share the folder: a rotation by one is seen by all at their next wrap.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, or create it with a first key.

        Raises:
            UnsafeConfigurationError: If others may write in the folder or read a key.
        """
        make_private_folder(folder)
        self._folder = folder
        self._pointer = folder / "current"
        self._loaded: dict[str, bytes] = {}
        if not self._pointer.exists():
            first = self._create_key()
            try:
                write_private(self._pointer, first.encode())
            except FileExistsError:
                # Another process was first; its key is the current one.
                self._file(first).unlink()
        self._key(self.current_key_id())

    def current_key_id(self) -> str:
        """Identifier of the key-encryption key that new data keys are wrapped by."""
        return read_private(self._pointer).decode(errors="replace").strip()

    def wrap(self, data_key: bytes, associated_data: bytes) -> WrappedKey:
        """Wrap by the current key-encryption key (AES-256-GCM)."""
        kek_id = self.current_key_id()
        return WrappedKey(kek_id, encrypt(data_key, self._key(kek_id), bound_to(kek_id, associated_data)))

    def unwrap(self, wrapped: WrappedKey, associated_data: bytes) -> bytes:
        """Undo `wrap`.

        Raises:
            SealError: If the key-encryption key is not here or the wrapped key does not open.
        """
        key = self._key(wrapped.kek_id)
        bound = bound_to(wrapped.kek_id, associated_data)
        return decrypt(wrapped.wrapped, key, bound, what=f"data key under {wrapped.kek_id}")

    def holds(self, kek_id: str) -> bool:
        """Whether this key-encryption key is here."""
        return KEK_ID.fullmatch(kek_id) is not None and self._file(kek_id).exists()

    def rotate(self) -> str:
        """Make a new key-encryption key the current one; old ones still unwrap. Returns the new identifier."""
        kek_id = self._create_key()
        write_private(self._pointer, kek_id.encode(), replace=True)
        return kek_id

    def destroy(self, kek_id: str) -> None:
        """Remove a key-encryption key: every data key still under it is lost for good.

        Raises:
            SealError: If it is the current key, or not here.
        """
        if kek_id == self.current_key_id():
            raise SealError(f"key-encryption key {kek_id} is the current one; rotate and rewrap first")
        self._key(kek_id)
        self._file(kek_id).unlink()
        del self._loaded[kek_id]

    def _create_key(self) -> str:
        kek_id = f"kek-{secrets.token_hex(8)}"
        write_private(self._file(kek_id), secrets.token_bytes(DATA_KEY_BYTES))
        return kek_id

    def _file(self, kek_id: str) -> Path:
        return self._folder / f"{kek_id}.key"

    def _key(self, kek_id: str) -> bytes:
        if kek_id in self._loaded:
            return self._loaded[kek_id]
        # The identifier may come from a database row; it must not name a file elsewhere.
        if not KEK_ID.fullmatch(kek_id) or not self._file(kek_id).exists():
            raise SealError(
                f"key-encryption key {kek_id!r} is not in {self._folder}; restore its file from safe keeping"
            )
        key = read_private(self._file(kek_id))
        if len(key) != DATA_KEY_BYTES:
            raise SealError(f"key-encryption key {kek_id} is damaged; restore its file from safe keeping")
        self._loaded[kek_id] = key
        return key


def bound_to(kek_id: str, associated_data: bytes) -> bytes:
    """Associated data of a wrapped key: what it seals, and which key wraps it."""
    return f"ror.wrap/1:{kek_id}:".encode() + associated_data
