"""Files of outside calls: PharmCAT's table and our JSON, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreters.genotypes import OutsideCall
from ror_service.intake import outside_calls
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.outside_calls import LONGEST_FIELD, MOST_BYTES, MOST_CALLS, SCHEMA, read_outside_calls

TABLE = """\
## called from long reads
#gene\tdiplotype
CYP2D6\tCYP2D6*1/CYP2D6 *3

CYP2C9\t\t\t2.0\r
G6PD\tB (reference)/B (reference)\t
HLA-B\t\t*57:01 positive
 MT-RNR1 \t m.1555A>G \t\t
CYP2D6\t*1x≥3/*4\tUltrarapid Metabolizer\t≥3.0
"""
CALLS = (
    OutsideCall("CYP2D6", "CYP2D6*1/CYP2D6 *3"),
    OutsideCall("CYP2C9", activity_score="2.0"),
    OutsideCall("G6PD", "B (reference)/B (reference)"),
    OutsideCall("HLA-B", phenotype="*57:01 positive"),
    OutsideCall("MT-RNR1", "m.1555A>G"),
    OutsideCall("CYP2D6", "*1x≥3/*4", "Ultrarapid Metabolizer", "≥3.0"),
)


def document(calls: object, **more: object) -> bytes:
    return json.dumps({"schema": SCHEMA, "calls": calls} | more, ensure_ascii=False).encode()


def refusal(source: Path | bytes) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        read_outside_calls(source)
    return caught.value


@pytest.mark.parametrize("start", ["", "\ufeff", "Gene\tDiplotype\tPhenotype\tActivity Score\n", "gene\tdiplotype\n"])
def test_the_table_of_pharmcat(tmp_path: Path, start: str) -> None:
    path = tmp_path / "calls.tsv"
    path.write_text(start + TABLE, encoding="utf-8", newline="")
    assert read_outside_calls(path) == CALLS


def test_json_with_and_without_empty_fields() -> None:
    full = [asdict(call) for call in CALLS]
    assert read_outside_calls(document(full)) == CALLS
    short = [{name: text for name, text in call.items() if text} for call in full]
    assert read_outside_calls(b"\n " + document(short)) == CALLS


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("CYP2D6 *1/*4", "separated by tabs"),
        ("CYP2D6", "separated by tabs"),
        ("CYP2D6\t\t\t", "separated by tabs"),
        ("CYP2D6\t*1/*4\t\t1.0\tnote", "separated by tabs"),
        ("\t*1/*4", "gene"),
        ("CYP 2D6\t*1/*4", "gene"),
        ("gene\tphenotype", "the columns are not"),
        ("gene\tdiplotype\tphenotype\tactivity score\tnote", "the columns are not"),
        (f"CYP2D6\t{'*' * (LONGEST_FIELD + 1)}", "diplotype"),
        ("CYP2D6\t*1/*4\tPoor\0Metabolizer", "phenotype"),
        ("CYP2D6\t*1/*4\t\t1\x0b0", "activity score"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "calls.tsv"
    path.write_text(f"# calls\nCYP2C9\t*1/*2\n{line}\n", encoding="utf-8", newline="")
    error = refusal(path)
    assert (error.code, error.line, error.file) == (Problem.BAD_OUTSIDE_CALLS, 3, str(path))
    assert problem in error.problem
    assert "*1" not in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"schema": "ror.outside-calls/1",\n"calls": [}', "not well formed"),
        (b'{"schema": "ror.outside-calls/1", "schema": "x", "calls": []}', "twice"),
        (b'{"a":' * 100_000, "too deep"),
        (b'{"a":' + b"9" * 5000 + b"}", "out of range"),
        (b'{"schema": "ror.outside-calls/2", "calls": []}', "is not an object with"),
        (b'{"schema": "ror.outside-calls/1"}', "is not an object with"),
        (document({}), "is not an object with"),
        (document([], sample="x"), "is not an object with"),
        (document(["CYP2D6"]), "call 1 is not"),
        (document([{"gene": "CYP2D6", "diplotype": "*1/*4"}, {"diplotype": "*1/*4"}]), "call 2 is not"),
        (document([{"gene": "CYP2D6", "diplotype": "*1/*4", "method": "x"}]), "call 1 is not"),
        (document([{"gene": "CYP2D6", "activity_score": 1.0}]), "a field of call 1"),
        (document([{"gene": "CYP2D6", "phenotype": None}]), "a field of call 1"),
        (document([{"gene": "CYP2D6"}]), "call 1: the call has neither"),
        (document([]), "holds no call"),
        (b"# nothing\n", "holds no call"),
        (b"", "holds no call"),
        (b"\xff\xfeC\0", "not UTF-8"),
        (b"CYP2D6\t*1/*4\n\x1f\x8b", "not UTF-8"),
    ],
)
def test_what_is_neither_is_refused(content: bytes, problem: str) -> None:
    error = refusal(content)
    assert error.code is Problem.BAD_OUTSIDE_CALLS
    assert problem in error.problem
    assert "CYP2D6" not in str(error)


def test_limits() -> None:
    line = b"CYP2D6\t*1/*4\n"
    assert len(read_outside_calls(line * MOST_CALLS)) == MOST_CALLS
    assert refusal(line * (MOST_CALLS + 1)).code is Problem.TOO_LARGE
    assert refusal(b"#" * (MOST_BYTES + 1)).code is Problem.TOO_LARGE
    assert refusal(b"#" * MOST_BYTES).code is Problem.BAD_OUTSIDE_CALLS


def test_a_file_is_not_read_beyond_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_calls, "MOST_BYTES", 10)
    path = tmp_path / "calls.tsv"
    path.write_bytes(b"CYP2D6\t*1/*4\n" * 10)
    error = refusal(path)
    assert (error.code, error.file) == (Problem.TOO_LARGE, str(path))


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none.tsv")
    assert (error.code, error.file) == (Problem.UNREADABLE, str(tmp_path / "none.tsv"))


TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp", "Zs"), exclude_characters="#"), max_size=8)
CALL = st.builds(
    OutsideCall,
    st.from_regex(r"(?!(?i:gene)\Z)[A-Z][A-Z0-9-]{0,9}", fullmatch=True, alphabet=st.characters(codec="ascii")),
    TEXT,
    TEXT,
    TEXT,
).filter(lambda call: bool(call.diplotype or call.phenotype or call.activity_score))


@given(st.lists(CALL, min_size=1, max_size=5))
def test_what_is_written_in_either_format_is_read_back(calls: list[OutsideCall]) -> None:
    table = "".join(f"{c.gene}\t{c.diplotype}\t{c.phenotype}\t{c.activity_score}\n" for c in calls)
    assert read_outside_calls(table.encode()) == tuple(calls)
    assert read_outside_calls(document([asdict(call) for call in calls])) == tuple(calls)


@given(st.one_of(st.binary(max_size=200), st.text('{}[]":,\t\n\0*1/geneCYP', max_size=80).map(str.encode)))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    found, problem = (), None
    try:
        found = read_outside_calls(content)
    except IntakeError as error:
        problem = error.code
    assert problem is (None if found else Problem.BAD_OUTSIDE_CALLS)
