"""Checks a manifest: a verdict for each row with all its reasons. Pure; the command and the service run this alone.

A row's verdict depends on the content of the manifest and never on the order of its rows. A mistake costs its own row;
only what leaves no row readable (no header, broken JSON) refuses the file.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ror_service.errors import ServiceError
from ror_service.identifiers import Identifier
from ror_service.intake.manifest import SCHEMAS, Reason, Row, file_fields

MOST_BYTES = 64 << 20
MOST_ROWS = 50_000
LONGEST_ROW = 1 << 14
"""Characters."""

_ANY_FIELD = frozenset(name for row in SCHEMAS.values() for name in row.model_fields)
_FORMULA = re.compile(r"\s*[=+@-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNDECODED = re.compile(r"[\udc80-\udcff]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SPACE = re.compile(r"[ \t\r\n]*")
_BEYOND = "correct the row and send the manifest again"
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


class ManifestError(ServiceError):
    """No row of the manifest can be read. Says what is wrong, where, and the remedy; never quotes the file.

    Args:
        problem: Code of the kind of problem.
        message: In words.
        line: Line of the file, 1-based, where there is one.
    """

    code = "bad_manifest"
    status = 422

    def __init__(self, problem: str, message: str, line: int | None = None) -> None:
        where = "" if line is None else f"line {line}: "
        super().__init__(f"{where}{message} ({problem})")
        self.problem = problem
        self.line = line


class Verdict(StrEnum):
    """What is said of a row."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The very facts of an earlier row: counted once."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One row with its verdict."""

    number: int
    """1 for the first row that declares a sample."""
    line: int
    """Line of the file on which it begins, 1-based."""
    sample_id: str | None
    """As declared; None where it is no identifier."""
    declared: Row | None
    """What the row says, if it can be read."""
    reasons: tuple[Reason, ...] = ()
    repeats: int | None = None
    """Number of the row whose facts it repeats."""

    @property
    def verdict(self) -> Verdict:
        """Refused for any reason at all."""
        if self.reasons:
            return Verdict.REFUSED
        return Verdict.ACCEPTED if self.repeats is None else Verdict.REPEATED


@dataclass(frozen=True, slots=True)
class CheckedManifest:
    """A manifest, checked."""

    sha256: str
    """Of the bytes of the manifest."""
    rows: tuple[CheckedRow, ...]

    def accepted(self) -> Iterator[CheckedRow]:
        """Rows to be taken in, each sample once."""
        return (row for row in self.rows if row.verdict is Verdict.ACCEPTED)


def check_manifest(content: bytes) -> CheckedManifest:
    """Check a manifest, CSV or JSON, told apart by its content. Time and memory grow linearly with its size.

    Raises:
        ManifestError: If no row can be read.
    """
    if len(content) > MOST_BYTES:
        raise ManifestError("too_large", f"the manifest has more than {MOST_BYTES} bytes; split it")
    if content.startswith(_UTF16) or b"\0" in content[:4]:
        raise ManifestError("not_utf8", "the file is UTF-16 or UTF-32; save it as UTF-8")
    text = content.decode("utf-8-sig", "surrogateescape")
    rows: list[CheckedRow] = []
    for row in _json_rows(text) if text.lstrip().startswith(("{", "[")) else _csv_rows(text):
        if len(rows) == MOST_ROWS:
            raise ManifestError("too_many_rows", f"the manifest has more than {MOST_ROWS} rows; split it")
        rows.append(replace(row, number=len(rows) + 1))
    if not rows:
        raise ManifestError("no_rows", "the manifest declares no sample")
    return CheckedManifest(hashlib.sha256(content).hexdigest(), tuple(_against_each_other(rows)))


# CSV: a record is one line, so that a forgotten quotation mark costs its own row


def _csv_rows(text: str) -> Iterator[CheckedRow]:
    lines = text.split("\n")
    unended = len(lines) if lines[-1] else None
    header: list[str] | None = None
    for number, ended in enumerate(lines, start=1):
        line = ended.removesuffix("\r")
        if not line.strip(", "):
            continue
        if header is None:
            header = _header(line, number)
            continue
        yield _csv_row(line, number, header, cut=number == unended)


def _header(line: str, number: int) -> list[str]:
    names = [] if len(line) > LONGEST_ROW or _UNDECODED.search(line) else _cells(line) or []
    names = [name.strip() for name in names]
    if "schema" not in names:
        if "schema" in re.split(r"[;\t|]", line):
            raise ManifestError("wrong_separator", "the columns are not separated by commas; write commas", number)
        raise ManifestError("no_header", "the first line is no header with a column schema; see the schemas", number)
    for column, name in enumerate(names, start=1):
        if names.index(name) + 1 != column:
            raise ManifestError("repeated_column", f"column {column} repeats an earlier one; keep one of them", number)
        if name != "schema" and name not in _ANY_FIELD:
            raise ManifestError("unknown_column", f"column {column} is in no schema; correct or remove it", number)
    return names


def _csv_row(line: str, number: int, header: Sequence[str], *, cut: bool) -> CheckedRow:
    if cut:
        return _unread(number, "cut_off", "the last line has no end: the file may have been cut; end it by a line feed")
    if problem := _unfit(line, control=True):
        return _unread(number, *problem)
    cells = _cells(line)
    if cells is None:
        return _unread(number, "bad_quotation", "a quotation mark is not closed, or stands inside of a cell")
    if len(cells) != len(header):
        return _unread(number, "wrong_width", f"the row has {len(cells)} cells, the header {len(header)}")
    given = {name: text for name, cell in zip(header, cells, strict=True) if (text := cell.strip())}
    schema = given.pop("schema", None)
    return _checked(given, schema, number, lambda row: row.model_validate_strings(given))


def _cells(line: str) -> list[str] | None:
    try:
        return next(csv.reader((line,), strict=True))
    except csv.Error:
        return None


# JSON: the document is walked row by row, so that each has its line


class _Object(dict[str, Any]):
    """A JSON object that remembers whether a key came twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeats = len(self) < len(pairs)


