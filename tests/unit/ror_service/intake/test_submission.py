"""Whole manifests with their files: taken in row by row, the same in whatever order, and told back to the center."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import fsspec
import pytest
from support.genotype_files import vcf_text
from support.manifests import Fields, as_csv, as_json, fields
from support.service import CENTER, PIPELINE, Service
from typer.testing import CliRunner

from interpreters import registry
from ror_service import pipeline
from ror_service.audit.log import Actor
from ror_service.cli.lab import lab
from ror_service.errors import InvalidInputError, SealError, UnsafeConfigurationError
from ror_service.intake import samples, submission, watched
from ror_service.intake.conformance import check_with_files
from ror_service.intake.feedback import Feedback, Taken, feedback_on
from ror_service.intake.manifest import Row
from ror_service.intake.manifest_check import CheckedManifest, check_manifest
from ror_service.intake.needs import Needs
from ror_service.intake.submission import Files, NoFileError
from ror_service.intake.watched import Inbox
from ror_service.sealing import vault
from ror_service.states import SampleState
from ror_service.storage.tables import DataFileRow, DataKeyRow, OutsideCallsRow, SampleRow

GOOD = vcf_text(["chr1 500 . A G 50 PASS . GT:DP:GQ 0/1:30:99"])
BROKEN = vcf_text(["chr1 500 . A G 50 PASS . GT:DP:GQ 0/x:30:99"])
FINDING = "XXY"


def with_file(number: int, content: bytes = GOOD, **changes: object) -> Fields:
    content += f"chr2\t{number}\t.\tA\tG\t50\tPASS\t.\tGT\t0/1\n".encode()
    FILES[f"S-{number}.vcf.gz"] = content
    declared = {"genotypes_sha256": hashlib.sha256(content).hexdigest(), "genotypes_size": len(content)}
    return fields(number, **(declared | changes))


FILES: dict[str, bytes] = {}


@pytest.fixture
def folder(tmp_path: Path, service: Service) -> Iterator[Path]:
    """A center's folder; participants P-1 to P-9 are known."""
    FILES.clear()
    for number in range(1, 10):
        service.register(f"P-{number}")
    made = tmp_path / "center"
    made.mkdir()
    return made


def fill(folder: Path, *leave_out: str) -> None:
    for name, content in FILES.items():
        if name not in leave_out:
            (folder / name).write_bytes(content)


def take_row(service: Service, row: Row, files: Files, center: Actor = CENTER) -> Taken:
    begin = partial(service.context.transaction, center)
    told = submission.submit_row(begin, service.context.keys, row)
    if told.state is not SampleState.AWAITING_FILE:
        return told
    return submission.take_file(begin, service.context.keys, row, files, service.context.store)


def take(service: Service, manifest: CheckedManifest, files: Files, center: Actor = CENTER) -> Feedback:
    return feedback_on(manifest, lambda row: take_row(service, row, files, center))


def send(service: Service, folder: Path, rows: list[Fields], center: Actor = CENTER) -> Feedback:
    return take(service, check_manifest(as_csv(rows)), Inbox(str(folder)).open, center)


def state(service: Service) -> set[tuple[object, ...]]:
    """All that was taken in, but for identifiers of the service's own and times."""
    kept = {row.sample_id: (row.sha256, row.size) for row in service.rows(DataFileRow)}
    return {
        (row.sample_id, row.participant_id, row.manifest_sha256, row.state, kept.get(row.sample_id))
        for row in service.rows(SampleRow)
    }


def told(feedback: Feedback) -> list[tuple[str, str | None, list[str]]]:
    return [
        (row.verdict.value, row.state and row.state.value, [reason.code for reason in row.reasons])
        for row in feedback.rows
    ]


# Rows and files


def test_rows_and_files_become_samples_and_mistakes_cost_their_own_row(service: Service, folder: Path) -> None:
    rows = [
        with_file(1), with_file(2, specimen="hair"), with_file(3), with_file(4), with_file(5, participant_id="P-77"),
        with_file(6, genotypes_size=10), with_file(7, genotypes_sha256="0" * 64),
    ]  # fmt: skip
    rows.append(rows[0])
    fill(folder, "S-3.vcf.gz")
    feedback = send(service, folder, rows)
    assert told(feedback) == [
        ("accepted", "received", []), ("refused", None, ["not_a_choice"]), ("accepted", "awaiting_file", ["no_file"]),
        ("accepted", "received", []), ("refused", None, ["not_found"]),
        ("accepted", "awaiting_file", ["invalid_input"]), ("accepted", "awaiting_file", ["conflict"]),
        ("repeated", "received", []),
    ]  # fmt: skip
    assert (feedback.refused, feedback.waiting) == (2, 3)
    assert {row.sample_id for row in service.rows(DataFileRow)} == {"S-1", "S-4"}
    assert len(list(service.context.store.iterdir())) == 2, "nothing of the others stays on disk"
    assert len(service.actions("sample.file")) == 2


