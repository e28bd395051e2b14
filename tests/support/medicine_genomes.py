"""People whose files hold the positions of a few pharmacogenes and nothing else, taken through the real intake."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from interpreters.genotypes import Assay, Build, Sex
from interpreters.pharmacogenomics import load
from interpreters.pharmacogenomics.tables import Gene
from ror_service.intake import samples
from ror_service.intake.incoming import Incoming
from ror_service.intake.samples import ManifestRow
from support.genotype_files import vcf_text
from support.service import CENTER, Service, running_service

MODULE = "pharmacogenomics"
OLD, NEW = "2025-11-05", "2026-02-05"
"""Two releases: the newer one counts NUDT15*2 as a sub-allele of *3."""
OPTIONS = {MODULE: {"genes": "TPMT,SLCO1B1,NUDT15"}}
_MORE_LENGTHS = {"6": 170805979, "12": 133275309, "13": 114364328}


PEOPLE = {
    "P-renamed": {"NUDT15": ("*1", "*2"), "TPMT": ("*1", "*1")},
    "P-alike": {"NUDT15": ("*1", "*3")},
    "P-other": {"SLCO1B1": ("*1", "*5")},
}
"""Participant to the genes in the file. The newer release renames an allele of the first, marks guideline rows of the
first two for review, and changes nothing for the third."""


@contextmanager
def medicines_service(home: Path) -> Iterator[Service]:
    """A service that interprets three pharmacogenes by the older release."""
    with running_service(home, knowledge_releases={MODULE: OLD}, module_options=OPTIONS) as service:
        service.context.interpreters = {MODULE: service.context.interpreter(MODULE, OLD)}
        yield service


def take_in(service: Service, participant_id: str, genome: bytes, module: str = MODULE) -> str:
    """Somebody who says yes to one module and whose sample was read and interpreted. Returns the sample."""
    service.enroll(participant_id, modules=(module,))
    row = ManifestRow(
        sample_id=f"sample-of-{participant_id}",
        participant_id=participant_id,
        specimen="saliva",
        assay=Assay.WGS,
        build=Build.GRCH38,
        sex_at_birth=Sex.FEMALE,
        contamination=0.001,
        name_in_file=None,
        collected_on=date(2026, 8, 3),
        file_sha256=hashlib.sha256(genome).hexdigest(),
        file_size=len(genome),
    )
    with service.work(CENTER) as work:
        samples.submit(work, service.context.keys, row)
    with Incoming(service.context.store, participant_id, len(genome)) as incoming:
        incoming.write(genome)
        incoming.finish()
        with service.work(CENTER) as work:
            samples.file_received(work, service.context.keys, row.sample_id, incoming)
        incoming.keep()
    service.run_jobs()
    return row.sample_id


def genome(**alleles: tuple[str, str]) -> bytes:
    """A phased file of every position of the genes that are named, with these alleles."""
    genes = load(OLD, options=OPTIONS[MODULE]).tables.genes
    records = [
        record for name in OPTIONS[MODULE]["genes"].split(",") if name in alleles
        for record in _records(genes[name], alleles[name])
    ]  # fmt: skip
    contigs = "".join(f"##contig=<ID=chr{name},length={length}>\n" for name, length in _MORE_LENGTHS.items())
    return vcf_text(records, extra=contigs)


def _records(gene: Gene, names: tuple[str, str]) -> Iterator[str]:
    carried = [next(allele for allele in gene.alleles if allele.name == name) for name in names]
    for index, position in enumerate(gene.positions):
        bases = (position.ref, *position.alts)
        genotype = "|".join(str(bases.index(allele.bases.get(index, position.ref))) for allele in carried)
        alts = ",".join(position.alts)
        yield f"chr{gene.chrom} {position.pos} . {position.ref} {alts} 50 PASS . GT:DP:GQ {genotype}:30:99"
