"""A received genotype file never lies in clear on disk, is read from its seal, and is erased with its participant."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import select
from support.genotype_files import bgzf, vcf_text
from support.service import CENTER, FILES, Service, assessment

from consent.types import Answer, ModuleAnswer, Participation, VitalStatus
from interpreters import traits
from interpreters.genotypes import Assay, Build, Sex
from ror_service import pipeline, upkeep
from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.context import ServiceContext
from ror_service.errors import ConflictError, ErasedError, InvalidInputError, NotFoundError, SealError, ServiceError
from ror_service.intake import samples
from ror_service.intake.incoming import Incoming
from ror_service.intake.qc import Verdict
from ror_service.intake.samples import ManifestRow
from ror_service.sealing import vault
from ror_service.states import CaseState, SampleState
from ror_service.storage.tables import DataFileRow, DataKeyRow, InterpretationRow, JobRow, SampleRow

ANNA = "P-1"
SAMPLE = "S-1"
KNOWN_LINE = b"chr16\t48224287\t.\tC\tT\t50\tPASS\t.\tGT\t1/1\n"
"""Dry earwax."""
RECORDS = [
    KNOWN_LINE.decode().strip().replace("\t", " "),
    *(f"chrX {at} . A G 50 PASS . GT 0/1" for at in range(1, 400)),
]
TEXT = vcf_text(RECORDS, extra="##contig=<ID=chr16,length=90338345>\n")
PACKINGS = {"plain": TEXT, "gzip": gzip.compress(TEXT, mtime=0), "bgzf": bgzf(TEXT)}
FILE = PACKINGS["bgzf"]


@pytest.fixture
def service(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service with one installed interpreter, whose quality gate lets everything pass."""
    service.context.__dict__["interpreters"] = {"traits": traits.load()}
    monkeypatch.setattr(ServiceContext, "assess", lambda *_: assessment(Verdict.PASS))
    return service


@dataclass
class Laboratory:
    """A genome center that calls the API."""

    app: FastAPI
    token: str

    def send(self, content: bytes, sample_id: str = SAMPLE, *, breaks: bool = False) -> Response:
        """Send a file in small pieces; `breaks`: the connection is lost after them."""

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 1000):
                yield content[start : start + 1000]
            if breaks:
                raise InterruptedError

        async def put() -> Response:
            transport = ASGITransport(self.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url="http://service") as client:
                headers = {"Authorization": f"Bearer {self.token}"}
                return await client.put(f"/v1/samples/{sample_id}/file", content=pieces(), headers=headers)

        return asyncio.run(put())


@pytest.fixture
def laboratory(service: Service) -> Laboratory:
    token = EmbeddedIssuer(service.context.settings).issue(CENTER.name, Role.GENOME_CENTER)
    return Laboratory(create_app(service.context), token)


def submit(service: Service, content: bytes = FILE, sample_id: str = SAMPLE) -> None:
    row = ManifestRow(
        sample_id=sample_id,
        participant_id=ANNA,
        specimen="saliva",
        assay=Assay.WGS,
        build=Build.GRCH38,
        sex_at_birth=Sex.FEMALE,
        contamination=0.001,
        name_in_file=None,
        collected_on=date(2026, 8, 3),
        file_sha256=hashlib.sha256(content).hexdigest(),
        file_size=len(content),
    )
    with service.work(CENTER) as work:
        samples.submit(work, service.context.keys, row)


def send(service: Service, content: bytes = FILE, sample_id: str = SAMPLE) -> None:
    """Submit a sample and its file without HTTP."""
    submit(service, content, sample_id)
    with Incoming(service.context.store, ANNA, len(content)) as incoming:
        incoming.write(content)
        incoming.finish()
        with service.work(CENTER) as work:
            assert samples.file_received(work, service.context.keys, sample_id, incoming)
        incoming.keep()


def stored(service: Service) -> list[Path]:
    return sorted(service.context.store.iterdir())


def in_clear(folder: Path, content: bytes) -> list[Path]:
    """Files below a folder that show a known line, also compressed, or any stretch of the file as it was sent."""
    middle = len(content) // 2
    signs = (KNOWN_LINE, KNOWN_LINE[:16], content[:48], content[middle : middle + 32], content[-64:-32])

    def shows(data: bytes) -> bool:
        if data.startswith(b"\x1f\x8b") and KNOWN_LINE in gzip.decompress(data):
            return True
        return any(sign in data for sign in signs)

    return [path for path in folder.rglob("*") if path.is_file() and shows(path.read_bytes())]


# --- Upload


