"""Genotypes for pharmacogenomic tests, made from the definitions of the default release."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from interpreters.findings import NotTested, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter, load

Results = Mapping[str, PharmacogenomicFinding | NotTested]


@pytest.fixture(scope="session")
def everything() -> PharmacogenomicsInterpreter:
    """The interpreter with every gene of the release."""
    return load(options={"genes": "all"})


class MakeRecords(Protocol):
    def __call__(
        self, gene: str, edits: Mapping[str, str | None] = {}, *, copies: int = 2, build: Build = Build.GRCH38
    ) -> list[Record]: ...


@pytest.fixture(scope="session")
def make_records(everything: PharmacogenomicsInterpreter) -> MakeRecords:
    """Every defining position of a gene as a record, reference but for `edits`.

    An edit is rsID (or GRCh38 position) to `A/G`, `A|G`, `A|G:set`, `A` or None for a position that is not in the file.
    """

    def make(
        gene: str, edits: Mapping[str, str | None] = {}, *, copies: int = 2, build: Build = Build.GRCH38
    ) -> list[Record]:
        records = []
        unused = dict(edits)
        for position in everything.tables.genes[gene].positions:
            reference = position.reference(build) or position.ref
            default = "/".join([position.ref] * copies)
            text = unused.pop(position.rsid, unused.pop(str(position.pos), default))
            if text is None:
                continue
            genotype, _, phase_set = text.partition(":")
            alleles = genotype.replace("|", "/").split("/")
            names = list(dict.fromkeys([reference, position.ref, *position.alts, *alleles]))
            records.append(
                Record(
                    everything.tables.genes[gene].chrom,
                    position.start(build),
                    position.start(build) + len(reference) - 1,
                    reference,
                    tuple(names[1:]),
                    tuple(names.index(allele) for allele in alleles),
                    phased="|" in genotype,
                    phase_set=phase_set or None,
                    depth=30,
                    genotype_quality=99,
                )
            )
        assert not unused, f"no such position: {unused}"
        return records

    return make


class Interpret(Protocol):
    def __call__(
        self,
        records: list[Record],
        *,
        sex: Sex = Sex.FEMALE,
        build: Build = Build.GRCH38,
        callable_intervals: list[Interval] | None = None,
        genes: tuple[str, ...] | None = None,
    ) -> Results: ...


@pytest.fixture(scope="session")
def interpret(everything: PharmacogenomicsInterpreter) -> Interpret:
    """Interpret records; findings and genes not tested by gene."""

    def run(
        records: list[Record],
        *,
        sex: Sex = Sex.FEMALE,
        build: Build = Build.GRCH38,
        callable_intervals: list[Interval] | None = None,
        genes: tuple[str, ...] | None = None,
    ) -> Results:
        calls = GenotypeCalls(build, CallSetKind.ALL_SITES, records, callable_intervals)
        interpreter = everything
        if genes is not None:
            interpreter = PharmacogenomicsInterpreter(
                everything.knowledge,
                everything.tables,
                everything._recommendations,
                everything._second_source,
                genes,
            )
        done = interpreter.interpret(Sample(build, Assay.WGS, sex), calls)
        found: dict[str, PharmacogenomicFinding | NotTested] = {}
        for finding in done.findings:
            assert isinstance(finding, PharmacogenomicFinding)
            found[finding.gene] = finding
        for item in done.not_tested:
            found[item.subject] = item
        return found

    return run


@pytest.fixture(scope="session")
def case_records(everything: PharmacogenomicsInterpreter) -> Callable[[Mapping[str, object]], list[Record]]:
    """The records that an example case describes."""

    def listed(rows: list[list[str | int]]) -> list[Record]:
        records = []
        for chrom, pos, ref, alts, genotype in rows:
            numbers = tuple(None if n == "." else int(n) for n in str(genotype).replace("|", "/").split("/"))
            names = () if alts == "." else tuple(str(alts).split(","))
            name = str(chrom).removeprefix("chr")
            end = int(pos) + len(str(ref)) - 1
            records.append(Record(name, int(pos), end, str(ref), names, numbers, "|" in str(genotype)))
        return records

    def make(case: Mapping[str, object]) -> list[Record]:
        facts = json.loads(json.dumps(case))
        if "records" in facts:
            return listed(facts["records"])
        edits = {(edit["chrom"].removeprefix("chr"), edit["pos"]): edit for edit in facts["edits"]}
        records = []
        for name in facts["genes"]:
            gene = everything.tables.genes[name]
            for position in gene.positions:
                copies = 1 if gene.chrom == "X" and facts.get("sex") == "M" else 2
                default = {"alleles": [position.ref] * copies, "phased": "0|0" in facts["default"]}
                edit = edits.get((gene.chrom, position.pos), default)
                if edit["alleles"] is None:
                    continue
                names = list(dict.fromkeys([position.ref, *position.alts, *edit["alleles"]]))
                records.append(
                    Record(
                        gene.chrom,
                        position.pos,
                        position.pos + len(position.ref) - 1,
                        position.ref,
                        tuple(names[1:]),
                        tuple(names.index(allele) for allele in edit["alleles"]),
                        phased=edit.get("phased", False),
                        phase_set=str(edit["ps"]) if "ps" in edit else None,
                    )
                )
        return records

    return make


@pytest.fixture(scope="session")
def data() -> Path:
    return Path(__file__).parent / "data"
