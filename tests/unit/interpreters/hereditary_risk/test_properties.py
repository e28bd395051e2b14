"""What must not matter does not, and worse data never gives a better result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interpreters.findings import HereditaryFinding, HereditaryOutcome
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.alleles import equivalents
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
