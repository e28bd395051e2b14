"""A process that keeps its memory to itself leaves no core dump."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
DIES = "import os; {} os.abort()"
KEEPS = "from ror_service import memory; memory.keep();"


def _dumps(folder: Path, program: str) -> list[str]:
    """Names of the files that a process leaves which dies where dumps are allowed."""
    allow = f"import resource; resource.setrlimit(resource.RLIMIT_CORE, ({1 << 20}, {1 << 30}));"
    ended = subprocess.run([sys.executable, "-c", allow + program], cwd=folder, check=False, capture_output=True)  # noqa: S603 - our own
    assert ended.returncode < 0
    return [path.name for path in folder.iterdir()]


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0
    or not CORE_PATTERN.exists()
    or not CORE_PATTERN.read_text()[:1].isalpha(),
    reason="dumps go elsewhere on this machine, or are forbidden already",
)
def test_no_dump_is_left_where_dumps_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "careless").mkdir()
    assert _dumps(tmp_path / "careless", DIES.format("")), "else this test shows nothing"
    (tmp_path / "kept").mkdir()
    assert _dumps(tmp_path / "kept", DIES.format(KEEPS)) == []


def test_the_process_can_neither_be_dumped_nor_traced() -> None:
    shown = f"{KEEPS} import ctypes, resource; print(ctypes.CDLL(None).prctl(3), resource.getrlimit(4))"
    told = subprocess.run([sys.executable, "-c", shown], check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own
    assert told == "0 (0, 0)\n"
