"""The benchmark of the genotype store, on little: it runs, and what it checks holds."""

from __future__ import annotations

import re
import subprocess
import sys

from support.shared import PROJECT


def test_synthetic_people_are_interpreted_alike_and_carriers_are_found() -> None:
    script = PROJECT / "benchmarks" / "genotype_store.py"
    # By command for both builds.
    words = ("--build", "GRCh37", "--participants", "1500", "--variants", "50")
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert "interpretations that differ: 0" in done.stdout
    found = re.findall(r"([\d,]+) participants: .* ([\d,]+) carriers: .* wrong: 0", done.stdout)
    assert [participants for participants, _ in found] == ["1,000", "1,500"]
    assert all(int(carriers.replace(",", "")) for _, carriers in found)
