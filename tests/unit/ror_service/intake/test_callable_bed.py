"""Callable-regions files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from interpreters.genotypes import Build, Interval
from ror_service.intake.callable_bed import read_callable_bed
from ror_service.intake.errors import IntakeError, Problem


def test_half_open_becomes_inclusive_with_and_without_chr(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    text = "track name=x\n#c\nchr2\t0\t10\tname\n1\t99\t100\nchrM\t5\t6\nchrUn_1\t0\t5\n3\t7\t7\n\n"
    for content in (text.encode(), gzip.compress(text.encode())):
        path.write_bytes(content)
        found = read_callable_bed(path, Build.GRCH38)
        assert found == (Interval("1", 100, 100), Interval("2", 1, 10), Interval("MT", 6, 6))


def test_an_empty_file_says_that_nothing_is_callable(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_bytes(b"")
    assert read_callable_bed(path, Build.GRCH38) == ()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1 5 6", "separated by tabs"),
        ("1\t-5\t6", "separated by tabs"),
        ("1\t5", "separated by tabs"),
        ("1\t6\t5", "before it starts"),
        ("1\t5\t248956423", "behind the end of its chromosome in GRCh38"),
        ("1\t5\t6\té", "no plain text"),
    ],
)
def test_bad_lines(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "a.bed"
    path.write_text(f"1\t1\t2\n{line}\n", encoding="utf-8")
    with pytest.raises(IntakeError, match=problem) as caught:
        read_callable_bed(path, Build.GRCH38)
    assert caught.value.code is Problem.BAD_CALLABLE_FILE
    assert caught.value.file == str(path)
    assert caught.value.line in {2, None}


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        read_callable_bed(tmp_path / "none.bed", Build.GRCH38)
    assert caught.value.code is Problem.UNREADABLE
