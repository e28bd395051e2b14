"""How many of a synthetic cohort get a hereditary candidate or a review.

    python benchmarks/hereditary_yield.py [--people N] [--unknown-frequency F] [--clinvar VCF] [--release NAME]

Every pathogenic or disputed record is drawn on each copy of a gene with its frequency in ExAC (some 121,000 copies, all
groups together). Records that ExAC did not see count as absent there: over all records that is the unbiased estimate of
what people carry, while the largest of ExAC, ESP and 1000 Genomes, by which the rules judge, would be too high (one
carrier among 5,000 copies is 0.0002). Nearly all pathogenic records are such: for each a small frequency is assumed on
top. That frequency is a choice, made with the yields of other programmes (2 to 4 %) in view, and the result leaves
that range above some three times of it: the table at the end shows what follows from none and from other ones. HFE
p.Cys282Tyr, which the release lacks, is drawn with a frequency from general knowledge. ExAC is no random sample: it
holds cohorts of early heart attack and of cancer, so LDLR, BRCA1 and BRCA2 come out high.
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from interpreters.findings import HereditaryOutcome
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record, Sex
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.zygosity import gene_outcome
from ror_service.batch_yield import BatchYield, alarms, load_policy

CLINVAR = Path(__file__).resolve().parents[1].parent / "shared" / "hereditary" / "clinvar_acmg_subset.vcf.gz"
"""The file of the default release; a release keeps only the largest of three frequencies."""
BUILD = Build.GRCH38
PEOPLE = 20_000
UNKNOWN = 1e-7
"""What is assumed on top for each allele on none of ExAC's copies: together on about one copy in two hundred."""
OTHERS = (0.0, 2e-7, 5e-7, 1e-6)
HFE = ("6", 26092913, "G", "A")
HFE_FREQUENCY = 0.033
"""p.Cys282Tyr over all groups in ExAC; between 0 in East Asia and 0.06 in north-west Europe."""
MOST_GENES = 15
_EXAC = re.compile(r"\bAF_EXAC=([^;\s]+)")


@dataclass(frozen=True, slots=True)
class Site:
    """An allele that people of the cohort may carry."""

    allele: tuple[str, int, str, str]
    frequency: float | None
    """None where ExAC does not show it."""


def frequencies(clinvar: Path) -> dict[str, float]:
    """VariationID to frequency in ExAC, of the records that have one."""
    found = {}
    with gzip.open(clinvar, "rt") as lines:
        for line in lines:
            if (match := _EXAC.search(line)) is not None:
                found[line.split("\t", 3)[2]] = float(match[1])
    return found


def sites(risk: HereditaryRisk, known: Mapping[str, float]) -> tuple[Site, ...]:
    """Every allele that can make a candidate or a review."""
    found = [
        Site((record.chrom, record.pos, record.ref, record.alt), known.get(record.variation_id) or None)
        for record in risk.clinvar(BUILD)
        if record.is_pathogenic or record.conflicts_with_pathogenic
    ]
    return (*found, Site(HFE, HFE_FREQUENCY))


class Cohort:
    """Draws people.

    Args:
        drawn: What they may carry.
        unknown: Frequency of the alleles that ExAC does not show.
        generator: Where chance comes from.
    """

    def __init__(self, drawn: Sequence[Site], unknown: float, generator: random.Random) -> None:
        self._drawn = drawn
        self._bounds = list(accumulate(site.frequency or unknown for site in drawn))
        self._random = generator

    def person(self) -> tuple[Sex, GenotypeCalls]:
        """One person with all carried alleles, clean calls without phase."""
        sex = self._random.choice((Sex.FEMALE, Sex.MALE))
        carried: Counter[tuple[str, int, str, str]] = Counter(
            site.allele for _ in range(2) for site in self._copy() if not (sex is Sex.MALE and site.allele[0] == "X")
        )
        if sex is Sex.MALE:
            carried.update({site.allele: 2 for site in self._copy() if site.allele[0] == "X"})
        return sex, GenotypeCalls(BUILD, CallSetKind.VARIANTS_ONLY, tuple(_calls(carried)))

    def _copy(self) -> frozenset[Site]:
        """Alleles of one copy of the genome: rare events that do not know of each other."""
        found = set()
        reached = self._random.expovariate(1)
        while reached < self._bounds[-1]:
            found.add(self._drawn[bisect_left(self._bounds, reached)])
            reached += self._random.expovariate(1)
        return frozenset(found)


def _calls(carried: Mapping[tuple[str, int, str, str], int]) -> Iterator[Record]:
    for (chrom, pos, ref, alt), copies in sorted(carried.items()):
        yield Record(
            chrom=chrom,
            pos=pos,
            end=pos + len(ref) - 1,
            ref=ref,
            alts=(alt,),
            genotype=(0, 1) if copies == 1 else (1, 1),
            depth=34,
            genotype_quality=99,
            allele_depths=(17, 17) if copies == 1 else (0, 34),
        )


