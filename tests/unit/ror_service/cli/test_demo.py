"""`ror demo` refuses what it cannot do before it touches anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ror_service.cli import demo


def test_a_genome_that_is_not_there(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "no such file" in refused("demo", "--genome", tmp_path / "none.vcf")


def test_a_folder_with_anything_else_is_never_emptied(refused: Callable[..., str], tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "thesis.txt").write_text("years of work")
    assert "name another --folder" in refused("demo", "--folder", papers)
    assert "name another --folder" in refused("demo", "--folder", papers / "thesis.txt")
    assert (papers / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("left", [[], ["service", "partner"]])
def test_what_an_earlier_demonstration_left_is_removed(tmp_path: Path, left: list[str]) -> None:
    folder = tmp_path / "demo"
    for name in left:
        (folder / name).mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    demo._empty(folder)
    assert not folder.exists()
    demo._empty(folder)


def test_a_person_who_is_not_of_the_programme(refused: Callable[..., str]) -> None:
    assert "not in the programme" in refused("demo", "--people", "P9999")
