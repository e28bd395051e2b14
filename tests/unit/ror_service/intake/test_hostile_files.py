"""The collection of hostile and broken files: each ends as its list says, none crashes or hangs the reader."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.shared import SHARED, needs_shared

from interpreters.genotypes import Build, Interval
from interpreters.registry import installed
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.isolation import read_in_child
from ror_service.intake.needs import Needs
from ror_service.intake.qc import Declared, Verdict, assess
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Limits

pytestmark = [needs_shared, pytest.mark.genomes]

WANTED = tuple(Interval(name, 1, 1000) for name in ("1", "2", "X"))
KNOWN = {build: needed.known for build, needed in Needs(installed(modules=("ancestry",))).wanted.items()}
DECLARED = Declared(build=Build.GRCH38, sample_name="S1")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of files with its manifest, made by their own tool."""
    folder = tmp_path_factory.mktemp("hostile")
    tool = SHARED / "tools" / "make_malformed_vcfs.py"
    spec = importlib.util.spec_from_file_location("make_malformed_vcfs", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setattr(sys, "argv", [str(tool), str(folder)])
        spec.loader.exec_module(module)
        module.main()
    return folder


def outcome(path: Path) -> str:
    """`reject` for an error or a hold, `flag` for a warning, else `accept`."""
    try:
        result = read_genotypes(path, lambda _: WANTED, known=KNOWN)
    except IntakeError as error:
        return "reject" if error.file == str(path) else "nameless"
    quality = assess(result, DECLARED)
    if quality.verdict is Verdict.HOLD:
        return "reject"
    return "flag" if quality.reasons else "accept"


def test_every_file_ends_as_its_list_says(hostile: Path) -> None:
    entries: dict[str, dict[str, Any]] = json.loads((hostile / "manifest.json").read_text())
    assert len(entries) >= 96
    wrong = {}
    for name, entry in entries.items():
        found = outcome(hostile / name)
        # A file that must be flagged may also be held: either way it is named before any report.
        fits = found == entry["want"] or (entry["want"] == "flag" and found == "reject" and name.startswith("b4"))
        if not fits:
            wrong[name] = (entry["want"], found, entry["why"])
    assert not wrong


@pytest.mark.parametrize("name", ["b1_long_info.vcf.gz", "b7_gzip_bomb.vcf.gz", "b5_many_samples.vcf.gz"])
def test_bombs_stay_small_in_a_process_of_their_own(hostile: Path, name: str) -> None:
    limits = Limits(memory_bytes=400 << 20, cpu_seconds=20, wall_seconds=60)
    with pytest.raises(IntakeError) as caught:
        read_in_child(hostile / name, dict.fromkeys(Build, WANTED), limits)
    assert caught.value.code in {Problem.LINE_TOO_LONG, Problem.SEVERAL_SAMPLES}
