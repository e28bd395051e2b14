"""Urgency and counseling aid, from the condition texts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import reports as contents

from interpreters import hereditary_risk
from interpreters.findings import HereditaryFinding
from interpreters.genotypes import Sex
from ror_service.review.conditions import Urgency, counseling, most_urgent, urgency

URGENT, SOON, ROUTINE = Urgency.URGENT, Urgency.SOON, Urgency.ROUTINE


def _finding(gene: str, zygosity: str = "heterozygous", *, pair: bool = False, flag: str = "") -> HereditaryFinding:
    variant = replace(contents.BRCA2, zygosity=zygosity)
    made = contents.finding(gene, variant)
    return replace(made, second_variant=variant if pair else None, flags=(flag,) if flag else ())


@pytest.mark.parametrize(
    ("finding", "sex", "expected"),
    [
        (_finding("BRCA1"), Sex.FEMALE, SOON),
        (_finding("BRCA1", pair=True), Sex.FEMALE, URGENT),
        (_finding("LDLR"), Sex.MALE, SOON),
        (_finding("LDLR", "homozygous"), Sex.MALE, URGENT),
        (_finding("KCNQ1"), Sex.MALE, URGENT),
        (_finding("SCN5A"), Sex.MALE, URGENT),
        (_finding("CASQ2", "homozygous"), Sex.MALE, URGENT),
        (_finding("RYR2"), Sex.MALE, URGENT),
        (_finding("OTC"), Sex.FEMALE, URGENT),
        (_finding("RYR1"), Sex.FEMALE, URGENT),
        (_finding("CACNA1S"), Sex.FEMALE, URGENT),
        # Which RET variants come first, and whether there is a young child, is a person's to say.
        (_finding("RET"), Sex.FEMALE, URGENT),
        (_finding("RB1"), Sex.FEMALE, URGENT),
        (_finding("TTR"), Sex.MALE, SOON),
        # A note that lowers the tier counts only where it surely holds.
        (_finding("BTD", "homozygous"), Sex.MALE, SOON),
        (_finding("ABCD1", "hemizygous"), Sex.MALE, URGENT),
        (_finding("ABCD1", pair=True), Sex.FEMALE, SOON),
        (_finding("ABCD1"), Sex.UNKNOWN, URGENT),
        (_finding("HFE", "homozygous"), Sex.MALE, ROUTINE),
        (_finding("FBN1", flag="urgent_two_copies"), Sex.MALE, URGENT),
    ],
    ids=lambda value: f"{value.gene}-{value.variant.zygosity}" if isinstance(value, HereditaryFinding) else str(value),
)
def test_the_urgency_of_a_finding(finding: HereditaryFinding, sex: Sex, expected: Urgency) -> None:
    assert urgency(finding, sex) is expected


def test_an_unknown_sex_never_lowers_the_urgency() -> None:
    order = list(Urgency)
    for gene in hereditary_risk.load().active_genes:
        told = [order.index(urgency(_finding(gene), sex)) for sex in (Sex.UNKNOWN, Sex.FEMALE, Sex.MALE)]
        assert told[0] <= min(told)


def test_the_most_urgent_counts_and_nothing_is_routine() -> None:
    assert most_urgent((ROUTINE, URGENT, SOON)) is URGENT
    assert most_urgent(()) is ROUTINE


@pytest.mark.parametrize("gene", hereditary_risk.load().active_genes)
def test_every_gene_has_a_counseling_aid_that_awaits_review(gene: str) -> None:
    for aid in counseling(gene):
        assert aid.summary
        assert aid.pointers
        assert aid.for_family
        assert aid.psychosocial
        assert set(aid.plain_language) == {"en", "es"}
        assert aid.review == "awaiting clinical review"
