"""The benchmark of manifests runs, and what it checks is what it says."""

from __future__ import annotations

import importlib
import sys

import pytest
from support.shared import PROJECT

from ror_service.intake.manifest_check import Verdict, check_manifest


@pytest.fixture
def manifests(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(sys, "path", [str(PROJECT / "benchmarks"), *sys.path])
    return importlib.import_module("manifests")


def test_a_line_for_each_format_and_size(manifests: object) -> None:
    header, *lines = manifests.table((200, 400), 1)  # type: ignore[attr-defined]
    assert header.split() == ["format", "rows", "MB", "CPU", "s", "µs/row", "growth"]
    assert [line.split()[:2] for line in lines] == [["CSV", "200"], ["CSV", "400"], ["JSON", "200"], ["JSON", "400"]]


def test_one_row_in_a_hundred_is_wrong_in_both_formats(manifests: object) -> None:
    rows = manifests.made_rows(300)  # type: ignore[attr-defined]
    for write in (manifests.as_csv, manifests.as_json):  # type: ignore[attr-defined]
        checked = check_manifest(write(rows)).rows
        refused = [row for row in checked if row.verdict is Verdict.REFUSED]
        assert [(row.number, len(row.reasons)) for row in refused] == [(100, 4), (200, 4), (300, 4)]


def test_a_line_for_each_submission(manifests: object) -> None:
    header, *lines = manifests.submissions(None, (200, 300))  # type: ignore[attr-defined]
    assert header.split()[:3] == ["database", "rows", "first:"]
    assert [line.split()[:2] for line in lines] == [["sqlite", "200"], ["sqlite", "300"]]
