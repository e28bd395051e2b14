"""A folder or an object store's prefix where a genome center leaves manifests beside their files, read through fsspec.

What was taken in is known by content alone: the rows in the database, a manifest by its SHA-256 in the feedback beside
it. A pass may be cut off anywhere and run again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from ror_service.errors import InvalidInputError, UnsafeConfigurationError
from ror_service.intake.feedback import Feedback
from ror_service.intake.manifest_check import MOST_BYTES, CheckedManifest, ManifestError, check_manifest
from ror_service.intake.submission import Files, NoFileError

_MANIFEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.manifest\.(csv|json)")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
Take = Callable[[CheckedManifest, Files], Feedback]


class Inbox:
    """Manifests, their files and the feedback on them, all in one folder. Names with a path in them reach nothing.

    Args:
        url: A local path, or a URL that fsspec knows, such as `s3://bucket/center-1`.

    Raises:
        UnsafeConfigurationError: If the library for this kind of store is not installed.
        InvalidInputError: If the URL is of no known kind.
    """

    def __init__(self, url: str) -> None:
        try:
            filesystem, self._root = url_to_fs(url)
        except ImportError as error:
            raise UnsafeConfigurationError("this kind of store needs a library: install the extra `s3`") from error
        except ValueError as error:
            raise InvalidInputError("the URL is of no kind of store that is known here") from error
        self._files = cast("AbstractFileSystem", filesystem)

    def manifests(self) -> list[str]:
        """Names of the manifests, in order.

        Raises:
            InvalidInputError: If there is no such folder.
        """
        # A listing that was kept from an earlier pass would hide what came since.
        self._files.invalidate_cache()
        try:
            found = self._files.ls(self._root, detail=True)
        except FileNotFoundError as error:
            raise InvalidInputError("there is no such folder or prefix") from error
        names = (str(item["name"]).rpartition("/")[2] for item in found if _is_plain(item))
        return sorted(name for name in names if _MANIFEST.fullmatch(name))

    def read(self, name: str) -> bytes:
        """Content of a manifest, cut off behind what a manifest may hold."""
        with self.open(name) as file:
            return file.read(MOST_BYTES + 1)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file of the folder.

        Raises:
            NoFileError: If there is none that may be read, or it is a link or a folder.
        """
        path = self._path(name)
        try:
            plain = _FILE.fullmatch(name) is not None and _is_plain(self._files.info(path))
            file = self._files.open(path, "rb") if plain else None
        except (FileNotFoundError, PermissionError) as error:
            raise NoFileError from error
        if file is None:
            raise NoFileError
        with file:
            yield file

    def answered(self, name: str, sha256: str) -> bool:
        """Whether the feedback beside a manifest is on this very content, and no row waits for a file any more."""
        try:
            told = json.loads(self._files.cat_file(self._path(f"{name}.feedback.json")))
            return bool(told["manifest_sha256"] == sha256 and told["waiting"] == 0)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False

    def answer(self, name: str, feedback: Feedback) -> None:
        """Write the feedback beside its manifest; the JSON, by which it counts as answered, comes last."""
        for ending, text in ((".csv", feedback.to_csv()), (".json", feedback.model_dump_json(indent=1))):
            path = self._path(f"{name}.feedback{ending}")
            with self._files.transaction, self._files.open(path, "wb") as file:
                file.write(text.encode())

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def take_in(inbox: Inbox, take: Take) -> Iterator[tuple[str, Feedback]]:
    """One pass over a folder: name and feedback of each manifest that was new, changed, or had rows without a file."""
    for name in inbox.manifests():
        content = inbox.read(name)
        sha256 = hashlib.sha256(content).hexdigest()
        if inbox.answered(name, sha256):
            continue
        try:
            feedback = take(check_manifest(content), inbox.open)
        except ManifestError as error:
            feedback = Feedback.unread(sha256, error)
        inbox.answer(name, feedback)
        yield name, feedback


def _is_plain(item: dict[str, object]) -> bool:
    return item["type"] == "file" and not item.get("islink", False)
