"""Makes `docs/reference/pharmacogenes.md` from the default release.

`python -m interpreters.pharmacogenomics.gene_table > docs/reference/pharmacogenes.md`
"""

from __future__ import annotations

import json
import sys

from interpreters.knowledge import KnowledgeRelease, choose_release
from interpreters.pharmacogenomics.build import DATA, MODULE, NOT_CALLED_FROM_SEQUENCE
from interpreters.pharmacogenomics.recommendations import GUIDELINES
from interpreters.pharmacogenomics.tables import Gene, load_not_called, load_tables

_HEAD = """\
# Pharmacogenes

Made from the knowledge release {release}; the allele definitions are of version {data_version}.

- Diplotype: one named allele for each copy of the gene. Where a file does not tell phase, several pairs of alleles
  can fit; the finding names all of them.
- Alleles of each strand: DPYD and RYR1 are reported by the alleles that a strand carries; the least functional decide.
- Outside call only: the gene is not called from small variants; only a laboratory's result by another method is used.
- A position counts as read only with evidence; one that is absent from the file is never taken as reference.
- Not called in any gene: {in_any_gene}

| gene | what is called | recommendations by | CPIC recommendations | what is not called besides |
| --- | --- | --- | --- | --- |
"""

_LOOKUP = {"none": "diplotype only; no phenotype"}
"""Words for `Gene.lookup` where its own do not tell enough."""


def document(release: KnowledgeRelease) -> str:
    """The whole page for one release, as Markdown."""
    tables = load_tables(release)
    not_called = load_not_called(release)
    rows = json.loads(release.read_bytes(GUIDELINES["CPIC"]))["rows"]
    lines = []
    for gene in tables.genes.values():
        drugs = [drug for drug, lookup, _, _ in rows if gene.name in lookup]
        cells = (
            gene.name,
            _called(gene),
            _LOOKUP.get(gene.lookup, gene.lookup),
            f"{_count(len(set(drugs)), 'medicine')}, {_count(len(drugs), 'row')}" if drugs else "none",
            " ".join(text for text in not_called[gene.name] if text not in NOT_CALLED_FROM_SEQUENCE) or "-",
        )
        lines.append(f"| {' | '.join(cell.replace('*', chr(92) + '*') for cell in cells)} |\n")
    head = _HEAD.format(
        release=release.release, data_version=tables.data_version, in_any_gene=" ".join(NOT_CALLED_FROM_SEQUENCE)
    )
    return head + "".join(lines)


def _called(gene: Gene) -> str:
    if gene.presence_only:
        return f"outside call only; presence of {', '.join(gene.outside_alleles)}"
    if not gene.from_sequence:
        return f"outside call only; {len(gene.alleles) + len(gene.outside_alleles)} alleles known by name"
    kind = "alleles of each strand" if gene.lowest_function else "diplotypes"
    at = _count(len(gene.positions), "position") if len(gene.positions) > 1 else gene.positions[0].rsid
    return f"{kind}: {len(gene.alleles)} alleles at {at}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    sys.stdout.write(document(choose_release(MODULE, None, DATA)))
