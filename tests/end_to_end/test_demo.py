"""`ror demo` as a user runs it, and what it leaves on disk."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from support.shared import SHARED, needs_shared
from support.stack import bare_environment

from ror_service.cli import demo as command
from ror_service.sandbox.people import MODULES, PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterable

PEOPLE_SHOWN = ("P0002", "P0010")
"""The carrier, reviewed and told; and the one who withdraws."""
FINDINGS = ("BRCA2", "32339699", "SLCO1B1", "CYP2C19", "*1/*1", "rs17822931", "earwax", "lisinopril")
"""What the reports and the evidence of the carrier say, in their own words; the last is a medicine that she takes."""
PAGES = {"participant.en.html", "participant.en.pdf", "participant.es.html", "participant.es.pdf"}
FILES = PAGES | {"clinician.en.json"}
CLINICIAN_FILES = {"clinician.en.html", "clinician.en.pdf"}
WITH_CLINICIAN = ("hereditary_risk", "pharmacogenomics")


@dataclass(frozen=True)
class Run:
    """A finished demonstration."""

    folder: Path
    temporary: Path
    status: int
    output: str
    errors: str

    def summary(self) -> dict[str, list[dict[str, object]]]:
        return json.loads((self.folder / "summary.json").read_text())  # type: ignore[no-any-return]


def _run(parent: Path, *options: str) -> Run:
    folder, temporary = parent / "demo", parent / "tmp"
    temporary.mkdir()
    finished = subprocess.run(  # noqa: S603 - our own program
        [Path(sys.executable).with_name("ror"), "demo", "--folder", folder, *options],
        env=bare_environment() | {"HOME": str(parent), "TMPDIR": str(temporary)},
        cwd=parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(folder, temporary, finished.returncode, finished.stdout, finished.stderr)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Run:
    people = [option for person in PEOPLE_SHOWN for option in ("--people", person)]
    return _run(tmp_path_factory.mktemp("demo"), *people)


def _files_in(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_demonstration_holds_all_its_expectations(shown: Run) -> None:
    assert shown.status == 0, shown.output + shown.errors
    assert "Every expectation held" in shown.output
    summary = shown.summary()
    assert summary["failures"] == []
    outcomes = {(row["participant_id"], row["module"]): row["outcome"] for row in summary["results"]}
    assert len(outcomes) == 4 * len(PEOPLE_SHOWN)
    assert set(outcomes.values()) == {"delivered"}
    assert "demo-director signed it too" in shown.output
    assert "P0010 withdrew" in shown.output
    assert "the chain holds" in shown.output


def test_one_participant_s_reports_lie_opened_in_both_languages_and_formats(shown: Run) -> None:
    opened = shown.folder / "opened" / "P0002"
    files = dict.fromkeys(MODULES, FILES) | dict.fromkeys(WITH_CLINICIAN, FILES | CLINICIAN_FILES)
    names = {f"{module}.{name}" for module in MODULES for name in files[module]}
    assert {path.name for path in opened.iterdir()} == names
    assert "BRCA2" in (opened / "hereditary_risk.participant.en.html").read_text()
    for medicine in ("omeprazole", "lisinopril"):
        assert medicine in (opened / "pharmacogenomics.participant.en.html").read_text()
    held = [{path.name for path in folder.iterdir()} for folder in (shown.folder / "partner" / "opened").iterdir()]
    # Of the carrier alone: the partner erased what it had of the person who left.
    received = FILES | {"index.json"}
    assert sorted(held, key=len) == [received] * 2 + [received | CLINICIAN_FILES] * 2


def _spellings(words: Iterable[str]) -> set[bytes]:
    """The words in clear, in UTF-16, in hexadecimal, and in base64 at each of its three alignments."""
    found = set()
    for word in words:
        plain = word.encode()
        found |= {plain, word.encode("utf-16-le"), plain.hex().encode(), plain.hex().upper().encode()}
        # Only the characters that the word alone decides: six of them at least, so that chance does not spell them.
        for shift in range(3):
            packed = base64.b64encode(b"\0" * shift + plain + b"\0\0")
            found.add(packed[-(-8 * shift // 6) : 8 * (shift + len(plain)) // 6])
    return found


def _leaks(files: Iterable[Path], words: Iterable[str]) -> dict[str, set[bytes]]:
    spellings = _spellings(words)
    hits = {str(path): {s for s in spellings if s in path.read_bytes()} for path in files}
    return {path: spelled for path, spelled in hits.items() if spelled}


def test_no_finding_lies_in_clear_in_database_store_keys_logs_or_temporary_files(shown: Run) -> None:
    copies = {shown.folder / "opened", shown.folder / "partner" / "opened", shown.folder / "genome-center"}
    kept = [path for path in _files_in(shown.folder) if not copies.intersection(path.parents)]
    kept += _files_in(shown.temporary)
    assert {"ror.sqlite3", "ledger.sqlite3", "signing.key"} <= {path.name for path in kept}
    assert _leaks(kept, FINDINGS) == {}
    assert not [word for word in FINDINGS if word in shown.errors]
    assert [path for path in kept if path.read_bytes()[:2] == b"\x1f\x8b"] == [], "a genome lies in clear"


def test_the_search_finds_what_lies_in_clear(shown: Run, tmp_path: Path) -> None:
    found = set().union(*_leaks(_files_in(shown.folder / "opened"), FINDINGS).values())
    assert {word.encode() for word in FINDINGS} <= found
    hidden = [b"BRCA2".hex().encode(), *(base64.b64encode(b"_" * shift + b"BRCA2__") for shift in range(3))]
    for number, content in enumerate(hidden):
        (tmp_path / str(number)).write_bytes(b"\x01\xff" + content)
    assert len(_leaks(_files_in(tmp_path), ["BRCA2"])) == len(hidden)


@needs_shared
@pytest.mark.genomes
def test_a_real_genome_ends_in_reports_and_says_what_could_not_be_read(tmp_path: Path) -> None:
    genome = SHARED / "genomes" / "1000g_GRCh38" / "NA18526.vcf.gz"
    run = _run(tmp_path, "--genome", str(genome), "--sex-at-birth", "female")
    assert run.status == 0, run.output + run.errors
    outcomes = {row["module"]: row["outcome"] for row in run.summary()["results"]}
    assert set(outcomes.values()) == {"delivered"}
    said = run.output.partition("What the file told:")[2]
    assert "hereditary_risk" in said or "hereditary risk" in said.lower()
    assert len(list((run.folder / "opened" / "P0001").iterdir())) == sum(
        len(FILES) + (len(CLINICIAN_FILES) if module in WITH_CLINICIAN else 0) for module in outcomes
    )


def test_an_expectation_that_does_not_hold_ends_in_exit_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed_up = next(person for person in PEOPLE if person.participant_id == "P0011")
    expecting_reports = replace(mixed_up, expected={})  # but the sample is held, as it must be
    monkeypatch.setattr(command, "PEOPLE", (expecting_reports,))
    with pytest.raises(typer.Exit) as ended:
        command.demo(people=["P0011"], folder=tmp_path / "demo")
    assert ended.value.exit_code == 1
    assert json.loads((tmp_path / "demo" / "summary.json").read_text())["failures"]
    assert "expectations did not hold" in capsys.readouterr().out
