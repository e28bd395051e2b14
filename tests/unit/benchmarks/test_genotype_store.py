"""The benchmark of the genotype store, on little: it runs, and what it checks holds."""

from __future__ import annotations

import subprocess
import sys

from support.shared import PROJECT


def test_synthetic_people_are_interpreted_alike_and_carriers_are_found() -> None:
    script = PROJECT / "benchmarks" / "genotype_store.py"
    # By command for both builds.
    words = ("--build", "GRCh37", "--participants", "40", "60", "--variants", "5000")
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert "interpretations that differ: 0" in done.stdout
    *_, first, second = (line.split() for line in done.stdout.splitlines())
    assert [first[0], second[0]] == ["40", "60"]
    assert all(int(line[5]) > 0 == int(line[-1]) for line in (first, second)), "carriers, and none missed or made up"
