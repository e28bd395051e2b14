"""Many lines at once: counts them, and stops at those that need a look. The compiled part is `lines.c`.

It is compiled when the project is installed (`build_lines.py`), so that the reading process has nothing to start but
itself, and no compiler is asked of a machine.
"""

from __future__ import annotations

import ctypes
from ctypes import c_int64
from pathlib import Path

from interpreters.genotypes import Interval
from ror_service.intake.builds import PSEUDO_AUTOSOMAL
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import Contig, Header
from ror_service.intake.known_sites import Positions, SitesOfChromosome
from ror_service.intake.record import COLUMNS
from ror_service.intake.results import Limits

(
    WANTED,
    FIRST_LINES,
    SAME_POSITION,
    POSITION_FALLS,
    POSITION_ZERO,
    LENGTH_ELSEWHERE,
    GENOTYPE_ELSEWHERE,
    NEW_CHROMOSOME,
    BAD_COLUMNS,
    *_,
) = (1 << bit for bit in range(14))
"""Why a line needs a look: the same numbers as in `lines.c`, which says what they mean. The last ones are errors."""

_ERRORS = {
    1 << 9: (Problem.LINE_TOO_LONG, "a line exceeds the limit"),
    1 << 10: (Problem.BAD_RECORD, "POS is not a position: digits only, at most nine"),
    1 << 11: (Problem.BAD_RECORD, "INFO END is not a position at or after POS"),
    1 << 12: (Problem.BAD_RECORD, "GT is not a genotype"),
    1 << 13: (Problem.BAD_RECORD, "POS lies behind the end of its chromosome"),
}
_KINDS = {None: 0, "X": 2, "Y": 3, "MT": 4}
_AUTOSOME = 1
COUNTS = (
    *("other_contigs", "autosomal", "chromosome_x", "chromosome_y", "mitochondrial"),
    *("records", "filtered", "reference_blocks", "explicit_reference", "no_calls", "half_calls", "heterozygous"),
    *("homozygous_alternate", "transitions", "transversions"),
    *("x_heterozygous", "x_homozygous_alternate", "x_haploid", "y_called", "known_here", "known_elsewhere"),
)
"""The fields of `ReadMetrics`, in the order of `lines.c`."""

_NO_LIMIT = 2**63 - 1
_SHARED = 2
_NOWHERE = Interval("", 0, -1)


class _Sites(ctypes.Structure):
    """struct Sites of `lines.c`."""

    _fields_ = (
        *((name, c_int64) for name in ("count", "next")),
        ("positions", ctypes.c_void_p),
        *((name, ctypes.c_char_p) for name in ("references", "alternates")),
    )


class _State(ctypes.Structure):
    """struct Scan of `lines.c`."""

    _fields_ = (
        *((name, c_int64) for name in ("longest_line", "checked_before", "lengths_in_format")),
        ("counts", c_int64 * len(COUNTS)),
        *((name, c_int64) for name in ("kind", "length", "wanted_count", "next_wanted")),
        *((name, ctypes.c_void_p) for name in ("wanted_starts", "wanted_ends")),
        *((name, c_int64 * _SHARED) for name in ("shared_starts", "shared_ends")),
        *((name, _Sites) for name in ("known_here", "known_elsewhere")),
        *((name, c_int64) for name in ("at", "number", "start", "stop", "before", "name", "name_length")),
        *((name, c_int64) for name in ("position", "end")),
    )

    at: int
    number: int
    start: int
    stop: int
    before: int
    name: int
    name_length: int
    position: int
    end: int
    next_wanted: int
    known_here: _Sites
    known_elsewhere: _Sites


_scan_lines = ctypes.CDLL(str(Path(__file__).with_name("liblines.so"))).scan_lines
_scan_lines.argtypes = (ctypes.POINTER(_State), ctypes.c_char_p, c_int64)
_scan_lines.restype = c_int64


