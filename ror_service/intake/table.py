"""Many lines at once: finds columns and reads CHROM, POS, ends and genotypes of a whole chunk with numpy.

A chunk is a run of whole lines followed by `PADDING` zero bytes, so that eight bytes can be looked at from any start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ror_service.intake.errors import IntakeError, Problem

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

PADDING = b"\0" * 16
COLUMNS = 10
CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO, FORMAT, SAMPLE = range(COLUMNS)

_TAB, _LAST_CONTROL = 9, 10
_LINE_SEPARATORS = b"\t" * (COLUMNS - 1) + b"\n"
_ZERO, _NINE = np.uint8(ord("0")), np.uint8(9)
_WORD = 8
_LONGEST_POSITION = 9
"""Digits of POS: the longest chromosome has fewer than a thousand million bases."""


@dataclass(frozen=True, slots=True)
class LineTable:
    """The lines of one chunk, taken apart.

    `data` is the padded text; `codes` the same as numbers; `windows` the eight bytes from each place as one number;
    `starts` and `ends` (shape 10 x lines: a column lies together in memory) give where each column begins and the
    separator behind it; `first_line` is the number of the first line in the file.
    """

    data: bytes
    codes: Bytes
    windows: Words
    starts: Numbers
    ends: Numbers
    first_line: int
    _beginnings: dict[int, Words] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts[CHROM])

    def line(self, index: int) -> bytes:
        """Text of one line without its newline."""
        return self.data[self.starts[CHROM, index] : self.ends[SAMPLE, index]]

    def text(self, index: int, first: int, last: int) -> bytes:
        """Text from column `first` to column `last` of one line."""
        return self.data[self.starts[first, index] : self.ends[last, index]]

    def number(self, index: int) -> int:
        """Number of a line in the file."""
        return self.first_line + int(index)

    def widths(self, column: int) -> Numbers:
        """Bytes of a column, by line."""
        widths: Numbers = self.ends[column] - self.starts[column]
        return widths

    def beginnings(self, column: int) -> Words:
        """The first eight bytes of a column as one number, by line; beyond a short column it is what follows."""
        known = self._beginnings.get(column)
        if known is None:
            known = self._beginnings[column] = self.windows[self.starts[column]]
        return known

    def code(self, column: int, offset: int = 0) -> Bytes:
        """The byte at `offset`, at most seven, of a column, by line; beyond a short column it is what follows."""
        return self.beginnings(column).view(np.uint8)[offset::_WORD]

    def begins_with(self, column: int, prefix: bytes) -> Mask:
        """Whether a column begins with up to eight bytes, by line."""
        mask = np.uint64((1 << (8 * len(prefix))) - 1)
        word = np.uint64(int.from_bytes(prefix, "little"))
        hits: Mask = (self.beginnings(column) & mask) == word
        return hits


def tabulate(data: bytes, first_line: int) -> LineTable:
    """Take a padded chunk of whole lines apart; every line must have ten columns.

    Raises:
        IntakeError: `bad_record` for the first line with another number of columns or with control characters.
    """
    codes = np.frombuffer(data, dtype=np.uint8)
    separators = np.flatnonzero(codes[: len(data) - len(PADDING)] <= _LAST_CONTROL)
    count = separators.size // COLUMNS
    if separators.size != count * COLUMNS:
        raise _first_bad_line(data, first_line)
    if codes[separators].tobytes() != _LINE_SEPARATORS * count:
        raise _first_bad_line(data, first_line)
    ends = np.ascontiguousarray(separators.reshape(count, COLUMNS).T)
    starts = np.empty_like(ends)
    np.add(ends[:SAMPLE], 1, out=starts[1:])
    starts[CHROM, 0] = 0
    np.add(ends[SAMPLE, :-1], 1, out=starts[CHROM, 1:])
    windows = np.ndarray((len(data) - _WORD + 1,), dtype="<u8", buffer=data, strides=(1,))
    return LineTable(data, codes, windows, starts, ends, first_line)


def _first_bad_line(data: bytes, first_line: int) -> IntakeError:
    for number, line in enumerate(data[: -len(PADDING)].split(b"\n"), start=first_line):
        columns = line.count(b"\t") + 1
        if not line:
            problem = "the line is empty"
        elif columns != COLUMNS:
            problem = f"the line has {columns} columns separated by tabs, not {COLUMNS}"
        elif min(line.replace(b"\t", b" ")) <= _LAST_CONTROL:
            problem = "the line holds control characters"
        else:
            continue
        return IntakeError(Problem.BAD_RECORD, problem, line=number)
    raise AssertionError("a chunk with a bad line has a bad line")  # pragma: no cover - the caller saw one


def read_positions(table: LineTable) -> Numbers:
    """POS of every line.

    Raises:
        IntakeError: `bad_record` for the first POS that is no whole number of at most nine digits.
    """
    widths = table.widths(POS)
    long = widths == _LONGEST_POSITION
    first = np.minimum(widths, _WORD)
    kept = (_WORD - first).astype(np.uint64) * np.uint64(8)
    # Left-aligned digits move to the high end; the vacated low bytes count as leading zeros.
    words = table.beginnings(POS) << np.where(first > 0, kept, np.uint64(0))
    zeros = np.uint64(0x3030303030303030) << kept
    digits = words ^ zeros
    bad = ((digits + np.uint64(0x7676767676767676)) | digits) & np.uint64(0x8080808080808080) != 0
    positions = _eight_digits(digits)
    last = table.codes[table.ends[POS] - 1] - _ZERO
    bad |= (widths < 1) | (widths > _LONGEST_POSITION) | (long & (last > _NINE))
    if bad.any():
        line = table.number(int(np.argmax(bad)))
        raise IntakeError(Problem.BAD_RECORD, "POS is not a position: digits only, at most nine", line=line)
    return np.where(long, positions * 10 + last, positions)


def _eight_digits(words: Words) -> Numbers:
    """The number that eight digit values (one a byte, first in the lowest byte) spell."""
    pairs = (words * np.uint64(2561)) >> np.uint64(8)
    fours = ((pairs & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)
    eights = ((fours & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)
    return eights.astype(np.int64)


def chromosome_runs(table: LineTable) -> list[tuple[int, int, bytes]]:
    """Stretches of lines with the same CHROM: first line, line behind the last, name."""
    widths = table.widths(CHROM)
    kept = np.uint64(8) * (_WORD - np.clip(widths, 1, _WORD)).astype(np.uint64)
    words = table.beginnings(CHROM) << kept
    changes = (words[1:] != words[:-1]) | (widths[1:] != widths[:-1])
    # Names longer than a window are rare (contigs outside the chromosomes) and compared as text.
    for index in np.flatnonzero(~changes & (widths[1:] > _WORD)).tolist():
        changes[index] = table.text(index, CHROM, CHROM) != table.text(index + 1, CHROM, CHROM)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(table)]
    return [(low, high, table.text(low, CHROM, CHROM)) for low, high in pairwise(edges)]


def read_block_ends(table: LineTable, rows: Numbers) -> Numbers:
    """END of lines whose INFO begins with "END=", or -1 where no whole number of at most nine digits follows."""
    at = table.starts[INFO][rows] + len(b"END=")
    values = np.zeros(len(rows), dtype=np.int64)
    lengths = np.zeros(len(rows), dtype=np.int64)
    reading = np.ones(len(rows), dtype=np.bool_)
    for offset in range(_LONGEST_POSITION):
        digits = table.codes[at + offset] - _ZERO  # wraps around for characters below "0"
        reading &= digits <= _NINE
        if not reading.any():
            break
        values = np.where(reading, values * 10 + digits, values)
        lengths += reading
    stops = table.codes[at + lengths]
    return np.where((lengths > 0) & ((stops == ord(";")) | (stops == _TAB)), values, -1)


def copied_lines(table: LineTable, rows: Numbers) -> Mask:
    """Which of the lines `rows` (never the first line) are the very line before them; mask over all lines."""
    begins, lengths = table.starts[CHROM], table.ends[SAMPLE] - table.starts[CHROM]
    rows = rows[lengths[rows] == lengths[rows - 1]]
    offset = 0
    while (open_ := lengths[rows] > offset).any() and len(rows):
        # The last window of a line is moved back so that it ends with the line.
        at = np.minimum(offset, lengths[rows] - _WORD)
        same = table.windows[begins[rows] + at] == table.windows[begins[rows - 1] + at]
        rows = rows[same | ~open_]
        offset += _WORD
    copies = np.zeros(len(table), dtype=np.bool_)
    copies[rows] = True
    return copies
