"""Hereditary disease risk: pathogenic variants in the genes of the ACMG secondary findings list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interpreters.hereditary_risk.interpretation import NAME, HereditaryRisk
from interpreters.hereditary_risk.policy import GENE_LISTS
from interpreters.knowledge import KnowledgeError, choose_release

__all__ = ["HereditaryRisk", "load"]

GENE_LIST_OPTION = "sf_list"


def load(
    release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
) -> HereditaryRisk:
    """Make the interpreter.

    Args:
        release: Knowledge release by name; None for the default.
        extra: Folder with releases that the programme built.
        options: `sf_list`: version of the gene list, `v2.0`, `v3.2` or `v3.3` (default).

    Raises:
        KnowledgeError: If the release is missing or changed, or an option is not known.
    """
    chosen = dict(options or {})
    gene_list = chosen.pop(GENE_LIST_OPTION, GENE_LISTS[-1])
    if chosen or gene_list not in GENE_LISTS:
        given = ", ".join(f"{key}={value}" for key, value in (options or {}).items())
        raise KnowledgeError(
            f"{NAME}: option not known in {given!r}; use {GENE_LIST_OPTION}= one of {', '.join(GENE_LISTS)}"
        )
    return HereditaryRisk(choose_release(NAME, release, Path(__file__).parent / "data", extra), gene_list)
