"""Knowledge is data: a folder for each release, with a manifest that names its sources and hashes every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "manifest.json"
DEFAULT = "default-release"


class KnowledgeError(Exception):
    """A knowledge release is missing, incomplete or changed; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts of a release come from."""

    name: str
    version: str
    date: str
    licence: str
    url: str


@dataclass(frozen=True, slots=True)
class KnowledgeRelease:
    """One immutable, verified set of data files of one module."""

    module: str
    release: str
    digest: str
    """SHA-256 over the canonical manifest, which in turn holds the SHA-256 of every file."""
    sources: tuple[Source, ...]
    folder: Path
    files: Mapping[str, str]
    """File name to SHA-256."""

    def read_bytes(self, name: str) -> bytes:
        """Content of one file of the release, checked against its hash.

        Raises:
            KnowledgeError: If the file is not listed, is missing, or has changed.
        """
        expected = self.files.get(name)
        path = self.folder / name
        if expected is None or not path.is_file():
            raise KnowledgeError(f"{path}: not part of release {self.release}; run `ror knowledge list`")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise KnowledgeError(f"{path}: differs from its manifest; restore the file or build a new release")
        return content


def load_release(folder: Path) -> KnowledgeRelease:
    """Read the manifest of the release in `folder`; file contents are verified when they are read.

    Raises:
        KnowledgeError: If the manifest is missing or not understood.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return KnowledgeRelease(
            module=manifest["module"],
            release=manifest["release"],
            digest=_digest(manifest),
            sources=tuple(Source(**source) for source in manifest["sources"]),
            folder=folder,
            files=dict(manifest["files"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KnowledgeError(f"{path}: no usable manifest ({error}); build the release again") from error


def write_manifest(folder: Path, module: str, release: str, sources: tuple[Source, ...]) -> KnowledgeRelease:
    """Hash every file of `folder` into a manifest and return the release that it makes."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != MANIFEST
    }
    manifest = {
        "module": module,
        "release": release,
        "sources": [
            {"name": s.name, "version": s.version, "date": s.date, "licence": s.licence, "url": s.url} for s in sources
        ],
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return load_release(folder)


def release_folders(module: str, *data_folders: Path) -> dict[str, Path]:
    """Every release of a module by name, from `data_folders` (each holds one folder a release).

    Raises:
        KnowledgeError: If a manifest is not understood, or two folders hold different releases of one name.
    """
    found: dict[str, KnowledgeRelease] = {}
    for data in data_folders:
        for path in sorted(data.glob(f"*/{MANIFEST}")):
            release = load_release(path.parent)
            if release.module != module:
                continue
            same = found.setdefault(path.parent.name, release)
            if same.digest != release.digest:
                raise KnowledgeError(f"{path.parent}: there are two releases of this name; rename one of them")
    return {name: release.folder for name, release in found.items()}


def choose_release(module: str, release: str | None, package_data: Path, extra: Path | None = None) -> KnowledgeRelease:
    """The named release of a module, or its default, from the package's data and an optional folder of the programme.

    Args:
        module: Module name.
        release: Release name, or None for the one that `default-release` names.
        package_data: The module's own data folder.
        extra: Folder with one folder a module, each with one folder a release, for releases built later.

    Raises:
        KnowledgeError: If there is no such release (the message lists those there are), or as `release_folders`.
    """
    folders = release_folders(module, package_data, *((extra / module,) if extra else ()))
    try:
        name = release or (package_data / DEFAULT).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KnowledgeError(f"{package_data / DEFAULT}: missing; write the default release's name into it") from error
    if name not in folders:
        known = ", ".join(sorted(folders)) or "none"
        raise KnowledgeError(f"{module}: no knowledge release {name!r}; there are: {known}")
    return load_release(folders[name])


def verify(release: KnowledgeRelease) -> None:
    """Check every file of a release against its hash.

    Raises:
        KnowledgeError: For the first file that is missing or changed.
    """
    for name in release.files:
        release.read_bytes(name)


def _digest(manifest: Mapping[str, object]) -> str:
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
