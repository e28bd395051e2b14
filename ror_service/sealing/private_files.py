"""Files that hold keys: created once, whole or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from ror_service.errors import UnsafeConfigurationError

_OWNER_ONLY = 0o077
_OTHERS_WRITE = 0o022


def make_private_folder(folder: Path) -> None:
    """Create `folder` for its owner alone, or check that no one else can put files into it.

    Raises:
        UnsafeConfigurationError: If group or others may write there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & _OTHERS_WRITE:
        raise UnsafeConfigurationError(f"key folder {folder}: others may write in it; run: chmod 700 {folder}")


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a key file of mode 0600 in one step: a reader sees all of it or none.

    Raises:
        FileExistsError: If the file is there already and `replace` was not asked for.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            unfinished.replace(path)
        else:
            # A hard link, unlike a rename, refuses to take the place of a file that another process just made.
            path.hardlink_to(unfinished)
    finally:
        unfinished.unlink(missing_ok=True)
    _flush_folder(path.parent)


def read_private(path: Path) -> bytes:
    """Read a key file.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeConfigurationError: If group or others may read or write it, or it is not a plain file.
    """
    if path.is_symlink():
        raise UnsafeConfigurationError(f"key file {path}: is a link; put the key file itself there")
    # Without O_NONBLOCK, opening a pipe that someone put there would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & _OWNER_ONLY:
            raise UnsafeConfigurationError(f"key file {path}: others may read it; run: chmod 600 {path}")
        return file.read()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
