"""Whoever opens what is sealed about results is known here; a report leaves through the gate alone."""

from __future__ import annotations

import ast
from pathlib import Path

import ror_service

ROOT = Path(ror_service.__file__).parent
FOR_PARTICIPANTS_AND_PARTNERS = {"reports.py: draft", "reports.py: read"}
"""Functions whose result may leave; each asks the gate."""
FOR_THE_PROGRAMME = {
    "reanalysis.py: _opened",
    "evidence.py: _open",
    "evidence.py: _other_results",
    "batch_yield.py: _carried",
}
"""Functions for counselors, directors and counts without a person; nothing of it leaves."""
OPENERS = {"open_artifact", "open_interpretation"}


def calls(function: ast.AST) -> list[str]:
    """Names of what a function calls, in the order of the text."""
    found = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [call.attr for call in sorted(found, key=lambda call: call.lineno) if isinstance(call, ast.Attribute)]


def functions() -> dict[str, ast.FunctionDef]:
    """Every function of the service that opens a result; the sandbox only shows what a partner may do."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("sandbox/", "sealing/", "migrations/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and OPENERS.intersection(calls(node)):
                found[f"{name}: {node.name}"] = node
    return found


def test_everybody_who_opens_a_result_is_listed() -> None:
    assert set(functions()) == FOR_PARTICIPANTS_AND_PARTNERS | FOR_THE_PROGRAMME


def test_what_may_leave_goes_through_the_gate() -> None:
    for name in FOR_PARTICIPANTS_AND_PARTNERS:
        assert "ask_gate" in calls(functions()[name]), name


def test_a_report_is_opened_only_after_the_gate_let_it_through() -> None:
    openers = {name: calls(node) for name, node in functions().items() if "open_artifact" in calls(node)}
    assert set(openers) == {"reports.py: read"}
    (order,) = openers.values()
    assert order.index("ask_gate") < order.index("open_artifact")
