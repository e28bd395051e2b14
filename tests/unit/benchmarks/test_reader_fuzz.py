"""Broken files end in a typed error or in what pysam reads; and a reader that does otherwise would be seen."""

from __future__ import annotations

import dataclasses
import importlib
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.genotype_files import bgzf, vcf_text
from support.shared import PROJECT

from interpreters.genotypes import GenotypeCalls

BENCHMARKS = PROJECT / "benchmarks"
GOOD = bgzf(
    vcf_text(["chr1 500 . A G 50 PASS . GT 0/1"], extra='##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n')
)


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module("reader_fuzz")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "case.vcf.gz"
    path.write_bytes(GOOD)
    return path


def test_four_thousand_broken_files(tmp_path: Path) -> None:
    words = ["--cases", "4000", "--scratch", str(tmp_path)]
    script = BENCHMARKS / "reader_fuzz.py"
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4,000 cases, 0 failed" in done.stdout
    assert {"damaged", "truncated", "bad_record", "accepted, as pysam reads it"} <= {
        line.split(maxsplit=1)[1] for line in done.stdout.splitlines()
    }


def test_a_case_is_the_same_each_time(fuzz: ModuleType) -> None:
    goods = fuzz.good_texts()
    assert [fuzz.case(number, 3, goods) for number in range(50)] == [
        fuzz.case(number, 3, goods) for number in range(50)
    ]


def test_another_genotype_than_pysams_is_a_failure(
    fuzz: ModuleType, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fuzz.outcome(file) == "accepted, as pysam reads it"
    right = fuzz.read_genotypes

    def wrong(*words: object) -> object:
        result = right(*words)
        records = [dataclasses.replace(record, genotype=(1, 1)) for record in result.calls]
        return dataclasses.replace(result, calls=GenotypeCalls(result.build, result.calls.kind, records))

    monkeypatch.setattr(fuzz, "read_genotypes", wrong)
    assert fuzz.outcome(file) == "FAILED: another reading than pysam's"


def test_a_crash_and_a_hang_are_failures(fuzz: ModuleType, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise IndexError

    def hang(*_: object) -> None:
        signal.raise_signal(signal.SIGVTALRM)

    before = signal.signal(signal.SIGVTALRM, fuzz._hangs)
    try:
        monkeypatch.setattr(fuzz, "read_genotypes", crash)
        assert fuzz.outcome(file) == "FAILED: IndexError"
        monkeypatch.setattr(fuzz, "read_genotypes", hang)
        assert fuzz.outcome(file) == "FAILED: it hangs"
    finally:
        signal.signal(signal.SIGVTALRM, before)
