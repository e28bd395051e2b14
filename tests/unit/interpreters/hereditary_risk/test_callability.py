from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from interpreters.findings import GeneAssessment, GeneStatus, Interpretation
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.alleles import ReferenceBases
from interpreters.hereditary_risk.callability import CallableBases, SiteStatus

Run = Callable[..., Interpretation]
BRCA1 = Interval("17", 43000000, 43200000)


def block(start: int, end: int, depth: int | None = 30, quality: int | None = 60, **facts: object) -> Record:
    return Record(
        "17",
        start,
        end,
        "N",
        ("<NON_REF>",),
        facts.pop("genotype", (0, 0)),  # type: ignore[arg-type]
        depth=depth,
        genotype_quality=quality,
        **facts,  # type: ignore[arg-type]
    )


def status(interpretation: Interpretation, gene: str = "BRCA1") -> tuple[GeneStatus, float]:
    (found,) = (f for f in interpretation.findings if isinstance(f, GeneAssessment) and f.gene == gene)
    return found.status, found.fraction


def test_good_blocks_make_a_gene_assessed(interpret: Run) -> None:
    done = interpret(block(43000000, 43200000), kind=CallSetKind.GVCF)
    assert status(done) == (GeneStatus.ASSESSED, 1.0)
    assert status(done, "BRCA2") == (GeneStatus.NOT_ASSESSED, 0.0)
    reasons = {missing.subject: missing.reason for missing in done.not_tested}
    assert "BRCA1" not in reasons
    assert reasons["BRCA2"] == "read_below_threshold"
    assert len(reasons) == 83


@pytest.mark.parametrize("alts", [("G",), ("G", "<NON_REF>"), ("G", "<*>"), ("*", "G", "<NON_REF>")])
def test_a_called_variant_is_read_too(interpret: Run, alts: tuple[str, ...]) -> None:
    """Everybody has harmless variants: a good call takes nothing away, however the caller lists other alleles."""
    called = Record(
        "17", 43124027, 43124027, "A", alts, (0, alts.index("G") + 1), depth=30, genotype_quality=60,
        allele_depths=(15, *(15 if alt == "G" else 0 for alt in alts)),
    )  # fmt: skip
    done = interpret(block(43000000, 43124026), called, block(43124028, 43200000), kind=CallSetKind.GVCF)
    assert status(done) == (GeneStatus.ASSESSED, 1.0)


@pytest.mark.parametrize(
    "weak",
    [
        block(43000000, 43200000, depth=14),
        block(43000000, 43200000, quality=29),
        block(43000000, 43200000, depth=0, quality=0),
        block(43000000, 43200000, depth=None),
        block(43000000, 43200000, quality=None),
        block(43000000, 43200000, genotype=(None, None)),
        block(43000000, 43200000, genotype=()),
        block(43000000, 43200000, genotype=(0, 1)),
        block(43000000, 43200000, filters=("LowQual",)),
    ],
)
def test_a_weak_block_is_no_reading(interpret: Run, weak: Record) -> None:
    assert status(interpret(weak, kind=CallSetKind.GVCF)) == (GeneStatus.NOT_ASSESSED, 0.0)


def test_a_weak_record_takes_its_bases_away(interpret: Run, risk: HereditaryRisk) -> None:
    good = block(43000000, 43200000)
    # The last coding exon of BRCA1 is the one that begins the gene by coordinate.
    hole = block(43045670, 43045810, depth=3)
    done = interpret(good, hole, kind=CallSetKind.GVCF)
    assert status(done)[0] is GeneStatus.PARTLY_ASSESSED
    assert 0.90 < status(done)[1] < 0.99
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.GVCF, [good, hole])
    (brca1,) = (found for found in risk.callability(calls) if found.gene == "BRCA1")
    assert brca1.exons_not_read == (22,)
    assert 0 < brca1.known_sites_read < brca1.known_sites_total


