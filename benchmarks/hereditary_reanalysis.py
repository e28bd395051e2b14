"""A synthetic cohort interpreted under two ClinVar releases: which findings change, of whom, and what it costs.

    python benchmarks/hereditary_reanalysis.py [BEFORE] [AFTER] [PEOPLE]

Each person carries a few variants of the older release on one copy, drawn from the genes that both releases hold whole.
To one in ten a variant is added that was reclassified between the releases, in turn from those that lost, gained or
kept their standing with other stars: real reclassifications, at a frequency that is made up and known. Prints the
planted variants, the events by kind, gene and reason, what people would have to do, and processor time. No service is
needed.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.clinvar import ClinVarRecord
from interpreters.hereditary_risk.compare import GAINED, LOST, LOST_BY_PANEL, STARS, compare

PLANTED_EVERY = 10
CARRIED = 3
"""Other variants of the older release that each person carries, of any class that it has."""
READS = (17, 17)


def call(record: ClinVarRecord) -> Record:
    """A clean heterozygous call."""
    return Record(
        chrom=record.chrom,
        pos=record.pos,
        end=record.pos + len(record.ref) - 1,
        ref=record.ref,
        alts=(record.alt,),
        genotype=(0, 1),
        depth=sum(READS),
        genotype_quality=99,
        allele_depths=READS,
    )


def interpret(risk: HereditaryRisk, carried: Sequence[Record]) -> Interpretation:
    """What one release says of one person."""
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, carried)
    return risk.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls)


def is_finding(said: Interpretation) -> bool:
    """Whether people would decide on anything."""
    found = [finding for finding in said.findings if isinstance(finding, HereditaryFinding)]
    return any(finding.outcome is not HereditaryOutcome.NOT_REPORTABLE for finding in found)


def main(before: str = "2025-09-28", after: str = "2026-02-26", people: str = "1000") -> int:
    """Run and print; ends with status 1 if a finding that lost its support goes unnoticed."""
    old, new = load(before), load(after)
    started = time.process_time()
    compared = compare(old.knowledge, new.knowledge)
    print("\n".join(compared.summary))
    print(f"comparison of the releases: {time.process_time() - started:.1f} s of processor time\n")

    known = {r.variation_id: r for risk in (new, old) for r in risk.clinvar(Build.GRCH38)}
    common = [r for r in old.clinvar(Build.GRCH38) if {"APC", "BRCA1", "BRCA2", "TP53"}.intersection(r.genes)]
    pools: dict[str, list[str]] = defaultdict(list)
    for fact in compared.facts:
        if fact.after is not None or fact.subject.kind != LOST:
            pools[fact.subject.kind].append(fact.subject.name)
    pools = {kind: pools[kind] for kind in (LOST, LOST_BY_PANEL, GAINED, STARS) if pools[kind]}

    draw = random.Random(1)  # noqa: S311 - a synthetic cohort, the same each time
    planted, affected = Counter[str](), Counter[str]()
    events: Counter[tuple[str, str, str]] = Counter()
    acts, unnoticed = Counter[str](), 0
    seconds = 0.0
    for number in range(int(people)):
        carried = draw.sample(common, CARRIED) if number % 2 else []
        kind = None
        if number % PLANTED_EVERY == 0:
            kind = list(pools)[number // PLANTED_EVERY % len(pools)]
            carried = [known[draw.choice(pools[kind])]]
            planted[kind] += 1
        records = sorted({(r.chrom, r.pos, r.alt): call(r) for r in carried}.values(), key=lambda r: (r.chrom, r.pos))
        started = time.process_time()
        was, now = interpret(old, records), interpret(new, records)
        found = new.changes(was, now, lambda: old.knowledge)
        seconds += time.process_time() - started
        events.update({(change.kind.value, change.gene, change.after.reason) for change in found})
        acts.update({change.follow_up.value for change in found if change.follow_up})
        affected[kind or "nothing planted"] += bool(found)
        unnoticed += kind in {LOST, LOST_BY_PANEL} and is_finding(was) and not found

    for kind, count in planted.items():
        print(f"{count:>7,}  carry a variant that is {kind}; {affected[kind]:,} of them have an event")
    print(f"{affected['nothing planted']:>7,}  others have an event by chance\n")
    for (kind_of_event, gene, reason), count in sorted(events.items()):
        print(f"{count:>7,}  {kind_of_event:<30} {gene:<6} {reason}")
    print(f"\nto do: {dict(sorted(acts.items()))}")
    print(f"{int(people):,} people under two releases: {seconds:.1f} s of processor time, with loading")
    print(f"findings that lost their support unnoticed: {unnoticed}")
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
