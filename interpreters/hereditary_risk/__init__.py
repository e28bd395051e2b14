"""Hereditary disease risk: pathogenic variants in the genes of the ACMG secondary findings list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interpreters.genotypes import Build
from interpreters.hereditary_risk.interpretation import NAME, HereditaryRisk
from interpreters.hereditary_risk.policy import GENE_LISTS
from interpreters.knowledge import KnowledgeError, choose_release

__all__ = ["HereditaryRisk", "load"]

GENE_LIST_OPTION = "sf_list"
REFERENCE_OPTIONS = {f"reference_{build.value.lower()}": build for build in Build}
"""Options that name the reference sequence of a build."""


def load(
    release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
) -> HereditaryRisk:
    """Make the interpreter.

    Args:
        release: Knowledge release by name; None for the default.
        extra: Folder with releases that the programme built.
        options: `sf_list`: version of the gene list, `v2.0`, `v3.2` or `v3.3` (default). `reference_grch38` and
            `reference_grch37`: FASTA file of that build, with its index beside it; none by default.

    Raises:
        KnowledgeError: If the release is missing or changed, an option is not known, or a FASTA file is not what it
            must be.
    """
    chosen = dict(options or {})
    gene_list = chosen.pop(GENE_LIST_OPTION, GENE_LISTS[-1])
    references = {build: Path(chosen.pop(option)) for option, build in REFERENCE_OPTIONS.items() if option in chosen}
    if chosen or gene_list not in GENE_LISTS:
        given = ", ".join(f"{key}={value}" for key, value in (options or {}).items())
        raise KnowledgeError(
            f"{NAME}: option not known in {given!r}; use {GENE_LIST_OPTION}= one of {', '.join(GENE_LISTS)}, "
            f"or {' or '.join(REFERENCE_OPTIONS)}= a FASTA file"
        )
    found = choose_release(NAME, release, Path(__file__).parent / "data", extra)
    return HereditaryRisk(found, gene_list, references)
