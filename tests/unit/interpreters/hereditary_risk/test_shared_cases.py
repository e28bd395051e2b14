"""The example cases and real genomes that lie beside the project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support.shared import SHARED, needs_shared

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryFinding, HereditaryOutcome
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk, load

CASES_FILE = SHARED / "hereditary" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(CASES_FILE.read_text("utf-8"))["cases"] if CASES_FILE.is_file() else []
HOLD = "SAMPLE_HOLD"
"""Held samples are stopped by the intake's quality gate, before any interpreter sees them."""

Reader = Callable[[Path, Iterable[Interval]], list[Record]]


def outcome_of(case: dict[str, Any], vcf_line: Callable[[str], Record]) -> str:
    """Outcome of a case: the strongest of its genes, or of its site where nothing was seen."""
    risk = load(case.get("clinvar_release"), options={"sf_list": case.get("sf_version", "v3.3")})
    build, records = Build(case["build"]), [vcf_line(line) for line in case["vcf_body"]]
    kind = CallSetKind.GVCF if case["assay"] == "wgs_gvcf" else CallSetKind.VARIANTS_ONLY
    assay = Assay.ARRAY if case["assay"] == "array" else Assay.WGS
    calls = GenotypeCalls(build, kind, records)
    wanted = risk.intervals(build)
    assert all(any(i.chrom == r.chrom and i.start <= r.end and r.pos <= i.end for i in wanted) for r in records)
    found = risk.interpret(Sample(build, assay, Sex(case["sex_at_birth"])), calls).findings
    outcomes = [finding.outcome for finding in found if isinstance(finding, HereditaryFinding)]
    if outcomes:
        return min(outcomes, key=list(HereditaryOutcome).index).value
    (site,) = (record for record in risk.clinvar(build) if record.variation_id == case["clinvar_ids"][0])
    return risk.site_status(calls, site.chrom, site.pos).upper()


@needs_shared
@pytest.mark.parametrize(
    "case", [case for case in CASES if case["expected"]["outcome"] != HOLD], ids=lambda case: case["id"]
)
def test_example_case(case: dict[str, Any], vcf_line: Callable[[str], Record]) -> None:
    expected = case["expected"]
    assert outcome_of(case, vcf_line) in expected.get("outcome_any_of", [expected["outcome"]])


@needs_shared
def test_only_held_samples_are_left_to_the_intake() -> None:
    held = [case["id"] for case in CASES if case["expected"]["outcome"] == HOLD]
    assert len(CASES) == 34
    assert held == ["HDR-117"]


@needs_shared
@pytest.mark.genomes
def test_the_corpas_exome_has_no_candidate(risk: HereditaryRisk, read_vcf: Reader) -> None:
    path = SHARED / "genomes" / "corpas_exome_GRCh37" / "Pfeiffer.vcf.gz"
    records = read_vcf(path, risk.intervals(Build.GRCH37))
    assert len(records) > 100
    calls = GenotypeCalls(Build.GRCH37, CallSetKind.VARIANTS_ONLY, records)
    found = risk.interpret(Sample(Build.GRCH37, Assay.WGS, Sex.MALE), calls).findings
    assert not any(
        isinstance(finding, HereditaryFinding) and finding.outcome is HereditaryOutcome.CANDIDATE_POSITIVE
        for finding in found
    )


@needs_shared
@pytest.mark.genomes
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("na12878_gvcf_GRCh38/NA12878.g.vcf.gz", CallSetKind.GVCF),
        ("1000g_GRCh38/NA18526.vcf.gz", CallSetKind.ALL_SITES),
    ],
)
def test_genomes_without_depth_leave_every_gene_unassessed(
    risk: HereditaryRisk, read_vcf: Reader, name: str, kind: CallSetKind
) -> None:
    records = read_vcf(SHARED / "genomes" / name, risk.intervals(Build.GRCH38))
    assert records
    calls = GenotypeCalls(Build.GRCH38, kind, records)
    found = risk.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls).findings
    statuses = [finding for finding in found if isinstance(finding, GeneAssessment)]
    assert len(statuses) == 84
    assert {finding.status for finding in statuses} == {GeneStatus.NOT_ASSESSED}
