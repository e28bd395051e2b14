"""The benchmarks of hereditary risk, on little: they run, and what they check holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.shared import PROJECT, SHARED, needs_shared

CLINVAR = SHARED / "hereditary" / "clinvar_acmg_subset.vcf.gz"


def printed(name: str, *words: str | Path) -> str:
    script = PROJECT / "benchmarks" / name
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_no_forbidden_candidate_and_no_other_outcome_of_another_spelling(build: str) -> None:
    # By command over every record; here one in 150.
    text = printed("hereditary_exhaustive.py", "--build", build, "--every", "150")
    (records,) = re.findall(rf"{build}, ([\d,]+) records, four samples each", text)
    assert int(records.replace(",", "")) > 600
    assert re.search(r"forbidden mechanism: [1-9]\d* records, 0 of them candidates", text), text
    assert re.search(r"[1-9]\d* pathogenic .* spellings: 0 with another key, 0 with another outcome", text), text


def test_a_genome_with_planted_variants(tmp_path: Path) -> None:
    text = printed("hereditary_genome.py", "--records", "20000", "--scratch", tmp_path)
    assert "quality gate: pass; planted variants: as expected" in text
    assert list(tmp_path.iterdir()) == []


@needs_shared
def test_a_full_import_stays_within_its_limits(tmp_path: Path) -> None:
    text = printed("clinvar_import.py", "--records", "2000", "--source", CLINVAR, "--scratch", tmp_path)
    assert text.startswith("2,000 records, ")
    assert re.search(r"imported in [\d.]+ s of CPU", text)
    assert list(tmp_path.iterdir()) == []


@needs_shared
def test_a_cohort_says_what_it_assumes() -> None:
    text = printed("hereditary_yield.py", "--people", "300", "--clinvar", CLINVAR)
    assert re.search(r"assumed: [\d,]+ alleles with their frequency in ExAC", text)
    assert "(an assumption)" in text
    counted = re.findall(r"^ +([\d,]+) +[\d.]+%  [A-Z_]+$", text, re.MULTILINE)
    assert sum(int(number.replace(",", "")) for number in counted) == 300