@pytest.mark.parametrize("packing", PACKINGS)
def test_after_an_upload_nothing_below_the_home_shows_the_file(
    service: Service, laboratory: Laboratory, packing: str
) -> None:
    content, home = PACKINGS[packing], service.context.settings.home
    service.enroll(ANNA, ["traits"])
    submit(service, content)
    answer = laboratory.send(content)
    assert (answer.status_code, answer.json()["state"]) == (201, "received")
    (row,) = service.rows(DataFileRow)
    assert [path.name for path in stored(service)] == [row.file_id]
    assert stored(service)[0].stat().st_mode & 0o077 == 0
    assert (row.size, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert in_clear(home, content) == []
    pipeline.extract_sample(service.context, SAMPLE)
    pipeline.interpret_sample(service.context, SAMPLE)
    assert service.case(ANNA).interpretation_id is not None
    assert in_clear(home, content) == []


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_in_clear_would_be_found(tmp_path: Path, packing: str) -> None:
    """Shows that the test above can fail."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "file").write_bytes(PACKINGS[packing])
    assert in_clear(tmp_path, PACKINGS[packing]) == [tmp_path / "store" / "file"]


def test_the_same_file_again_changes_nothing(service: Service, laboratory: Laboratory) -> None:
    service.enroll(ANNA)
    submit(service)
    assert laboratory.send(FILE).status_code == 201
    before = stored(service), service.rows(DataKeyRow)[0].wrapped
    assert laboratory.send(FILE).status_code == 201
    assert (stored(service), service.rows(DataKeyRow)[0].wrapped) == before
    assert len(service.rows(DataFileRow)) == len(service.rows(DataKeyRow)) == 1


def test_what_is_refused_leaves_neither_file_nor_key(service: Service, laboratory: Laboratory) -> None:
    service.enroll(ANNA)
    submit(service)
    assert laboratory.send(FILE + b"x").status_code == 422
    assert laboratory.send(FILE[:-1] + b"x").status_code == 409
    assert laboratory.send(FILE[:-1]).status_code == 409
    assert laboratory.send(b"").status_code == 409
    assert laboratory.send(FILE, "S-other").status_code == 404
    assert laboratory.send(FILE[:-100], breaks=True).status_code == 500
    assert laboratory.send(FILE, breaks=True).status_code == 500
    assert stored(service) == service.rows(DataFileRow) == service.rows(DataKeyRow) == []
    service.withdraw(ANNA)
    assert laboratory.send(FILE).status_code == 409
    assert stored(service) == service.rows(DataFileRow) == service.rows(DataKeyRow) == []


def test_a_transaction_that_fails_leaves_no_file(
    service: Service, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.enroll(ANNA)
    submit(service)

    def fail(*_: object) -> None:
        raise ServiceError("the queue is full")

    with monkeypatch.context() as broken:
        broken.setattr(samples.Work, "enqueue", fail)
        assert laboratory.send(FILE).status_code == 500
    assert stored(service) == service.rows(DataFileRow) == service.rows(DataKeyRow) == []
    assert laboratory.send(FILE).status_code == 201


def test_an_unfinished_file_is_removed_whatever_happens(tmp_path: Path) -> None:
    for error in (KeyboardInterrupt, OSError):
        with pytest.raises(error), Incoming(tmp_path, ANNA, 100):
            raise error
    with pytest.raises(InvalidInputError, match="longer"), Incoming(tmp_path, ANNA, 100) as incoming:
        incoming.write(b"x" * 101)
    assert list(tmp_path.iterdir()) == []
    with Incoming(tmp_path, ANNA, 100) as incoming:
        incoming.finish()
        incoming.keep()
    assert [path.name for path in tmp_path.iterdir()] == [incoming.file_id]


# --- Reading


def interpreted(service: Service) -> list[InterpretationRow]:
    return service.rows(InterpretationRow, InterpretationRow.participant_id == ANNA)


def outcome(service: Service) -> str:
    """What the newest interpretation says about earwax."""
    with service.work() as work:
        row = work.session.get_one(InterpretationRow, str(service.case(ANNA).interpretation_id))
        found = vault.open_interpretation(work, service.context.keys, row).interpretation.findings
    return next(finding.genotype["rs17822931"] for finding in found if "rs17822931" in finding.genotype)


def test_consent_given_again_reads_the_sealed_file_again(service: Service) -> None:
    service.enroll(ANNA, ["traits"])
    send(service)
    service.run_jobs()
    assert outcome(service) == "T/T"
    first = service.case(ANNA)
    assert service.read(participant_id=ANNA)
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO, participant_id=ANNA)
    service.run_jobs()
    assert service.state(participant_id=ANNA) is CaseState.DELETED
    with service.work() as work, pytest.raises(ErasedError):
        vault.open_interpretation(work, service.context.keys, interpreted(service)[0])
    assert len(stored(service)) == 1, "one module's no does not erase the file"
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.YES, participant_id=ANNA)
    service.run_jobs()
    assert service.case(ANNA).generation == first.generation + 1
    assert service.case(ANNA).interpretation_id != first.interpretation_id
    assert outcome(service) == "T/T"
    assert service.read(participant_id=ANNA)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_file_with_a_broken_seal_is_not_the_laboratorys_fault(service: Service, place: int) -> None:
    """Nothing is recorded against the sample: the job fails, is tried again, and comes to an operator."""
    service.enroll(ANNA, ["traits"])
    send(service)
    (path,) = stored(service)
    changed = bytearray(path.read_bytes())
    changed[place] ^= 1
    path.write_bytes(changed)
    with pytest.raises(SealError):
        pipeline.extract_sample(service.context, SAMPLE)
    service.run_jobs()
    assert service.job("extract_sample", SAMPLE).last_error == SealError.code
    assert service.rows(SampleRow)[0].state == SampleState.RECEIVED
    assert interpreted(service) == []


def test_a_file_of_another_sample_does_not_open_in_its_place(service: Service) -> None:
    service.enroll(ANNA, ["traits"])
    send(service)
    send(service, PACKINGS["plain"], "S-2")
    one, other = stored(service)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    for sample_id in (SAMPLE, "S-2"):
        with pytest.raises(SealError):
            pipeline.extract_sample(service.context, sample_id)


def test_a_lost_file_is_said_to_be_lost(service: Service) -> None:
    service.enroll(ANNA, ["traits"])
    send(service)
    stored(service)[0].unlink()
    with pytest.raises(NotFoundError, match="not in the store"):
        pipeline.extract_sample(service.context, SAMPLE)


# --- Erasure


def left(service: Service) -> None:
    service.standing(ANNA, participation=Participation.WITHDRAWN)


def died(service: Service) -> None:
    service.standing(ANNA, vital_status=VitalStatus.DECEASED)


def living_keys(service: Service) -> Sequence[str]:
    with service.work() as work:
        return work.session.scalars(select(DataKeyRow.key_id).where(DataKeyRow.wrapped.is_not(None))).all()


@pytest.mark.parametrize("end", [left, died])
def test_who_leaves_or_dies_takes_file_interpretations_and_reports_along(service: Service, end: object) -> None:
    assert callable(end)
    service.enroll(ANNA, ["traits"])
    send(service)
    service.run_jobs()
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO, participant_id=ANNA)
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.YES, participant_id=ANNA)
    service.run_jobs()
    old, new = interpreted(service)
    (file,) = service.rows(DataFileRow)
    kept = "of the file, its fingerprint, what is stored of it, the newer interpretation and its report"
    assert len(living_keys(service)) == 5, kept
    service.clock.advance(hours=1)
    end(service)
    assert living_keys(service) == []
    with service.work() as work:
        for row in (old, new):
            with pytest.raises(ErasedError):
                vault.open_interpretation(work, service.context.keys, row)
        with pytest.raises(ErasedError):
            vault.open_file(work, service.context.keys, ANNA, file, service.context.store)
    for name in FILES:
        with pytest.raises(ServiceError):
            service.read("traits", name, ANNA)
    assert service.rows(SampleRow)[0].state == SampleState.ERASED
    (event,) = service.actions("participant.erase")
    kept = "the file's, the fingerprint's and what was stored of it; the case told of the others"
    assert event.details["keys_destroyed"] == 3, kept
    service.run_jobs()
    assert stored(service) == []
    assert service.state(participant_id=ANNA) is CaseState.DELETED


def test_what_was_erased_is_neither_read_nor_taken_in_again(service: Service) -> None:
    service.enroll(ANNA, ["traits"])
    send(service)
    left(service)
    service.run_jobs()
    assert stored(service) == interpreted(service) == []
    pipeline.extract_sample(service.context, SAMPLE)
    pipeline.interpret_sample(service.context, SAMPLE)
    upkeep.erase_files(service.context, SAMPLE)
    assert len(service.actions("participant.erase")) == 1
    service.clock.advance(hours=1)
    service.standing(ANNA, participation=Participation.ACTIVE)
    service.run_jobs()
    assert service.state(participant_id=ANNA) is CaseState.AWAITING_DATA
    with pytest.raises(ConflictError, match="must not be kept"):
        send(service)
    assert stored(service) == []
    send(service, sample_id="S-2")
    service.run_jobs()
    assert outcome(service) == "T/T"


def test_who_leaves_while_the_file_is_read_leaves_nothing_behind(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.enroll(ANNA, ["traits"])
    send(service)
    original = ServiceContext.read_genotypes

    def read(context: ServiceContext, file: vault.SealedFile) -> object:
        result = original(context, file)
        left(service)
        return result

    monkeypatch.setattr(ServiceContext, "read_genotypes", read)
    pipeline.extract_sample(service.context, SAMPLE)
    service.run_jobs()
    assert interpreted(service) == stored(service) == list(living_keys(service)) == []
    assert service.rows(SampleRow)[0].state == SampleState.ERASED
    assert service.state(participant_id=ANNA) is CaseState.DELETED


def test_a_file_whose_key_lives_is_never_removed(service: Service) -> None:
    service.enroll(ANNA, ["traits"])
    send(service)
    service.consent(Answer.NO, participant_id=ANNA)
    upkeep.erase_files(service.context, SAMPLE)
    assert len(stored(service)) == 1
    assert service.rows(JobRow, JobRow.task == "erase_files") == []


def test_a_sample_without_a_file_has_nothing_to_erase(service: Service) -> None:
    service.enroll(ANNA, ["traits"])
    submit(service)
    left(service)
    upkeep.erase_files(service.context, SAMPLE)
    assert service.rows(JobRow, JobRow.task == "erase_files") == []
    assert service.rows(SampleRow)[0].state == SampleState.AWAITING_FILE
