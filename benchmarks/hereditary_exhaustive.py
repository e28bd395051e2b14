"""Every ClinVar record of a release, as if seen with a clean call, heterozygous and homozygous, in both sexes.

    python benchmarks/hereditary_exhaustive.py [--release NAME] [--build GRCh37|GRCh38] [--every N]

Prints the outcomes by rule for each build; then writes every pathogenic insertion and deletion at each position that
the known reference bases allow, with more and fewer bases around it, and compares what comes out. Ends with status 1 if
a record of a forbidden mechanism becomes a candidate, or a spelling gets another key or another outcome.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, product

import promises

from interpreters.findings import HereditaryOutcome
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record, Sex
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.alleles import AlleleKey, ReferenceBases, equivalents, place
from interpreters.hereditary_risk.clinvar import LOSS_OF_FUNCTION, ClinVarRecord
from interpreters.hereditary_risk.zygosity import gene_outcome

FORBIDDEN_LOF = frozenset({"APOB", "PCSK9", "RET", "MYH7", "RYR1", "TGFBR1"})
COPIES = {"heterozygous": ((0, 1), (17, 17)), "homozygous": ((1, 1), (0, 34))}
"""Genotype, and reads of REF and ALT."""
BEFORE, AFTER = (1, 2, 5), (0, 1, 4)
"""Unchanged bases that a spelling gives on either side, where they are known."""
LONG, MOST_POSITIONS = 200, 20
"""Of an allele of more bases, which may have thousands of positions, only so many are tried."""

Spelling = tuple[int, str, str]
"""Position, REF and ALT."""
GeneOutcomes = dict[str, tuple[HereditaryOutcome, str]]
"""Outcome and main reason by gene symbol."""


@dataclass
class Tally:
    """What came out for one build."""

    records: int = 0
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Outcome and main reason; each record counts once for each copy number, sex and gene."""
    pathogenic: Counter[str] = field(default_factory=Counter)
    """Pathogenic records by the strongest of their outcomes."""
    forbidden: int = 0
    forbidden_candidates: int = 0
    indels: int = 0
    spellings: int = 0
    other_key: int = 0
    other_outcome: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing came out that must not."""
        return not (self.forbidden_candidates or self.other_key or self.other_outcome)


def forbidden(record: ClinVarRecord) -> bool:
    """Whether the record is pathogenic by a mechanism that must not be returned, told from the record alone."""
    truncating = not LOSS_OF_FUNCTION.isdisjoint(record.consequences)
    wrong = (FORBIDDEN_LOF.intersection(record.genes) and truncating) or ("TTN" in record.genes and not truncating)
    return record.is_pathogenic and bool(wrong)


def seen(build: Build, chrom: str, spelling: Spelling, copies: str) -> GenotypeCalls:
    """A sample with one clean call and nothing else."""
    pos, ref, alt = spelling
    genotype, reads = COPIES[copies]
    call = Record(
        chrom=chrom,
        pos=pos,
        end=pos + len(ref) - 1,
        ref=ref,
        alts=(alt,),
        genotype=genotype,
        depth=34,
        genotype_quality=99,
        allele_depths=reads,
    )
    return GenotypeCalls(build, CallSetKind.VARIANTS_ONLY, (call,))


def outcomes(risk: HereditaryRisk, build: Build, record: ClinVarRecord) -> Iterator[tuple[HereditaryOutcome, str]]:
    """Outcome and reason of a record in each of the four samples, for each of its genes."""
    for copies in COPIES:
        for alleles in risk.alleles(seen(build, record.chrom, (record.pos, record.ref, record.alt), copies)).values():
            for sex in (Sex.FEMALE, Sex.MALE):
                found = gene_outcome(alleles, sex)
                yield found.outcome, found.reason


def spellings(key: AlleleKey, bases: ReferenceBases) -> Iterator[tuple[Spelling, bool]]:
    """Every spelling of an insertion or deletion that the known bases allow, and whether it has one base around it."""
    most = MOST_POSITIONS if len(key.deleted + key.inserted) > LONG else None
    for other in islice(equivalents(key, bases), most):
        for before, after in product(BEFORE, AFTER):
            left = _stretch(bases, key.chrom, other.pos - before, before)
            right = _stretch(bases, key.chrom, other.end + 1, after)
            if left is not None and right is not None:
                ref, alt = left + other.deleted + right, left + other.inserted + right
                yield (other.pos - before, ref, alt), (before, after) == (BEFORE[0], AFTER[0])


def _stretch(bases: ReferenceBases, chrom: str, start: int, length: int) -> str | None:
    found = [bases.at(chrom, pos) for pos in range(start, start + length)]
    return None if None in found or "N" in found else "".join(base for base in found if base)


def spell(risk: HereditaryRisk, build: Build, record: ClinVarRecord, tally: Tally) -> None:
    """Compare all spellings of an insertion or deletion: the keys of all, and the outcome at each position."""
    key, bases, chrom = record.key, risk.reference_bases(build), record.chrom
    expected = _in_a_woman(risk, build, chrom, (record.pos, record.ref, record.alt))
    tally.indels += 1
    for spelling, shortest in spellings(key, bases):
        tally.spellings += 1
        tally.other_key += place(chrom, *spelling, bases) != (key, True)
        tally.other_outcome += shortest and _in_a_woman(risk, build, chrom, spelling) != expected


def _in_a_woman(risk: HereditaryRisk, build: Build, chrom: str, spelling: Spelling) -> GeneOutcomes:
    judged = risk.alleles(seen(build, chrom, spelling, "heterozygous"))
    found = {gene: gene_outcome(alleles, Sex.FEMALE) for gene, alleles in judged.items()}
    return {gene: (outcome.outcome, outcome.reason) for gene, outcome in found.items()}


def run(risk: HereditaryRisk, build: Build, every: int) -> Tally:
    """Judge each record, or one in `every`."""
    tally, strength = Tally(), list(HereditaryOutcome).index
    for record in islice(risk.clinvar(build), 0, None, every):
        tally.records += 1
        found = list(outcomes(risk, build, record))
        tally.rules.update((outcome.value, reason) for outcome, reason in found)
        strongest = min((outcome for outcome, _ in found), key=strength)
        if record.is_pathogenic:
            tally.pathogenic[strongest.value] += 1
            if bool(record.key.deleted) != bool(record.key.inserted):
                spell(risk, build, record, tally)
        if forbidden(record):
            tally.forbidden += 1
            tally.forbidden_candidates += strongest is HereditaryOutcome.CANDIDATE_POSITIVE
    return tally


def main() -> int:
    """Run and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", help="knowledge release; the default one if not given")
    parser.add_argument("--build", type=Build, choices=list(Build), help="one genome build; all of the release if not")
    parser.add_argument("--every", type=int, default=1, help="judge one record in so many (1)")
    given = parser.parse_args()
    risk, kept = load(given.release), []
    for build in Build if given.build is None else (given.build,):
        if not risk.has_build(build):
            continue
        started = time.process_time()
        tally = run(risk, build, given.every)
        print(f"release {risk.knowledge.release}, {build.value}, {tally.records:,} records, four samples each")
        for (outcome, reason), count in sorted(tally.rules.items(), key=lambda item: (item[0][0], -item[1])):
            print(f"{count:>9,}  {outcome:<20} {reason}")
        print(f"pathogenic records by their strongest outcome: {dict(sorted(tally.pathogenic.items()))}")
        print(f"forbidden mechanism: {tally.forbidden:,} records, {tally.forbidden_candidates} of them candidates")
        print(
            f"{tally.indels:,} pathogenic insertions and deletions in {tally.spellings:,} spellings:"
            f" {tally.other_key} with another key, {tally.other_outcome} with another outcome"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"{time.process_time() - started:.1f} s of CPU, largest size {peak / 1e6:,.0f} MB\n")
        kept.append(
            promises.tell(
                f"no hereditary finding of a forbidden mechanism, and none missed for its spelling ({build.value})",
                f"{tally.records:,} ClinVar records, {tally.spellings:,} spellings: {tally.forbidden_candidates} false,"
                f" {tally.other_key + tally.other_outcome} missed or other",
                held=tally.holds,
            )
        )
    return not (kept and all(kept))


if __name__ == "__main__":
    sys.exit(main())
