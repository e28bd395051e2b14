"""Every ClinVar record of a release, as if seen with a clean call, heterozygous and homozygous, in both sexes.

    python benchmarks/hereditary_exhaustive.py [RELEASE] [GRCh37|GRCh38]

Prints the outcomes by rule, and writes every short insertion and deletion in each way that the known reference bases
allow. Ends with status 1 if a record of a forbidden mechanism becomes a candidate or a spelling is missed.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from interpreters.findings import HereditaryOutcome
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record, Sex
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.alleles import equivalents, place
from interpreters.hereditary_risk.clinvar import LOSS_OF_FUNCTION, ClinVarRecord
from interpreters.hereditary_risk.zygosity import gene_outcome

FORBIDDEN_LOF = frozenset({"APOB", "PCSK9", "RET", "MYH7", "RYR1", "TGFBR1"})
GENOTYPES = {"heterozygous": (0, 1), "homozygous": (1, 1)}
LONG = 200
"""Longer alleles can be written at thousands of positions each; they are left out of the count of spellings."""
READS = {"heterozygous": (17, 17), "homozygous": (0, 34)}


def forbidden(record: ClinVarRecord) -> bool:
    """Whether the record is pathogenic by a mechanism that must not be returned, told from the record alone."""
    truncating = not LOSS_OF_FUNCTION.isdisjoint(record.consequences)
    wrong = (FORBIDDEN_LOF.intersection(record.genes) and truncating) or ("TTN" in record.genes and not truncating)
    return record.is_pathogenic and bool(wrong)


def seen(record: ClinVarRecord, build: Build, zygosity: str) -> GenotypeCalls:
    """A sample that carries the record and nothing else."""
    call = Record(
        chrom=record.chrom,
        pos=record.pos,
        end=record.pos + len(record.ref) - 1,
        ref=record.ref,
        alts=(record.alt,),
        genotype=GENOTYPES[zygosity],
        depth=34,
        genotype_quality=99,
        allele_depths=READS[zygosity],
    )
    return GenotypeCalls(build, CallSetKind.VARIANTS_ONLY, (call,))


def spellings(risk: HereditaryRisk, build: Build) -> tuple[int, int]:
    """Known spellings of each short pathogenic insertion or deletion: how many, and how many get another key."""
    bases, spelled, wrong = risk.reference_bases(build), 0, 0
    for record in risk.clinvar(build):
        key = record.key
        if not record.is_pathogenic or bool(key.deleted) == bool(key.inserted) or len(record.ref + record.alt) > LONG:
            continue
        for other in equivalents(key, bases):
            before, after = bases.at(key.chrom, other.pos - 1) or "N", bases.at(key.chrom, other.end + 1) or ""
            ref, alt = before + other.deleted + after, before + other.inserted + after
            spelled += 1
            wrong += place(key.chrom, other.pos - 1, ref, alt, bases) != (key, True)
    return spelled, wrong


def main(release: str | None = None, build_name: str = Build.GRCH38.value) -> int:
    """Run and print; returns the exit status."""
    started = time.perf_counter()
    build, risk = Build(build_name), load(release)
    rules: Counter[tuple[str, str]] = Counter()
    alone: Counter[str] = Counter()
    mechanism = broken = 0
    for record in risk.clinvar(build):
        best = []
        for zygosity in GENOTYPES:
            for alleles in risk.alleles(seen(record, build, zygosity)).values():
                for sex in (Sex.FEMALE, Sex.MALE):
                    outcome = gene_outcome(alleles, sex)
                    rules[outcome.outcome.value, outcome.reason] += 1
                    best.append(outcome.outcome)
        strongest = min(best, key=list(HereditaryOutcome).index)
        if record.is_pathogenic:
            alone[strongest.value] += 1
        if forbidden(record):
            mechanism += 1
            broken += strongest is HereditaryOutcome.CANDIDATE_POSITIVE
    print(f"release {risk.knowledge.release}, {build.value}, {len(risk.clinvar(build)):,} records, four samples each")
    for (outcome_name, reason), count in sorted(rules.items(), key=lambda item: (item[0][0], -item[1])):
        print(f"{count:>9,}  {outcome_name:<20} {reason}")
    print(f"pathogenic records by their strongest outcome: {dict(sorted(alone.items()))}")
    print(f"forbidden mechanism: {mechanism:,} records, {broken} of them candidates")
    spelled, wrong = spellings(risk, build)
    print(f"spellings of pathogenic insertions and deletions: {spelled:,}, {wrong} with another key")
    print(f"{time.perf_counter() - started:.1f} s")
    return int(broken > 0 or wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
