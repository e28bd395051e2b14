"""A genotype file on its way in: hashed and sealed while it arrives, so that it never lies in clear on disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ror_service.errors import InvalidInputError
from ror_service.sealing import vault
from ror_service.sealing.stream import SealingWriter
from ror_service.work import new_id


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
    """

    def __init__(self, store: Path, participant_id: str, most: int) -> None:
        self.file_id = new_id("file")
        self.key = vault.new_key()
        self.size = 0
        """Clear bytes so far."""
        self._most = most
        self._hash = hashlib.sha256()
        self._path = store / self.file_id
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        context = vault.file_context(participant_id, self.file_id, self.key.key_id)
        self._writer = SealingWriter(self._file, self.key.data_key, context)
        self._kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._kept:
            self._path.unlink(missing_ok=True)

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
        self._writer.write(clear)

    def finish(self) -> None:
        """Seal the end of the file and see it safely on disk, before a row speaks of it."""
        self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def keep(self) -> None:
        """Leave the sealed bytes in the store: a row that names them is committed."""
        self._kept = True
