"""The documents are true: links lead somewhere, the tree is as drawn, generated pages are up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.shared import PROJECT
from support.states_document import document

PAGES = sorted([PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_to_a_file_of_the_project(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_every_folder_of_the_map_is_there() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+/)`", text)
    assert named
    inside_service = {"audit/", "worker/", "cli/"}
    for name in named:
        folder = PROJECT / "ror_service" / name if name in inside_service else PROJECT / name
        assert folder.is_dir() or (PROJECT / "tests" / name).is_dir(), name


def test_page_of_states_is_made_from_the_tables() -> None:
    page = PROJECT / "docs" / "reference" / "states.md"
    assert page.read_text(encoding="utf-8") == document()


def test_main_job_fits_on_one_page() -> None:
    lines = (PROJECT / "ror_service" / "pipeline.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 130
