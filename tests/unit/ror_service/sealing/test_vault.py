"""What the vault holds opens for the right person, object and version while its key is there, and never else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from support.service import FILES, INTERPRETATIONS, Service

from interpreters.genotypes import Build
from interpreters.knowledge import Source
from interpreters.serial import to_json
from ror_service import pipeline
from ror_service.errors import ErasedError, NotFoundError, SealError
from ror_service.sealing import vault
from ror_service.sealing.keys import FileKeyProvider
from ror_service.sealing.stream import SealingWriter
from ror_service.sealing.vault import Interpreted
from ror_service.storage import data_keys, results
from ror_service.storage.tables import (
    ArtifactRow,
    DataFileRow,
    DataKeyRow,
    InterpretationRow,
    OwnMedicinesRow,
    ReportVersionRow,
)
from ror_service.work import Work

SOURCE = Source("a source", "1", "2026-01-01", "CC0", "https://example.org")
ANNA, BEN = "P-1", "P-2"


def destroy(work: Work, key_id: str) -> None:
    assert data_keys.destroy_keys(work.session, [key_id], work.at) == 1
    work.session.expire_all()


# --- Interpretations


@contextmanager
def interpretations(service: Service) -> Iterator[tuple[Work, InterpretationRow, InterpretationRow]]:
    """Two people's interpretations by the same module, in an open transaction that is thrown away."""
    for person in (ANNA, BEN):
        service.enroll(person)
        service.sample(person)
    with service.work() as work:
        rows = [
            vault.keep_interpretation(
                work,
                service.context.keys,
                Interpreted(INTERPRETATIONS["traits"], Build.GRCH38, (SOURCE,)),
                participant_id=person,
                sample_id=f"sample-of-{person}",
                input_sha256="a" * 64,
            )
            for person in (ANNA, BEN)
        ]
        yield work, rows[0], rows[1]
        work.session.rollback()


def test_an_interpretation_opens_as_it_was_kept(service: Service) -> None:
    with interpretations(service) as (work, row, other):
        opened = vault.open_interpretation(work, service.context.keys, row)
        assert (opened.build, opened.sources) == (Build.GRCH38, (SOURCE,))
        assert to_json(opened.interpretation) == to_json(INTERPRETATIONS["traits"])
        assert row.data_key_id != other.data_key_id
        assert b"rs17822931" not in row.sealed
        assert work.session.get_one(DataKeyRow, row.data_key_id).wrapped is not None


@pytest.mark.parametrize("change", ["sealed", "another's bytes", "another's key", "another person", "another row"])
def test_an_interpretation_opens_nowhere_else(service: Service, change: str) -> None:
    with interpretations(service) as (work, row, other), work.session.no_autoflush:
        if change == "sealed":
            row.sealed = row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])
        elif change == "another's bytes":
            row.sealed = other.sealed
        elif change == "another's key":
            row.data_key_id = other.data_key_id
        elif change == "another person":
            row.participant_id = BEN
        else:
            row.interpretation_id = "interpretation-of-no-one"
        with pytest.raises(SealError) as caught:
            vault.open_interpretation(work, service.context.keys, row)
        assert ANNA not in str(caught.value)


def test_an_interpretation_whose_key_was_destroyed_opens_for_nobody(service: Service) -> None:
    with interpretations(service) as (work, row, other):
        destroy(work, row.data_key_id)
        with pytest.raises(ErasedError):
            vault.open_interpretation(work, service.context.keys, row)
        key = work.session.get_one(DataKeyRow, row.data_key_id)
        assert (key.wrapped, key.destroyed_at) == (None, work.at)
        assert vault.open_interpretation(work, service.context.keys, other).sources == (SOURCE,)


def test_another_folder_of_key_encryption_keys_opens_nothing(service: Service, tmp_path: Path) -> None:
    with (
        interpretations(service) as (work, row, _),
        pytest.raises(SealError, match="is not in"),
    ):
        vault.open_interpretation(work, FileKeyProvider(tmp_path / "other-keys"), row)


# --- Own lists of medicines


@pytest.mark.parametrize("change", ["sealed", "another's bytes", "another's key", "another person", "another list"])
def test_a_list_of_medicines_opens_nowhere_else(service: Service, change: str) -> None:
    for person in (ANNA, BEN):
        service.enroll(person)
        service.enter_medicines(f"medicine of {person}", participant_id=person)
    with service.work() as work, work.session.no_autoflush:
        rows = {row.participant_id: row for row in work.session.scalars(select(OwnMedicinesRow))}
        row, other = rows[ANNA], rows[BEN]
        assert vault.open_own_medicines(work, service.context.keys, row) == (f"medicine of {ANNA}",)
        if change == "sealed":
            row.sealed = row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])
        elif change == "another's bytes":
            row.sealed = other.sealed
        elif change == "another's key":
            row.data_key_id = other.data_key_id
        elif change == "another person":
            row.participant_id = BEN
        else:
            row.list_id = "list-of-nobody"
        with pytest.raises(SealError) as caught:
            vault.open_own_medicines(work, service.context.keys, row)
        assert ANNA not in str(caught.value)
        work.session.rollback()


# --- Artifacts


@contextmanager
def stored(service: Service) -> Iterator[tuple[Work, ReportVersionRow, dict[str, ArtifactRow]]]:
    """One person's released report."""
    service.available(participant_id=ANNA)
    with service.work() as work:
        (version,) = work.session.scalars(select(ReportVersionRow))
        yield work, version, {row.name: row for row in results.artifacts_of(work.session, version.version_id)}
        work.session.rollback()


