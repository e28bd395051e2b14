"""Every module says the same of what is stored as of a real file, byte for byte.

Of synthetic genomes in both builds and of every kind: `benchmarks/genotype_store.py`, which its own test runs.
"""

from __future__ import annotations

import json

import pytest
from support.shared import SHARED, needs_shared

from interpreters.genotypes import Assay, Sample, Sex
from interpreters.registry import installed
from interpreters.serial import to_json
from ror_service.genotypes import codec
from ror_service.genotypes.catalogue import Catalogue
from ror_service.intake.needs import Needs
from ror_service.intake.reader import read_genotypes

GENOMES = ("1000g_GRCh38/NA18526.vcf.gz", "corpas_exome_GRCh37/Pfeiffer.vcf.gz", "na12878_gvcf_GRCh38/NA12878.g.vcf.gz")


@needs_shared
@pytest.mark.genomes
def test_of_real_genomes() -> None:
    interpreters = installed()
    needs, catalogue = Needs(interpreters), Catalogue.of(interpreters)
    for name in GENOMES:
        calls = read_genotypes(SHARED / "genomes" / name, needs.intervals.__getitem__).calls
        again = codec.decode(codec.encode(calls, catalogue), catalogue)
        sample = Sample(calls.build, Assay.WGS, Sex.FEMALE)
        for module, interpreter in interpreters.items():
            assert catalogue.covers(interpreter, calls.build), module
            said, from_store = (json.dumps(to_json(interpreter.interpret(sample, of))) for of in (calls, again))
            assert from_store == said, (name, module)
