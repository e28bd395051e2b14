"""The genotype store: bytes a participant, processor time to store and open, and who is affected by some variants.

    python benchmarks/genotype_store.py [--participants 100000] [--people 1] [--build BUILD] [--variants 500] ...

Draws synthetic people of each build and kind of call set: every panel site, a common variant every 1,500 bases of the
reported regions, and a few ClinVar variants. Compares what every installed module says of the calls and of what is
stored of them, byte for byte. Then fills the index of carried variants of services of 1,000, 10,000 and 100,000
participants (up to --participants; each piece is drawn, sealed and kept as the service does, without the people around
it) and asks for variants, of which some are carried. Times are processor time of this process. Ends with status 1 if an
interpretation differs or a carrier is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from interpreters.ancestry import draw_person, reference_panels
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.alleles import AlleleKey, trim
from interpreters.hereditary_risk.clinvar import ClinVarRecord
from interpreters.interpreter import Interpreter
from interpreters.registry import installed
from interpreters.serial import to_json
from ror_service.affected import ACTOR
from ror_service.context import ServiceContext
from ror_service.genotypes import codec
from ror_service.genotypes.carried import number_of
from ror_service.genotypes.catalogue import BuildCatalogue, Catalogue
from ror_service.genotypes.index import SAMPLES, Segment
from ror_service.intake.needs import Needs
from ror_service.intake.reader import read_genotypes
from ror_service.sealing import vault
from ror_service.settings import Settings
from ror_service.storage import migrations, results

T = TypeVar("T")
BETWEEN_VARIANTS = 1500
"""Bases of the regions from one common variant to the next, on average."""
CLINVAR_VARIANTS = 3
BLOCK = 300
"""Longest reference block, in bases."""
COMMON = 700
"""Alleles of regions that each participant of the index carries, out of `POOL`."""
POOL = 200_000
SIZES = (1_000, 10_000, 100_000)


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and its processor seconds."""
    started = time.process_time()
    return action(), time.process_time() - started


def person(
    part: BuildCatalogue, build: Build, kind: CallSetKind, known: Sequence[ClinVarRecord], draw: random.Random
) -> GenotypeCalls:
    """The calls of one synthetic person."""
    found = list(_sites(part, build, kind, draw))
    found += [
        _call(draw, one.chrom, one.pos, (one.ref, one.alt), (0, 1)) for one in draw.sample(known, CLINVAR_VARIANTS)
    ]
    for chrom, start, end in part.region_intervals:
        for first in range(start, end + 1, BLOCK):
            if kind is CallSetKind.GVCF:
                last = min(first + BLOCK - 1, end)
                depth = draw.randrange(15, 50)
                found.append(Record(chrom, first, last, "N", ("<NON_REF>",), (0, 0), depth=depth, genotype_quality=60))
        for pos in range(start, end + 1):
            if draw.random() < 1 / BETWEEN_VARIANTS:
                ref, alt = draw.sample("ACGT", 2)
                found.append(_call(draw, chrom, pos, (ref, alt), draw.choice([(0, 1), (1, 1)])))
    return GenotypeCalls(build, kind, found)


def _sites(part: BuildCatalogue, build: Build, kind: CallSetKind, draw: random.Random) -> Iterator[Record]:
    panels = reference_panels()
    one = draw.choice(panels[0].components).name
    drawn = draw_person(panels, {one: 1.0}, np.random.default_rng(draw.randrange(1 << 32)), build)
    copies = {(site.chrom, site.pos): site.alternates for site in drawn}
    for site in part.panel:
        if (site.chrom, site.pos) not in copies:
            continue
        first, second = copies[site.chrom, site.pos]
        genotype = (int(first), int(second))
        if any(genotype) or kind is CallSetKind.ALL_SITES:
            yield _call(draw, site.chrom, site.pos, (site.ref, site.alt), genotype)
        elif kind is CallSetKind.GVCF:
            yield _call(draw, site.chrom, site.pos, (site.ref, "<NON_REF>"), genotype)


def _call(draw: random.Random, chrom: str, pos: int, alleles: tuple[str, str], genotype: tuple[int, int]) -> Record:
    ref, alt = alleles
    first, second = draw.randrange(8, 25), draw.randrange(8, 25)
    return Record(
        chrom=chrom,
        pos=pos,
        end=pos + len(ref) - 1,
        ref=ref,
        alts=(alt,),
        genotype=genotype,
        depth=first + second,
        genotype_quality=draw.randrange(50, 100),
        allele_depths=(first, second),
    )


def measure(name: str, calls: GenotypeCalls, catalogue: Catalogue, interpreters: Mapping[str, Interpreter]) -> int:
    """Store, open and interpret one call set; prints a line and returns how many interpretations differ."""
    stored, encoding = timed(lambda: codec.encode(calls, catalogue))
    again, decoding = timed(lambda: codec.decode(stored, catalogue))
    _, regions = timed(lambda: codec.decode(stored, catalogue, panel=False))
    sample = Sample(calls.build, Assay.WGS, Sex.FEMALE)
    differ, direct, from_store = 0, 0.0, decoding
    for interpreter in interpreters.values():
        said, seconds = timed(lambda made=interpreter: made.interpret(sample, calls))  # type: ignore[misc]
        direct += seconds
        told, seconds = timed(lambda made=interpreter: made.interpret(sample, again))  # type: ignore[misc]
        from_store += seconds
        differ += json.dumps(to_json(said)) != json.dumps(to_json(told))
    print(
        f"{name:<28} {len(calls):>8,} {len(stored):>8,} {encoding:>7.2f} {decoding:>7.2f} {regions:>8.3f} "
        f"{direct:>9.2f} {from_store:>9.2f} {differ:>7}"
    )
    return differ


