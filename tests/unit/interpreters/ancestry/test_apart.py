"""Ancestry goes to no other interpreter."""

from __future__ import annotations

import json
from pathlib import Path

from interpreters import registry, serial
from interpreters.genotypes import Assay, Sex
from interpreters.interpreter import Interpreter
from ror_service.cli.interpret import interpret_files
from ror_service.intake.qc import Declared
from ror_service.sandbox.genomes import Genome, GenomeWriter


def results(genome: Path, interpreters: dict[str, Interpreter]) -> dict[str, str]:
    """Module to what it said of the genome, as bytes that would be stored."""
    declared = Declared(sex_at_birth=Sex.FEMALE, assay=Assay.WGS)
    (done,) = interpret_files([genome], interpreters, declared)
    assert done.error is None
    return {said.module: json.dumps(serial.to_json(said)) for said in done.interpretations}


def test_the_others_say_the_same_with_and_without_ancestry(tmp_path: Path) -> None:
    genome = tmp_path / "genome.vcf.gz"
    GenomeWriter().write(Genome({"SAS_S": 0.6, "AFR_W": 0.4}, Sex.FEMALE), genome, seed=1)
    interpreters = registry.installed()
    together = results(genome, interpreters)
    del interpreters["ancestry"]
    apart = results(genome, interpreters)
    assert len(apart) == 3
    assert together == apart | {"ancestry": together["ancestry"]}
    for region in ("Southern Asia", "Sub-Saharan Africa"):
        assert region in together["ancestry"]
