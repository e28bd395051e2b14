"""Compares findings with the answers of the reference method's example cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interpreters.findings import NotTested, PharmacogenomicFinding
from interpreters.genotypes import Sex

Case = Mapping[str, Any]
Results = Mapping[str, PharmacogenomicFinding | NotTested]
"""Gene to what was said of it."""


def sex_of(case: Case) -> Sex:
    """Sex at birth that a case is about."""
    return Sex.MALE if case.get("sex") == "M" else Sex.FEMALE


def differences(case: Case, found: Results) -> set[str]:
    """Fields in which a case's answer is not ours."""
    different = set()
    for gene, expected in case["pharmcat"].items():
        ours = found[gene]
        if isinstance(ours, NotTested):
            different.add(f"{gene} not tested")
            continue
        rows = expected["recommendation"]
        scores = {row["activity"] for row in rows if row["activity"]}
        answers = {
            "diplotypes": (list(ours.diplotypes), expected["matcher"]),
            "haplotypes": (list(ours.haplotypes), expected["haplotypes"]),
            "phenotypes": (list(ours.phenotypes), list(dict.fromkeys(p for row in rows for p in row["phenotype"]))),
            "activity_score": (ours.activity_score, scores.pop() if len(scores) == 1 else None),
            "missing_positions": (
                ours.positions_total - ours.positions_read,
                expected.get("missing_positions") or ours.positions_total - ours.positions_read,
            ),
        }
        different |= {field for field, (mine, theirs) in answers.items() if mine != theirs}
    return different