class LineScan:
    """One pass over the lines of a file, a text of whole lines at a time.

    Args:
        header: The file's header.
        limits: Caps on the file.
        checked_in_full: How many lines at the start are stopped at although nobody wants them.
    """

    def __init__(self, header: Header, limits: Limits, checked_in_full: int) -> None:
        self._shared = PSEUDO_AUTOSOMAL[header.build]
        self._state = _State(
            longest_line=limits.line_bytes,
            checked_before=header.lines + 1 + checked_in_full,
            lengths_in_format="LEN" in header.formats,
            number=header.lines + 1,
        )
        self._text = b""
        self._last_line = b""
        self._of_chromosome: tuple[object, ...] = ()  # the state holds their addresses alone

    @property
    def counts(self) -> dict[str, int]:
        """The fields of `ReadMetrics`, of the lines up to here."""
        return dict(zip(COUNTS, self._state.counts, strict=True))

    def open(self, text: bytes) -> None:
        """Go on with another text, whose last line ends in a newline too."""
        if self._text:
            self._last_line = self.line
        self._text = text
        state = self._state
        state.at, state.start, state.before, state.name_length = 0, -1, -1, -1

    def next(self) -> int:
        """Go to the next line that needs a look; returns why, 0 at the end of the text.

        At `NEW_CHROMOSOME`, also said at the beginning of each text, it is not read yet: `enter` goes before.

        Raises:
            IntakeError: For a line that cannot be used.
        """
        why: int = _scan_lines(self._state, self._text, len(self._text))
        if why < BAD_COLUMNS:
            return why
        if why & BAD_COLUMNS:
            raise self._bad_columns()
        code, message = next(error for bit, error in _ERRORS.items() if why & bit)
        raise IntakeError(code, message, line=self.number)

    def enter(
        self,
        contig: Contig,
        wanted: tuple[Positions, Positions],
        known_here: SitesOfChromosome,
        known_elsewhere: SitesOfChromosome,
    ) -> None:
        """Say what the chromosome of the next lines is, where it is not that of the lines before.

        Args:
            contig: The chromosome.
            wanted: Starts and ends of what to stop at, sorted and disjoint.
            known_here: Sites of the header's build; lines that spell their bases are counted.
            known_elsewhere: Sites of the other build; counted where they are none of the header's.
        """
        state = self._state
        state.kind = _KINDS.get(contig.chromosome, _AUTOSOME)
        state.length = _NO_LIMIT if contig.length is None else contig.length
        self._of_chromosome = (wanted, known_here, known_elsewhere)
        state.wanted_count = len(wanted[0])
        state.wanted_starts, state.wanted_ends = (positions.buffer_info()[0] for positions in wanted)
        state.known_here, state.known_elsewhere = _sites(known_here), _sites(known_elsewhere)
        regions = [region for region in self._shared if region.chrom == contig.chromosome] or [_NOWHERE] * _SHARED
        for index, region in enumerate(regions):
            state.shared_starts[index], state.shared_ends[index] = region.start, region.end
        state.next_wanted, state.position = 0, -1

    @property
    def name(self) -> bytes:
        """CHROM of the lines that are being read."""
        return self._text[self._state.name : self._state.name + self._state.name_length]

    @property
    def next_number(self) -> int:
        """Number in the file of the next line to be read."""
        return self._state.number

    @property
    def number(self) -> int:
        """Number in the file of the line that was read."""
        return self._state.number - 1

    @property
    def position(self) -> int:
        """POS of the line that was read."""
        return self._state.position

    @property
    def line(self) -> bytes:
        """The line that was read, without its newline."""
        return self._text[self._state.start : self._state.stop]

    @property
    def line_before(self) -> bytes:
        """The line before it; empty at the first one of the file."""
        before = self._state.before
        return self._last_line if before < 0 else self._text[before : self._state.start - 1]

    def _bad_columns(self) -> IntakeError:
        line = self._text[self._state.at : self._text.index(b"\n", self._state.at)]
        columns = line.count(b"\t") + 1
        if not line:
            problem = "the line is empty"
        elif columns != COLUMNS:
            problem = f"the line has {columns} columns separated by tabs, not {COLUMNS}"
        else:
            problem = "the line holds control characters"
        return IntakeError(Problem.BAD_RECORD, problem, line=self.next_number)


def _sites(known: SitesOfChromosome) -> _Sites:
    address, count = known.positions.buffer_info()
    return _Sites(count, 0, address, known.references, known.alternates)
