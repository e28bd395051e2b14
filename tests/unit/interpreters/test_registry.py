"""Interpreters are found by entry point and loaded by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from interpreters import registry
from interpreters.knowledge import KnowledgeError


def test_ours_are_installed() -> None:
    assert set(registry.module_names()) >= {"ancestry", "hereditary_risk", "pharmacogenomics", "traits"}


def test_names_are_loaded_once_and_in_order() -> None:
    assert list(registry.installed(modules=("traits", "pharmacogenomics", "traits"))) == ["pharmacogenomics", "traits"]


def test_all_are_loaded_by_default() -> None:
    assert tuple(registry.installed()) == registry.module_names()


def test_unknown_module() -> None:
    with pytest.raises(KeyError):
        registry.installed(modules=("astrology",))


def test_releases_folder_and_options_reach_the_module(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no knowledge release '1999'"):
        registry.installed(modules=("traits",), releases={"traits": "1999"}, extra=tmp_path)
    with pytest.raises(ValueError, match="there is only `traits`"):
        registry.installed(modules=("traits",), options={"traits": {"colour": "blue"}})


def test_releases_are_those_of_the_package_and_of_the_programme(tmp_path: Path) -> None:
    ours = registry.releases("pharmacogenomics")
    assert list(ours) == ["2025-11-05", "2026-02-05"]
    copied = tmp_path / "pharmacogenomics" / "own"
    shutil.copytree(ours["2025-11-05"], copied)
    assert registry.releases("pharmacogenomics", tmp_path) == {**ours, "own": copied}
