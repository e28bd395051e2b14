"""Fixtures of the intake tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.genotype_files import vcf_text

from interpreters.genotypes import Interval
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import ReadResult

WANTED = (Interval("1", 1, 1000), Interval("X", 1, 156_000_000))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ReadResult]:
    """Reads bytes, or records of a small file, keeping what overlaps `wanted`."""

    def run(
        content: bytes | Sequence[str], wanted: Sequence[Interval] = WANTED, name: str = "a.vcf", **options: object
    ) -> ReadResult:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else vcf_text(content))
        return read_genotypes(path, lambda _: wanted, **options)  # type: ignore[arg-type]

    return run
