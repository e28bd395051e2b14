"""A folder or an object store's prefix where a genome center leaves manifests beside their files, read through fsspec.

What was taken in is known by content alone: the rows in the database, a manifest by its SHA-256 in the feedback beside
it. A pass may be cut off anywhere and run again. The feedback spares work and grants nothing: a center that writes its
own only keeps its rows from being taken in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.core import split_protocol, url_to_fs
from fsspec.implementations.local import LocalFileSystem
from pydantic import ValidationError

from ror_service.errors import InvalidInputError, UnsafeConfigurationError
from ror_service.intake.feedback import Feedback, Taken, feedback_on
from ror_service.intake.manifest import Row
from ror_service.intake.manifest_check import MOST_BYTES, ManifestError, Verdict, check_manifest
from ror_service.intake.submission import Files, NoFileError
from ror_service.states import SampleState

_KINDS = {"file", "local", "s3", "s3a", "memory"}  # the last one is of this process alone: for tests
_MANIFEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.manifest\.(csv|json)")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_FEEDBACK = re.compile(r".*\.feedback\.(csv|json)")
Take = Callable[[Row, Files], Taken]
"""Takes one row in with its file."""


class Inbox:
    """Manifests, their files and the feedback on them, all in one folder. Names with a path in them reach nothing.

    Args:
        url: A local path, or a prefix such as `s3://bucket/center-1`, at the server that the environment names.

    Raises:
        UnsafeConfigurationError: If the library for this kind of store is not installed.
        InvalidInputError: If the URL is of no known kind.
    """

    def __init__(self, url: str) -> None:
        if "::" in url or (split_protocol(url)[0] or "file") not in _KINDS:
            # Others read from wherever the URL says, or keep a clear copy on disk (`simplecache::`).
            raise InvalidInputError(
                "the URL is of no kind of store that is known here: a folder, or s3://bucket/prefix"
            )
        try:
            filesystem, self._root = url_to_fs(url)
        except ImportError as error:
            raise UnsafeConfigurationError("this kind of store needs a library: install the extra `s3`") from error
        self.versions: dict[str, str] = {}
        """What was last listed."""
        self._files = cast("AbstractFileSystem", filesystem)
        self.url = str(self._files.unstrip_protocol(self._root))
        """The same folder, from wherever it is asked for."""

    def listing(self) -> dict[str, str]:
        """Name and fingerprint (size, time, tag of the store) of every file but feedback.

        Raises:
            InvalidInputError: If there is no such folder.
        """
        # A listing that was kept from an earlier pass would hide what came since.
        self._files.invalidate_cache()
        try:
            found = self._files.ls(self._root, detail=True)
        except FileNotFoundError as error:
            raise InvalidInputError("there is no such folder or prefix") from error
        plain = {str(item["name"]).rpartition("/")[2]: item for item in found if _is_plain(item)}
        self.versions = {
            name: " ".join(str(item.get(fact)) for fact in ("size", "mtime", "created", "LastModified", "ETag"))
            for name, item in sorted(plain.items())
            if not _FEEDBACK.fullmatch(name)
        }
        return self.versions

    def read(self, name: str) -> bytes:
        """Content of a manifest or feedback, cut off behind what a manifest may hold."""
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

    def feedback(self, name: str) -> Feedback | None:
        """The feedback beside a manifest, if there is any."""
        try:
            return Feedback.model_validate_json(self.read(f"{name}.feedback.json"))
        except (NoFileError, ValidationError):
            return None

    def answer(self, name: str, feedback: Feedback) -> None:
        """Write the feedback beside its manifest; the JSON, by which it counts as answered, comes last."""
        for ending, text in ((".csv", feedback.to_csv()), (".json", feedback.model_dump_json(indent=1))):
            self._write(self._path(f"{name}.feedback{ending}"), text.encode())

    def _write(self, path: str, content: bytes) -> None:
        if not isinstance(self._files, LocalFileSystem):
            self._files.pipe_file(path, content)
            return
        # Whole or not at all, and in place of a link that somebody put there, not through it.
        part = Path(path).with_name(f".{Path(path).name}.part")
        part.unlink(missing_ok=True)  # of a pass that was cut off
        with part.open("xb") as file:
            file.write(content)
        part.replace(path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def take_in(inbox: Inbox, take: Take, again: Take | None = None) -> Iterator[tuple[str, Feedback]]:
    """One pass over a folder: name and feedback of each manifest that was new or changed, or whose rows lack files.

    Of a manifest that was seen before only rows without their file are looked at again: when the folder changed, or
    while the file is being fetched.

    Args:
        inbox: The folder.
        take: Takes a row in.
        again: Looks at a row again that was submitted and waits for its file; `take` where there is none.
    """
    listing = inbox.listing()
    folder = hashlib.sha256(repr(listing).encode()).hexdigest()
    for name in filter(_MANIFEST.fullmatch, listing):
        content = inbox.read(name)
        sha256 = hashlib.sha256(content).hexdigest()
        before = inbox.feedback(name)
        if before is not None and before.manifest_sha256 != sha256:
            before = None
        if before is not None and (not before.waiting or (before.folder_sha256 == folder and not _fetching(before))):
            continue
        try:
            feedback = feedback_on(check_manifest(content), _sparing(before, take, again or take, inbox))
        except ManifestError as error:
            feedback = Feedback.unread(sha256, error)
        feedback = feedback.model_copy(update={"folder_sha256": folder})
        inbox.answer(name, feedback)
        yield name, feedback


def _fetching(before: Feedback) -> bool:
    """Whether a file was there and nothing was said against it yet."""
    return any(row.state is SampleState.AWAITING_FILE and not row.reasons for row in before.rows)


def _sparing(before: Feedback | None, take: Take, again: Take, inbox: Inbox) -> Callable[[Row], Taken]:
    """Takes a row in unless it was, or waits for a file that is not there."""
    known = {} if before is None else {row.sample_id: row for row in before.rows}

    def sparing(row: Row) -> Taken:
        told = known.get(row.sample_id)
        if told is None:
            return take(row, inbox.open)
        if told.state is SampleState.AWAITING_FILE and (row.genotypes_file in inbox.versions or not told.reasons):
            return again(row, inbox.open)
        return Taken(told.state, tuple(told.holds), tuple(told.reasons), refused=told.verdict is Verdict.REFUSED)

    return sparing


def _is_plain(item: dict[str, object]) -> bool:
    return item["type"] == "file" and not item.get("islink", False)
