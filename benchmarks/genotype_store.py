"""The genotype store: bytes a participant, processor time to store and open, and who is affected by some variants.

    python benchmarks/genotype_store.py [--participants N ...] [--people 1] [--build BUILD] [--variants 500] ...

Draws synthetic people of each build and kind of call set: every panel site, a common variant every 1,500 bases of the
reported regions, and a few ClinVar variants. Compares what every installed module says of the calls and of what is
stored of them, byte for byte, and their fingerprints.

Then fills a service with so many participants, 1,000 and 10,000 by default: each with a sample, one of these
call sets sealed under a key of its own, and drawn alleles. Makes the index of carried variants from that, asks for
variants of which some are carried, has one participant withdraw, and asks again. Times are processor time of this
process; `MB` is the database. Ends with status 1 if an interpretation differs or a carrier is missed or made up.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from sqlalchemy import func, select

from consent.types import Participation
from identity.fingerprint import read_fingerprint
from identity.panel import load_panel
from interpreters.ancestry import draw_person, reference_panels
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.alleles import AlleleKey, trim
from interpreters.hereditary_risk.clinvar import ClinVarRecord
from interpreters.interpreter import Interpreter
from interpreters.registry import installed
from interpreters.serial import to_json
from ror_service import participants
from ror_service.affected import ACTOR, Variant, affected, refresh
from ror_service.context import ServiceContext
from ror_service.genotypes import carried, codec
from ror_service.genotypes.carried import number_of
from ror_service.genotypes.catalogue import BuildCatalogue, Catalogue
from ror_service.genotypes.store import Stored
from ror_service.intake.needs import Needs
from ror_service.intake.reader import read_genotypes
from ror_service.sealing import vault
from ror_service.settings import Settings
from ror_service.storage import indexes, migrations, results
from ror_service.storage.tables import ParticipantRow, SampleRow

T = TypeVar("T")
BETWEEN_VARIANTS = 1500
"""Bases of the regions from one common variant to the next, on average."""
CLINVAR_VARIANTS = 3
BLOCK = 300
"""Longest reference block, in bases."""
COMMON = 700
"""Alleles of regions that each participant of the index carries, out of `POOL`."""
POOL = 200_000
AT_ONCE = 1000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINGERPRINTS = load_panel()


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


def measure(
    name: str, calls: GenotypeCalls, catalogue: Catalogue, interpreters: Mapping[str, Interpreter]
) -> tuple[int, Stored]:
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
    differ += not np.array_equal(*(read_fingerprint(FINGERPRINTS, each) for each in (calls, again)))
    return differ, Stored(stored, catalogue, calls.build, "")


def stored_people(
    people: int, builds: Sequence[Build], interpreters: Mapping[str, Interpreter], genomes: Sequence[Path]
) -> tuple[int, list[Stored]]:
    """Bytes, times and agreement of synthetic people, and of files; how many differ, and what was stored."""
    catalogue, seconds = timed(lambda: Catalogue.of(interpreters))
    print(f"catalogue: {len(catalogue.packed()):,} bytes once, {seconds:.1f} s; for both builds")
    hereditary = interpreters["hereditary_risk"]
    assert isinstance(hereditary, HereditaryRisk)  # noqa: S101 - the benchmark runs with the project's own modules
    print(f"{'call set':<28} {'records':>8} {'bytes':>8} {'store s':>7} {'open s':>7} {'regions':>8} ", end="")
    print(f"{'calls: s':>9} {'store: s':>9} {'differ':>7}")
    draw, differ = random.Random(1), 0  # noqa: S311 - synthetic people, the same each time
    stored: list[Stored] = []
    for build in builds:
        known = list(hereditary.clinvar(build))
        for kind in CallSetKind:
            for _ in range(people):
                calls = person(catalogue.builds[build], build, kind, known, draw)
                wrong, one = measure(f"{build} {kind}", calls, catalogue, interpreters)
                differ, stored = differ + wrong, [*stored, one]
    needs = Needs(interpreters)
    for genome in genomes:
        read, seconds = timed(lambda path=genome: read_genotypes(path, needs.intervals.__getitem__))  # type: ignore[misc]
        print(f"{genome.name}: read in {seconds:.2f} s")
        wrong, _ = measure(genome.name, read.calls, catalogue, interpreters)
        differ += wrong
    print(f"interpretations that differ: {differ}\n")
    return differ, stored


class Pool:
    """Alleles that participants carry: few are common, and the last ones are asked for."""

    def __init__(self, variants: int) -> None:
        self.keys = [AlleleKey("17", 40_000_000 + place, *trim(1, "A", "G")[1:]) for place in range(POOL)]
        self._numbers = np.array([number_of(Build.GRCH38, key) for key in self.keys], dtype=np.uint64)
        weights = 1 / np.arange(1, POOL + 1)
        self._cumulated = np.cumsum(weights / weights.sum())
        self._first_wanted = POOL - variants
        self._random = np.random.default_rng(1)

    @property
    def wanted(self) -> list[Variant]:
        """What is asked for."""
        return [Variant({Build.GRCH38: frozenset({key})}, certain=True) for key in self.keys[self._first_wanted :]]

    def drawn(self) -> tuple[bytes, bool]:
        """What one participant carries, and whether that is asked for."""
        places = np.unique(np.searchsorted(self._cumulated, self._random.random(2 * COMMON)))
        return carried.pack(np.sort(self._numbers[places])), bool((places >= self._first_wanted).any())


def fill(context: ServiceContext, numbers: range, stored: Sequence[Stored], pool: Pool) -> set[int]:
    """Add people with a sample and what is stored of it; returns who carries what is asked for."""
    carriers = set()
    for first in range(numbers.start, numbers.stop, AT_ONCE):
        some = range(first, min(first + AT_ONCE, numbers.stop))
        with context.transaction(ACTOR) as work:
            results.add_rows(work.session, ParticipantRow, list(map(_participant, some)))
            results.add_rows(work.session, SampleRow, list(map(_sample, some)))
            for one in stored:
                indexes.add_catalogue(work.session, one.catalogue.digest, one.catalogue.packed, work.at)
            for number in some:
                alleles, asked_for = pool.drawn()
                one = stored[number % len(stored)]
                vault.keep_genotypes(
                    work, context.keys, f"P-{number:07d}", f"sample-{number:07d}", one.packed,
                    build=one.build, catalogue=one.catalogue.digest, carried=alleles,
                )  # fmt: skip
                carriers |= {number} if asked_for else set()
    return carriers


def _participant(number: int) -> dict[str, object]:
    return {
        "participant_id": f"P-{number:07d}", "language": "en", "sex_at_birth": "unknown", "vital_status": "alive",
        "participation": "active", "created_at": NOW,
    }  # fmt: skip


def _sample(number: int) -> dict[str, object]:
    return {
        "sample_id": f"sample-{number:07d}", "participant_id": f"P-{number:07d}", "genome_center": "center",
        "specimen": "saliva", "assay": "wgs", "sex_at_birth": "unknown", "file_sha256": "f" * 64, "file_size": 1,
        "manifest_sha256": "f" * 64, "state": "read", "created_at": NOW,
    }  # fmt: skip


def asked(sizes: Sequence[int], stored: Sequence[Stored], variants: int) -> int:
    """Fill a service for these numbers of people, and ask; returns how many carriers are missed or made up."""
    pool, wrong, filled, carriers = Pool(variants), 0, 0, set[int]()
    print(f"{variants:,} variants; CPU s; index and question by number of participants")
    print(f"{'':>9}{'fill':>8}{'MB':>9}{'index':>8}{'index MB':>9}{'carriers':>9}{'question':>9}", end="")
    print(f"{'withdraw':>9}{'again':>7}{'wrong':>6}")
    with tempfile.TemporaryDirectory() as home:
        context = ServiceContext(Settings(home=Path(home)), clock=lambda _: NOW)
        migrations.upgrade(context.engine)
        for size in sizes:
            people = range(filled, size)
            added, filling = timed(lambda people=people: fill(context, people, stored, pool))  # type: ignore[misc]
            carriers |= added
            filled = size
            _, making = timed(lambda: refresh(context))
            found, asking = timed(lambda: affected(context, pool.wanted, "hereditary_risk"))
            wrong_now = abs(found.carriers - len(carriers)) + abs(found.samples - size + _gone(context))
            leaving = f"P-{size - 1:07d}"
            _, withdrawing = timed(lambda leaving=leaving: _withdraw(context, leaving))  # type: ignore[misc]
            carriers.discard(size - 1)
            found, again = timed(lambda: affected(context, pool.wanted, "hereditary_risk"))
            wrong_now += abs(found.carriers - len(carriers))
            with context.transaction(ACTOR) as work:
                index = sum(len(row.sealed or b"") for row in indexes.variant_segments(work.session)) / 1e6
            megabytes = sum(file.stat().st_size for file in Path(home).glob("ror.sqlite3*")) / 1e6
            print(f"{size:>9,}{filling:>8.1f}{megabytes:>9,.0f}{making:>8.2f}{index:>9.1f}{len(carriers):>9,}", end="")
            print(f"{asking:>9.2f}{withdrawing:>9.3f}{again:>7.2f}{wrong_now:>6}", flush=True)
            wrong += wrong_now
        context.close()
    return wrong


def _withdraw(context: ServiceContext, participant_id: str) -> None:
    with context.transaction(ACTOR) as work:
        participants.set_standing(work, participant_id, participation=Participation.WITHDRAWN)


def _gone(context: ServiceContext) -> int:
    with context.transaction(ACTOR) as work:
        withdrawn = ParticipantRow.participation == Participation.WITHDRAWN.value
        return work.session.scalar(select(func.count()).select_from(ParticipantRow).where(withdrawn)) or 0


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, nargs="+", default=[1_000, 10_000], help="to ask about")
    parser.add_argument("--people", type=int, default=1, help="synthetic people of each build and kind")
    parser.add_argument("--build", type=Build, action="append", help="only people of this build; both when left out")
    parser.add_argument("--variants", type=int, default=500, help="variants that are asked for at once")
    parser.add_argument("--genome", type=Path, action="append", default=[], help="also store this file; repeatable")
    given = parser.parse_args()
    wrong, stored = stored_people(given.people, given.build or list(Build), installed(), given.genome)
    wrong += asked(sorted(given.participants), stored, given.variants)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
