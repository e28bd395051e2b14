"""A release comes from the gate, from nowhere else, and stays what the gate saw."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from pathlib import Path

import pytest
from support.consent_facts import NOW, POLICY, candidate, history, released
from support.shared import PROJECT

from consent import gate as gate_module
from consent.decision import decide
from consent.gate import Release, Withheld, gate
from consent.types import VitalStatus

PACKAGES = ("interpreters", "consent", "report_templates", "ror_service")


def test_the_gate_lets_through_with_its_decision() -> None:
    payload = object()
    release = gate(history(), candidate(), POLICY, NOW, payload)
    assert isinstance(release, Release)
    assert release.payload is payload
    assert release.decision == decide(history(), candidate(), POLICY, NOW)


def test_the_gate_withholds_with_every_reason() -> None:
    outcome = gate(history(vital_status=VitalStatus.DECEASED), candidate(interpreted=False), POLICY, NOW, "payload")
    assert isinstance(outcome, Withheld)
    assert outcome.decision.reasons == ("deceased", "interpretation_pending")
    assert not hasattr(outcome, "payload")


def test_a_release_is_not_made_by_hand() -> None:
    decision = decide(history(), candidate(), POLICY, NOW)
    for made_by in (None, object(), "_GATE"):
        with pytest.raises(TypeError, match=r"consent\.gate\.gate alone"):
            Release("payload", decision, made_by)


def test_not_even_the_gate_makes_a_release_of_what_is_withheld() -> None:
    withheld = decide(history(consents=()), candidate(), POLICY, NOW)
    with pytest.raises(TypeError, match=r"consent\.gate\.gate alone"):
        Release("payload", withheld, gate_module._GATE)


def test_a_release_does_not_change() -> None:
    release = released("payload")
    with pytest.raises(dataclasses.FrozenInstanceError):
        release.payload = "another"
    with pytest.raises(dataclasses.FrozenInstanceError):
        release.decision = decide(history(), candidate("ancestry"), POLICY, NOW)
    with pytest.raises((AttributeError, TypeError)):
        release.note = "no room for more"


def test_a_release_is_not_copied_stored_or_derived_from() -> None:
    release = released("payload")
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps, dataclasses.replace):
        with pytest.raises(TypeError):
            attempt(release)
    with pytest.raises(TypeError, match="gate alone"):
        type("Forged", (Release,), {})


def offences(source: str) -> list[str]:
    """What in a module makes a release without the gate."""
    names = {"Release"}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.name == "Release" and alias.asname}
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id="_GATE")
                | ast.Attribute(attr="_GATE")
                | ast.alias(name="_GATE")
                | ast.Constant(value="_GATE")
            ):
                found.append("touches _GATE")
            case ast.Call(func=ast.Name(id=name)) if name in names:
                found.append("constructs a Release")
            case ast.Call(func=ast.Attribute(attr="Release")):
                found.append("constructs a Release")
            case ast.Call(func=ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name))) if name in names:
                found.append("constructs a Release")
            case ast.ClassDef(bases=bases) if any(_names(base) & names for base in bases):
                found.append("derives from Release")
            case ast.Call(func=ast.Attribute(attr="__new__"), args=[first, *_]) if _names(first) & names:
                found.append("constructs a Release")
    return found


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
    }


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((PROJECT / package).rglob("*.py"))]


def test_no_module_but_the_gate_makes_a_release() -> None:
    gate_file = PROJECT / "consent" / "gate.py"
    found = {str(path.relative_to(PROJECT)): offences(path.read_text(encoding="utf-8")) for path in modules()}
    assert set(found.pop(str(gate_file.relative_to(PROJECT)))) == {"constructs a Release", "touches _GATE"}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from consent.gate import Release\nRelease(1, d, g)",
        "from consent.gate import Release as R\nR(1, d, g)",
        "import consent.gate as c\nc.Release(1, d, g)",
        "import consent.gate as c\nc.Release[int](1, d, g)",
        "from consent.gate import Release\nRelease[int](1, d, g)",
        "from consent.gate import _GATE",
        "import consent.gate as c\nx = c._GATE",
        "import consent.gate as c\nx = getattr(c, '_GATE')",
        "from consent.gate import Release\nclass Mine(Release[int]): ...",
        "from consent.gate import Release\nobject.__new__(Release)",
    ],
)
def test_the_check_finds_what_it_looks_for(source: str) -> None:
    assert offences(source)
    assert not offences("from consent.gate import Release\ndef render(release: Release[int]) -> str: ...")
