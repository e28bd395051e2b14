"""People whose files hold one ClinVar variant and nothing else, taken through the real intake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interpreters.genotypes import Record
from ror_service.settings import Settings
from support.genotype_files import genome_text
from support.medicine_genomes import take_in
from support.service import FastContext, Service, SettableClock, running_service

MODULE = "hereditary_risk"
OLD, NEW = "2025-09-28", "2026-02-26"
"""Two real releases of ClinVar; the newer one holds a few genes only."""

PEOPLE = {
    "P-lost": ("17", 43045748, "C", "T"),
    "P-gained": ("13", 32363211, "C", "G"),
    "P-stars": ("13", 32380116, "G", "A"),
    "P-elsewhere": ("19", 11089549, "A", "C"),
}
"""Participant to the variant on one copy: pathogenic and then uncertain by an expert panel (BRCA1), unknown and then
pathogenic (BRCA2), pathogenic with more stars (BRCA2), in a gene that the newer release lacks (LDLR)."""


@contextmanager
def hereditary_service(home: Path, **settings: object) -> Iterator[Service]:
    """A service that interprets hereditary risk by the older release."""
    with running_service(home, knowledge_releases={MODULE: OLD}, **settings) as service:
        service.context.interpreters = {MODULE: service.context.interpreter(MODULE, OLD)}
        yield service


def take_everybody_in(service: Service) -> None:
    """Take in all of `PEOPLE`."""
    for participant_id, variant in PEOPLE.items():
        take_in(service, participant_id, genome(*variant), MODULE)


def genome(chrom: str, pos: int, ref: str, alt: str) -> bytes:
    """A file with one clean heterozygous call."""
    call = Record(
        chrom=chrom,
        pos=pos,
        end=pos + len(ref) - 1,
        ref=ref,
        alts=(alt,),
        genotype=(0, 1),
        depth=34,
        genotype_quality=99,
        allele_depths=(17, 17),
    )
    return genome_text([call])


@contextmanager
def copied_service(home: Path, template: Path, clock: SettableClock) -> Iterator[Service]:
    """A service on a copy of what another one left in its folder."""
    shutil.copytree(template, home)
    context = FastContext(Settings(home=home, knowledge_releases={MODULE: OLD}), clock=clock)
    try:
        yield Service(context, clock)
    finally:
        context.close()
