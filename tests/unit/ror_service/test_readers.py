"""Whoever opens what is sealed about results is known here; a report leaves through the gate alone."""

from __future__ import annotations

import ast
from pathlib import Path

import ror_service

ROOT = Path(ror_service.__file__).parent
FOR_PARTICIPANTS_AND_PARTNERS = {
    "reports.py: _content": "draft",
    "reports.py: _next_version": "draft",
    "reports.py: read": "read",
    "reports.py: _differences": "versions",
}
"""Functions whose result may leave, and the one that asks the gate for it."""
FOR_THE_PROGRAMME = {
    "reanalysis.py: _opened",
    "evidence.py: _open",
    "evidence.py: _other_results",
    "evidence.py: _confirmed",
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


def asking(name: str) -> list[str]:
    """What the function of `reports.py` calls that asks the gate."""
    tree = ast.parse((ROOT / "reports.py").read_text(encoding="utf-8"))
    return next(calls(node) for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


def test_everybody_who_opens_a_result_is_listed() -> None:
    assert set(functions()) == FOR_PARTICIPANTS_AND_PARTNERS.keys() | FOR_THE_PROGRAMME


def test_what_may_leave_goes_through_the_gate() -> None:
    for opener, asks in FOR_PARTICIPANTS_AND_PARTNERS.items():
        assert "ask_gate" in asking(asks), opener


def test_a_report_is_opened_only_after_the_gate_let_it_through() -> None:
    openers = {name for name, node in functions().items() if "open_artifact" in calls(node)}
    assert openers == {"reports.py: read", "reports.py: _differences"}
    order = asking("read")
    assert order.index("ask_gate") < order.index("open_artifact")
