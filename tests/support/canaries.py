"""Texts that must not be found where they do not belong, and the search for them in everything that was written.

What is searched is looked at as it is, and as what it holds: compressed streams, ZIP members, long runs of base64 and
of hexadecimal digits, one inside the other. In each of these a text is looked for in every form of `forms`.
"""

from __future__ import annotations

import base64
import json
import mmap
import os
import re
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

import zstandard
from ahocorasick_rs import BytesAhoCorasick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SHORTEST = 7
"""Bytes of the shortest text: a shorter one turns up by chance in gigabytes of noise."""
DEEPEST = 3
"""Containers inside of containers that are opened."""
_STANDARD = bytes.maketrans(b"-_", b"+/")
_MOST_BYTES = 64 << 20
_WINDOW = 1 << 20
_BEGINNINGS = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{32,}+")
_HEX = re.compile(rb"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")


class Place(StrEnum):
    """Where something was written."""

    DATABASE = "database"
    """Its files, its WAL, and every row as SQL gives it."""
    DATABASE_LOG = "database log"
    BROKER = "broker"
    LOGS = "logs"
    TRACES = "traces"
    ANSWERS = "answers"
    """Refusals of the API, health, metrics."""
    TEMPORARY = "temporary files"
    """What was ever written in TMPDIR, removed or not, and shared memory."""
    CORES = "working folder"
    """Where a core dump would be."""
    STORE = "store"
    KEYS = "keys"


class Kind(StrEnum):
    """Kinds of what is personal."""

    IDENTIFIER = "identifier"
    NAME = "name"
    BIRTH_DATE = "birth date"
    LABORATORY = "laboratory's words"
    RSID = "rsID"
    GENOTYPE = "genotype"
    DIPLOTYPE = "diplotype"
    HGVS = "HGVS"
    FINDING = "finding"
    MEDICINE = "medicine"


ALLOWED: dict[Kind, frozenset[Place]] = {
    Kind.IDENTIFIER: frozenset({Place.DATABASE}),
    Kind.BIRTH_DATE: frozenset({Place.DATABASE}),
}
"""Where a kind may be: identifiers of participants and samples are columns, and so is the date of birth, by which the
gate tells who is of age. Whatever is not here may be nowhere."""


