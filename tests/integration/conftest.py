"""Synthetic genomes, made once, and what the embedded path makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.main_job import CARRIER, LEAVER, Outcome, run_main_job
from support.stack import embedded

from ror_service.sandbox.genomes import GenomeWriter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, writer, files = tmp_path_factory.mktemp("genomes"), GenomeWriter(), {}
    for seed, person in enumerate((CARRIER, LEAVER)):
        files[person.participant_id] = folder / f"{person.participant_id}.g.vcf.gz"
        writer.write(person.genome, files[person.participant_id], seed=seed)
    return files


@pytest.fixture(scope="session")
def embedded_outcome(tmp_path_factory: pytest.TempPathFactory, genomes: dict[str, Path]) -> Outcome:
    with embedded(tmp_path_factory.mktemp("embedded")) as stack:
        return run_main_job(stack, genomes)
