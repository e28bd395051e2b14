"""The folder of real genomes and example cases that lies beside the project where it is available (CI has it)."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"needs the real genomes and example cases of {SHARED.name}/ beside the project"
)
