"""Findings survive JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpreters import serial
from interpreters.findings import (
    AncestryFinding,
    DrugRecommendation,
    Finding,
    GeneAssessment,
    HereditaryFinding,
    HereditaryVariant,
    Interpretation,
    NotTested,
    PharmacogenomicFinding,
    TraitFinding,
)

FINDINGS = (AncestryFinding, TraitFinding, PharmacogenomicFinding, HereditaryFinding, GeneAssessment)
FEW = settings(max_examples=40, deadline=None)
WORDS = st.text("aé*/1", max_size=4)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(str, WORDS)
st.register_type_strategy(float, NUMBERS)


def build(kind: type) -> st.SearchStrategy[Finding]:
    return st.from_type(kind)


@FEW
@given(st.one_of(*(build(kind) for kind in FINDINGS)))
def test_findings_read_back(finding: Finding) -> None:
    assert serial.finding_from_json(json.loads(json.dumps(serial.to_json(finding)))) == finding


@FEW
@given(
    st.builds(
        Interpretation,
        findings=st.lists(st.one_of(*(build(kind) for kind in FINDINGS)), max_size=3).map(tuple),
        not_tested=st.lists(st.builds(NotTested, WORDS, WORDS, WORDS), max_size=2).map(tuple),
        limits=st.dictionaries(WORDS, WORDS, max_size=2),
    )
)
def test_interpretations_read_back(interpretation: Interpretation) -> None:
    assert serial.interpretation_from_json(json.loads(json.dumps(serial.to_json(interpretation)))) == interpretation


def test_every_finding_type_is_known() -> None:
    assert set(FINDINGS) == set(Finding.__args__)


def test_fields_added_later_may_be_missing_in_older_data() -> None:
    old = {
        "chrom": "1",
        "pos": 1,
        "ref": "A",
        "alt": "G",
        "clinvar_id": None,
        "classification": None,
        "stars": None,
        "zygosity": "heterozygous",
    }
    variant = HereditaryVariant(**old)  # type: ignore[arg-type]
    data = {
        "module": "hereditary_risk",
        "gene": "G",
        "outcome": "REVIEW",
        "reason": "r",
        "variant": old,
        "rule_path": ["r"],
    }
    read = serial.finding_from_json(data)
    assert isinstance(read, HereditaryFinding)
    assert read.variant == variant
    assert read.second_variant is None


@pytest.mark.parametrize("data", [{}, {"module": "astrology"}])
def test_unknown_findings_are_refused(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no finding type"):
        serial.finding_from_json(data)


def test_keys_of_mappings_are_sorted() -> None:
    assert list(serial.to_json({"b": 1, "a": [DrugRecommendation]})) == ["a", "b"]


def test_a_number_of_another_library_stays_a_number() -> None:
    assert serial.to_json(np.float64(0.5)) == 0.5