@dataclass(frozen=True)
class Canary:
    """One text that is looked for."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Hit:
    """A text that was found where it may not be."""

    place: Place
    kind: Kind
    form: str
    """How it was written, behind the containers that it was in: `gzip/utf-16-le`."""
    where: str


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """Every way in which a text is looked for: the name of the form, and its bytes."""
    raw = text.encode()
    yield "raw", raw
    yield "utf-16-le", text.encode("utf-16-le")
    yield "utf-16-be", text.encode("utf-16-be")
    for digits in (raw.hex(), raw.hex().upper()):
        yield "hex", digits.encode()
    for before in range(3):
        # What stands before and behind it changes the first and last characters: these are left out.
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        encoded = base64.b64encode(bytes(before) + raw)[first:last]
        yield "base64", encoded
        yield "base64url", encoded.translate(bytes.maketrans(b"+/", b"-_"))
    units = [text.encode("utf-16-be")[at : at + 2].hex() for at in range(0, 2 * len(text), 2)]
    for written in (units, [unit.upper() for unit in units]):
        yield "json", "".join(f"\\u{unit}" for unit in written).encode()
    yield "json", json.dumps(text)[1:-1].encode()
    for pattern in ("%{:02X}", "%{:02x}"):
        yield "percent", "".join(map(pattern.format, raw)).encode()
    yield "percent", quote(text, safe="").encode()
    yield "percent", quote(text, safe="").replace("%20", "+").encode()


@dataclass
class Search:
    """Looks for canaries and counts what it looked at.

    Args:
        canaries: What is looked for.

    Attributes:
        searched: Bytes looked at in each place, those of containers that were opened included.
    """

    canaries: Iterable[Canary]
    searched: Counter[Place] = field(default_factory=Counter)
    hits: list[Hit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._of_pattern: list[tuple[str, Canary]] = []
        patterns: dict[bytes, None] = {}
        for canary in self.canaries:
            if len(canary.text.encode()) < SHORTEST:
                msg = f"{canary} is too short to be told from chance"
                raise ValueError(msg)
            for name, pattern in forms(canary.text):
                if pattern not in patterns:
                    patterns[pattern] = None
                    self._of_pattern.append((name, canary))
        self._patterns = BytesAhoCorasick([*patterns, *_BEGINNINGS])
        self._beginnings = list(_BEGINNINGS.values())

    def folder(self, place: Place, path: Path, *, but: Callable[[Path], bool] = lambda _: False) -> None:
        """Search every file of a folder; what vanishes meanwhile was looked at before or after."""
        for file in sorted(path.rglob("*")):
            if but(file) or file.is_symlink() or not file.is_file():
                continue
            self.data(place, str(file.relative_to(path)).encode(), f"{file}: its name")
            try:
                with file.open("rb") as opened:
                    if os.fstat(opened.fileno()).st_size:
                        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                            self.data(place, content, str(file))
            except FileNotFoundError:
                continue

    def data(self, place: Place, content: bytes | mmap.mmap, where: str, inside: tuple[str, ...] = ()) -> None:
        """Search bytes, and what they hold."""
        self.searched[place] += len(content)
        held: list[tuple[str, bytes]] = []
        for number, at, _ in self._patterns.find_matches_as_indexes(content, overlapping=True):
            if number >= len(self._of_pattern):
                kind = self._beginnings[number - len(self._of_pattern)]
                if len(inside) < DEEPEST:
                    held.append((kind, _OPENING[kind](content, at)))
                continue
            form, canary = self._of_pattern[number]
            if place not in ALLOWED.get(canary.kind, ()):
                hit = Hit(place, canary.kind, "/".join((*inside, form)), where)
                if hit not in self.hits:
                    self.hits.append(hit)
        if len(inside) < DEEPEST:
            held += _written_as_text(content)
        for name, bytes_held in held:
            if len(bytes_held) >= SHORTEST:
                self.data(place, bytes_held, where, (*inside, name))


def _written_as_text(content: bytes | mmap.mmap) -> Iterator[tuple[str, bytes]]:
    """Bytes that are written as long runs of base64 characters or hexadecimal digits."""
    for found in _RUN.finditer(content):
        run = found.group()
        if _HEX.fullmatch(run[: len(run) // 2 * 2]):
            yield "hex", bytes.fromhex(run[: len(run) // 2 * 2].decode())
        else:
            text = run.translate(_STANDARD)
            yield "base64", base64.b64decode(text[: len(text) // 4 * 4])


def _inflated(content: bytes | mmap.mmap, at: int, window_bits: int) -> bytes:
    """What a deflated stream gives that begins here, as far as it goes; most of what looks like one is none."""
    opened, parts, size = zlib.decompressobj(window_bits), [], 0
    try:
        while not opened.eof and at < len(content) and size < _MOST_BYTES:
            piece = content[at : at + (_WINDOW if parts else 512)]
            parts.append(opened.decompress(piece))
            size += len(parts[-1])
            at += len(piece)
    except zlib.error:
        pass
    return b"".join(parts)


def _unzipped(content: bytes | mmap.mmap, at: int) -> bytes:
    """A member of a ZIP file; one that is not compressed is seen as it is."""
    head = content[at : at + 30]
    if len(head) < 30:
        return b""
    method, name, extra = struct.unpack("<8xH16xHH", head)
    return _inflated(content, at + 30 + name + extra, -15) if method == 8 else b""


def _unzstandarded(content: bytes | mmap.mmap, at: int) -> bytes:
    try:
        opened = zstandard.ZstdDecompressor().decompressobj()
        return opened.decompress(content[at : at + _MOST_BYTES])
    except zstandard.ZstdError:
        return b""


_OPENING: dict[str, Callable[[bytes | mmap.mmap, int], bytes]] = {
    "gzip": lambda content, at: _inflated(content, at, 31),
    "zlib": lambda content, at: _inflated(content, at, 15),
    "zip": _unzipped,
    "zstd": _unzstandarded,
}