def test_replays_and_other_orders_leave_the_same_state(service: Service, folder: Path) -> None:
    rows = [with_file(number) for number in range(1, 6)]
    fill(folder, "S-2.vcf.gz")
    send(service, folder, rows)
    before = state(service)
    shuffled = random.Random(7)  # noqa: S311 - no secret
    for _ in range(3):
        shuffled.shuffle(rows)
        assert {verdict for verdict, *_ in told(send(service, folder, rows + rows[:2]))} == {"accepted", "repeated"}
        assert state(service) == before
    assert len(service.actions("sample.submit")) == 5
    fill(folder)
    assert send(service, folder, rows).waiting == 0
    assert len(service.rows(DataFileRow)) == 5


def test_changed_rows_and_those_of_others_conflict_and_change_nothing(service: Service, folder: Path) -> None:
    first = with_file(1, sex_chromosomes="XX")
    fill(folder)
    send(service, folder, [first])
    before = state(service)
    for changed in (first | {"specimen": "whole_blood"}, first | {"sex_chromosomes": FINDING}, first | {"well": "H12"}):
        assert told(send(service, folder, [changed])) == [("refused", None, ["conflict"])]
    another = Actor("center-2", "genome_center", "sample submission")
    answer = send(service, folder, [first], another)
    assert told(answer) == [("refused", None, ["conflict"])]
    assert "received" not in answer.model_dump_json(), "another center's sample is not told about"
    assert state(service) == before