def test_artifacts_open_for_their_person_version_and_name_alone(service: Service) -> None:
    keys = service.context.keys
    with stored(service) as (work, version, artifacts), work.session.no_autoflush:
        assert tuple(artifacts) == FILES
        first, second = artifacts[FILES[0]], artifacts[FILES[1]]
        clear = vault.open_artifact(work, keys, ANNA, version, first)
        assert hashlib.sha256(clear).hexdigest() == first.plaintext_sha256
        assert clear not in first.sealed
        with pytest.raises(SealError):
            vault.open_artifact(work, keys, BEN, version, first)
        first.name = second.name
        with pytest.raises(SealError):
            vault.open_artifact(work, keys, ANNA, version, first)
        first.name, first.sealed = FILES[0], first.sealed[:-1]
        with pytest.raises(SealError):
            vault.open_artifact(work, keys, ANNA, version, first)


@pytest.mark.parametrize(
    ("column", "value"), [("number", 2), ("report_id", "report-x"), ("template_digest", "0" * 64), ("version_id", "v")]
)
def test_artifacts_do_not_open_as_another_version(service: Service, column: str, value: object) -> None:
    with stored(service) as (work, version, artifacts), work.session.no_autoflush:
        setattr(version, column, value)
        with pytest.raises(SealError):
            vault.open_artifact(work, service.context.keys, ANNA, version, artifacts[FILES[0]])
        work.session.expire(version)


def test_artifacts_whose_key_was_destroyed_open_for_nobody(service: Service) -> None:
    with stored(service) as (work, version, artifacts):
        destroy(work, version.data_key_id)
        for artifact in artifacts.values():
            with pytest.raises(ErasedError):
                vault.open_artifact(work, service.context.keys, ANNA, version, artifact)


def test_the_digest_of_a_version_is_of_names_and_contents_in_any_order() -> None:
    both = {"a": b"1", "b": b"2"}
    assert vault.content_digest(both) == vault.content_digest(dict(reversed(both.items())))
    for other in ({"a": b"1"}, {"a": b"2", "b": b"1"}, {"a": b"1", "c": b"2"}, {}):
        assert vault.content_digest(other) != vault.content_digest(both)


# --- Files and keys


@dataclass(frozen=True)
class Kept:
    row: DataFileRow
    store: Path


@pytest.fixture
def file(service: Service, tmp_path: Path) -> Kept:
    """A sealed genotype file of Anna."""
    service.enroll(ANNA)
    service.sample(ANNA)
    key = vault.new_key()
    with (tmp_path / "file-1").open("wb") as sealed:
        writer = SealingWriter(sealed, key.data_key, vault.file_context(ANNA, "file-1", key.key_id))
        writer.write(b"genotypes")
        writer.finish()
    with service.work() as work:
        vault.keep_key(work, service.context.keys, key, ANNA, "file-1")
        row = DataFileRow(
            file_id="file-1",
            sample_id=f"sample-of-{ANNA}",
            role="genotypes",
            sha256="a" * 64,
            size=9,
            data_key_id=key.key_id,
            received_at=work.at,
        )
        work.session.add(row)
    return Kept(row, tmp_path)


def test_a_file_opens_for_its_person_alone(service: Service, file: Kept) -> None:
    keys = service.context.keys
    with service.work() as work:
        opened = vault.open_file(work, keys, ANNA, file.row, file.store)
        assert b"".join(opened.chunks()) == b"genotypes"
        assert b"".join(opened.chunks()) == b"genotypes"
        with pytest.raises(SealError):
            vault.open_file(work, keys, BEN, file.row, file.store)


def test_a_file_whose_key_was_destroyed_opens_for_nobody(service: Service, file: Kept) -> None:
    with service.work() as work:
        assert not results.is_erased(work.session, file.row)
        destroy(work, file.row.data_key_id)
        assert results.is_erased(work.session, file.row)
        with pytest.raises(ErasedError):
            vault.open_file(work, service.context.keys, ANNA, file.row, file.store)


def test_a_file_that_is_lost_or_in_anothers_place_does_not_open(service: Service, file: Kept) -> None:
    with service.work() as work:
        opened = vault.open_file(work, service.context.keys, ANNA, file.row, file.store)
    (file.store / "file-1").rename(file.store / "file-2")
    with pytest.raises(NotFoundError, match="not in the store"):
        next(opened.chunks())
    other = vault.SealedFile(file.store / "file-2", opened.data_key, vault.file_context(ANNA, "file-2", "key-2"))
    with pytest.raises(SealError):
        next(other.chunks())


def test_a_data_key_is_never_printed() -> None:
    key = vault.new_key()
    sealed = vault.SealedFile(Path("file-1"), key.data_key, vault.file_context(ANNA, "file-1", key.key_id))
    for shown in (repr(key), repr(sealed)):
        assert key.key_id in shown
        assert repr(key.data_key) not in shown


def test_every_key_of_a_person_is_found_and_nobody_elses(service: Service, file: Kept) -> None:
    service.enter_medicines("warfarin", participant_id=ANNA)
    service.found("traits", ANNA)
    pipeline.release_report(service.context, service.case(ANNA).case_id)
    service.available(participant_id=BEN)
    with service.work() as work:
        keys = data_keys.keys_of_participant(work.session, ANNA)
        others = data_keys.keys_of_participant(work.session, BEN)
        every = set(work.session.scalars(select(DataKeyRow.key_id)))
    assert file.row.data_key_id in keys
    assert (len(keys), len(others)) == (4, 2)
    assert keys | others == every
    assert not keys & others
