"""Pharmacogenomics: named alleles, phenotypes and guideline recommendations. See README.md beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interpreters.knowledge import choose_release
from interpreters.pharmacogenomics.interpreter import MODULE, PharmacogenomicsInterpreter
from interpreters.pharmacogenomics.recommendations import load_recommendations
from interpreters.pharmacogenomics.tables import Tables, load_tables

__all__ = ["PharmacogenomicsInterpreter", "load"]

PROGRAMME = "programme"
ALL = "all"


def load(
    release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
) -> PharmacogenomicsInterpreter:
    """The interpreter with one knowledge release.

    Args:
        release: Release name, or None for the default one.
        extra: Folder of the programme with further releases.
        options: `genes`: `all` (default) for every gene of the release, `programme` for the seven that All of Us
            returns, or gene names separated by commas.

    Raises:
        interpreters.knowledge.KnowledgeError: If the release is missing or changed.
        ValueError: For an unknown option or gene.
    """
    chosen = dict(options or {})
    wanted = chosen.pop("genes", ALL)
    if chosen:
        raise ValueError(f"{MODULE}: unknown option {', '.join(sorted(chosen))}; there is only `genes`")
    knowledge = choose_release(MODULE, release, Path(__file__).parent / "data", extra)
    tables = load_tables(knowledge)
    genes = _genes(wanted, tables)
    first, second = (load_recommendations(knowledge, frozenset(genes), source) for source in ("CPIC", "DPWG"))
    return PharmacogenomicsInterpreter(knowledge, tables, first, second, genes)


def _genes(wanted: str, tables: Tables) -> list[str]:
    if wanted == ALL:
        return list(tables.genes)
    if wanted == PROGRAMME:
        return [gene.name for gene in tables.genes.values() if gene.in_programme]
    genes = wanted.split(",")
    unknown = sorted(set(genes) - tables.genes.keys())
    if unknown:
        raise ValueError(f"{MODULE}: no gene {', '.join(unknown)} in the release; there are {', '.join(tables.genes)}")
    return genes
