"""What differs between two knowledge releases, fact by fact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from interpreters.comparison import WHOLE, Comparison, FactChange, Subject
from interpreters.knowledge import KnowledgeRelease
from interpreters.pharmacogenomics.recommendations import GUIDELINES
from interpreters.pharmacogenomics.tables import (
    POLICY,
    Gene,
    load_drug_codes,
    load_not_called,
    load_review,
    load_tables,
    name_order,
)


def compare(before: KnowledgeRelease, after: KnowledgeRelease) -> Comparison:
    """Every fact of pharmacogenomics that differs between two releases, in order of gene, kind and name.

    Raises:
        interpreters.knowledge.KnowledgeError: If a file of either release is missing or changed.
    """
    old, new = dict(_facts(before)), dict(_facts(after))
    changes = []
    for subject in sorted(old.keys() | new.keys(), key=lambda s: (s.gene, s.kind, name_order(s.name))):
        if subject not in old:
            changes.append(FactChange(subject, WHOLE, None, _told(new[subject])))
        elif subject not in new:
            changes.append(FactChange(subject, WHOLE, _told(old[subject]), None))
        else:
            changes += [
                FactChange(subject, field, value, new[subject][field])
                for field, value in old[subject].items()
                if value != new[subject][field]
            ]
    return Comparison(tuple(changes))


def _told(fields: Mapping[str, str]) -> str:
    return "; ".join(f"{field} {value}" for field, value in fields.items() if value)


def _facts(release: KnowledgeRelease) -> Iterator[tuple[Subject, Mapping[str, str]]]:
    """Each subject of a release with its properties as text."""
    tables = load_tables(release)
    yield Subject("", "data", "version"), {"value": tables.data_version}
    yield Subject("", "review", "statements"), {"approved by": load_review(release) or "nobody"}
    for name, value in json.loads(release.read_bytes(POLICY)).items():
        yield Subject("", "policy", name), {"value": json.dumps(value, sort_keys=True)}
    for drug, codes in load_drug_codes(release).items():
        yield Subject("", "medicine", drug), {"RxNorm": codes.rxnorm or "none", "ATC": codes.atc or "none"}
    for name, sentences in load_not_called(release).items():
        yield from ((Subject(name, "not called", sentence), {}) for sentence in sentences)
    for gene in tables.genes.values():
        yield from _gene_facts(gene)
    for guideline, file in GUIDELINES.items():
        data = json.loads(release.read_bytes(file))
        for drug, lookup, population, number in data["rows"]:
            values = " and ".join(f"{gene} {value}" for gene, value in sorted(lookup.items()))
            name = f"{values} ({population})" if population else values
            advice = dict(zip(data["columns"], data["advices"][number], strict=True))
            yield Subject(", ".join(sorted(lookup)), f"{guideline} recommendation on {drug}", name), advice


def _gene_facts(gene: Gene) -> Iterator[tuple[Subject, Mapping[str, str]]]:
    yield (
        Subject(gene.name, "gene", gene.name),
        {
            "chromosome": gene.chrom,
            "recommendations by": gene.lookup,
            "undocumented alleles as reference": str(gene.undocumented_as_reference),
            "by lowest function": str(gene.lowest_function),
            "from sequence": str(gene.from_sequence),
            "of the programme": str(gene.in_programme),
            "by activity": str(gene.rules.by_activity),
        },
    )
    for position in (*gene.positions, *gene.extra_positions):
        yield (
            Subject(gene.name, "position", str(position.pos)),
            {
                "reference": position.ref,
                "alternates": ",".join(position.alts),
                "rsID": position.rsid,
                "required": str(position.required),
                "AMP tier 1": str(position.amp_tier1),
                "GRCh37 position": str(position.pos37),
                "GRCh37 reference": position.ref37 or "",
            },
        )
    for allele in gene.alleles:
        bases = {gene.positions[index].pos: base for index, base in sorted(allele.bases.items())}
        yield (
            Subject(gene.name, "allele", allele.name),
            {
                "definition": ";".join(f"{pos}:{base}" for pos, base in bases.items()),
                "function": allele.function,
                "activity": allele.activity,
                "reported as": allele.reported_as,
            },
        )
    for name, outside in gene.outside_alleles.items():
        yield Subject(gene.name, "outside allele", name), outside._asdict()
    for keys, (phenotype, score) in gene.rules.rows.items():
        yield (
            Subject(gene.name, "phenotype rule", " and ".join(keys)),
            {"phenotype": phenotype, "activity score": score},
        )
    for pairs, pick in gene.priorities.items():
        name = " or ".join(sorted("/".join(pair) for pair in pairs))
        yield Subject(gene.name, "tie-break", name), {"pick": "/".join(pick)}
