"""From the bytes of a file to its text: container told by its first bytes, hashed and checked on the way.

BGZF is read block by block with our own framing (block size, CRC-32, length, end-of-file block), because general gzip
readers accept a file that ends between two blocks.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import BinaryIO, cast

from isal import isal_zlib

from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.results import Container, Limits

PIECE = 64 << 10
"""Bytes read from the file at a time; few, so that their text fits into the processor's cache."""

TEXT_PIECE = 1 << 20
"""Bytes of text handed on at a time, at most about."""

_INFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # the library's stubs give an instance
_GZIP_MAGIC = b"\x1f\x8b"
_BGZF_HEADER = struct.Struct("<4s4xBBH2sHH")
_BGZF_FIXED = (b"\x1f\x8b\x08\x04", 6, b"BC", 2)
_BGZF_HEADER_BYTES = 18
_BGZF_TRAILER = struct.Struct("<II")
_BGZF_LARGEST = 1 << 16
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive"),
    (b"CRAM", "a CRAM file"),
    (b"BCF\2", "a BCF file"),
    (b"BAM\1", "a BAM file"),
    (b"\xef\xbb\xbf", "text with a byte-order mark"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"<", "a web page"),
    (_GZIP_MAGIC, "compressed twice"),
)


class TextSource:
    """The decompressed text of one file, in pieces; hashes what it reads.

    Args:
        stream: The file, opened for reading bytes, at its start.
        limits: Caps on the file.
    """

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._hash = hashlib.sha256()
        self._first = self._read()
        self.size = len(self._first)
        self.container = _container_of(self._first)

    @property
    def sha256(self) -> str:
        """SHA-256 of the stored bytes, once `pieces` has come to its end."""
        return self._hash.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """The text in pieces of any size, to the verified end of the file.

        Raises:
            IntakeError: `truncated`, `damaged`, `too_large` or `not_a_vcf`.
        """
        readers = {Container.PLAIN: self._raw, Container.GZIP: self._gzip, Container.BGZF: self._bgzf}
        total = 0
        for piece in readers[self.container]():
            if not total:
                _refuse_foreign(piece)
            total += len(piece)
            if total > self._limits.text_bytes:
                raise IntakeError(Problem.TOO_LARGE, "the decompressed text exceeds the limit")
            yield piece

    def _read(self) -> bytes:
        piece = self._stream.read(PIECE)
        self._hash.update(piece)
        return piece

    def _raw(self) -> Iterator[bytes]:
        piece = self._first
        while piece:
            yield piece
            piece = self._read()
            self.size += len(piece)
            if self.size > self._limits.file_bytes:
                raise IntakeError(Problem.TOO_LARGE, "the file exceeds the limit")

    def _bgzf(self) -> Iterator[bytes]:
        waiting = b""
        last_was_empty = False
        for piece in self._raw():
            data = memoryview(waiting + piece)
            start, held, texts = 0, 0, []
            while end := _block_end(data, start):
                text = _inflate_block(data[start:end])
                last_was_empty = not text
                start, held = end, held + len(text)
                texts.append(text)
                if held > TEXT_PIECE:  # a small piece of a bomb may hold a very long text
                    yield b"".join(texts)
                    held, texts = 0, []
            if held:
                yield b"".join(texts)
            waiting = bytes(data[start:])
        if waiting:
            raise IntakeError(Problem.TRUNCATED, "the file ends within a compressed block")
        if not last_was_empty:
            raise IntakeError(Problem.TRUNCATED, "the end-of-file block is missing")

    def _gzip(self) -> Iterator[bytes]:
        member = isal_zlib.decompressobj(wbits=31)
        fresh = True
        for piece in self._raw():
            waiting = piece
            while waiting:
                fresh = False
                try:
                    text = member.decompress(waiting, TEXT_PIECE)
                except _INFLATE_ERROR as error:
                    raise IntakeError(Problem.DAMAGED, "the compressed data are damaged") from error
                waiting = member.unconsumed_tail
                if text:
                    yield text
                if member.eof:
                    waiting = member.unused_data
                    member, fresh = isal_zlib.decompressobj(wbits=31), True
        if not fresh:
            raise IntakeError(Problem.TRUNCATED, "the file ends within the compressed data")


def numbered_lines(source: TextSource, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Line numbers, from 1, and lines without their end.

    Raises:
        IntakeError: `line_too_long`, or as `TextSource.pieces`.
    """
    number, rest = 0, b""
    for piece in source.pieces():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            yield number, line.removesuffix(b"\r")
        if len(rest) > limits.line_bytes:
            raise IntakeError(Problem.LINE_TOO_LONG, "a line exceeds the limit", line=number + 1)
    if rest:
        yield number + 1, rest.removesuffix(b"\r")


def _container_of(first: bytes) -> Container:
    if not first.startswith(_GZIP_MAGIC):
        return Container.PLAIN
    told = len(first) >= _BGZF_HEADER_BYTES and _block_size(first, 0)
    return Container.BGZF if told else Container.GZIP


def _refuse_foreign(text: bytes) -> None:
    for magic, name in _FOREIGN:
        if text.startswith(magic):
            raise IntakeError(Problem.NOT_A_VCF, f"this is {name}, not a VCF file")


def _block_size(data: bytes | memoryview, start: int) -> int:
    """Stored size of the BGZF block at `start`, 0 when it is none (whole header given)."""
    magic, _, _, extra, subfield, length, size = _BGZF_HEADER.unpack_from(data, start)
    return int(size) + 1 if (magic, extra, subfield, length) == _BGZF_FIXED else 0


def _block_end(data: memoryview, start: int) -> int:
    """Where the block at `start` ends; 0 when it is not there as a whole."""
    left = len(data) - start
    if left < _BGZF_HEADER_BYTES:
        return 0
    size = _block_size(data, start)
    if size <= _BGZF_HEADER_BYTES + _BGZF_TRAILER.size:
        raise IntakeError(Problem.DAMAGED, "the compressed blocks are damaged, or other data follow them")
    return start + size if size <= left else 0


def _inflate_block(block: memoryview) -> bytes:
    """The text of one block, checked by its length and CRC-32."""
    crc, length = _BGZF_TRAILER.unpack_from(block, len(block) - _BGZF_TRAILER.size)
    if length <= _BGZF_LARGEST:
        try:
            deflated = block[_BGZF_HEADER_BYTES : -_BGZF_TRAILER.size]
            text = isal_zlib.decompress(deflated, wbits=-15, bufsize=max(length, 1))
        except _INFLATE_ERROR as error:
            raise IntakeError(Problem.DAMAGED, "a compressed block is damaged") from error
        if len(text) == length and isal_zlib.crc32(text) == crc:
            return text
    raise IntakeError(Problem.DAMAGED, "a compressed block fails its check")
