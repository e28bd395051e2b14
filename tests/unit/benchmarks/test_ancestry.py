"""The ancestry benchmarks run, on very few people."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.shared import PROJECT, needs_shared

EXPECTED = {
    "ancestry_core": "mean error of the unlinked model",
    "ancestry_joined": "above two points",
}


@pytest.mark.genomes
@needs_shared
@pytest.mark.parametrize("name", EXPECTED)
def test_tables_are_printed(name: str) -> None:
    script = PROJECT / "benchmarks" / f"{name}.py"
    command = [sys.executable, str(script), "--people", "3", "--draws", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert EXPECTED[name] in done.stdout
