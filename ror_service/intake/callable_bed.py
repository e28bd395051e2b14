"""Reads a callable-regions file: the stretches that the laboratory vouches for."""

from __future__ import annotations

from pathlib import Path

from interpreters.genotypes import Build, Interval
from ror_service.intake.builds import LENGTHS, chromosome_of
from ror_service.intake.container import TextSource
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.results import MEBIBYTE, Limits

BED_LIMITS = Limits(file_bytes=256 * MEBIBYTE, text_bytes=1024 * MEBIBYTE)
_COLUMNS = 3
_COMMENTS = ("#", "track", "browser")


def read_callable_bed(path: Path, build: Build, limits: Limits = BED_LIMITS) -> tuple[Interval, ...]:
    """The stretches of a BED file, plain or compressed, as 1-based intervals with both ends included.

    Sequences that are no chromosome of ours are left out. An empty file is an answer: nothing is callable.

    Args:
        path: The file; a path of the caller's own making.
        build: Build of the coordinates; a stretch behind the end of a chromosome of this build is refused.
        limits: Caps on the file.

    Raises:
        IntakeError: `bad_callable_file` naming the line, `unreadable`, or what a damaged container gives.
    """
    try:
        with path.open("rb") as stream:
            text = b"".join(TextSource(stream, limits).pieces()).decode("ascii")
        return tuple(sorted(_intervals(text, build)))
    except OSError as error:
        raise IntakeError(Problem.UNREADABLE, "the file cannot be read", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise IntakeError(Problem.BAD_CALLABLE_FILE, "the file is no plain text", file=str(path)) from error
    except IntakeError as error:
        raise error.in_file(str(path)) from error


def _intervals(text: str, build: Build) -> list[Interval]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(_COMMENTS):
            continue
        columns = line.split("\t")
        if len(columns) < _COLUMNS or not (columns[1].isdigit() and columns[2].isdigit()):
            problem = "the line is not chromosome, start and end separated by tabs"
            raise IntakeError(Problem.BAD_CALLABLE_FILE, problem, line=number)
        chromosome, start, end = chromosome_of(columns[0]), int(columns[1]), int(columns[2])
        if start > end:
            raise IntakeError(Problem.BAD_CALLABLE_FILE, "the stretch ends before it starts", line=number)
        if chromosome is None or start == end:
            continue
        if end > LENGTHS[build][chromosome]:
            problem = f"the stretch lies behind the end of its chromosome in {build}"
            raise IntakeError(Problem.BAD_CALLABLE_FILE, problem, line=number)
        found.append(Interval(chromosome, start + 1, end))
    return found
