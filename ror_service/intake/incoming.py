"""A genotype file on its way in: hashed and sealed while it arrives, so that it never lies in clear on disk."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ror_service.errors import ConflictError, InvalidInputError, NoRoomError
from ror_service.sealing import vault
from ror_service.sealing.stream import SealingWriter
from ror_service.work import new_id

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""The disk, the quota, or the largest file that the process may write."""


@contextmanager
def _asking_for_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoomError(
                "the store has no room, and nothing was kept: make room, then send the file again"
            ) from error
        raise


def check_length(size: int, most: int) -> None:
    """See that a file does not exceed what its row declares.

    Raises:
        InvalidInputError: If it is longer.
    """
    if size > most:
        raise InvalidInputError("the file is longer than its manifest row declares")


class Incoming:
    """Seals what arrives into the store. A context manager: on leaving, the bytes are gone unless they were kept.

    The data key is in this object alone until the file is accepted, so that bytes which a crash leaves behind are
    noise.

    Args:
        store: Folder of sealed files.
        participant_id: Whose file it is.
        most: Bytes that the manifest row declares.

    Raises:
        NoRoomError: Here and in `write` and `finish`, if the store has no room.
    """

    def __init__(self, store: Path, participant_id: str, most: int) -> None:
        self.file_id = new_id("file")
        self.key = vault.new_key()
        self.size = 0
        """Clear bytes so far."""
        self._most = most
        self._hash = hashlib.sha256()
        self._path = store / self.file_id
        with _asking_for_room():
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        context = vault.file_context(participant_id, self.file_id, self.key.key_id)
        self._writer = SealingWriter(self._file, self.key.data_key, context)
        self._kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept:
            self._file.close()
            return
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what is left to write finds no room, and is not wanted
            self._file.close()

    @property
    def sha256(self) -> str:
        """SHA-256 of the clear bytes so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, clear: bytes) -> None:
        """Take more of the file.

        Raises:
            InvalidInputError: If the file is longer than declared.
        """
        self.size += len(clear)
        check_length(self.size, self._most)
        self._hash.update(clear)
        with _asking_for_room():
            self._writer.write(clear)

    def finish(self) -> None:
        """Seal the end of the file and see it safely on disk, before a row speaks of it.

        Raises:
            ConflictError: If it took so long to arrive that it was swept away.
        """
        with _asking_for_room():
            self._writer.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        if not os.fstat(self._file.fileno()).st_nlink:
            raise ConflictError("the file took too long to arrive, and what came was removed; send it again")

    def keep(self) -> None:
        """Leave the sealed bytes in the store, as the last act of the transaction whose row names them.

        A commit whose answer is lost may have happened: bytes without a row are swept later, a row without its bytes
        would be a lost file.
        """
        self._kept = True
