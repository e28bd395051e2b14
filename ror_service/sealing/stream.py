"""Seals a file of any size in constant memory: chunk by chunk, so that what is missing, moved or added shows.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, CRYPTO 2015) over AES-256-GCM. Layout of a sealed file:

- header: format byte 2, random prefix of 7 bytes;
- chunks of 1 MiB of clear bytes, the last one shorter where need be, each with its tag of 16 bytes. The nonce of a
  chunk is the prefix, its number from 0 (4 bytes, big-endian), and one byte: 1 for the last chunk, else 0.

Header and context are associated data of every chunk. A clear chunk is handed on only after it was verified; that the
file is whole is known at its end alone, so nobody may use what was read before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ror_service.errors import SealError
from ror_service.sealing.envelope import DATA_KEY_BYTES, SealContext

CHUNK_BYTES = 1 << 20
"""Clear bytes of a chunk."""
TAG_BYTES = 16
HEADER_BYTES = 8
_FORMAT = b"\x02"
"""First byte: tells a sealed stream from an object of `envelope`."""
_MOST_CHUNKS = 1 << 32


class SealingWriter:
    """Seals what is written to it, in order, into a file.

    Args:
        file: Takes the sealed bytes, from where it stands.
        data_key: A fresh key of 256 bits, for this one file.
        context: What the file is; it opens in no other context.
    """

    def __init__(self, file: BinaryIO, data_key: bytes, context: SealContext) -> None:
        self._file = file
        self._nonces = _Nonces(os.urandom(HEADER_BYTES - len(_FORMAT)))
        header = _FORMAT + self._nonces.prefix
        self._cipher = AESGCM(data_key)
        self._associated = header + context.associated_data()
        self._waiting = bytearray()
        file.write(header)

    def write(self, clear: bytes) -> None:
        """Seal more of the file; at most one chunk is held back."""
        self._waiting += clear
        # The last chunk is sealed as such: a full one waits until more bytes follow or the file ends.
        while len(self._waiting) > CHUNK_BYTES:
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> None:
        """Seal the last chunk. Without it the file does not open."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, clear: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(self._nonces.take(last=last), clear, self._associated))


def open_stream(file: BinaryIO, data_key: bytes, context: SealContext) -> Iterator[bytes]:
    """The clear bytes of a sealed file, chunk by chunk.

    Args:
        file: The sealed file at its start, buffered: a read is short at the end alone.
        data_key: The key that it was sealed under.
        context: What the file is.

    Raises:
        SealError: As soon as a chunk does not verify: the key or the context is another one, or any byte is missing,
            moved, added or changed.
    """
    what = f"file {context.report_id}"
    header = file.read(HEADER_BYTES)
    if len(header) != HEADER_BYTES or header[:1] != _FORMAT:
        raise SealError(f"{what}: not sealed in a known format; restore it from a copy that is whole")
    if len(data_key) != DATA_KEY_BYTES:
        raise SealError(f"{what}: does not open: not a key of 256 bits")
    nonces, cipher = _Nonces(header[1:]), AESGCM(data_key)
    associated = header + context.associated_data()
    sealed = file.read(CHUNK_BYTES + TAG_BYTES)
    last = False
    while not last:
        following = file.read(CHUNK_BYTES + TAG_BYTES)
        last = not following
        try:
            clear = cipher.decrypt(nonces.take(last=last), sealed, associated)
        except (InvalidTag, ValueError) as error:
            raise SealError(f"{what}: does not open: another key or context, or not whole and unchanged") from error
        if clear:
            yield clear
        sealed = following


class _Nonces:
    """The nonces of one file; none is given twice."""

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self._number = 0
        self._ended = False

    def take(self, *, last: bool) -> bytes:
        if self._ended or self._number >= _MOST_CHUNKS:
            raise ValueError("a sealed file ends with its last chunk and holds at most 4 PiB")
        nonce = self.prefix + self._number.to_bytes(4, "big") + bytes([last])
        self._number += 1
        self._ended = last
        return nonce
