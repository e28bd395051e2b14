"""Reads outside calls: pharmacogene results that a laboratory got by another method than this service's own.

Two formats, told apart by their content: the tab-separated one of PharmCAT, and JSON. What a call means is the
interpreter's to say; here it is only well formed. `docs/reference/outside-calls.md` describes both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from interpreters.genotypes import OutsideCall
from ror_service.intake.errors import IntakeError, Problem

SCHEMA = "ror.outside-calls/1"
MOST_BYTES = 1 << 20
MOST_CALLS = 1000
LONGEST_FIELD = 500
"""Characters."""

_FIELDS = ("gene", "diplotype", "phenotype", "activity_score")
_GENE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,29}")
_COMMENT = "#"


def checked_call(gene: str, diplotype: str = "", phenotype: str = "", activity_score: str = "") -> OutsideCall:
    """A call whose fields are well formed, white space around them removed.

    Raises:
        ValueError: Saying what is wrong, without any content of the call.
    """
    call = OutsideCall(gene.strip(), diplotype.strip(), phenotype.strip(), activity_score.strip())
    fields = asdict(call)
    for name, text in fields.items():
        if len(text) > LONGEST_FIELD or not text.isprintable():
            raise ValueError(f"the {name.replace('_', ' ')} is no plain text of at most {LONGEST_FIELD} characters")
    if not _GENE.fullmatch(call.gene):
        raise ValueError("the gene is not an HGNC symbol")
    if not any(text for name, text in fields.items() if name != "gene"):
        raise ValueError("the call has neither diplotype, phenotype nor activity score")
    return call


def read_outside_calls(source: Path | bytes) -> tuple[OutsideCall, ...]:
    """The calls of a file, in its order; a gene may come several times.

    Args:
        source: The file (a path of the caller's own making), or its content.

    Raises:
        IntakeError: `bad_outside_calls` naming the line where there is one, `too_large` or `unreadable`.
    """
    if isinstance(source, bytes):
        return _calls(source)
    try:
        with source.open("rb") as file:
            return _calls(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise IntakeError(Problem.UNREADABLE, "the file cannot be read", file=str(source)) from error
    except IntakeError as error:
        raise error.in_file(str(source)) from error


def _calls(content: bytes) -> tuple[OutsideCall, ...]:
    if len(content) > MOST_BYTES:
        raise IntakeError(Problem.TOO_LARGE, f"the file has more than {MOST_BYTES} bytes", remedy=_ONE_SAMPLE)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad("the file is not UTF-8 text") from error
    calls = []
    for call in _from_json(text) if text.lstrip().startswith("{") else _from_table(text):
        calls.append(call)
        if len(calls) > MOST_CALLS:
            raise IntakeError(Problem.TOO_LARGE, f"the file has more than {MOST_CALLS} calls", remedy=_ONE_SAMPLE)
    if not calls:
        raise _bad("the file holds no call")
    return tuple(calls)


_ONE_SAMPLE = "send the calls of one sample a file"


# PharmCAT's table: up to four columns; a header is a comment there, but is known here without its sign too


def _from_table(text: str) -> Iterator[OutsideCall]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith(_COMMENT):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        while not cells[-1]:
            cells.pop()
        if cells[0].lower() == _FIELDS[0]:
            if tuple(cell.lower().replace(" ", "_") for cell in cells) != _FIELDS[: len(cells)]:
                raise _bad(f"the columns are not {', '.join(_FIELDS)}, in this order", number)
            continue
        if not 1 < len(cells) <= len(_FIELDS):
            raise _bad("the line is not a gene and one to three results, separated by tabs", number)
        yield _checked(cells, number)


# Our JSON


def _from_json(text: str) -> Iterator[OutsideCall]:
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise _bad("the JSON is not well formed", error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise _bad("the JSON names a key twice, nests too deep, or holds a number out of range") from error
    if document.keys() != {"schema", "calls"} or document["schema"] != SCHEMA or type(document["calls"]) is not list:
        raise _bad(f'the JSON is not an object with "schema": "{SCHEMA}" and a list "calls"')
    for number, call in enumerate(document["calls"], start=1):
        if type(call) is not dict or not {"gene"} <= call.keys() <= set(_FIELDS):
            raise _bad(f"call {number} is not an object with gene and any of {', '.join(_FIELDS[1:])}")
        values = [call.get(name, "") for name in _FIELDS]
        if not all(type(value) is str for value in values):
            raise _bad(f"a field of call {number} is not a string")
        yield _checked(values, None, f"call {number}: ")


def _without_repeats(pairs: Sequence[tuple[str, object]]) -> Mapping[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _checked(fields: Sequence[str], line: int | None, where: str = "") -> OutsideCall:
    try:
        return checked_call(*fields)
    except ValueError as error:
        raise _bad(f"{where}{error}", line) from error


def _bad(problem: str, line: int | None = None) -> IntakeError:
    return IntakeError(Problem.BAD_OUTSIDE_CALLS, problem, line=line)
