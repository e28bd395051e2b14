"""The quality gate, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sex
from ror_service.intake.manifest import LaboratoryFacts, SexConcordance
from ror_service.intake.qc import (
    POLICY_FILE,
    Declared,
    Outcome,
    RuleResult,
    Verdict,
    assess,
    declared_rules,
    load_policy,
)
from ror_service.intake.results import Container, Flag, Flagged, HeaderFacts, ReadMetrics, ReadResult

READ = ReadResult(
    calls=GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, ()),
    build=Build.GRCH38,
    sha256="ab",
    size=1,
    sample_name="S1",
    header=HeaderFacts("VCFv4.2", None, 24, chr_prefix=True),
    metrics=ReadMetrics(records=1000),
    container=Container.BGZF,
)


def rule(name: str, read: ReadResult = READ, declared: Declared | None = None, **options: object) -> RuleResult:
    quality = assess(read, declared or Declared(), **options)  # type: ignore[arg-type]
    (found,) = (entry for entry in quality.rules if entry.name == name)
    assert (quality.verdict is Verdict.HOLD) == bool(quality.holds)
    return found


def sites(
    answered: int, missing: int = 0, silent: int = 0, depth: int | None = None
) -> tuple[ReadResult, list[Interval]]:
    """A file with so many answered, uncalled and absent positions."""
    records = [
        Record("1", pos, pos, "A", ("G",), (0, 1) if pos <= answered else (None, None), depth=depth)
        for pos in range(1, answered + missing + 1)
    ]
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records)
    return replace(READ, calls=calls), [Interval("1", pos, pos) for pos in range(1, answered + missing + silent + 1)]


@pytest.mark.parametrize(
    ("name", "declared", "outcome"),
    [
        ("build", Declared(), Outcome.NOT_CHECKED),
        ("build", Declared(build=Build.GRCH38), Outcome.PASS),
        ("build", Declared(build=Build.GRCH37), Outcome.HOLD),
        ("sex_in_manifest", Declared(sex_at_birth=Sex.MALE), Outcome.NOT_CHECKED),
        ("sex_in_manifest", Declared(sex_at_birth=Sex.MALE, sex_in_manifest=Sex.MALE), Outcome.PASS),
        ("sex_in_manifest", Declared(sex_at_birth=Sex.MALE, sex_in_manifest=Sex.FEMALE), Outcome.HOLD),
        ("inferred_sex", Declared(inferred_sex=Sex.MALE), Outcome.NOT_CHECKED),
        ("inferred_sex", Declared(sex_at_birth=Sex.MALE, inferred_sex=Sex.UNKNOWN), Outcome.NOT_CHECKED),
        ("inferred_sex", Declared(sex_at_birth=Sex.MALE, inferred_sex=Sex.MALE), Outcome.PASS),
        ("inferred_sex", Declared(sex_at_birth=Sex.MALE, inferred_sex=Sex.FEMALE), Outcome.HOLD),
        ("sample_name", Declared(sample_name="S1"), Outcome.PASS),
        ("sample_name", Declared(sample_name="s1"), Outcome.HOLD),
        ("sha256", Declared(sha256="AB"), Outcome.PASS),
        ("sha256", Declared(sha256="cd"), Outcome.HOLD),
        ("contamination", Declared(), Outcome.NOT_CHECKED),
        ("contamination", Declared(contamination=0.004), Outcome.PASS),
        ("contamination", Declared(contamination=0.03), Outcome.WARN),
        ("contamination", Declared(contamination=0.06), Outcome.HOLD),
        ("contamination", Declared(contamination=float("nan")), Outcome.HOLD),
    ],
)
def test_declared_facts(name: str, declared: Declared, outcome: Outcome) -> None:
    found = rule(name, declared=declared)
    assert found.outcome is outcome
    assert bool(found.reason) == (outcome is not Outcome.PASS)


@pytest.mark.parametrize(
    ("sex", "counts", "outcome"),
    [
        (Sex.UNKNOWN, (900, 500, 0), Outcome.NOT_CHECKED),
        (Sex.MALE, (10, 20, 0), Outcome.NOT_CHECKED),  # too few
        (Sex.FEMALE, (0, 0, 0), Outcome.NOT_CHECKED),
        (Sex.FEMALE, (600, 400, 0), Outcome.PASS),
        (Sex.FEMALE, (400, 600, 0), Outcome.WARN),
        (Sex.FEMALE, (10, 400, 0), Outcome.HOLD),
        (Sex.MALE, (10, 400, 0), Outcome.PASS),
        (Sex.MALE, (0, 0, 400), Outcome.PASS),
        (Sex.MALE, (40, 60, 0), Outcome.WARN),
        (Sex.MALE, (600, 400, 0), Outcome.HOLD),
    ],
)
def test_sex_concordance(sex: Sex, counts: tuple[int, int, int], outcome: Outcome) -> None:
    metrics = ReadMetrics(records=2000, x_heterozygous=counts[0], x_homozygous_alternate=counts[1], x_haploid=counts[2])
    found = rule("sex_concordance", replace(READ, metrics=metrics), Declared(sex_at_birth=sex))
    assert found.outcome is outcome


@pytest.mark.parametrize(
    ("answered", "missing", "assay", "outcome"),
    [
        (50, 0, Assay.WGS, Outcome.NOT_CHECKED),
        (1000, 0, Assay.WGS, Outcome.PASS),
        (960, 40, Assay.WGS, Outcome.WARN),
        (800, 200, Assay.WGS, Outcome.HOLD),
        (990, 10, Assay.ARRAY, Outcome.PASS),
        (940, 60, Assay.ARRAY, Outcome.HOLD),
    ],
)
def test_call_rate(answered: int, missing: int, assay: Assay, outcome: Outcome) -> None:
    read, needed = sites(answered, missing)
    assert rule("call_rate", read, Declared(assay=assay), sites=needed).outcome is outcome


def test_positions_without_any_read_are_unread_not_failed() -> None:
    read, needed = sites(0, 500, depth=0)
    assert rule("call_rate", read, sites=needed).outcome is Outcome.NOT_CHECKED
    found = rule("site_coverage", read, sites=needed)
    assert (found.outcome, found.measured) == (Outcome.WARN, 0.0)


def test_coverage_never_holds_and_is_not_judged_for_variants_only() -> None:
    read, needed = sites(10, silent=990)
    assert rule("site_coverage", read, sites=needed).outcome is Outcome.WARN
    assert rule("site_coverage", read, sites=needed[:10]).outcome is Outcome.PASS
    variants = replace(read, calls=GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, read.calls))
    assert rule("site_coverage", variants, sites=needed).outcome is Outcome.NOT_CHECKED
    assert rule("site_coverage", read).outcome is Outcome.NOT_CHECKED


def test_regions_are_no_positions() -> None:
    read, _ = sites(200)
    assert rule("call_rate", read, sites=[Interval("1", 1, 200)]).outcome is Outcome.NOT_CHECKED


@pytest.mark.parametrize(
    ("agreeing", "outcome"), [(199, Outcome.NOT_CHECKED), (300, Outcome.PASS), (290, Outcome.WARN), (180, Outcome.HOLD)]
)
def test_reference_agreement(agreeing: int, outcome: Outcome) -> None:
    read, needed = sites(199 if agreeing == 199 else 300)
    bases = {(chrom, pos): "A" if pos <= agreeing else "C" for chrom, pos, _ in needed}
    assert rule("reference_agreement", read, reference_bases=bases).outcome is outcome
    assert rule("reference_agreement", read).outcome is Outcome.NOT_CHECKED


@pytest.mark.parametrize(
    ("sex", "called", "outcome"),
    [
        (Sex.FEMALE, 100, Outcome.PASS),
        (Sex.FEMALE, 101, Outcome.WARN),
        (Sex.MALE, 5000, Outcome.NOT_CHECKED),
        (Sex.UNKNOWN, 5000, Outcome.NOT_CHECKED),
    ],
)
def test_chromosome_y_in_a_woman_warns(sex: Sex, called: int, outcome: Outcome) -> None:
    read = replace(READ, metrics=replace(READ.metrics, y_called=called))
    assert rule("chromosome_y", read, Declared(sex_at_birth=sex)).outcome is outcome


def test_flags_become_warnings_and_many_repeats_a_hold() -> None:
    flagged = replace(READ, flags={Flag.UNSORTED: Flagged(3, 17), Flag.REPEATED_RECORDS: Flagged(2, 0)})
    quality = assess(flagged, Declared())
    assert quality.verdict is Verdict.PASS
    assert quality.reasons == (
        "unsorted: the records are not in order of position (first in line 17)",
        "repeated_records: records are repeated",
    )
    many = replace(READ, flags={Flag.REPEATED_RECORDS: Flagged(900, 4)})
    assert assess(many, Declared(contamination=0.02)).holds == ("repeated_records",)
    assert [text.partition(":")[0] for text in assess(many, Declared(contamination=0.02)).reasons] == [
        "repeated_records",
        "contamination",
    ]


def test_policy_is_versioned_and_complete(tmp_path: Path) -> None:
    assert assess(READ, Declared()).policy_version == load_policy().version
    broken = tmp_path / "policy.toml"
    broken.write_text(POLICY_FILE.read_text().replace("half_call", "half"))
    with pytest.raises(ValueError, match="half_call"):
        load_policy(broken)


# What the laboratory says


def said(**facts: object) -> Declared:
    return Declared(sex_at_birth=Sex.FEMALE, laboratory=LaboratoryFacts(**facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "declared", "outcome"),
    [
        ("contamination", Declared(contamination=0.0099), Outcome.PASS),
        ("contamination", Declared(contamination=0.01), Outcome.WARN),
        ("contamination", Declared(contamination=0.0301), Outcome.HOLD),
        ("laboratory_call_rate", said(), Outcome.NOT_CHECKED),
        ("laboratory_call_rate", said(call_rate=0.98), Outcome.PASS),
        ("laboratory_call_rate", said(call_rate=0.975), Outcome.WARN),
        ("laboratory_call_rate", said(call_rate=0.96), Outcome.HOLD),
        ("mean_coverage", said(), Outcome.NOT_CHECKED),
        ("mean_coverage", said(mean_coverage=30.0), Outcome.PASS),
        ("mean_coverage", said(mean_coverage=29.9), Outcome.WARN),
        ("mean_coverage", said(mean_coverage=19.9), Outcome.HOLD),
        ("mean_coverage", said(mean_coverage=float("nan")), Outcome.HOLD),
        ("callable_fraction", said(callable_fraction=0.95), Outcome.PASS),
        ("callable_fraction", said(callable_fraction=0.88), Outcome.WARN),
        ("callable_fraction", said(callable_fraction=0.5), Outcome.HOLD),
        ("array_concordance", said(array_concordance=0.995), Outcome.PASS),
        ("array_concordance", said(array_concordance=0.98), Outcome.WARN),
        ("array_concordance", said(array_concordance=0.7), Outcome.HOLD),
        ("laboratory_sex_concordance", said(), Outcome.NOT_CHECKED),
        ("laboratory_sex_concordance", said(sex_concordance=SexConcordance.NOT_DONE), Outcome.NOT_CHECKED),
        ("laboratory_sex_concordance", said(sex_concordance=SexConcordance.CONCORDANT), Outcome.PASS),
        ("laboratory_sex_concordance", said(sex_concordance=SexConcordance.DISCORDANT), Outcome.HOLD),
        ("sex_chromosomes", said(), Outcome.NOT_CHECKED),
        ("sex_chromosomes", Declared(laboratory=LaboratoryFacts(sex_chromosomes="XX")), Outcome.NOT_CHECKED),
        ("sex_chromosomes", said(sex_chromosomes="XX"), Outcome.PASS),
        ("sex_chromosomes", said(sex_chromosomes="XY"), Outcome.HOLD),
        ("sex_chromosomes", said(sex_chromosomes="X0"), Outcome.HOLD),
        ("specimen", Declared(), Outcome.NOT_CHECKED),
        ("specimen", Declared(specimen="saliva"), Outcome.PASS),
        ("specimen", Declared(specimen="hair"), Outcome.HOLD),
        ("specimen", Declared(assay=Assay.ARRAY, specimen="hair"), Outcome.HOLD),
    ],
)
def test_what_the_laboratory_says(name: str, declared: Declared, outcome: Outcome) -> None:
    found = rule(name, declared=declared)
    assert found.outcome is outcome
    assert bool(found.reason) == (outcome is not Outcome.PASS)
    assert found in declared_rules(declared), "the same without a file"


def test_sex_chromosomes_are_named_in_no_verdict() -> None:
    texts = {str(rule("sex_chromosomes", declared=said(sex_chromosomes=found))) for found in ("XY", "X0", "XXX")}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("assay", "kind", "outcome"),
    [
        (Assay.WGS, CallSetKind.GVCF, Outcome.PASS),
        (Assay.ARRAY, CallSetKind.ALL_SITES, Outcome.PASS),
        (Assay.ARRAY, CallSetKind.GVCF, Outcome.HOLD),
    ],
)
def test_an_array_has_no_reference_blocks(assay: Assay, kind: CallSetKind, outcome: Outcome) -> None:
    read = replace(READ, calls=GenotypeCalls(Build.GRCH38, kind, ()))
    assert rule("assay", read, Declared(assay=assay)).outcome is outcome


@pytest.mark.parametrize(
    ("name", "counts", "assay", "outcome"),
    [
        ("transition_transversion", (205_000, 100_000), Assay.WGS, Outcome.PASS),
        ("transition_transversion", (230_000, 100_000), Assay.WGS, Outcome.WARN),
        ("transition_transversion", (100_000, 200_000), Assay.WGS, Outcome.HOLD),  # as by chance
        ("transition_transversion", (205, 100), Assay.WGS, Outcome.NOT_CHECKED),
        ("transition_transversion", (200_000, 0), Assay.WGS, Outcome.NOT_CHECKED),
        ("transition_transversion", (100_000, 200_000), Assay.ARRAY, Outcome.NOT_CHECKED),
        ("heterozygosity", (160_000, 100_000), Assay.WGS, Outcome.PASS),
        ("heterozygosity", (80_000, 100_000), Assay.WGS, Outcome.WARN),
        ("heterozygosity", (300_000, 100_000), Assay.WGS, Outcome.WARN),
        ("heterozygosity", (500_000, 100_000), Assay.WGS, Outcome.HOLD),
        ("heterozygosity", (500_000, 100_000), Assay.ARRAY, Outcome.NOT_CHECKED),
    ],
)
def test_outliers(name: str, counts: tuple[int, int], assay: Assay, outcome: Outcome) -> None:
    one, two = counts
    metrics = (
        ReadMetrics(transitions=one, transversions=two)
        if name == "transition_transversion"
        else ReadMetrics(heterozygous=one, homozygous_alternate=two)
    )
    found = rule(name, replace(READ, metrics=metrics), Declared(assay=assay))
    assert found.outcome is outcome
    assert bool(found.reason) == (outcome is not Outcome.PASS)