def test_a_fault_of_the_service_is_no_verdict(service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise SealError("broken")

    rows = [with_file(1), with_file(2)]
    fill(folder)
    monkeypatch.setattr(samples, "submit_all", broken)
    with pytest.raises(SealError):
        send(service, folder, rows)


def test_what_the_laboratory_says_is_sealed_and_goes_with_the_person(service: Service, folder: Path) -> None:
    row = with_file(1, sex_chromosomes=FINDING, collection_tube="TUBE-4711")
    fill(folder)
    send(service, folder, [row])
    (kept,) = service.rows(OutsideCallsRow)
    with service.work(PIPELINE) as work:
        said = vault.open_outside_calls(work, service.context.keys, "P-1", kept).laboratory
        reading = samples.begin_reading(work, service.context.keys, "S-1", service.context.store)
    assert (said["sex_chromosomes"], said["collection_tube"]) == (FINDING, "TUBE-4711")
    assert reading is not None
    assert reading.declared.laboratory.sex_chromosomes == FINDING
    files = [path for path in service.context.settings.home.rglob("*") if path.is_file()]
    assert not [path.name for path in files if b"TUBE-4711" in path.read_bytes() or b"XXY" in path.read_bytes()]
    service.withdraw("P-1")
    assert [key.wrapped for key in service.rows(DataKeyRow)] == [None, None]
    assert told(send(service, folder, [row])) == [("refused", None, ["erased"])]
    assert told(send(service, folder, [with_file(2, participant_id="P-1")])) == [("refused", None, ["conflict"])]


def test_no_file_is_reached_through_a_link_or_a_path(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    (folder / "link.vcf").symlink_to(tmp_path / "secret")
    (folder / "below.vcf").mkdir()
    (folder / "shut.vcf").write_bytes(b"s")
    inbox = Inbox(str(folder))
    for name in ("link.vcf", "below.vcf", "../secret", "..", "absent.vcf", ""):
        with pytest.raises(NoFileError), inbox.open(name):
            pass
    if os.geteuid():
        (folder / "shut.vcf").chmod(0)
        with pytest.raises(NoFileError), inbox.open("shut.vcf"):
            pass


# Feedback


def test_feedback_repeats_nothing_but_identifiers() -> None:
    evil = "=HYPERLINK(evil)"
    rows = [with_file(1), fields(2, sample_id=evil, plate=evil, specimen=evil), fields(3, contamination=0.02)]
    feedback = feedback_on(check_manifest(as_csv(rows)))
    table = list(csv.DictReader(io.StringIO(feedback.to_csv())))
    assert [row["verdict"] for row in table] == ["accepted", "refused", "accepted"]
    assert [row["sample_id"] for row in table] == ["S-1", "", "S-3"]
    assert evil not in feedback.to_csv() + feedback.model_dump_json()
    assert table[2]["quality"] == "contamination warn: 2.0% foreign DNA"
    assert not [cell for row in table for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


# A watched folder


@pytest.fixture(params=["local", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A local folder, and the object store of fsspec that lives in memory."""
    made = str(tmp_path / "inbox") if request.param == "local" else "memory://bucket/center-1"
    files, root = fsspec.core.url_to_fs(made)
    files.makedirs(root)
    yield made
    files.rm(root, recursive=True)


def put(url: str, contents: dict[str, bytes]) -> None:
    files, root = fsspec.core.url_to_fs(url)
    for name, content in contents.items():
        files.pipe_file(f"{root}/{name}", content)


def get(url: str, name: str) -> bytes:
    files, root = fsspec.core.url_to_fs(url)
    content: bytes = files.cat_file(f"{root}/{name}")
    return content


def watch(service: Service, url: str) -> list[tuple[str, int, int]]:
    passed = watched.take_in(Inbox(url), partial(take_row, service))
    return [(name, feedback.refused, feedback.waiting) for name, feedback in passed]


@pytest.mark.usefixtures("folder")
def test_a_watched_folder_is_taken_in_once_by_content(service: Service, url: str) -> None:
    rows = [with_file(1), with_file(2), with_file(3, specimen="hair")]
    put(url, {"b.manifest.csv": as_csv(rows), "a.manifest.json": as_json([with_file(4)]), "notes.csv": b"x"})
    put(url, {name: FILES[name] for name in ("S-1.vcf.gz", "S-4.vcf.gz")})
    assert watch(service, url) == [("a.manifest.json", 0, 0), ("b.manifest.csv", 1, 1)]
    feedback = json.loads(get(url, "b.manifest.csv.feedback.json"))
    assert [row["state"] for row in feedback["rows"]] == ["received", "awaiting_file", None]
    assert b"S-2,accepted,awaiting_file" in get(url, "b.manifest.csv.feedback.csv")
    assert watch(service, url) == [], "nothing changed in the folder"
    opened = len(service.actions("sample.outside_calls"))
    put(url, {"S-9.vcf.gz": b"x"})
    assert watch(service, url) == [("b.manifest.csv", 1, 1)]
    put(url, {"S-2.vcf.gz": FILES["S-2.vcf.gz"]})
    assert watch(service, url) == [("b.manifest.csv", 1, 0)]
    assert len(service.actions("sample.outside_calls")) == opened + 1, "of all rows only the one whose file came"
    assert [row["state"] for row in json.loads(get(url, "b.manifest.csv.feedback.json"))["rows"]] == [
        "received", "received", None,
    ]  # fmt: skip
    before = state(service)
    assert watch(service, url) == []
    rows[2] = with_file(3)
    put(url, {"b.manifest.csv": as_csv(rows), "S-3.vcf.gz": FILES["S-3.vcf.gz"]})
    assert watch(service, url) == [("b.manifest.csv", 0, 0)]
    assert len(state(service) - before) == 1


@pytest.mark.usefixtures("folder")
def test_a_manifest_that_cannot_be_read_is_answered_and_stops_no_other(service: Service, url: str) -> None:
    put(
        url,
        {"a.manifest.csv": b"\x89PNG", "b.manifest.csv": as_csv([with_file(1)]), "b.manifest.csv.feedback.json": b"[]"},
    )
    put(url, FILES)
    assert [name for name, *_ in watch(service, url)] == ["a.manifest.csv", "b.manifest.csv"]
    assert "no_header" in json.loads(get(url, "a.manifest.csv.feedback.json"))["problem"]
    assert b"no_header" in get(url, "a.manifest.csv.feedback.csv")
    assert watch(service, url) == []


@pytest.mark.usefixtures("folder")
def test_feedback_is_written_in_place_of_a_link_and_never_through_it(service: Service, tmp_path: Path) -> None:
    inbox, victim = tmp_path / "inbox", tmp_path / "victim"
    inbox.mkdir()
    victim.write_bytes(b"precious")
    (inbox / "a.manifest.csv").write_bytes(as_csv([with_file(1)]))
    for ending in ("csv", "json"):
        (inbox / f"a.manifest.csv.feedback.{ending}").symlink_to(victim)
    assert watch(service, str(inbox)) == [("a.manifest.csv", 0, 1)]
    assert victim.read_bytes() == b"precious"
    assert sorted(path.name for path in inbox.iterdir() if not path.is_symlink()) == [
        "a.manifest.csv", "a.manifest.csv.feedback.csv", "a.manifest.csv.feedback.json",
    ]  # fmt: skip


def test_folders_that_cannot_be_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="no such folder"):
        Inbox(str(tmp_path / "absent")).listing()
    for url in ("gopher://bucket", "https://127.0.0.1/in", "simplecache::s3://bucket/in", "file:///in::ftp://host"):
        with pytest.raises(InvalidInputError, match="no kind of store"):
            Inbox(url)

    def missing(_: str) -> None:
        raise ImportError

    monkeypatch.setattr(watched, "url_to_fs", missing)
    with pytest.raises(UnsafeConfigurationError, match="s3"):
        Inbox("s3://bucket/center-1")


# The center's own check


def test_the_command_and_the_service_agree_on_every_row(service: Service, folder: Path) -> None:
    rows = [
        with_file(1), with_file(2, BROKEN), with_file(3, build="GRCh37"), with_file(4, specimen="hair"),
        with_file(5, contamination=0.2), with_file(6, genotypes_size=5), with_file(7, genotypes_sha256="1" * 64),
        with_file(8), with_file(9, sex_chromosomes="XY", contamination=0.015), with_file(9, name_in_file="S2"),
        with_file(1),
    ]  # fmt: skip
    rows[9] |= {"sample_id": "S-10", "participant_id": "P-1", "genotypes_file": "S-10.vcf.gz", "well": "H01"}
    FILES["S-10.vcf.gz"] = FILES["S-9.vcf.gz"] + b"chr2\t20\t.\tA\tG\t50\tPASS\t.\tGT\t0/1\n"
    rows[9] |= {
        "genotypes_sha256": hashlib.sha256(FILES["S-10.vcf.gz"]).hexdigest(),
        "genotypes_size": len(FILES["S-10.vcf.gz"]),
    }
    fill(folder, "S-8.vcf.gz")
    manifest = check_manifest(as_csv(rows))
    expected = check_with_files(manifest, Inbox(str(folder)).open, Needs(registry.installed()))
    take(service, manifest, Inbox(str(folder)).open)
    for sample in service.rows(SampleRow, SampleRow.state == SampleState.RECEIVED.value):
        pipeline.extract_sample(service.context, sample.sample_id)
    found = take(service, manifest, Inbox(str(folder)).open)
    assert found == expected
    assert [row.state and row.state.value for row in found.rows] == [
        "read", "unreadable", "qc_hold", None, "qc_hold", "awaiting_file", "awaiting_file", "awaiting_file",
        "qc_hold", "qc_hold", "read",
    ]  # fmt: skip
    assert [row.holds for row in found.rows if row.state is SampleState.QC_HOLD] == [
        ["build"], ["contamination"], ["sex_chromosomes"], ["sample_name"],
    ]  # fmt: skip


def test_lab_check_needs_no_service_and_tells_by_its_status(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path / "never-made"))
    rows = [with_file(1)]
    fill(folder)
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(as_csv(rows))
    run = CliRunner().invoke
    assert run(lab, ["check", str(manifest)]).output == "verdicts: 1 accepted\n"
    done = run(lab, ["check", str(manifest), "--files", str(folder), "--feedback", str(tmp_path / "f.json")])
    assert (done.exit_code, done.output) == (0, "verdicts: 1 accepted\nsamples: 1 read\n")
    assert json.loads((tmp_path / "f.json").read_text())["rows"][0]["state"] == "read"
    manifest.write_bytes(as_csv([with_file(1, contamination=0.05), fields(2, specimen="hair")]))
    done = run(lab, ["check", str(manifest), "--feedback", str(tmp_path / "f.csv")])
    assert done.exit_code == 1
    assert done.output.splitlines()[:2] == [
        "line 2, sample S-1: contamination hold: 5.0% foreign DNA, at most 3% allowed",
        "line 3, sample S-2: specimen: the value is none of 'whole_blood' or 'saliva' (not_a_choice)",
    ]
    assert (tmp_path / "f.csv").read_text().count("\n") == 3
    manifest.write_bytes(as_csv([fields(number, specimen="hair") for number in range(70)]))
    assert "and 20 more" in run(lab, ["check", str(manifest)]).output
    assert not (tmp_path / "never-made").exists()
    for arguments in ((tmp_path / "absent",), (manifest, "--feedback", "f.txt"), (manifest, "--feedback", "/no/f.csv")):
        assert isinstance(run(lab, ["check", *map(str, arguments)]).exception, InvalidInputError)
