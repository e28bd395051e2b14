"""The reader's benchmark runs, on little, and what the reader keeps is what pysam reads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.shared import PROJECT


def test_every_style_of_file_is_read_as_pysam_reads_it(tmp_path: Path) -> None:
    words = ["--records", "6000", "--sites", "3000", "--scratch", str(tmp_path)]
    script = PROJECT / "benchmarks" / "reader.py"
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    compared = re.findall(r"([\d,]+) different records are read as pysam reads them, 0 are not", done.stdout)
    assert len(compared) == 3
    assert all(int(number.replace(",", "")) > 200 for number in compared)
    assert list(tmp_path.iterdir()) == []
