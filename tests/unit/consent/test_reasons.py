"""Every reason of every rule has a text for participants, in both languages, and none gives a result away."""

from __future__ import annotations

import ast
import importlib.resources
import itertools
import re

import pytest
from support.consent_facts import CHANGES, NOW, POLICY, Facts, candidate, consent, history, positive

from consent.decision import RULES, decide
from consent.reasons import reason_text, reason_texts
from consent.types import Capacity, DocumentType, VitalStatus

CHECKING = ("interpretation_pending", "review_pending", "same_signer", "second_signature_pending")
CONFIRMING = ("confirmation_pending", "confirmation_discordant", "confirmation_failed")


def reasons_in_the_code() -> set[str]:
    """Every text that a rule of `decide` can return, read off its code."""
    text = importlib.resources.files("consent").joinpath("decision.py").read_text(encoding="utf-8")
    module = ast.parse(text)
    rules = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("_")]
    found = {status.value for status in (VitalStatus.DEATH_REPORTED, VitalStatus.DECEASED)}
    for node in itertools.chain.from_iterable(map(ast.walk, rules)):
        if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            found |= {each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)}
    return {code for code in found if isinstance(code, str) and re.fullmatch(r"[a-z_]{5,}", code)} - {"array"}


def test_every_reason_of_the_code_has_a_text_and_no_other() -> None:
    assert set(reason_texts()) == reasons_in_the_code()


def test_every_reason_that_any_change_of_facts_brings_has_a_text() -> None:
    starts = [Facts(history(), candidate(), POLICY, NOW), Facts(history(), positive(), POLICY, NOW)]
    guarded = history(consents=(consent(DocumentType.PRIMARY, capacity=Capacity.GUARDIAN),))
    seen = set(decide(guarded, candidate(), POLICY, NOW).reasons)
    for start, change in itertools.product(starts, CHANGES.values()):
        facts = change(start)
        seen |= set(decide(facts.history, facts.candidate, facts.policy, facts.at).reasons)
    assert len(seen) > len(RULES)
    assert seen <= set(reason_texts())


@pytest.mark.parametrize("reason", reason_texts())
def test_a_text_is_a_plain_sentence_in_both_languages(reason: str) -> None:
    for language in ("en", "es"):
        assert re.fullmatch(r"[A-ZÁÉÍÓÚÑ][^{}<>]+\.", reason_text(reason, language))
    assert set(reason_texts()[reason]) == {"en", "es"}
    assert reason_text(reason, "en") != reason_text(reason, "es")


def test_what_is_looked_at_more_closely_reads_the_same() -> None:
    for language in ("en", "es"):
        assert len({reason_text(reason, language) for reason in (*CHECKING, *CONFIRMING)}) == 1
        held = ("wrong_person", "identity_case_open", "programme_paused")
        assert len({reason_text(reason, language) for reason in held}) == 1