# Numbers stay text here, whatever their length: the schema reads them.
_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_int=str, parse_float=str)


def _json_rows(text: str) -> Iterator[CheckedRow]:
    walk = _Walk(text)
    spans: list[tuple[int, int, object]] | None = None
    schema: object = None
    for key in walk.document():
        if key == "schema" and schema is None:
            schema = walk.value()[2]
        elif key == "rows" and spans is None:
            spans = list(walk.items())
        else:
            raise walk.error("unknown_key", 'the document has other keys than one "schema" and one "rows"')
    if not isinstance(schema, str) or schema not in SCHEMAS:
        raise ManifestError("unknown_schema", f'"schema" is none of {", ".join(SCHEMAS)}')
    if spans is None:
        raise ManifestError("no_rows", 'the document has no list "rows"')
    line, counted = 1, 0
    for start, end, value in spans:
        line, counted = line + text.count("\n", counted, start), start
        yield _json_row(text[start:end], value, schema, line)


def _json_row(text: str, value: object, schema: str, line: int) -> CheckedRow:
    if problem := _unfit(text, control=False):
        return _unread(line, *problem)
    if not isinstance(value, _Object):
        return _unread(line, "not_an_object", "the row is no JSON object")
    if value.repeats:
        return _unread(line, "repeated_field", "a field comes twice; keep one of them")
    given = {name: item for name, item in value.items() if item is not None}
    return _checked(given, schema, line, lambda row: row.model_validate_json(text, strict=True))


