"""The policy is data, and data that is not understood is refused by name."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from pathlib import Path

import pytest
from support.consent_facts import MODULES, OFFERS_DESIGNEE, POLICY

from consent import policy
from consent.policy import CURRENT, PolicyError, load_policy
from consent.types import DocumentType

SHIPPED = sorted(importlib.resources.files("consent").joinpath("policies").iterdir(), key=lambda file: file.name)
TEXT = importlib.resources.files("consent").joinpath(f"policies/{CURRENT}.toml").read_text(encoding="utf-8")


@pytest.fixture
def load_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], policy.Policy]:
    """Loads a policy from text, as if it were shipped as version "test"."""
    (tmp_path / "policies").mkdir()
    monkeypatch.setattr(policy, "files", lambda _: tmp_path)

    def load(text: str) -> policy.Policy:
        (tmp_path / "policies" / "test.toml").write_text(text, encoding="utf-8")
        return load_policy("test")

    return load


@pytest.mark.parametrize("name", [file.name for file in SHIPPED])
def test_every_shipped_policy_loads_and_says_its_own_version(name: str) -> None:
    version = name.removesuffix(".toml")
    assert load_policy(version).version == version


def test_the_current_policy() -> None:
    assert POLICY.version == CURRENT
    assert set(MODULES) == {"ancestry", "traits", "pharmacogenomics", "hereditary_risk"}
    assert set(POLICY.accepted_documents) == {DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS}
    assert POLICY.modules["hereditary_risk"].assays == ("wgs",)
    assert POLICY.modules["hereditary_risk"].signers_when_reviewed == 2
    assert all(row.minimum_age_years >= 18 for row in POLICY.modules.values())
    assert (POLICY.outreach_steps[0].channel, POLICY.give_up_days) == ("portal", 60)
    assert (POLICY.designee.offered, POLICY.designee.days_to_ask) == (False, 365)
    assert POLICY.designee.modules == ("hereditary_risk",)
    assert (POLICY.re_offer_days, POLICY.most_re_offers, POLICY.guardian_answers_count) == (90, 3, False)


def test_the_form_that_speaks_of_naming_somebody_can_be_answered_only_while_that_is_offered() -> None:
    family, primary = DocumentType.FAMILY_SHARING, DocumentType.PRIMARY
    for kind, version, without in ((family, "1.2", False), (family, "1.1", True), (primary, "1.2", True)):
        assert POLICY.may_be_answered(kind, version) is without
        assert OFFERS_DESIGNEE.may_be_answered(kind, version)


def test_a_policy_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match=r"consent/policies/1999-01\.toml"):
        load_policy("1999-01")


def test_the_shipped_text_loads_from_elsewhere(load_text: Callable[[str], policy.Policy]) -> None:
    assert load_text(TEXT) == POLICY


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[modules.traits]\noffered = true", "[modules.traits]"),
        ("[modules.traits]\noffered = true", '[modules.traits]\noffered = "true"'),
        ("[modules.traits]\noffered = true", "[modules.traits]\noffered = true\nextra = 1"),
        ("minimum_age_years = 18", "minimum_age_years = true"),
        ("minimum_age_years = 18", 'minimum_age_years = "18"'),
        ('assays = ["wgs", "array"]', 'assays = "wgs"'),
        ('assays = ["wgs", "array"]', "assays = [1]"),
        ('primary = ["1.0"]', 'primary = "1.0"'),
        ("primary = ", "primry = "),
        ("re_offer_days = 90", "re_offer_days = 90.5"),
        ("re_offer_days = 90", "re_offer_day = 90"),
        ("answers_count = false", "answers_count = 0"),
        ("most_re_offers = 3", ""),
        ('channel = "portal", day = 0', 'channel = "pigeon", day = 0'),
        ('channel = "portal", day = 0', 'channel = "portal", day = 1'),
        ('channel = "call", day = 7', 'channel = "call", day = 1'),
        ('channel = "call", day = 7', 'channel = "call"'),
        ("offered = false", 'offered = "false"'),
        ("days_to_ask = 365", "days_to_ask = 365.0"),
        ("days_to_ask = 365", ""),
        ('modules = ["hereditary_risk"]', 'modules = "hereditary_risk"'),
        ('version = "2026-11"', ""),
        ('version = "2026-11"', 'version = "2026-11"\nextra = 1'),
        ('version = "2026-11"', "version ="),
    ],
)
def test_a_slip_of_the_pen_is_refused(load_text: Callable[[str], policy.Policy], old: str, new: str) -> None:
    changed = TEXT.replace(old, new)
    assert changed != TEXT
    with pytest.raises(PolicyError, match=r"consent/policies/test\.toml.*compare with"):
        load_text(changed)
