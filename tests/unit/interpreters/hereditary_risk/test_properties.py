"""What must not matter does not, and worse data never gives a better result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interpreters.findings import HereditaryFinding, HereditaryOutcome
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk, observed
from interpreters.hereditary_risk.alleles import AlleleKey, Placement, ReferenceBases, equivalents, trim
from interpreters.hereditary_risk.callability import CallableBases
from interpreters.hereditary_risk.clinvar import ClinVarRecord

Call = Callable[..., Record]
CANDIDATE = HereditaryOutcome.CANDIDATE_POSITIVE
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def run(risk: HereditaryRisk, records: list[Record], sex: Sex = Sex.FEMALE) -> list[HereditaryFinding]:
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, records)
    found = risk.interpret(Sample(Build.GRCH38, Assay.WGS, sex), calls).findings
    return [finding for finding in found if isinstance(finding, HereditaryFinding)]


def indels(risk: HereditaryRisk) -> list[ClinVarRecord]:
    records = list(risk.clinvar(Build.GRCH38))
    pure = [r for r in records[::61] if r.is_pathogenic and bool(r.key.deleted) != bool(r.key.inserted)]
    return [r for r in pure if len(r.ref) + len(r.alt) < 40]


def decided(risk: HereditaryRisk, record: Record) -> list[tuple[str, object, object]]:
    """Key, ClinVar record and decision of the only allele, by gene."""
    alleles = risk.alleles(GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, [record]))
    return [(gene, allele.case.record, allele.decision) for gene, (allele,) in alleles.items()]


def test_every_spelling_of_an_indel_gives_one_decision(risk: HereditaryRisk, call: Call) -> None:
    bases = risk.reference_bases(Build.GRCH38)
    spelled = 0
    for record in indels(risk):
        expected = decided(risk, call(f"{record.chrom} {record.pos} {record.ref} {record.alt}"))
        for key in equivalents(record.key, bases):
            anchor, after = bases.at(key.chrom, key.pos - 1) or "N", bases.at(key.chrom, key.end + 1) or ""
            site = f"{key.chrom} {key.pos - 1} {anchor}{key.deleted}{after} {anchor}{key.inserted}{after}"
            assert decided(risk, call(site)) == expected
            spelled += 1
    assert spelled > 900


def test_every_spelling_of_an_indel_gives_one_finding(risk: HereditaryRisk, call: Call) -> None:
    """Only `placed_by` tells how the file spelled it."""
    bases = risk.reference_bases(Build.GRCH38)
    placed = set()
    for record in indels(risk)[::20]:
        found = set()
        for key in equivalents(record.key, bases):
            anchor = bases.at(key.chrom, key.pos - 1)
            site = f"{key.chrom} {key.pos - 1} {anchor}{key.deleted} {anchor}{key.inserted}"
            for finding in run(risk, [call(site)]):
                placed.add(finding.variant.placed_by)
                found.add((finding.gene, finding.rule_path, replace(finding.variant, placed_by=None)))
        assert len(found) == len({gene for gene, _, _ in found})
    assert placed == {"as_written", "known_bases"}


SITES = (
    "17 43124027 ACT A",
    "13 32340300 GT G",
    "1 45332803 T C",
    "1 45331556 C T",
    "6 26092913 G A",
    "X 153725295 G A",
    "X 101397813 AG A",
    "13 51934780 GC G",
    "13 51934778 CTG C",
    "2 178527148 A T",
    "13 32319207 A G",
)
GENOTYPES = ("0/1", "1/1", "1", "./1", "0|1", "1|0")
records = st.lists(
    st.tuples(
        st.sampled_from(SITES),
        st.sampled_from(GENOTYPES),
        st.sampled_from((None, "1", "2")),
        st.integers(0, 60),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    max_size=6,
    unique_by=lambda drawn: drawn[0],
)
sexes = st.sampled_from(list(Sex))
Drawn = list[tuple[str, str, str | None, int, int, int]]


def make(call: Call, drawn: Drawn) -> list[Record]:
    return [
        call(site, genotype, (reference, alternate), quality, phase_set if "|" in genotype else None)
        for site, genotype, phase_set, quality, reference, alternate in drawn
    ]


@SLOW
@given(records, sexes, st.randoms())
def test_order_duplicates_and_unused_phase_change_nothing(
    risk: HereditaryRisk, call: Call, drawn: Drawn, sex: Sex, random: object
) -> None:
    made = make(call, drawn)
    expected = run(risk, made, sex)
    shuffled = [*made, *made[:2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert run(risk, shuffled, sex) == expected
    bare = [replace(record, phased=True) if record.phase_set is None else record for record in made]
    assert run(risk, bare, sex) == expected


@SLOW
@given(records, sexes, st.sampled_from(("1", "2")))
def test_the_name_of_a_phase_set_and_its_side_change_nothing(
    risk: HereditaryRisk, call: Call, drawn: Drawn, sex: Sex, turned: str
) -> None:
    """Which side is written first means nothing, as long as a whole set is turned round."""
    made = make(call, drawn)
    other = [
        replace(record, genotype=record.genotype[::-1], phase_set="9") if record.phase_set == turned else record
        for record in made
    ]

    def unnamed(findings: list[HereditaryFinding]) -> list[HereditaryFinding]:
        return [
            replace(
                finding,
                variant=replace(finding.variant, phase_set=None),
                second_variant=finding.second_variant and replace(finding.second_variant, phase_set=None),
            )
            for finding in findings
        ]

    assert unnamed(run(risk, other, sex)) == unnamed(run(risk, made, sex))


@SLOW
@given(records, sexes, st.data())
def test_worse_quality_never_makes_a_candidate(
    risk: HereditaryRisk, call: Call, drawn: Drawn, sex: Sex, data: st.DataObject
) -> None:
    made = make(call, drawn)
    before = {finding.gene for finding in run(risk, made, sex) if finding.outcome is CANDIDATE}
    worse = [
        replace(
            record,
            depth=data.draw(st.one_of(st.none(), st.integers(0, record.depth or 0))),
            genotype_quality=data.draw(st.one_of(st.none(), st.integers(0, record.genotype_quality or 0))),
            filters=data.draw(st.sampled_from(((), ("LowQual",)))),
        )
        for record in made
    ]
    after = {finding.gene for finding in run(risk, worse, sex) if finding.outcome is CANDIDATE}
    assert after <= before


@SLOW
@given(st.sampled_from((("13 32340300 GT GTT,G", "13 32340300 GT GTT", "13 32340300 GT G"),)), sexes)
def test_a_split_record_gives_the_same_outcome(
    risk: HereditaryRisk, call: Call, sites: tuple[str, str, str], sex: Sex
) -> None:
    whole = run(risk, [call(sites[0], "1/2", (0, 17, 17))], sex)
    parts = [replace(call(site, "0/1", (0, 17)), depth=34) for site in sites[1:]]
    split = run(risk, parts, sex)
    assert [(f.gene, f.outcome, f.reason, f.variant) for f in split] == [
        (f.gene, f.outcome, f.reason, f.variant) for f in whole
    ]


def test_records_with_several_alleles_may_be_split(risk: HereditaryRisk, call: Call) -> None:
    """Two alleles of ClinVar at one position, in one record and in two."""
    pairs = [
        (first, second)
        for first, second in pairwise(risk.clinvar(Build.GRCH38))
        if (first.chrom, first.pos, first.ref) == (second.chrom, second.pos, second.ref)
        and (first.is_pathogenic or second.is_pathogenic)
    ]
    for first, second in pairs[::800]:
        site = f"{first.chrom} {first.pos} {first.ref}"
        for genotype, parts in (("1/2", ("0/1", "0/1")), ("0/1", ("0/1", "0/0")), ("2|1", ("0|1", "1|0"))):
            phase_set = "5" if "|" in genotype else None
            reads = (17 * genotype.count("0"), 17 * genotype.count("1"), 17 * genotype.count("2"))
            whole = call(f"{site} {first.alt},{second.alt}", genotype, reads, phase_set=phase_set)
            split = [
                replace(call(f"{site} {one.alt}", part, (reads[0], count), phase_set=phase_set), depth=34)
                for one, part, count in zip((first, second), parts, reads[1:], strict=True)
            ]
            assert [replace(f, flags=()) for f in run(risk, split)] == [
                replace(f, flags=()) for f in run(risk, [whole])
            ]
    assert len(pairs) > 4000


stretches = st.lists(
    st.tuples(
        st.integers(0, 60), st.integers(0, 30), st.sampled_from(((0, 0), (0, 1), (0, None))), st.integers(10, 20)
    ),
    max_size=6,
)


@settings(deadline=None)
@given(stretches, st.data(), st.booleans())
def test_worse_data_never_reads_more(
    risk: HereditaryRisk, drawn: list[tuple[int, int, tuple[int | None, ...], int]], data: st.DataObject, gvcf: bool
) -> None:
    kind = CallSetKind.GVCF if gvcf else CallSetKind.VARIANTS_ONLY
    made = [
        Record("1", 100 + pos, 100 + pos + length, "N", ("<NON_REF>",), genotype, depth=depth, genotype_quality=40)
        for pos, length, genotype, depth in drawn
    ]
    worse = [
        replace(
            record,
            depth=data.draw(st.one_of(st.none(), st.integers(0, record.depth or 0))),
            genotype_quality=data.draw(st.integers(0, 40)),
            filters=data.draw(st.sampled_from(((), ("LowQual",)))),
        )
        for record in made
    ]
    positions = np.arange(90, 200)

    def read(records: list[Record]) -> tuple[set[int], set[int]]:
        bases = CallableBases(
            GenotypeCalls(Build.GRCH38, kind, records), risk.policy.thresholds, risk.reference_bases(Build.GRCH38)
        )
        return set(positions[bases.holds("1", positions)]), set(positions[bases.reference("1", positions)])

    (held, reference), (held_before, reference_before) = read(worse), read(made)
    assert held <= held_before
    assert reference <= reference_before
    assert not read([*made, replace(made[0], depth=1)])[1] & set(range(made[0].pos, made[0].end + 1)) if made else True


def test_an_allele_that_is_not_moved_left_would_be_missed(
    risk: HereditaryRisk, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A placement that only trims does not find ClinVar's record by every spelling."""

    def only_trimmed(chrom: str, pos: int, ref: str, alt: str, _bases: ReferenceBases) -> Placement:
        return Placement(AlleleKey(chrom, *trim(pos, ref, alt)), certain=True)

    wrong = 0
    monkeypatch.setattr(observed, "place", only_trimmed)
    for record in indels(risk):
        found = set()
        for key in equivalents(record.key, risk.reference_bases(Build.GRCH38)):
            site = f"{key.chrom} {key.pos - 1} N{key.deleted} N{key.inserted}"
            found.update(known is not None for _, known, _ in decided(risk, call(site)))
        wrong += found == {True, False}
    assert wrong > 50
