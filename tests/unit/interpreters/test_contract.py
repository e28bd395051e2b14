"""The contract that every installed interpreter keeps, ours and a third party's alike."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import json
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from interpreters import knowledge, registry, serial
from interpreters.findings import GeneAssessment, GeneStatus, Interpretation
from interpreters.genotypes import (
    Assay,
    Build,
    CallSetKind,
    GenotypeCalls,
    Interval,
    Record,
    Sample,
    Sex,
)
from interpreters.interpreter import Interpreter, KnowsSingleBases

MODULES = registry.module_names()
CHROMOSOMES = {*map(str, range(1, 23)), "X", "Y", "MT"}
SAMPLE = Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE)

pytestmark = pytest.mark.parametrize("module", MODULES)


@cache
def load(module: str) -> Interpreter:
    return registry.installed(modules=(module,))[module]


@cache
def intervals(module: str) -> tuple[Interval, ...]:
    return tuple(load(module).intervals(Build.GRCH38))


def call(records: Sequence[Record], kind: CallSetKind = CallSetKind.GVCF) -> GenotypeCalls:
    return GenotypeCalls(Build.GRCH38, kind, records)


def text(interpretation: Interpretation) -> str:
    return json.dumps(serial.to_json(interpretation))


def block(interval: Interval) -> Record:
    """A well-read reference block over an interval. It begins before it, so that it spells none of its bases."""
    return Record(
        chrom=interval.chrom,
        pos=interval.start - 1,
        end=interval.end,
        ref="N",
        alts=("<NON_REF>",),
        genotype=(0, 0),
        depth=40,
        genotype_quality=99,
    )


def odd_records(wanted: Sequence[Interval], seed: int) -> list[Record]:
    """Records of every kind, sense and nonsense, at some of the intervals."""
    chance = random.Random(seed)  # noqa: S311 - a test's data
    records = []
    for interval in chance.sample(wanted, min(len(wanted), 400)):
        ref = chance.choice(["A", "C", "G", "T", "AT", "CAG"])
        alts = tuple(chance.sample(["A", "C", "G", "T", "AT", "*", "<DEL>", "<NON_REF>", "GA"], chance.randint(0, 3)))
        alts = tuple(alt for alt in alts if alt != ref)
        numbers = [*range(len(alts) + 1), None]
        records.append(
            Record(
                chrom=interval.chrom,
                pos=chance.randint(max(1, interval.start - 3), interval.end),
                end=interval.end + chance.randint(0, 5),
                ref=ref,
                alts=alts,
                genotype=tuple(chance.choices(numbers, k=chance.choice([0, 1, 2, 2, 2, 2, 3]))),
                phased=chance.random() < 0.3,
                phase_set=chance.choice([None, "1", "2"]),
                filters=chance.choice([(), (), (), ("LowQual",)]),
                depth=chance.choice([None, 0, 5, 30]),
                genotype_quality=chance.choice([None, 0, 20, 99]),
                allele_depths=chance.choice([(), tuple(chance.choices([None, 0, 3, 12], k=len(alts) + 1))]),
            )
        )
    return records


INPUTS: dict[str, Callable[[Sequence[Interval]], list[Record]]] = {
    "nothing": lambda _: [],
    "all reference": lambda wanted: [block(interval) for interval in wanted],
    "odd": lambda wanted: odd_records(wanted, 1),
}


@cache
def interpreted(module: str, name: str) -> Interpretation:
    return load(module).interpret(SAMPLE, call(INPUTS[name](intervals(module))))


def test_knowledge_is_whole_and_pinned(module: str) -> None:
    interpreter = load(module)
    knowledge.verify(interpreter.knowledge)
    assert interpreter.name == module == interpreter.knowledge.module
    assert interpreter.knowledge.sources
    assert all(source.licence and source.date for source in interpreter.knowledge.sources)
    interpretation = interpreter.interpret(SAMPLE, call([]))
    assert interpretation.knowledge_digest == interpreter.knowledge.digest
    assert interpretation.knowledge_release == interpreter.knowledge.release
    assert (interpretation.module, interpretation.version) == (module, interpreter.version)


@pytest.mark.parametrize("build", list(Build))
def test_intervals_are_well_formed(module: str, build: Build) -> None:
    wanted = load(module).intervals(build)
    assert all(i.chrom in CHROMOSOMES and 1 <= i.start <= i.end for i in wanted)
    assert list(wanted) == list(load(module).intervals(build))


@pytest.mark.parametrize("name", INPUTS)
def test_same_input_gives_the_same_bytes_in_any_order(module: str, name: str) -> None:
    fresh = registry.installed(modules=(module,))[module]
    shuffled = INPUTS[name](intervals(module))
    random.Random(3).shuffle(shuffled)  # noqa: S311 - a test's data
    assert text(fresh.interpret(SAMPLE, call(shuffled))) == text(interpreted(module, name))


@pytest.mark.parametrize("name", INPUTS)
def test_findings_survive_json(module: str, name: str) -> None:
    made = interpreted(module, name)
    assert serial.interpretation_from_json(json.loads(text(made))) == made


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("build", list(Build))
def test_no_genotype_content_raises(module: str, sex: Sex, build: Build) -> None:
    for seed in range(10, 13):
        records = odd_records(load(module).intervals(build) or intervals(module), seed)
        calls = GenotypeCalls(build, CallSetKind.ALL_SITES, records)
        load(module).interpret(Sample(build, Assay.ARRAY, sex), calls)


NOTHING_READ: dict[str, Callable[[Interval], Record | None]] = {
    "absent": lambda _: None,
    "no call": lambda i: dataclasses.replace(block(i), pos=i.start, alts=(), genotype=(None, None)),
    "half a call": lambda i: dataclasses.replace(block(i), pos=i.start, alts=(), genotype=(0, None)),
    "filtered": lambda i: dataclasses.replace(block(i), filters=("LowQual",)),
    "no reads": lambda i: dataclasses.replace(block(i), depth=0, genotype_quality=0),
}


@pytest.mark.parametrize("how", NOTHING_READ)
def test_what_was_not_read_gives_no_finding(module: str, how: str) -> None:
    records = [record for interval in intervals(module) if (record := NOTHING_READ[how](interval)) is not None]
    made = load(module).interpret(SAMPLE, call(records))
    not_assessed = [f for f in made.findings if isinstance(f, GeneAssessment) and f.status is GeneStatus.NOT_ASSESSED]
    assert list(made.findings) == not_assessed
    assert made.not_tested or not_assessed
    assert all(reason.module == module and reason.subject and reason.reason for reason in made.not_tested)


class Watched(GenotypeCalls):
    """Call set that notes which bases it was asked about."""

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__(Build.GRCH38, CallSetKind.GVCF, records)
        self.asked: set[Interval] = set()

    def overlapping(self, chrom: str, start: int, end: int) -> tuple[Record, ...]:
        self.asked.add(Interval(chrom, start, end))
        return super().overlapping(chrom, start, end)

    def __iter__(self) -> Iterator[Record]:
        for record in super().__iter__():
            self.asked.add(Interval(record.chrom, record.pos, record.end))
            yield record


def never_asked(wanted: Sequence[Interval], asked: set[Interval]) -> list[Interval]:
    """Intervals of which no base was asked about."""
    by_chromosome: dict[str, list[Interval]] = {}
    for interval in sorted(asked):
        by_chromosome.setdefault(interval.chrom, []).append(interval)
    starts = {chrom: [interval.start for interval in found] for chrom, found in by_chromosome.items()}
    reach = {chrom: [0, *accumulate((i.end for i in found), max)] for chrom, found in by_chromosome.items()}
    return [
        interval
        for interval in wanted
        if interval.chrom not in starts
        or reach[interval.chrom][bisect_right(starts[interval.chrom], interval.end)] < interval.start
    ]


def test_declared_intervals_are_used(module: str) -> None:
    wanted = intervals(module)
    calls = Watched([block(interval) for interval in wanted])
    load(module).interpret(SAMPLE, calls)
    assert not never_asked(wanted, calls.asked)
    assert never_asked([Interval("22", 50_000_000, 50_000_001)], calls.asked), "an unused interval would be seen"


def test_ancestry_is_given_to_no_interpreter(module: str) -> None:
    """Neither through the sample nor through an import; the one other way in is the genotypes themselves."""
    assert {field.name for field in dataclasses.fields(Sample)} == {"build", "assay", "sex_at_birth"}
    if module == "ancestry":
        return
    assert not [name for name in imported_names(type(load(module)).__module__) if "ancestry" in name.lower()]
    assert imported_names("interpreters.ancestry.interpreter"), "the check sees imports at all"


def imported_names(module: str) -> set[str]:
    """Everything that the package of a module imports, in full."""
    found = importlib.util.find_spec(module.rpartition(".")[0])
    assert found is not None
    assert found.origin is not None
    names: set[str] = set()
    for path in Path(found.origin).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names |= names_of(node)
    return names


def names_of(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def test_an_interpreter_that_keeps_state_is_caught(module: str) -> None:
    """The determinism test would see an interpreter that remembers earlier people."""

    class Remembers:
        count = 0

        def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:
            self.count += 1
            made = load(module).interpret(sample, calls)
            return dataclasses.replace(made, limits={**made.limits, "seen": str(self.count)})

    broken: Any = Remembers()
    assert text(broken.interpret(SAMPLE, call([]))) != text(broken.interpret(SAMPLE, call([])))


def test_known_bases_are_of_wanted_sites_and_agree_with_one_another(module: str) -> None:
    interpreter = load(module)
    assert isinstance(interpreter, KnowsSingleBases)
    for build in Build:
        sites = interpreter.single_base_sites(build)
        wanted = GenotypeCalls(build, CallSetKind.ALL_SITES, [Record(c, p, p, r, (), (0, 0)) for c, p, r, _ in sites])
        assert len(wanted.within(interpreter.intervals(build))) == len(sites) > 0
        assert len({site[:3] for site in sites}) == len({site[:2] for site in sites})
        assert all(ref != alt and {ref, alt} <= set("ACGT") for _, _, ref, alt in sites)
