"""The benchmark of pharmacogenomics runs, and its plain program and our matcher find the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.shared import PROJECT, SHARED, needs_shared

GENOME = SHARED / "genomes" / "1000g_GRCh38" / "NA18526.vcf.gz"


def printed(genome: Path, write_out: int) -> str:
    few = ("--copies", "1", "--repeat", "1", "--write-out", str(write_out), "--genome", str(genome))
    script = PROJECT / "benchmarks" / "pharmacogenomics.py"
    done = subprocess.run([sys.executable, str(script), *few], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_without_a_real_genome(tmp_path: Path) -> None:
    text = printed(tmp_path / "none.vcf.gz", write_out=8)
    assert re.search(r"^all 0/0 +([\d,]+)/\1 ", text, re.MULTILINE), text
    assert text.count(", the same") == 2
    assert "3. and 4. left out" in text


@pytest.mark.genomes
@needs_shared
def test_runs_the_command_on_a_real_genome() -> None:
    text = printed(GENOME, write_out=0)
    assert re.search(r"^real +278/", text, re.MULTILINE), text
    assert "3. ror interpret" in text