def test_one_known_site_that_was_not_read_makes_a_gene_partly_assessed(interpret: Run) -> None:
    done = interpret(block(43000000, 43200000), block(43124028, 43124028, depth=3), kind=CallSetKind.GVCF)
    assert status(done)[0] is GeneStatus.PARTLY_ASSESSED
    assert status(done)[1] > 0.99


def test_callable_regions_serve_a_file_of_variants(interpret: Run) -> None:
    assert status(interpret(callable_intervals=[BRCA1])) == (GeneStatus.ASSESSED, 1.0)
    assert status(interpret(callable_intervals=[]))[0] is GeneStatus.NOT_ASSESSED
    low = block(43045670, 43045810, depth=3)
    assert status(interpret(low, callable_intervals=[BRCA1]))[0] is GeneStatus.PARTLY_ASSESSED
    deletion = Record("17", 43000000, 43200000, "A", ("<DEL>",), (0, 0))
    assert status(interpret(deletion, callable_intervals=[BRCA1]))[0] is GeneStatus.ASSESSED


def test_a_file_of_variants_alone_never_assesses_a_gene(interpret: Run) -> None:
    done = interpret(block(43000000, 43200000))
    assert status(done) == (GeneStatus.NOT_ASSESSED, 0.0)
    assert {missing.reason for missing in done.not_tested} == {"file_lists_variants_only"}
    assert len(done.not_tested) == 84


def test_a_broken_callability_that_trusts_silence_is_caught(interpret: Run) -> None:
    """The mistake to guard against: no record means reference."""
    assert not any(
        finding.status is GeneStatus.ASSESSED
        for kind in CallSetKind
        for finding in interpret(kind=kind).findings
        if isinstance(finding, GeneAssessment)
    )


def test_arrays_assess_nothing(interpret: Run) -> None:
    done = interpret(block(43000000, 43200000), kind=CallSetKind.GVCF, assay=Assay.ARRAY)
    assert status(done) == (GeneStatus.NOT_ASSESSED, 0.0)
    assert {missing.reason for missing in done.not_tested} == {"array_not_used"}


def test_bases_are_taken_away_piece_by_piece(risk: HereditaryRisk) -> None:
    records = [
        Record("1", 1, 50, "A", ("<NON_REF>",), (0, 0), depth=1, genotype_quality=60),
        block(100, 200),
        block(300, 400),
        block(90, 110, depth=1),
        block(150, 160, depth=1),
        block(190, 320, depth=1),
        block(390, 500, depth=1),
    ]
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.GVCF, records)
    read = CallableBases(calls, risk.policy.thresholds, ReferenceBases(())).holds("17", np.arange(1, 600))
    assert [int(pos) for pos in np.flatnonzero(read) + 1] == [*range(111, 150), *range(161, 190), *range(321, 390)]
    assert not CallableBases(calls, risk.policy.thresholds, ReferenceBases(())).holds("1", np.array([20])).any()


SITE = 43124028


@pytest.mark.parametrize(
    ("records", "regions", "expected"),
    [
        ([], None, SiteStatus.NOT_ASSESSED),
        ([], [BRCA1], SiteStatus.NOT_FOUND),
        ([block(43124000, 43124100)], None, SiteStatus.NOT_FOUND),
        ([block(43124000, 43124100, depth=0)], None, SiteStatus.NOT_ASSESSED),
        ([block(43124000, 43124100, genotype=(None, None))], [BRCA1], SiteStatus.NOT_ASSESSED),
        ([Record("17", SITE, SITE, "C", ("T",), (0, 1), depth=30, genotype_quality=60)], None, SiteStatus.VARIANT),
        ([Record("17", SITE, SITE, "C", ("T",), (0, 0), depth=30, genotype_quality=60)], None, SiteStatus.NOT_FOUND),
        ([Record("17", SITE, SITE, "C", ("T",), (0, 0))], None, SiteStatus.NOT_ASSESSED),
    ],
)
def test_one_site(
    risk: HereditaryRisk, records: list[Record], regions: list[Interval] | None, expected: SiteStatus
) -> None:
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, records, regions)
    assert risk.site_status(calls, "17", SITE) is expected