class _Walk:
    """Goes through a JSON document: an object whose values are taken one by one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def error(self, problem: str, message: str) -> ManifestError:
        """An error at the present place."""
        return ManifestError(problem, message, self._text.count("\n", 0, self._at) + 1)

    def document(self) -> Iterator[str]:
        """Keys of the document; take the value of each before the next."""
        self._expect("{", "the document is no JSON object")
        while True:
            key = self.value()[2]
            if not isinstance(key, str):
                raise self._broken()
            self._expect(":")
            yield key
            if not self._goes_on("}"):
                break
        if self._peek():
            raise self._broken()

    def items(self) -> Iterator[tuple[int, int, object]]:
        """Items of the list that comes now: begin, end and value of each."""
        self._expect("[", '"rows" is no list')
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if not self._goes_on("]"):
                return

    def value(self) -> tuple[int, int, object]:
        """The value that comes now, with its begin and end."""
        self._peek()
        start = self._at
        try:
            value, self._at = _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            self._at = error.pos
            raise self._broken() from error
        except RecursionError as error:
            raise self._broken() from error
        return start, self._at, value

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = self._at if space is None else space.end()
        return self._text[self._at : self._at + 1]

    def _expect(self, sign: str, message: str = "") -> None:
        if self._peek() != sign:
            raise self._broken(message)
        self._at += 1

    def _goes_on(self, end: str) -> bool:
        sign = self._peek()
        if sign not in {",", end}:
            raise self._broken()
        self._at += 1
        return sign == ","

    def _broken(self, message: str = "") -> ManifestError:
        return self.error("bad_json", message or "the JSON is not well formed, or nests too deep; write it again")


# One row


def _unfit(text: str, *, control: bool) -> tuple[str, str] | None:
    if len(text) > LONGEST_ROW:
        return "too_long", f"the row has more than {LONGEST_ROW} characters"
    if _UNDECODED.search(text):
        return "not_utf8", "the row is not UTF-8; save the file as UTF-8"
    if control and _CONTROL.search(text):
        return "control_character", "the row holds control characters; remove them"
    return None


def _unread(line: int, code: str, problem: str) -> CheckedRow:
    return CheckedRow(0, line, None, None, (Reason(code, None, problem),))


def _checked(
    given: Mapping[str, object], schema: str | None, line: int, read: Callable[[type[Row]], Row]
) -> CheckedRow:
    sample_id = _identifier(given.get("sample_id"))
    if schema is None or schema not in SCHEMAS:
        missing = Reason("unknown_schema", "schema", f"the schema is none of {', '.join(SCHEMAS)}")
        return CheckedRow(0, line, sample_id, None, (missing,))
    model = SCHEMAS[schema]
    reasons: list[Reason] = []
    row = None
    try:
        row = read(model)
    except ValidationError as error:
        reasons += [_reason(item, given) for item in error.errors(include_url=False, include_input=False)]
    for role in model.roles:
        fields = file_fields(role)
        absent = [name for name in fields if name not in given]
        if 0 < len(absent) < len(fields):
            reasons += [Reason("missing", name, "a file needs name, SHA-256 and size") for name in absent]
    return CheckedRow(0, line, sample_id, None if reasons else row, tuple(reasons))


def _identifier(value: object) -> str | None:
    try:
        return _IDENTIFIER.validate_python(value, strict=True)
    except ValidationError:
        return None


_KINDS = {
    "missing": ("missing", "the field is required"),
    "extra_forbidden": ("unknown_field", "the field is not of this schema; remove it"),
    "string_pattern_mismatch": ("malformed", "the text is not of the form or length that the schema asks for"),
    "greater_than_equal": ("out_of_range", "the number is below the schema's range"),
    "less_than_equal": ("out_of_range", "the number is above the schema's range"),
    "finite_number": ("out_of_range", "the number is not finite"),
}
_WRONG_TYPE = ("wrong_type", "the value is not of the kind that the schema asks for")


def _reason(item: Mapping[str, Any], given: Mapping[str, object]) -> Reason:
    """One of pydantic's errors in our words, without the value. A key from outside is named only if it is a field."""
    field = str(item["loc"][0]) if item["loc"] and item["loc"][0] in _ANY_FIELD else None
    value = None if field is None else given.get(field)
    kind = item["type"]
    if kind in {"enum", "literal_error"}:
        return Reason("not_a_choice", field, f"the value is none of {item['ctx']['expected']}")
    # A number that is out of its range begins with a minus too.
    if isinstance(value, str) and _FORMULA.match(value) and kind in {"string_pattern_mismatch", *_PARSING}:
        return Reason("formula", field, "the text begins like a spreadsheet's formula; write plain text")
    code, problem = _KINDS.get(kind, _WRONG_TYPE)
    return Reason(code, field, problem)


_PARSING = {"int_parsing", "float_parsing", "date_from_datetime_parsing", "date_parsing"}


# Rows against each other: whatever is wrong is wrong with all of them, so that their order does not matter


def _against_each_other(rows: Sequence[CheckedRow]) -> Iterator[CheckedRow]:
    first: dict[Row, int] = {}
    for row in rows:
        if row.declared is not None:
            first.setdefault(row.declared, row.number)
    clashes = _clashes(first)
    for row in rows:
        found = () if row.declared is None else clashes.get(row.declared, ())
        earliest = row.number if row.declared is None else first[row.declared]
        yield replace(
            row,
            reasons=(*row.reasons, *found),
            declared=None if found else row.declared,
            repeats=None if earliest == row.number else earliest,
        )


def _clashes(rows: Iterable[Row]) -> dict[Row, tuple[Reason, ...]]:
    """Reasons against rows of which at least two cannot be true together."""
    found: defaultdict[Row, list[Reason]] = defaultdict(list)
    for code, field, key, problem in _ONE_EACH:
        together: defaultdict[Hashable, list[Row]] = defaultdict(list)
        for row in rows:
            together[key(row)].append(row)
        for group in together.values():
            if len(group) > 1:
                for row in group:
                    found[row].append(Reason(code, field, f"{problem}; {_BEYOND}"))
    return {row: tuple(reasons) for row, reasons in found.items()}


_ONE_EACH: tuple[tuple[str, str, Callable[[Row], Hashable], str], ...] = (
    ("conflicting_rows", "sample_id", lambda row: row.sample_id, "rows of the same sample state different facts"),
    ("shared_file", "genotypes_sha256", lambda row: row.genotypes_sha256, "another row declares the same file"),
    ("shared_file_name", "genotypes_file", lambda row: row.genotypes_file, "another row declares a file of this name"),
    ("shared_well", "well", lambda row: (type(row), row.plate, row.well), "another row declares the same well"),
)
