"""A folder or bucket outside the database where files are written once: checkpoints of the audit log, and erasures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from re import Pattern

from fsspec.core import url_to_fs

from ror_service.errors import UnsafeConfigurationError


class SecondPlace:
    """Files that are never written again.

    Args:
        url: A local folder, or a URL that fsspec knows, such as `s3://bucket/audit`.

    Raises:
        UnsafeConfigurationError: If the URL is of no known kind, or its library is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UnsafeConfigurationError(
                "ROR_AUDIT_CHECKPOINTS is of no kind of store that is known here; `s3://` needs the extra `s3`"
            ) from error

    def names(self, pattern: Pattern[str]) -> list[str]:
        """Names of the files that match, in order.

        Raises:
            UnsafeConfigurationError: If the place cannot be read.
        """
        self._files.invalidate_cache()
        with _reached():
            found = self._files.ls(self._root, detail=True) if self._files.exists(self._root) else []
        # An empty one is left by a process that was killed just then.
        names = (str(item["name"]).rpartition("/")[2] for item in found if item["size"])
        return sorted(name for name in names if pattern.fullmatch(name))

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        """A file, or its beginning.

        Raises:
            UnsafeConfigurationError: If the place cannot be read.
        """
        with _reached():
            return bytes(self._files.cat_file(f"{self._root}/{name}", end=most_bytes))

    def create(self, name: str, content: bytes) -> None:
        """Write a file that is not there yet.

        Raises:
            FileExistsError: If it is.
            UnsafeConfigurationError: If the place cannot be written.
        """
        # Under its own name at once: the place may refuse to rename and to remove.
        with _reached(but=FileExistsError):
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(f"{self._root}/{name}", content, mode="create")


@contextmanager
def _reached(but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, but):
            raise
        raise UnsafeConfigurationError(
            f"ROR_AUDIT_CHECKPOINTS: the place cannot be read or written now ({type(error).__name__})"
        ) from error