def stored_people(
    people: int, builds: Sequence[Build], interpreters: Mapping[str, Interpreter], genomes: Sequence[Path]
) -> int:
    """Bytes, times and agreement of synthetic people, and of files."""
    catalogue, seconds = timed(lambda: Catalogue.of(interpreters))
    print(f"catalogue: {len(catalogue.packed()):,} bytes once, {seconds:.1f} s; for both builds")
    hereditary = interpreters["hereditary_risk"]
    assert isinstance(hereditary, HereditaryRisk)  # noqa: S101 - the benchmark runs with the project's own modules
    print(f"{'call set':<28} {'records':>8} {'bytes':>8} {'store s':>7} {'open s':>7} {'regions':>8} ", end="")
    print(f"{'calls: s':>9} {'store: s':>9} {'differ':>7}")
    draw, differ = random.Random(1), 0  # noqa: S311 - synthetic people, the same each time
    for build in builds:
        known = list(hereditary.clinvar(build))
        for kind in CallSetKind:
            for _ in range(people):
                calls = person(catalogue.builds[build], build, kind, known, draw)
                differ += measure(f"{build} {kind}", calls, catalogue, interpreters)
    needs = Needs(interpreters)
    for genome in genomes:
        read, seconds = timed(lambda path=genome: read_genotypes(path, needs.intervals.__getitem__))  # type: ignore[misc]
        print(f"{genome.name}: read in {seconds:.2f} s")
        differ += measure(genome.name, read.calls, catalogue, interpreters)
    print(f"interpretations that differ: {differ}\n")
    return differ


def asked(participants: int, variants: int) -> int:
    """Fill the index for that many, and ask; returns how many carriers are missed or made up."""
    random_numbers = np.random.default_rng(1)
    pool = [AlleleKey("17", 40_000_000 + place, *trim(1, "A", "G")[1:]) for place in range(POOL)]
    numbers = np.array([number_of(Build.GRCH38, key) for key in pool], dtype=np.uint64)
    # Common variants are carried by many, and most variants by few.
    weights = 1 / np.arange(1, POOL + 1)
    cumulated = np.cumsum(weights / weights.sum())
    wanted_places = np.arange(POOL - variants, POOL)
    wanted = np.sort(numbers[wanted_places])
    expected: set[str] = set()
    with tempfile.TemporaryDirectory() as home:
        context = ServiceContext(Settings(home=Path(home)), clock=lambda _: datetime(2026, 1, 1, tzinfo=UTC))
        migrations.upgrade(context.engine)
        size, made = 0, 0.0
        for first in range(0, participants, SAMPLES):
            people = range(first, min(first + SAMPLES, participants))
            places = [np.unique(np.searchsorted(cumulated, random_numbers.random(2 * COMMON))) for _ in people]
            names = [f"sample-{number:08d}" for number in people]
            expected |= {name for name, of in zip(names, places, strict=True) if np.isin(of, wanted_places).any()}
            carried = [(name, numbers[of].tolist()) for name, of in zip(names, places, strict=True)]
            packed, seconds = timed(lambda one=carried: Segment.of(one).pack())  # type: ignore[misc]
            made += seconds
            size += len(packed)
            with context.transaction(ACTOR) as work:
                vault.keep_segment(work, context.keys, packed, len(people))

        def ask() -> set[str]:
            found: set[str] = set()
            with context.transaction(ACTOR) as work:
                for row in results.variant_segments(work.session):
                    found |= Segment.unpack(vault.open_segment(work, context.keys, row)).carrying(wanted)
            return found

        ask()
        runs = [timed(ask) for _ in range(3)]
        context.close()
    wrong = sum(len(found ^ expected) for found, _ in runs)
    each, seconds = size / participants, statistics.median(seconds for _, seconds in runs)
    print(
        f"{participants:>9,} participants: index {size / 1e6:,.1f} MB ({each:,.0f} bytes each), "
        f"{variants:,} variants, {len(expected):,} carriers: {seconds:.2f} s; wrong: {wrong}"
    )
    return wrong


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=100_000, help="most participants to ask about")
    parser.add_argument("--people", type=int, default=1, help="synthetic people of each build and kind")
    parser.add_argument("--build", type=Build, action="append", help="only people of this build; both when left out")
    parser.add_argument("--variants", type=int, default=500, help="variants that are asked for at once")
    parser.add_argument("--genome", type=Path, action="append", default=[], help="also store this file; repeatable")
    given = parser.parse_args()
    wrong = stored_people(given.people, given.build or list(Build), installed(), given.genome)
    for size in sorted({min(size, given.participants) for size in SIZES}):
        wrong += asked(size, given.variants)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
