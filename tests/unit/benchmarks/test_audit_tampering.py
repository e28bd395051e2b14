"""Tampering with the audit log is found; and a verification that looks less closely would be seen."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest
from support.shared import PROJECT

from ror_service.audit import log
from ror_service.storage.tables import AuditEventRow

ALL = ("change", "delete", "insert", "exchange", "rewrite", "cut off")


@pytest.fixture
def tampering(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(PROJECT / "benchmarks"), *sys.path])
    return importlib.import_module("audit_tampering")


def _run(tampering: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    monkeypatch.setattr("sys.argv", ["audit_tampering", "--tamperings", "60", "--events", "40"])
    status = tampering.main()
    lines = capsys.readouterr().out.splitlines()
    return {"status": str(status)} | {line[:12].strip(): line[12:].split() for line in lines}


def test_every_tampering_is_found_and_its_row_named(
    tampering: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _run(tampering, monkeypatch, capsys)
    assert shown["status"] == "0"
    assert {kind: shown[kind] for kind in ALL} == {
        kind: ["10", "10", "10", "0" if kind in {"rewrite", "cut off"} else "10"] for kind in ALL
    }


def test_a_verification_that_leaves_out_a_column_would_be_seen(
    tampering: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = log.event_hash

    def without_purpose(row: AuditEventRow) -> str:
        return right(AuditEventRow(**{**{name: getattr(row, name) for name in tampering.COLUMNS}, "purpose": ""}))

    monkeypatch.setattr(log, "event_hash", without_purpose)
    shown = _run(tampering, monkeypatch, capsys)
    assert shown["status"] == "1"
    assert int(shown["change"][1]) < 10


def test_a_verification_without_checkpoints_would_be_seen(
    tampering: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = log.verify
    monkeypatch.setattr(log, "verify", lambda session, **_: right(session))
    shown = _run(tampering, monkeypatch, capsys)
    assert (shown["status"], shown["rewrite"][1], shown["cut off"][1]) == ("1", "0", "0")
