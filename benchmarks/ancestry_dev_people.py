"""Shares, places and misfit of the 60 real people beside the project who are not in the core panel, worst group first.

`python benchmarks/ancestry_dev_people.py [FOLDER]` reads `samples.tsv` and one VCF a person from FOLDER (by default
`../shared/ancestry/samples`), interprets each, and prints for every group the mean share of its labelled region, then
every person; how often a place within the main region is shown and right; how far shares move when the same person
comes as a gVCF or as an array reads; and CPU time. It ends with status 1 when an unadmixed person's top region is not
the labelled one.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ancestry_sets import FOLDER, RealPerson, real_people

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter
from interpreters.ancestry.places import LEAST_LEAD
from interpreters.findings import AncestryFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex

SAMPLE = Sample(Build.GRCH38, Assay.WGS, Sex.UNKNOWN)
COMMON = (0.05, 0.01)
"""Least minor allele frequencies of the sites that an array is taken to read."""
TWO_POINTS = 0.02


def interpret(interpreter: AncestryInterpreter, records: Iterable[Record]) -> AncestryFinding:
    """The finding of a call set that allows one."""
    (found,) = interpreter.interpret(SAMPLE, GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records)).findings
    if not isinstance(found, AncestryFinding):
        raise TypeError(type(found))
    return found


def as_blocks(records: Iterable[Record]) -> list[Record]:
    """The same person as a gVCF: homozygous reference sites lie in blocks that begin before them and spell no base."""
    return [
        record if any(record.genotype) else replace(record, pos=record.pos - 1, ref="N", alts=("<NON_REF>",), depth=30)
        for record in records
    ]


def moves(one: AncestryFinding, two: AncestryFinding) -> float:
    """Greatest difference between two findings' shares of one region."""
    shares = {share.region: share.share for share in two.components}
    return max(abs(share.share - shares[share.region]) for share in one.components)


def place_of(population: str, interpreter: AncestryInterpreter) -> str:
    """The place that a group belongs to."""
    return next((place.name for place in interpreter.panels[1].places if population in place.groups), "-")


def print_groups(people: Sequence[RealPerson], found: Sequence[AncestryFinding]) -> int:
    """Print the tables of groups and people; the number of unadmixed people whose top region is wrong."""
    groups: dict[str, list[tuple[float, bool, bool]]] = defaultdict(list)
    printed = []
    for person, finding in zip(people, found, strict=True):
        own = next(share.share for share in finding.components if share.region is person.region)
        top = finding.components[0].region is person.region
        groups[person.population].append((own, top, person.admixed))
        shares = ", ".join(
            f"{share.region} {share.share:.3f} ({share.low:.2f}-{share.high:.2f})"
            for share in finding.components
            if share.share > 0
        )
        place = finding.subregion.code if finding.subregion else "-"
        text = f"{person.name} {person.population} {finding.status} {finding.misfit} {place}: {shares}"
        printed.append((own, text))
    wrong = 0
    print(f"{'group':6} {'people':>6} {'own share':>9} {'top right':>9}")
    for group, results in sorted(groups.items(), key=lambda item: float(np.mean([own for own, _, _ in item[1]]))):
        right, admixed = sum(top for _, top, _ in results), results[0][2]
        wrong += 0 if admixed else len(results) - right
        mean = np.mean([own for own, _, _ in results])
        print(f"{group:6} {len(results):6} {mean:9.3f} {right:9}{'  admixed' if admixed else ''}")
    print("\n" + "\n".join(line for _, line in sorted(printed)))
    return wrong


def print_places(
    interpreter: AncestryInterpreter, people: Sequence[RealPerson], found: Sequence[AncestryFinding]
) -> None:
    """Print how often a place is shown and right."""
    shown = [
        (finding.subregion.code == place_of(person.population, interpreter), person.population)
        for person, finding in zip(people, found, strict=True)
        if finding.subregion and not person.admixed
    ]
    unadmixed = sum(not person.admixed for person in people)
    admixed = sum(bool(finding.subregion) and person.admixed for person, finding in zip(people, found, strict=True))
    right = sum(good for good, _ in shown)
    wrong = ", ".join(population for good, population in shown if not good) or "none"
    print(
        f"\nplace, with a lead of {LEAST_LEAD:.0f} or more: shown for {len(shown)} of {unadmixed} unadmixed people,"
        f" right for {right} of those (wrong: {wrong}); shown for {admixed} admixed people"
    )


def print_moves(
    interpreter: AncestryInterpreter, people: Sequence[RealPerson], found: Sequence[AncestryFinding]
) -> None:
    """Print how far shares move between kinds of files."""
    core = interpreter.panels[1]
    mean = core.frequencies.mean(axis=1)
    minor = dict(
        zip(zip(core.chromosome_names, core.positions38.tolist(), strict=True), np.minimum(mean, 1 - mean), strict=True)
    )
    kinds: dict[str, Callable[[Iterable[Record]], list[Record]]] = {"gVCF": as_blocks}
    for least in COMMON:
        kinds[f"array of sites with minor allele frequency {least:.2f} or more"] = lambda records, least=least: [  # type: ignore[misc]
            record for record in records if minor.get((record.chrom, record.pos), 0.0) >= least
        ]
    print()
    for name, made in kinds.items():
        moved = np.array(
            [
                moves(finding, interpret(interpreter, made(person.calls)))
                for person, finding in zip(people, found, strict=True)
            ]
        )
        far = (moved > TWO_POINTS).mean()
        print(f"{name}: greatest move {moved.max():.3f}, mean {moved.mean():.3f}, above two points {far:.2f}")


def main(folder: Path) -> int:
    """Print the tables; 1 when an unadmixed person's top region is wrong."""
    people = real_people(folder)
    start = time.process_time()
    interpreter = ancestry.load()
    loading = time.process_time() - start
    found, seconds = [], []
    for person in people:
        start = time.process_time()
        found.append(interpret(interpreter, person.calls))
        seconds.append(time.process_time() - start)
    wrong = print_groups(people, found)
    print_places(interpreter, people, found)
    print_moves(interpreter, people, found)
    print(
        f"\nCPU seconds: loading {loading:.2f}, first person {seconds[0]:.2f}, then {np.mean(seconds[1:]):.2f} a person"
        f"\nunadmixed people with a wrong top region: {wrong}"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
