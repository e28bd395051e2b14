"""What another knowledge release would change: told truly, with every reading audited and nothing stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from support.medicine_genomes import MODULE, NEW, PEOPLE, genome, medicines_service, take_in
from support.service import Service
from support.stored_genotypes import forget_stored

from consent.types import Participation
from interpreters import traits
from interpreters.pharmacogenomics.changes import ChangeKind
from ror_service import pipeline, reanalysis
from ror_service.errors import KnowledgeUnavailableError
from ror_service.reanalysis import Reanalyzed
from ror_service.sealing.vault import SealedFile
from ror_service.storage import data_keys, results
from ror_service.storage.tables import AuditEventRow, Base, DataKeyRow, InterpretationRow


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with medicines_service(tmp_path / "service") as running:
        for participant_id, alleles in PEOPLE.items():
            take_in(running, participant_id, genome(**alleles))
        yield running


def _reanalyze(service: Service, limit: int | None = None) -> dict[str, Reanalyzed]:
    interpreter = service.context.interpreter(MODULE, NEW)
    found = list(reanalysis.reanalyze(service.context, interpreter, limit))
    assert len({done.case_id for done in found}) == len(found), "no case comes twice"
    return {done.sample_id.removeprefix("sample-of-"): done for done in found}


def _stored(service: Service) -> object:
    """Everything in the database but the audit log, and every file of the store."""
    with service.work() as work:
        rows = {
            table.name: sorted(map(repr, work.session.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table is not AuditEventRow.__table__
        }
    return rows, {path.name: path.read_bytes() for path in service.context.store.iterdir()}


def test_the_person_whose_allele_was_renamed_is_told_and_nobody_else(service: Service) -> None:
    done = _reanalyze(service)
    assert set(done) == set(PEOPLE)
    renamed = [change for change in done["P-renamed"].changes if change.kind is ChangeKind.DIPLOTYPE]
    assert [(change.gene, change.before, change.after) for change in renamed] == [("NUDT15", "*1/*2", "*1/*3")]
    assert {(change.gene, change.kind) for change in done["P-alike"].changes} == {
        ("NUDT15", ChangeKind.RECOMMENDATIONS)
    }
    assert done["P-other"] == Reanalyzed(done["P-other"].case_id, "sample-of-P-other")


def test_nothing_is_stored_and_no_state_moves(service: Service) -> None:
    before = _stored(service)
    assert _reanalyze(service)["P-renamed"].changes
    assert _stored(service) == before
    assert reanalysis.count(service.context, MODULE) == len(PEOPLE)
    assert _stored(service) == before
    forget_stored(service)
    before = _stored(service)
    pipeline.extract_sample(service.context, "sample-of-P-other")
    assert _stored(service) != before, "a step that keeps something is seen"


def test_every_reading_of_a_file_is_audited(service: Service) -> None:
    _reanalyze(service)
    events = service.actions("interpretation.reanalyze")
    current = {service.case(participant_id, MODULE).interpretation_id for participant_id in PEOPLE}
    assert {event.participant_id for event in events} == set(PEOPLE)
    assert {event.object_id for event in events} == current, "what the participant's access log finds it by"
    assert {event.purpose for event in events} == {"reanalysis dry run"}
    digest = service.context.interpreter(MODULE, NEW).knowledge.digest
    assert all(event.details == {"module": MODULE, "knowledge_digest": digest} for event in events)


def test_what_the_named_release_needs_is_read_whatever_is_in_use(service: Service) -> None:
    expected = _reanalyze(service)
    del service.context.interpreters
    service.context.__dict__.pop("needs", None)
    service.context.interpreters = {"traits": traits.load()}
    assert _reanalyze(service) == expected


def test_who_may_not_be_used_is_passed_over_and_not_read(service: Service) -> None:
    service.standing("P-renamed", participation=Participation.UNKNOWN)
    service.standing("P-alike", participation=Participation.DEACTIVATED)
    service.withdraw("P-other")
    done = _reanalyze(service)
    assert set(done) == {"P-renamed", "P-alike"}, "the result of somebody who left is no result any more"
    assert (done["P-renamed"].passed_over, done["P-renamed"].changes) == (True, ())
    assert done["P-alike"].changes, "deactivation forbids contact, not use"
    assert {event.participant_id for event in service.actions("interpretation.reanalyze")} == {"P-alike"}


def test_an_erased_interpretation_is_passed_over(service: Service) -> None:
    with service.work() as work:
        (row,) = work.session.scalars(select(InterpretationRow).where(InterpretationRow.participant_id == "P-other"))
        data_keys.destroy_keys(work.session, [row.data_key_id], work.at)
    assert _reanalyze(service)["P-other"].passed_over


@pytest.mark.parametrize(
    ("harm", "problem"), [("lost", "not_found"), ("changed", "seal_broken"), ("key changed", "seal_broken")]
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_go_on(service: Service, harm: str, problem: str) -> None:
    forget_stored(service)
    with service.work() as work:
        file = results.file_of(work.session, "sample-of-P-alike")
        assert file is not None
        key = results.must_get(work.session, DataKeyRow, file.data_key_id)
        if harm == "key changed":
            key.wrapped = bytes(reversed(key.wrapped or b""))
    sealed = service.context.store / file.file_id
    if harm == "lost":
        sealed.unlink()
    elif harm == "changed":
        sealed.write_bytes(sealed.read_bytes()[:-1] + b"?")
    done = _reanalyze(service)
    assert (done["P-alike"].problem, done["P-alike"].changes) == (problem, ())
    assert {name for name in PEOPLE if done[name].problem is None} == {"P-renamed", "P-other"}


def test_a_file_that_the_reader_refuses_is_named(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_stored(service)
    monkeypatch.setattr(SealedFile, "chunks", lambda _: (part for part in (b"nothing",)))
    assert {done.problem for done in _reanalyze(service).values()} == {"not_a_vcf"}


def test_cases_are_taken_page_by_page_up_to_the_limit(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reanalysis, "_PAGE", 1)
    assert set(_reanalyze(service)) == set(PEOPLE)
    assert len(_reanalyze(service, limit=2)) == 2
    assert len(service.actions("interpretation.reanalyze")) == 5


def test_a_release_that_is_not_at_hand_is_told(service: Service) -> None:
    with pytest.raises(KnowledgeUnavailableError, match=rf"no knowledge release '2001-01-01'; there are: .*{NEW}"):
        service.context.interpreter(MODULE, "2001-01-01")
