"""The benchmark of traits by group runs, and notices people who are not of the group that they are said to be of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.shared import PROJECT, SHARED, needs_shared

ANCESTRY = SHARED / "ancestry"


def run(tmp_path: Path, population: str, group: str) -> tuple[int, str]:
    """Status and output for five people of Eastern Asia, labelled as given."""
    samples = tmp_path / "samples"
    samples.mkdir()
    (tmp_path / "kgp23k.counts.tsv.gz").symlink_to(ANCESTRY / "kgp23k.counts.tsv.gz")
    head, *rows = (ANCESTRY / "samples" / "samples.tsv").read_text().splitlines()
    chosen = [row.split("\t") for row in rows if row.split("\t")[2] == "EAS"][:5]
    (samples / "samples.tsv").write_text(
        "\n".join([head, *(f"{name}\t{population}\t{group}\t{file}" for name, _, _, file in chosen)]) + "\n"
    )
    for *_, file in chosen:
        (samples / file).symlink_to(ANCESTRY / "samples" / file)
    script = PROJECT / "benchmarks" / "traits_by_group.py"
    done = subprocess.run([sys.executable, str(script), str(samples)], capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


@pytest.mark.genomes
@needs_shared
def test_frequencies_beside_those_of_the_other_people(tmp_path: Path) -> None:
    status, text = run(tmp_path, "JPT", "EAS")
    assert (status, text.count("groups that differ by more than chance allows: 0")) == (0, 1), text
    assert "rs3827760 A>G EAS" in text
    assert "partly read 5" in text


@pytest.mark.genomes
@needs_shared
def test_people_of_another_group_are_noticed(tmp_path: Path) -> None:
    status, text = run(tmp_path, "YRI", "AFR")
    assert status == 1, text