@dataclass
class Yield:
    """What a cohort got."""

    outcomes: Counter[str]
    """People by their strongest outcome; "NOTHING" without any allele."""
    genes: dict[str, Counter[str]]
    """Outcome to genes."""
    variants: Counter[tuple[str, int, str, str]]
    """Candidates by variant."""
    reasons: Counter[str]
    """Reviews by reason."""


def interpret(risk: HereditaryRisk, cohort: Cohort, people: int) -> Yield:
    """Draw and judge so many people."""
    made = Yield(Counter(), {outcome.value: Counter() for outcome in HereditaryOutcome}, Counter(), Counter())
    strength = [outcome.value for outcome in HereditaryOutcome]
    for _ in range(people):
        sex, calls = cohort.person()
        found = {gene: gene_outcome(alleles, sex) for gene, alleles in risk.alleles(calls).items()}
        made.outcomes[min((o.outcome.value for o in found.values()), key=strength.index, default="NOTHING")] += 1
        for gene, outcome in found.items():
            made.genes[outcome.outcome.value][gene] += 1
            if outcome.outcome is HereditaryOutcome.CANDIDATE_POSITIVE:
                key = outcome.lead.case.allele.key
                made.variants[tuple(key)] += 1
            elif outcome.outcome is HereditaryOutcome.REVIEW:
                made.reasons[outcome.reason] += 1
    return made


def main() -> None:
    """Print the assumptions, the tables, and what other assumptions give."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"size of the cohort ({PEOPLE:,})")
    parser.add_argument("--unknown-frequency", type=float, default=UNKNOWN, help=f"of alleles without one ({UNKNOWN})")
    parser.add_argument("--release", help="knowledge release; the default one if not given")
    parser.add_argument("--clinvar", type=Path, default=CLINVAR, help="ClinVar's VCF with the frequencies")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    started = time.process_time()
    risk = load(given.release)
    drawn = sites(risk, frequencies(given.clinvar))
    known = [site.frequency for site in drawn if site.frequency is not None]
    print(f"release {risk.knowledge.release}, {BUILD.value}, ACMG SF {risk.gene_list}, {given.people:,} people")
    print(f"assumed: {len(known):,} alleles with their frequency in ExAC, {sum(known):.4f} a copy together;")
    print(f"  {len(drawn) - len(known):,} not seen there, each {given.unknown_frequency:g} (an assumption);")
    print(f"  HFE p.Cys282Tyr {HFE_FREQUENCY}; half women; clean calls, no phase; alleles independent of each other")
    print("  not in it: variants that ClinVar lacks (novel loss of function), copy number, failed calls, ancestry")
    made = interpret(risk, Cohort(drawn, given.unknown_frequency, random.Random(given.seed)), given.people)  # noqa: S311
    for name in (*(outcome.value for outcome in HereditaryOutcome), "NOTHING"):
        print(f"{made.outcomes[name]:>9,}  {made.outcomes[name] / given.people:>7.2%}  {name}")
    for outcome in (HereditaryOutcome.CANDIDATE_POSITIVE, HereditaryOutcome.REVIEW):
        most = made.genes[outcome.value].most_common(MOST_GENES)
        print(f"{outcome.value} by gene: " + ", ".join(f"{gene} {number}" for gene, number in most))
    print("REVIEW by reason: " + ", ".join(f"{reason} {number}" for reason, number in made.reasons.most_common()))
    candidates = made.outcomes[HereditaryOutcome.CANDIDATE_POSITIVE.value]
    reviews = made.outcomes[HereditaryOutcome.REVIEW.value]
    batch = BatchYield(
        candidates=candidates,
        reviews=reviews,
        others=given.people - candidates - reviews,
        compared=candidates,
        commonest=max(made.variants.values(), default=0),
    )
    found = ", ".join(alarms(batch, load_policy())) or "none"
    print(f"commonest variant: {batch.commonest_share:.1%} of the candidates; alarms of this batch: {found}")
    print("other assumptions for alleles that ExAC did not see:")
    for unknown in OTHERS:
        other = interpret(risk, Cohort(drawn, unknown, random.Random(given.seed)), given.people)  # noqa: S311
        shares = {name: other.outcomes[name] / given.people for name in ("CANDIDATE_POSITIVE", "REVIEW")}
        print(f"  {unknown:g}: " + ", ".join(f"{name} {share:.2%}" for name, share in shares.items()))
    print(f"{time.process_time() - started:.1f} s of CPU")


if __name__ == "__main__":
    main()
