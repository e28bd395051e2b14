"""Identity cases on the real service: what opens one, what it holds back, and what brings results back or ends them."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from support.consent_facts import PERSON
from support.service import DIRECTOR, PIPELINE, Service

from identity import alarms
from identity.alarms import Alarm, Relationship, Suspicion
from identity.comparison import Relation
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record
from ror_service import fingerprints, identity_cases, participants
from ror_service.errors import ConflictError, ErasedError, InvalidInputError, NotFoundError, WithheldError
from ror_service.fingerprints import FingerprintIndex
from ror_service.identity_cases import Resolution
from ror_service.sealing import vault
from ror_service.states import CaseState, SampleState
from ror_service.storage import indexes
from ror_service.storage.tables import (
    AuditEventRow,
    FingerprintRow,
    IdentityCaseMemberRow,
    IdentityCaseRow,
    RecallRow,
    SampleRow,
)
from ror_service.work import Work

OTHER, THIRD = "P-0002", "P-0003"
SEEDS = {PERSON: 1, OTHER: 2, THIRD: 3}


def calls(service: Service, seed: int, *, child_of: int | None = None) -> GenotypeCalls:
    """A genome of somebody, whom the seed stands for."""
    sites = service.context.fingerprints.panel.sites
    copies = (np.random.default_rng(seed).random((2, len(sites))) < 0.4).astype(int)
    if child_of is not None:
        copies[0] = (np.random.default_rng(child_of).random((2, len(sites))) < 0.4)[0]
    records = [
        Record(site.chrom, site.pos38, site.pos38, site.ref, (site.alt,), (int(one), int(two)))
        for site, one, two in zip(sites, *copies, strict=True)
    ]
    return GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records)


def examined(service: Service, sample_id: str, of: GenotypeCalls) -> list[str]:
    """What the pipeline does with a sample that passed the quality gate. Returns the cases that were opened."""
    index = service.context.fingerprints
    with service.work(PIPELINE) as work:
        index.keep(work, sample_id, of)
    with service.work(PIPELINE) as work:
        return identity_cases.examine(work, index, sample_id)


def delivered(service: Service, *people: str) -> None:
    """People with a trait report at a partner, each with a genome of their own."""
    for person in people:
        service.available(participant_id=person)
        assert examined(service, f"sample-of-{person}", calls(service, SEEDS[person])) == []
    service.run_jobs()


def array(service: Service, person: str, seed: int) -> list[str]:
    sample_id = service.sample(person, assay=Assay.ARRAY, sample_id=f"array-of-{person}")
    return examined(service, sample_id, calls(service, seed))


def members(service: Service, identity_case_id: str) -> set[str]:
    rows = service.rows(IdentityCaseMemberRow, IdentityCaseMemberRow.identity_case_id == identity_case_id)
    return {row.participant_id for row in rows}


def reason(service: Service, identity_case_id: str) -> str:
    (row,) = service.rows(IdentityCaseRow, IdentityCaseRow.identity_case_id == identity_case_id)
    return row.reason


def resolve(service: Service, identity_case_id: str, why: str = "looked at", wrong: tuple[str, ...] = ()) -> Resolution:
    with service.work(DIRECTOR) as work:
        return identity_cases.resolve(work, identity_case_id, why, wrong)


def register(service: Service, one: str, other: str, kind: Relationship = Relationship.TWIN) -> None:
    with service.work(DIRECTOR) as work:
        identity_cases.register_relationship(work, one, other, kind)


# --- What opens a case


def test_the_array_of_the_same_person_opens_nothing(delivering: Service) -> None:
    delivered(delivering, PERSON, OTHER)
    assert array(delivering, PERSON, SEEDS[PERSON]) == []
    assert delivering.read()


def test_a_swapped_sample_suspends_both_participants_and_nobody_else(delivering: Service) -> None:
    service = delivering
    delivered(service, PERSON, OTHER, THIRD)
    opened = array(service, PERSON, SEEDS[OTHER])
    assert {reason(service, case): members(service, case) for case in opened} == {
        Suspicion.DIFFERENT_PEOPLE: {PERSON},
        Suspicion.SAME_PERSON: {PERSON, OTHER},
    }
    for person in (PERSON, OTHER):
        with pytest.raises(WithheldError, match="identity_case_open"):
            service.read(participant_id=person)
    assert service.read(participant_id=THIRD)
    assert not service.rows(RecallRow), "a suspicion recalls nothing"


def _case_without_members(work: Work, alarm: Alarm, sample_id: str) -> str:
    """A broken variant: the case is there, and concerns nobody."""
    assert sample_id
    work.session.add(IdentityCaseRow(identity_case_id="broken", opened_at=work.at, reason=alarm.suspicion.value))
    return "broken"


def test_a_case_that_suspends_nobody_is_caught(delivering: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered(delivering, PERSON)
    monkeypatch.setattr(identity_cases, "_open", _case_without_members)
    array(delivering, PERSON, 77)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"), pytest.raises(WithheldError):
        delivering.read()


def test_an_unexpected_relative_opens_a_case_and_the_search_runs_both_ways(service: Service) -> None:
    for person in (PERSON, OTHER):
        service.interpreted(participant_id=person)
    assert examined(service, f"sample-of-{PERSON}", calls(service, 1)) == []
    (case,) = examined(service, f"sample-of-{OTHER}", calls(service, 2, child_of=1))
    assert (reason(service, case), members(service, case)) == (Suspicion.UNEXPECTED_RELATIVE, {PERSON, OTHER})
    with service.work(PIPELINE) as work:
        assert identity_cases.examine(work, service.context.fingerprints, f"sample-of-{OTHER}") == [], "again"


def test_a_sample_of_two_people_is_a_case_of_its_own(service: Service) -> None:
    service.interpreted()
    mixed = calls(service, 1)
    records = [Record(r.chrom, r.pos, r.end, r.ref, r.alts, (0, 1)) if n % 2 else r for n, r in enumerate(mixed)]
    (case,) = examined(service, f"sample-of-{PERSON}", GenotypeCalls(mixed.build, mixed.kind, records))
    assert (reason(service, case), members(service, case)) == (Suspicion.MIXED_SAMPLE, {PERSON})


@pytest.mark.parametrize("of_both", [True, False], ids=["twins", "not registered"])
def test_registered_twins_raise_no_alarm(service: Service, *, of_both: bool) -> None:
    for person in (PERSON, OTHER):
        service.interpreted(participant_id=person)
    if of_both:
        register(service, OTHER, PERSON)
    examined(service, f"sample-of-{PERSON}", calls(service, 1))
    opened = examined(service, f"sample-of-{OTHER}", calls(service, 1))
    assert [reason(service, case) for case in opened] == ([] if of_both else [Suspicion.SAME_PERSON])


def test_an_alarm_about_twins_is_caught(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_expected = dict.fromkeys(Relationship, frozenset[Relation]())
    monkeypatch.setattr(alarms, "EXPECTED", nothing_expected)
    with pytest.raises(AssertionError):
        test_registered_twins_raise_no_alarm(service, of_both=True)


def test_a_sibling_who_is_the_same_person_is_an_alarm(service: Service) -> None:
    for person in (PERSON, OTHER):
        service.interpreted(participant_id=person)
    register(service, PERSON, OTHER, Relationship.FULL_SIBLING)
    examined(service, f"sample-of-{PERSON}", calls(service, 1))
    (case,) = examined(service, f"sample-of-{OTHER}", calls(service, 1))
    assert reason(service, case) == Suspicion.SAME_PERSON


# --- Fingerprints


def test_a_fingerprint_is_sealed_and_erased_with_the_participant(service: Service) -> None:
    for person in (PERSON, OTHER):
        service.interpreted(participant_id=person)
        examined(service, f"sample-of-{person}", calls(service, SEEDS[person]))
    index = service.context.fingerprints
    assert len(index._index) == 2
    (row,) = service.rows(FingerprintRow, FingerprintRow.sample_id == f"sample-of-{PERSON}")
    service.withdraw()
    with service.work() as work, pytest.raises(ErasedError):
        vault.open_fingerprint(work, service.context.keys, PERSON, row)
    assert examined(service, f"sample-of-{OTHER}", calls(service, 2)) == []
    assert index._index.keys == {f"sample-of-{OTHER}"}, "and the next search forgets who left"
    with service.work(PIPELINE) as work:
        assert identity_cases.examine(work, index, f"sample-of-{PERSON}") == []


def test_who_left_gets_no_fingerprint(service: Service) -> None:
    service.interpreted()
    service.withdraw()
    assert examined(service, f"sample-of-{PERSON}", calls(service, 1)) == []
    assert not service.rows(FingerprintRow)


def test_a_new_panel_takes_the_place_of_the_old_one(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.interpreted()
    examined(service, f"sample-of-{PERSON}", calls(service, 1))
    (before,) = service.rows(FingerprintRow)
    examined(service, f"sample-of-{PERSON}", calls(service, 1))
    (again,) = service.rows(FingerprintRow)
    assert again.sealed == before.sealed
    newer = FingerprintIndex(service.context.fingerprints.panel, service.context.keys)
    monkeypatch.setattr(fingerprints, "_AT_ONCE", 1)
    with service.work() as work:
        work.session.execute(update(FingerprintRow).values(panel_release="older"))
    with service.work(PIPELINE) as work:
        newer.keep(work, f"sample-of-{PERSON}", calls(service, 1))
    (after,) = service.rows(FingerprintRow)
    assert (after.panel_release, after.sealed == before.sealed) == (newer.panel.release, False)


# --- Resolution


@pytest.fixture
def duplicate(delivering: Service) -> str:
    """The case of somebody's delivered report whose sample is another participant's."""
    delivered(delivering, PERSON)
    delivering.interpreted(participant_id=OTHER)
    (case,) = examined(delivering, f"sample-of-{OTHER}", calls(delivering, SEEDS[PERSON]))
    return case


def test_right_samples_bring_every_result_back(delivering: Service, duplicate: str) -> None:
    service = delivering
    service.run_jobs()
    assert service.state("traits", OTHER) is CaseState.CLEAR, "suspended before it was released"
    assert resolve(service, duplicate, " one person, enrolled twice ") is Resolution.SAMPLES_RIGHT
    assert service.read()
    service.run_jobs()
    assert service.state("traits", OTHER) is CaseState.DELIVERED
    (row,) = service.rows(IdentityCaseRow)
    assert (row.resolved_by, row.resolution_reason) == (DIRECTOR.name, "one person, enrolled twice")
    with service.work(PIPELINE) as work:
        index = service.context.fingerprints
        assert identity_cases.examine(work, index, f"sample-of-{OTHER}") == [], "what was looked at stays so"


def test_a_wrong_sample_is_erased_and_its_report_recalled(delivering: Service, duplicate: str) -> None:
    service = delivering
    assert resolve(service, duplicate, "tube swapped", (f"sample-of-{PERSON}",)) is Resolution.SAMPLES_WRONG
    (recall,) = service.rows(RecallRow)
    assert recall.cause == "identity"
    service.run_jobs()
    assert {row.state for row in service.rows(SampleRow, SampleRow.participant_id == PERSON)} == {SampleState.ERASED}
    with pytest.raises((NotFoundError, WithheldError)):
        service.read()
    new = service.case()
    assert (new.generation, new.state, new.sample_id) == (2, CaseState.AWAITING_DATA, None)
    assert service.state("traits", OTHER) is CaseState.DELIVERED
    with service.work() as work:
        assert set(indexes.living_fingerprints(work.session, service.context.fingerprints.panel.release)) == {
            f"sample-of-{OTHER}"
        }
    service.sample(sample_id="the-right-one")
    assert service.state() is CaseState.ACCEPTED


def test_another_good_sample_takes_the_place_of_a_wrong_one(delivering: Service, duplicate: str) -> None:
    service = delivering
    service.sample(assay=Assay.ARRAY, sample_id="array")
    resolve(service, duplicate, "tube swapped", (f"sample-of-{PERSON}",))
    assert (service.case().sample_id, service.state()) == ("array", CaseState.ACCEPTED)
    with service.work(DIRECTOR) as work:
        participants.erase_sample(work, f"sample-of-{PERSON}", "identity")
    assert service.case().generation == 2, "again changes nothing"


@pytest.mark.parametrize("why", ["", "  "])
def test_no_case_is_resolved_without_a_reason(delivering: Service, duplicate: str, why: str) -> None:
    with pytest.raises(InvalidInputError, match="reason"):
        resolve(delivering, duplicate, why)
    with pytest.raises(WithheldError, match="identity_case_open"):
        delivering.read()


@pytest.mark.parametrize(
    "values",
    [
        "resolved_by = 'anne', resolution = 'samples_right'",
        "resolved_by = 'anne', resolution = 'samples_right', resolution_reason = ''",
        "resolution = 'samples_right', resolution_reason = 'as seen'",
    ],
)
def test_the_database_refuses_what_a_broken_program_would_write(
    delivering: Service, duplicate: str, values: str
) -> None:
    statement = text(f"UPDATE identity_cases SET resolved_at = opened_at, {values} WHERE identity_case_id = :case")
    with pytest.raises(IntegrityError, match="resolved_with_reason"), delivering.work() as work:
        work.session.execute(statement, {"case": duplicate})


def test_a_case_is_resolved_once_and_about_its_own_samples(delivering: Service, duplicate: str) -> None:
    with pytest.raises(InvalidInputError, match="samples of the identity case"):
        resolve(delivering, duplicate, wrong=("sample-9",))
    resolve(delivering, duplicate)
    with pytest.raises(ConflictError, match="resolved before"):
        resolve(delivering, duplicate)
    with pytest.raises(NotFoundError):
        resolve(delivering, "identity-9")


def test_another_open_case_keeps_results_suspended(delivering: Service, duplicate: str) -> None:
    (other,) = set(array(delivering, PERSON, 77)) - {duplicate}
    resolve(delivering, duplicate)
    with pytest.raises(WithheldError, match="identity_case_open"):
        delivering.read()
    resolve(delivering, other)
    assert delivering.read()


# --- Evidence and relationships


def test_evidence_is_compared_anew_and_every_reading_is_audited(delivering: Service, duplicate: str) -> None:
    service = delivering
    index = service.context.fingerprints
    with service.work(DIRECTOR) as work:
        assert [row.identity_case_id for row in identity_cases.listed(work)] == [duplicate]
        assert identity_cases.listed(work, resolved=True) == []
        shown = identity_cases.show(work, index, duplicate)
    assert shown.members == (PERSON, OTHER)
    (pair,) = shown.pairs
    assert pair.comparison is not None
    assert (pair.comparison.relation, pair.comparison.concordance) == (Relation.SAME_PERSON, 1.0)
    read = service.actions("identity.read", "identity.list")
    assert {row.participant_id for row in read} == {None, PERSON, OTHER}
    assert {row.actor for row in read} == {DIRECTOR.name}
    service.withdraw(OTHER)
    with service.work(DIRECTOR) as work:
        assert [pair.comparison for pair in identity_cases.show(work, index, duplicate).pairs] == [None]


def test_a_relationship_is_registered_once_and_audited_for_both(service: Service) -> None:
    for person in (PERSON, OTHER):
        service.register(person)
    register(service, PERSON, OTHER)
    register(service, OTHER, PERSON)
    assert [row.participant_id for row in service.actions("relationship.register")] == [PERSON, OTHER]
    with pytest.raises(ConflictError, match="otherwise"):
        register(service, OTHER, PERSON, Relationship.FULL_SIBLING)
    with pytest.raises(InvalidInputError, match="two participants"):
        register(service, PERSON, PERSON)
    with pytest.raises(NotFoundError):
        register(service, PERSON, "P-9")


def test_no_genotype_stands_in_the_audit_log(delivering: Service, duplicate: str) -> None:
    assert duplicate
    for event in delivering.rows(AuditEventRow):
        for name, value in event.details.items():
            assert not isinstance(value, float), name
            assert name not in {"codes", "genotypes"}
