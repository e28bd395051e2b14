"""Traits of the 60 real people beside the project by population group, beside published frequencies.

`python benchmarks/traits_by_group.py [FOLDER]` reads `samples.tsv` and one VCF a person from FOLDER (by default
`../shared/ancestry/samples`) through the reader of `ror interpret`. For each trait variant that the files hold it
prints the frequency of the alternate allele in each group, in the other people of the 1000 Genomes Project
(`kgp23k.counts.tsv.gz` beside FOLDER: 2,096 people, none of these) and, where the release quotes one, as published;
then how many people have each outcome and how many are to be expected from those frequencies. It ends with status 1
when a group differs from the other people of its group by more than chance allows (two-sided binomial p below 0.001).
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import comb
from pathlib import Path

from interpreters import traits
from interpreters.alleles import bases_at
from interpreters.findings import Interpretation, TraitFinding
from interpreters.genotypes import GenotypeCalls
from interpreters.traits.interpreter import Trait, Variant
from ror_service.cli.interpret import interpret_files
from ror_service.intake.qc import Declared

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "ancestry" / "samples"
LEAST_P = 0.001
PUBLISHED = {
    ("rs3827760", "EAS"): 0.873,
    ("rs3827760", "AMR"): 0.392,
    ("rs3827760", "AFR"): 0.003,
    ("rs3827760", "EUR"): 0.011,
    ("rs3827760", "SAS"): 0.013,
    ("rs1229984", "EAS"): 0.30,
}
"""Alternate allele frequencies that the release's `effect` texts quote (1000 Genomes Project, all people)."""

Frequencies = Mapping[tuple[str, str], tuple[int, int]]
"""Variant and group to the alternate alleles and all alleles that were counted."""


def main(folder: Path) -> int:
    """Print the tables; 1 when a group differs from what is known."""
    with (folder / "samples.tsv").open(encoding="utf-8") as lines:
        people = list(csv.DictReader(lines, delimiter="\t"))
    interpreter = traits.load(options={"traits": traits.ALL})
    variants = {variant.rsid: variant for trait in interpreter.traits for variant in trait.variants}
    counted: dict[tuple[str, str], tuple[int, int]] = {}
    found: dict[str, list[tuple[str, Interpretation]]] = defaultdict(list)
    files = [folder / person["file"] for person in people]
    for person, done in zip(people, interpret_files(files, {"traits": interpreter}, Declared()), strict=True):
        if done.read is None or not done.interpretations:
            raise ValueError(f"{done.file}: not interpreted")
        for rsid, alternates in _alternates(variants, done.read.calls):
            before = counted.get((rsid, person["superpopulation"]), (0, 0))
            counted[rsid, person["superpopulation"]] = (before[0] + alternates, before[1] + 2)
        found[person["superpopulation"]].append((person["population"], done.interpretations[0]))
    others = _others(folder.parent / "kgp23k.counts.tsv.gz", variants, people)
    strange = _print_frequencies(variants, counted, others)
    _print_outcomes(interpreter.traits, found, others)
    print(f"\n{len(people)} people; groups that differ by more than chance allows: {strange}")
    return int(strange > 0)


def _alternates(variants: Mapping[str, Variant], calls: GenotypeCalls) -> Iterator[tuple[str, int]]:
    """How many alternate alleles a person has at each variant that was read, by the bases."""
    for rsid, variant in variants.items():
        bases = bases_at(calls, variant.chrom, variant.position(calls.build), variant.ref, variant.alt)
        if bases is not None:
            yield rsid, (bases.first, bases.second).count(variant.alt)


def _others(path: Path, variants: Mapping[str, Variant], people: list[dict[str, str]]) -> Frequencies:
    """Counts in the other people of the 1000 Genomes Project, by population and by superpopulation."""
    groups = {person["population"]: person["superpopulation"] for person in people}
    places = {(variant.chrom, str(variant.pos38)): variant for variant in variants.values()}
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        chromosomes = {name: int(n) for name, n in re.findall(r"([A-Z]{3})=(\d+)", next(lines))}
        next(lines)
        for row in csv.DictReader(lines, delimiter="\t"):
            variant = places.get((row["#chrom"], row["pos38"]))
            if variant is None:
                continue
            for population, group in groups.items():
                alternates, alleles = int(row[population]), chromosomes[population]
                before = counts.get((variant.rsid, group), (0, 0))
                counts[variant.rsid, population] = (alternates, alleles)
                counts[variant.rsid, group] = (before[0] + alternates, before[1] + alleles)
    return counts


def _print_frequencies(variants: Mapping[str, Variant], counted: Frequencies, others: Frequencies) -> int:
    """The table of alleles; how many groups differ."""
    strange = 0
    print(f"{'alternate allele':22} {'these people':>14} {'1000 Genomes':>13} {'published':>10} {'p':>6}")
    for rsid, group in sorted(counted):
        alternates, alleles = counted[rsid, group]
        known, total = others[rsid, group]
        p = _binomial(alternates, alleles, (known + 0.5) / (total + 1))
        strange += p < LEAST_P
        published = f"{PUBLISHED[rsid, group]:.3f}" if (rsid, group) in PUBLISHED else "-"
        name = f"{rsid} {variants[rsid].ref}>{variants[rsid].alt} {group}"
        these = f"{alternates}/{alleles} {alternates / alleles:.3f}"
        print(f"{name:22} {these:>14} {known / total:13.3f} {published:>10} {p:6.3f}")
    return strange


def _binomial(successes: int, trials: int, chance: float) -> float:
    """Two-sided probability of a count at most as likely as this one."""
    each = [comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]
    return min(1.0, sum(p for p in each if p <= each[successes] * (1 + 1e-9)))


def _print_outcomes(
    held: tuple[Trait, ...], found: Mapping[str, list[tuple[str, Interpretation]]], others: Frequencies
) -> None:
    """How many people have each outcome, and how many of a genotype the others' frequencies let expect."""
    print("\nOutcomes: people (expected from 1000 Genomes where one variant decides)")
    for trait in held:
        for group in sorted(found):
            outcomes = Counter(_outcome(trait.id, made) for _, made in found[group])
            populations = [population for population, _ in found[group]]
            cells = [f"{name} {n}{_expected(trait, name, populations, others)}" for name, n in sorted(outcomes.items())]
            if set(outcomes) != {"not read"}:
                print(f"{trait.id:22} {group}  {', '.join(cells)}")


def _outcome(trait: str, made: Interpretation) -> str:
    for finding in made.findings:
        if isinstance(finding, TraitFinding) and finding.trait == trait:
            return finding.outcome
    return next(item.reason.replace("_", " ") for item in made.not_tested if item.subject == trait)


def _expected(trait: Trait, outcome: str, populations: list[str], others: Frequencies) -> str:
    """People expected to have a genotype, from Hardy-Weinberg proportions in each person's population."""
    if len(trait.variants) != 1 or (trait.variants[0].rsid, populations[0]) not in others:
        return ""
    (variant,) = trait.variants
    expected = 0.0
    for population in populations:
        alternates, alleles = others[variant.rsid, population]
        q = alternates / alleles
        expected += {0: (1 - q) ** 2, 1: 2 * q * (1 - q), 2: q * q}[outcome.count(variant.alt)]
    return f" ({expected:.1f})"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
