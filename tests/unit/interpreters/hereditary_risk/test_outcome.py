from __future__ import annotations

import pytest

from interpreters.findings import (
    Finding,
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
)
from interpreters.hereditary_risk.outcome import Level, SampleOutcome, held, not_read, summarize

VARIANT = HereditaryVariant("1", 5, "A", "G", None, None, None, "heterozygous")
READ, NOT_READ = GeneStatus.ASSESSED, GeneStatus.PARTLY_ASSESSED


def said(*findings: Finding) -> Interpretation:
    return Interpretation("hereditary_risk", "1", "r", "d", findings, ())


def seen(gene: str, outcome: HereditaryOutcome) -> HereditaryFinding:
    return HereditaryFinding(gene, outcome, f"reason_of_{gene}", VARIANT, ())


def read(gene: str, status: GeneStatus, reference: int = 0, unread: int = 0) -> GeneAssessment:
    return GeneAssessment(gene, status, 0.5, known_sites_reference=reference, known_sites_unread=unread)


def test_the_strongest_gene_decides_and_every_gene_keeps_its_own_outcome() -> None:
    done = summarize(
        said(
            seen("A", HereditaryOutcome.NOT_REPORTABLE),
            seen("C", HereditaryOutcome.REVIEW),
            seen("B", HereditaryOutcome.REVIEW),
            *(read(gene, READ) for gene in "ABCD"),
            read("E", NOT_READ),
        )
    )
    assert (done.outcome, done.reason, done.level, done.gene) == ("REVIEW", "reason_of_B", Level.GENE, "B")
    assert done.genes == {
        "A": "NOT_REPORTABLE",
        "B": "REVIEW",
        "C": "REVIEW",
        "D": "NOT_FOUND",
        "E": "NOT_ASSESSED",
    }


@pytest.mark.parametrize(
    ("genes", "elsewhere", "expected"),
    [
        ([read("A", READ), read("B", READ, reference=3)], True, ("NOT_FOUND", "every_gene_assessed", "gene")),
        ([read("A", READ), read("B", NOT_READ)], False, ("NOT_ASSESSED", "no_known_site_in_file", "site")),
        ([read("A", NOT_READ, reference=3)], True, ("NOT_FOUND", "known_sites_reference", "site")),
        (
            [read("A", NOT_READ, reference=3), read("B", NOT_READ, unread=1)],
            True,
            ("NOT_ASSESSED", "known_site_not_read", "site"),
        ),
        ([read("A", NOT_READ)], True, ("NOT_REPORTABLE", "gene_not_on_active_list", "sample")),
        ([], False, ("NOT_ASSESSED", "no_known_site_in_file", "site")),
    ],
)
def test_without_a_variant_it_counts_what_was_read(
    genes: list[GeneAssessment], elsewhere: bool, expected: tuple[str, str, str]
) -> None:
    done = summarize(said(*genes), varied_elsewhere=elsewhere)
    assert (done.outcome, done.reason, done.level) == expected
    assert done.gene is None


def test_a_stopped_sample_and_an_empty_file_say_nothing_of_genes() -> None:
    assert held("contamination").outcome is SampleOutcome.SAMPLE_HOLD
    assert held("contamination").genes == {}
    assert not_read("header_only").outcome is SampleOutcome.NOT_ASSESSED
