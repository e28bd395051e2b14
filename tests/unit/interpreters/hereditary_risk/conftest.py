"""Shared makers of genotype records; `call("17 43124027 ACT A", "0/1")` reads like the line of a file."""

from __future__ import annotations

import gzip
from bisect import bisect_right
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from interpreters.findings import HereditaryFinding, Interpretation
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk, load


def _number(text: str | None) -> int | None:
    return None if text in {None, "", "."} else int(float(text))


def parse_line(line: str) -> Record:
    """A record of one VCF line, plainly."""
    chrom, pos, _, ref, alt, _, filters, info, keys, values = line.rstrip("\n").split("\t")[:10]
    sample = dict(zip(keys.split(":"), values.split(":"), strict=False))
    facts = dict(part.partition("=")[::2] for part in info.split(";"))
    genotype = sample.get("GT", "")
    depths = [number for key in ("DP", "MIN_DP") if (number := _number(sample.get(key))) is not None]
    return Record(
        chrom=chrom.removeprefix("chr"),
        pos=int(pos),
        end=int(facts.get("END", int(pos) + len(ref) - 1)),
        ref=ref,
        alts=() if alt == "." else tuple(alt.split(",")),
        genotype=tuple(_number(part) for part in genotype.replace("|", "/").split("/")) if genotype else (),
        phased="|" in genotype,
        phase_set=sample.get("PS"),
        filters=() if filters in {"PASS", "."} else tuple(filters.split(";")),
        depth=min(depths, default=None),
        genotype_quality=_number(sample.get("GQ")),
        allele_depths=tuple(_number(part) for part in sample["AD"].split(",")) if "AD" in sample else (),
    )


def make_call(  # noqa: PLR0917
    site: str,
    genotype: str = "0/1",
    reads: tuple[int, ...] | None = None,
    quality: int | None = 99,
    phase_set: str | None = None,
    filters: tuple[str, ...] = (),
    consequences: tuple[str, ...] = (),
    end: int | None = None,
) -> Record:
    """A clean call of `chrom pos ref alt[,alt]`; reads follow the genotype unless given."""
    chrom, pos, ref, alt = site.split()
    alts = tuple(alt.split(","))
    numbers = tuple(_number(part) for part in genotype.replace("|", "/").split("/"))
    if reads is None:
        share = 34 // max(len(numbers), 1)
        reads = tuple(share * numbers.count(allele) for allele in range(len(alts) + 1))
    return Record(
        chrom=chrom,
        pos=int(pos),
        end=end or int(pos) + len(ref) - 1,
        ref=ref,
        alts=alts,
        genotype=numbers,
        phased="|" in genotype,
        phase_set=phase_set,
        filters=filters,
        depth=sum(reads) if reads else None,
        genotype_quality=quality,
        allele_depths=reads,
        consequences=consequences,
    )


@pytest.fixture(scope="session")
def call() -> Callable[..., Record]:
    return make_call


@pytest.fixture(scope="session")
def vcf_line() -> Callable[[str], Record]:
    return parse_line


@pytest.fixture(scope="session")
def risk() -> HereditaryRisk:
    return load()


@pytest.fixture(scope="session")
def interpret(risk: HereditaryRisk) -> Callable[..., Interpretation]:
    def run(
        *records: Record,
        sex: Sex = Sex.FEMALE,
        assay: Assay = Assay.WGS,
        build: Build = Build.GRCH38,
        kind: CallSetKind = CallSetKind.VARIANTS_ONLY,
        by: HereditaryRisk = risk,
        callable_intervals: list[Interval] | None = None,
    ) -> Interpretation:
        return by.interpret(Sample(build, assay, sex), GenotypeCalls(build, kind, records, callable_intervals))

    return run


@pytest.fixture(scope="session")
def findings(interpret: Callable[..., Interpretation]) -> Callable[..., list[HereditaryFinding]]:
    def run(*records: Record, **facts: object) -> list[HereditaryFinding]:
        return [f for f in interpret(*records, **facts).findings if isinstance(f, HereditaryFinding)]

    return run


@pytest.fixture(scope="session")
def result(findings: Callable[..., list[HereditaryFinding]]) -> Callable[..., tuple[str, str]]:
    """Outcome and main reason of the only gene with a finding."""

    def run(*records: Record, **facts: object) -> tuple[str, str]:
        (finding,) = findings(*records, **facts)
        return finding.outcome.value, finding.reason

    return run


@pytest.fixture(scope="session")
def read_vcf() -> Callable[[Path, Iterable[Interval]], list[Record]]:
    def run(path: Path, wanted: Iterable[Interval]) -> list[Record]:
        by_chrom: dict[str, list[Interval]] = {}
        for interval in wanted:
            by_chrom.setdefault(interval.chrom, []).append(interval)
        starts = {chrom: [interval.start for interval in found] for chrom, found in by_chrom.items()}
        records = []
        with gzip.open(path, "rt") as lines:
            for line in lines:
                if line.startswith("#"):
                    continue
                chrom, pos, _, ref, rest = line.split("\t", 4)
                chrom = chrom.removeprefix("chr")
                if chrom not in by_chrom:
                    continue
                # A block may reach far: only its END says how far.
                end = 10**9 if "END=" in rest else int(pos) + len(ref) - 1
                last = bisect_right(starts[chrom], end) - 1
                if last >= 0 and by_chrom[chrom][last].end >= int(pos):
                    record = parse_line(line)
                    last = bisect_right(starts[chrom], record.end) - 1
                    if last >= 0 and by_chrom[chrom][last].end >= record.pos:
                        records.append(record)
        return records

    return run
