"""Pieces of fingerprints and of carried variants: opened at once, made anew, unreadable as soon as anybody leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update
from support.service import DIRECTOR, PIPELINE, Service, service_on_database
from support.stored_genotypes import REGION, catalogue

from identity.fingerprint import Codes, pack, packed_size
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record
from ror_service import fingerprints, indexing, participants
from ror_service.errors import ErasedError
from ror_service.fingerprints import FingerprintIndex
from ror_service.genotypes import codec, index
from ror_service.genotypes.index import Segment
from ror_service.genotypes.store import GenotypeStore
from ror_service.intake.qc import Verdict
from ror_service.sealing import vault
from ror_service.states import SampleState
from ror_service.storage import indexes, results
from ror_service.storage.tables import (
    FingerprintRow,
    FingerprintSegmentRow,
    JobRow,
    QcAssessmentRow,
    SampleRow,
    StoredGenotypesRow,
    VariantSegmentRow,
)
from ror_service.work import Work

PEOPLE = ("P-1", "P-2", "P-3", "P-4")
Begin = Callable[[], AbstractContextManager[Work]]


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """On SQLite, where a test does not ask for both."""
    url = request.getfixturevalue("postgres_url") if getattr(request, "param", "") == "postgresql" else ""
    with service_on_database(tmp_path / "service", url) as running:
        yield running


both_databases = pytest.mark.parametrize(
    "service", ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)], indirect=True
)


def sample_of(person: str) -> str:
    return f"sample-of-{person}"


def codes(service: Service, person: str) -> Codes:
    panel = service.context.fingerprints.panel
    return (np.random.default_rng(ord(person[-1])).random((2, len(panel))) < 0.4).sum(axis=0).astype(np.uint8)


def kept(service: Service, *people: str) -> None:
    """People with a sample that was read, its fingerprint, and something stored of it."""
    release = service.context.fingerprints.panel.release
    for person in people:
        service.register(person)
        service.sample(person)
        with service.work(PIPELINE) as work:
            packed = pack(codes(service, person))
            vault.keep_fingerprint(work, service.context.keys, person, sample_of(person), packed, panel_release=release)
            store(service).keep(work, sample_of(person), store(service).pack(carrier(person), "a" * 64))


def carrier(person: str) -> GenotypeCalls:
    """Carries an allele of its own, at a place of its own."""
    pos = REGION.start + int(person[-1])
    return GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, [Record("1", pos, pos, "A", ("G",), (0, 1))])


def store(service: Service) -> GenotypeStore:
    if "genotypes" not in service.context.__dict__:
        service.context.genotypes = GenotypeStore(service.context.keys, catalogue)
    return service.context.genotypes


def begin(service: Service) -> Begin:
    return partial(service.context.transaction, PIPELINE)


def found_by(service: Service, searching: FingerprintIndex, person: str) -> set[str]:
    with service.work(PIPELINE) as work:
        living = indexes.living_fingerprints(work.session, searching.panel.release)
        return {hit.key for hit in searching.search(work, codes(service, person), living).hits}


def fresh(service: Service) -> FingerprintIndex:
    """The index of a process that has just started."""
    return FingerprintIndex(service.context.fingerprints.panel, service.context.keys)


@pytest.fixture
def gathered(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Four people, in one piece of each index. A search that misses two opens pieces."""
    monkeypatch.setattr(fingerprints, "_AT_ONCE", 2)
    kept(service, *PEOPLE)
    assert service.context.fingerprints.gather(begin(service), 0) == len(PEOPLE)
    assert index.refresh(begin(service), service.context.keys, store(service)) == 0
    return service


def carriers(service: Service, *people: str) -> set[str]:
    """Samples that the living pieces say carry what these people carry."""
    packed = (store(service).pack(carrier(person), "") for person in people)
    numbers = [one.carried for one in packed if one.carried is not None]
    found: set[str] = set()
    with service.work(PIPELINE) as work:
        for row in indexes.variant_segments(work.session):
            piece = Segment.unpack(vault.open_segment(work, service.context.keys, row))
            found |= piece.carrying(np.sort(np.concatenate(numbers)))
    return found


# Fingerprints


