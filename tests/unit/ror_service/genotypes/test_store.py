"""A sample's file is read once; interpreters then run from what is stored, which is erased with the participant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hereditary_genomes import MODULE, NEW, OLD, genome, hereditary_service
from support.medicine_genomes import take_in
from support.service import PIPELINE, Service
from support.stored_genotypes import forget_stored

from consent.types import ModuleAnswer, VitalStatus
from interpreters.genotypes import Build
from ror_service import pipeline, reanalysis
from ror_service.context import ServiceContext
from ror_service.errors import ErasedError, SealError
from ror_service.genotypes.store import Stored
from ror_service.reanalysis import Reanalyzed
from ror_service.sealing import vault
from ror_service.states import SampleState
from ror_service.storage import results
from ror_service.storage.tables import DataKeyRow, GenotypeCatalogueRow, SampleRow, StoredGenotypesRow

VARIANT = ("13", 32363211, "C", "G")
SAMPLE = "sample-of-P-1"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with hereditary_service(tmp_path / "service") as running:
        take_in(running, "P-1", genome(*VARIANT), MODULE)
        yield running


@pytest.fixture
def no_files(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the sample was read nobody can read a file."""
    del service

    def refuse(*_: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr(ServiceContext, "read_genotypes", refuse)


def _find(service: Service, sample_id: str = SAMPLE) -> Stored | None:
    with service.work(PIPELINE) as work:
        return service.context.genotypes.find(work, sample_id)


def _row(service: Service) -> StoredGenotypesRow:
    (row,) = service.rows(StoredGenotypesRow)
    return row


def _again(service: Service, release: str) -> Reanalyzed:
    (done,) = reanalysis.reanalyze(service.context, service.context.interpreter(MODULE, release))
    return done


def test_what_is_stored_is_what_the_file_said(service: Service) -> None:
    stored = _find(service)
    assert stored is not None
    interpreters = list(service.context.interpreters.values())
    assert stored.covers(interpreters)
    (record,) = stored.genotypes(interpreters).calls
    assert (record.chrom, record.pos, record.ref, *record.alts) == VARIANT
    (sample,) = service.rows(SampleRow)
    assert stored.sha256 == sample.file_sha256
    assert [event.participant_id for event in service.actions("genotypes.keep", "genotypes.open")] == ["P-1"] * 3
    assert len(service.rows(GenotypeCatalogueRow)) == 1


@pytest.mark.usefixtures("no_files")
def test_a_later_yes_reads_no_file(service: Service) -> None:
    before = service.case("P-1", MODULE)
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.NO, MODULE, "P-1")
    service.clock.advance(hours=1)
    service.choose(ModuleAnswer.YES, MODULE, "P-1")
    service.run_jobs()
    after = service.case("P-1", MODULE)
    assert after.case_id != before.case_id
    assert after.interpretation_id not in {None, before.interpretation_id}


@pytest.mark.usefixtures("no_files")
def test_reanalysis_reads_no_file_that_is_stored(service: Service) -> None:
    done = _again(service, OLD)
    assert (done.problem, done.from_file, done.changes) == (None, False, ())


def test_the_file_is_read_where_the_store_is_not_enough(service: Service) -> None:
    done = _again(service, NEW)
    assert (done.problem, done.from_file) == (None, True), "the newer release needs other sites"
    forget_stored(service)
    assert _find(service) is None
    again = _again(service, NEW)
    assert again == done, "a sample from before the store"
    pipeline.extract_sample(service.context, SAMPLE)
    assert _find(service) is not None


def test_a_format_of_another_program_is_left_alone(service: Service) -> None:
    with service.work(PIPELINE) as work:
        vault.keep_genotypes(
            work, service.context.keys, "P-1", SAMPLE, b"RORG\xff", build=Build.GRCH38,
            catalogue=_row(service).catalogue_digest,
        )  # fmt: skip
    assert _find(service) is None
    assert _again(service, OLD).from_file


def test_a_second_reading_takes_the_place_of_the_first(service: Service) -> None:
    old = _row(service)
    stored = _find(service)
    assert stored is not None
    with service.work(PIPELINE) as work:
        assert service.context.genotypes.keep(work, SAMPLE, stored)
    new = _row(service)
    assert new.data_key_id != old.data_key_id
    with service.work() as work:
        assert results.must_get(work.session, DataKeyRow, old.data_key_id).wrapped is None


def test_nothing_is_kept_of_a_sample_that_does_not_pass(service: Service) -> None:
    stored = _find(service)
    assert stored is not None
    with service.work(PIPELINE) as work:
        results.must_get(work.session, SampleRow, SAMPLE).state = SampleState.QC_HOLD.value
        work.session.flush()
        assert not service.context.genotypes.keep(work, SAMPLE, stored)
        assert service.context.genotypes.find(work, SAMPLE) is None


@pytest.mark.parametrize("end", ["withdrawn", "deceased"])
def test_it_is_erased_with_the_participant(service: Service, end: str) -> None:
    row = _row(service)
    if end == "withdrawn":
        service.withdraw("P-1")
    else:
        service.standing("P-1", vital_status=VitalStatus.DECEASED)
    with service.work() as work:
        assert results.must_get(work.session, DataKeyRow, row.data_key_id).wrapped is None
        with pytest.raises(ErasedError):
            vault.open_genotypes(work, service.context.keys, "P-1", row)
    service.run_jobs()
    assert _find(service) is None


def test_it_opens_for_its_own_sample_alone(service: Service) -> None:
    row = _row(service)
    take_in(service, "P-2", genome(*VARIANT), MODULE)
    with service.work() as work:
        other = results.must_get(work.session, StoredGenotypesRow, "sample-of-P-2")
        other.sealed, other.data_key_id = row.sealed, row.data_key_id
        work.session.flush()
        with pytest.raises(SealError):
            vault.open_genotypes(work, service.context.keys, "P-2", other)
        work.session.rollback()


def test_its_key_follows_the_key_encryption_key(service: Service) -> None:
    service.context.keys.rotate()
    with service.work() as work:
        assert vault.rewrap_keys(work, service.context.keys)[0]
    with service.work() as work:
        assert vault.rewrap_keys(work, service.context.keys) == (0, "")
    assert _find(service) is not None


def test_a_catalogue_is_found_again_by_another_process(service: Service) -> None:
    service.context.__dict__.pop("genotypes")
    stored = _find(service)
    assert stored is not None
    assert stored.covers(service.context.interpreters.values())


def test_a_reanalysis_that_reads_a_file_has_what_is_stored_made_again(service: Service) -> None:
    context = service.context
    context.interpreters = {MODULE: context.interpreter(MODULE, NEW)}
    for part in ("needs", "genotypes"):
        context.__dict__.pop(part, None)
    list(reanalysis.reanalyze(context, context.interpreter(MODULE, NEW), dry_run=True))
    service.run_jobs()
    assert _again(service, NEW).from_file, "a dry run changes nothing"
    list(reanalysis.reanalyze(context, context.interpreter(MODULE, NEW), dry_run=False))
    assert service.job("extract_sample", SAMPLE).backfill
    service.run_jobs()
    assert not _again(service, NEW).from_file
