"""The benchmark of raw text runs, on little: every dialect gives the genotypes of a VCF."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.shared import PROJECT


def test_every_dialect_is_read_like_a_vcf(tmp_path: Path) -> None:
    script = PROJECT / "benchmarks" / "raw_text.py"
    words = ["--probes", "2000", "--share", "0.05", "--scratch", str(tmp_path)]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 of ") == 4
    assert list(tmp_path.iterdir()) == []