def test_a_process_that_has_just_started_opens_pieces(gathered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_one_by_one(*_: object) -> bytes:
        raise AssertionError

    with monkeypatch.context() as here:
        here.setattr(vault, "open_fingerprint", not_one_by_one)
        assert found_by(gathered, fresh(gathered), "P-2") == {sample_of("P-2")}
    (piece,) = gathered.rows(FingerprintSegmentRow)
    with gathered.work() as work:
        work.session.execute(update(FingerprintSegmentRow).values(sealed=piece.sealed[:-1] + b"?"))
    assert found_by(gathered, fresh(gathered), "P-2") == {sample_of("P-2")}, "a damaged piece is only a cache"


def leave(service: Service, person: str) -> None:
    service.withdraw(person)


def be_wrong(service: Service, person: str) -> None:
    with service.work(DIRECTOR) as work:
        participants.erase_sample(work, sample_of(person), "identity")


@both_databases
@pytest.mark.parametrize("leaves", [leave, be_wrong])
def test_who_leaves_cannot_be_read_in_any_piece(gathered: Service, leaves: Callable[[Service, str], None]) -> None:
    service = gathered
    assert readable(service, leaves) == []
    index_again = fresh(service)
    assert found_by(service, index_again, "P-2") == set()
    assert found_by(service, index_again, "P-3") == {sample_of("P-3")}, "the others are found without their piece"
    assert service.context.fingerprints.gather(begin(service), 0) == len(PEOPLE) - 1
    index.refresh(begin(service), service.context.keys, store(service))
    assert carriers(service, *PEOPLE) == {sample_of(person) for person in PEOPLE if person != "P-2"}


def readable(service: Service, leaves: Callable[[Service, str], None]) -> list[str]:
    """What of P-2 can still be opened after leaving, by somebody who kept a copy of every sealed row."""
    kinds = (VariantSegmentRow, FingerprintSegmentRow, FingerprintRow, StoredGenotypesRow)
    copies = [row for kind in kinds for row in service.rows(kind)]
    leaves(service, "P-2")
    keys, opened = service.context.keys, []
    with service.work() as work:
        for row in copies:
            if getattr(row, "sample_id", sample_of("P-2")) != sample_of("P-2"):
                continue
            try:
                if isinstance(row, FingerprintRow):
                    vault.open_fingerprint(work, keys, "P-2", row)
                elif isinstance(row, StoredGenotypesRow):
                    vault.open_carried(work, keys, "P-2", row)
                else:
                    vault.open_segment(work, keys, row)
            except ErasedError:
                continue
            opened.append(type(row).__tablename__)
    return opened


def test_pieces_that_outlive_a_withdrawal_are_caught(gathered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "dissolve_segments", lambda *_: 0)
    assert readable(gathered, leave) == ["variant_segments", "fingerprint_segments"]


@both_databases
def test_who_leaves_while_a_piece_is_made_is_not_in_it(service: Service) -> None:
    kept(service, *PEOPLE)

    def meanwhile() -> Begin:
        begun: list[int] = []

        @contextmanager
        def begins() -> Iterator[Work]:
            begun.append(1)
            if len(begun) == 3:
                service.withdraw(f"P-{len(service.rows(VariantSegmentRow)) + 2}")
            with service.context.transaction(PIPELINE) as work:
                yield work

        return begins

    index.refresh(meanwhile(), service.context.keys, store(service))
    assert carriers(service, *PEOPLE) == {sample_of(person) for person in ("P-1", "P-3", "P-4")}
    assert service.context.fingerprints.gather(meanwhile(), 0) == 2
    size = packed_size(len(service.context.fingerprints.panel))
    (row,) = service.rows(FingerprintSegmentRow)
    with service.work() as work:
        names = fingerprints.unpack_piece(vault.open_segment(work, service.context.keys, row), size)
    assert names.keys() == {sample_of("P-1"), sample_of("P-4")}


def test_when_everybody_leaves_no_piece_is_made(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(service, "P-1")
    for lock in ("lock_loose_fingerprints", "lock_not_indexed"):
        monkeypatch.setattr(indexes, lock, lambda *_: [])
    assert service.context.fingerprints.gather(begin(service), 0) == 0
    index.refresh(begin(service), service.context.keys, store(service))
    assert not service.rows(FingerprintSegmentRow) + service.rows(VariantSegmentRow)


def test_a_piece_is_made_once_enough_are_in_none(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "SAMPLES", 3)
    kept(service, *PEOPLE)
    searching = fresh(service)
    assert searching.gather(begin(service), 3) == 0, "none was met yet"
    found_by(service, searching, "P-1")
    assert searching.gather(begin(service), 3) == 3
    assert [row.samples for row in service.rows(FingerprintSegmentRow)] == [3]
    monkeypatch.setattr(fingerprints, "SAMPLES", 10)
    assert searching.gather(begin(service), 0) == len(PEOPLE)
    assert [row.samples for row in service.rows(FingerprintSegmentRow) if row.sealed] == [4], "no piece stays small"
    assert searching.gather(begin(service), 0) == 0
    named = [event.details["samples"] for event in service.actions("fingerprints.gather")]
    assert [len(names) for names in named] == [3, 4], "whoever was opened is in the log"


def test_pieces_of_a_few_do_not_become_many(gathered: Service) -> None:
    kept(gathered, "P-5")
    index.refresh(begin(gathered), gathered.context.keys, store(gathered))
    assert [row.samples for row in gathered.rows(VariantSegmentRow) if row.sealed] == [5]


@both_databases
def test_numbers_that_are_not_stored_yet_are_made_and_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(service, "P-1")
    with service.work() as work:
        work.session.execute(update(StoredGenotypesRow).values(carried=None))
    index.refresh(begin(service), service.context.keys, store(service))
    assert carriers(service, "P-1") == {sample_of("P-1")}
    (row,) = service.rows(StoredGenotypesRow)
    with service.work() as work:
        indexes.dissolve_segments(work.session, [row.sample_id], work.at)
    with monkeypatch.context() as here:
        here.setattr(codec, "carried_alleles", None)
        index.refresh(begin(service), service.context.keys, store(service))
    assert carriers(service, "P-1") == {sample_of("P-1")}


# Samples without a fingerprint


def forget_fingerprints(service: Service) -> None:
    with service.work() as work:
        for row in work.session.scalars(select(FingerprintRow)).all():
            work.session.delete(row)


def ordered(service: Service) -> set[str]:
    return {row.subject_id for row in service.rows(JobRow, JobRow.task == "extract_sample")}


@both_databases
def test_samples_without_a_fingerprint_get_one_from_what_is_stored_or_are_read_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(service, "P-1", "P-2", "P-3")
    forget_fingerprints(service)
    service.withdraw("P-3")
    with service.work() as work:
        row = results.must_get(work.session, StoredGenotypesRow, sample_of("P-2"))
        row.sealed = row.sealed[:-1] + b"?"
    assert indexing.index_ahead(service.context).readings == 2, "what is stored tells too few of the sites"
    monkeypatch.setattr(service.context.fingerprints.panel.__class__, "intervals", lambda *_: (REGION,))
    done = indexing.index_ahead(service.context)
    assert (done.fingerprints, done.readings, done.gathered) == (1, 1, 1)
    assert {row.sample_id for row in service.rows(FingerprintRow)} == {sample_of("P-1")}
    assert ordered(service) == {sample_of("P-1"), sample_of("P-2")}
    assert service.actions("sample.identity"), "it was examined"
    assert indexing.index_ahead(service.context).fingerprints == 0


def test_held_samples_are_read_again_unless_their_positions_are_in_doubt(service: Service) -> None:
    for person, holds in (("P-1", ["contamination"]), ("P-2", ["build", "contamination"]), ("P-3", [])):
        service.register(person)
        service.sample(person, verdict=Verdict.HOLD)
        with service.work() as work:
            work.session.execute(
                update(QcAssessmentRow).where(QcAssessmentRow.sample_id == sample_of(person)).values(reasons=holds)
            )
    service.register("P-4")
    service.sample("P-4", verdict=None)
    assert indexing.index_ahead(service.context).readings == 2
    assert ordered(service) == {sample_of("P-1"), sample_of("P-3")}
    assert {SampleState.QC_HOLD, SampleState.UNREADABLE} == {row.state for row in service.rows(SampleRow)}
