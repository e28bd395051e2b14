"""Keeping what was found: sealed, once, only while it is asked for, and with the review that it needs."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from support.consent_facts import MODULES
from support.service import INTERPRETATIONS, POSITIVE, UNCERTAIN_MEDICINES, Service

from consent.types import ModuleAnswer
from interpreters import traits
from interpreters.findings import Interpretation
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Sex
from ror_service import interpretations
from ror_service.errors import SealError
from ror_service.intake.qc import Declared
from ror_service.review.triage import Tier
from ror_service.sealing import vault
from ror_service.states import CaseState
from ror_service.storage import results
from ror_service.storage.tables import InterpretationRow, JobRow, ReviewCaseRow


@pytest.mark.parametrize("module", MODULES)
def test_what_was_found_is_sealed_and_opens_again(service: Service, module: str) -> None:
    service.interpreted(module)
    (row,) = service.rows(InterpretationRow)
    with service.work() as work:
        opened = vault.open_interpretation(work, service.context.keys, row)
    assert opened.interpretation == INTERPRETATIONS[module]
    assert (opened.build, row.knowledge_digest) == (Build.GRCH38, opened.interpretation.knowledge_digest)
    assert service.state(module) is CaseState.CLEAR
    (kept,) = service.actions("interpretation.keep")
    assert set(kept.details) == {"module", "knowledge_digest", "tier"}


@pytest.mark.parametrize(
    ("found", "tier"), [(POSITIVE, Tier.LABORATORY_DIRECTOR), (UNCERTAIN_MEDICINES, Tier.COUNSELOR)]
)
def test_what_people_must_look_at_goes_into_the_queue(service: Service, found: Interpretation, tier: Tier) -> None:
    case_id = service.interpreted(found)
    assert service.state(found.module) is CaseState.IN_REVIEW
    (review,) = service.rows(ReviewCaseRow)
    assert (review.case_id, review.tier) == (case_id, tier)
    assert review.due_at == service.clock.now + timedelta(days=14)
    assert not service.rows(JobRow, JobRow.task == "release_report")


def test_what_was_kept_already_is_dropped(service: Service) -> None:
    service.interpreted()
    service.found("traits")
    assert len(service.rows(InterpretationRow)) == 1
    assert service.state() is CaseState.CLEAR


@pytest.mark.parametrize("stop", ["no", "withdrawal", "never asked"])
def test_what_is_no_longer_asked_for_is_dropped(service: Service, stop: str) -> None:
    service.enroll(modules=() if stop == "never asked" else MODULES)
    service.sample()
    if stop == "no":
        service.choose(ModuleAnswer.NO, authored_at=service.clock.advance(hours=1))
    elif stop == "withdrawal":
        service.withdraw()
    service.found("traits")
    assert not service.rows(InterpretationRow)


def test_a_row_that_was_given_to_somebody_else_does_not_open(service: Service) -> None:
    service.interpreted()
    (row,) = service.rows(InterpretationRow)
    with service.work() as work:
        stored = results.must_get(work.session, InterpretationRow, row.interpretation_id)
        stored.participant_id = "P-0002"
        with work.session.no_autoflush, pytest.raises(SealError):
            vault.open_interpretation(work, service.context.keys, stored)
        work.session.expunge(stored)


def test_interpreting_takes_the_declared_facts_and_the_build_of_the_file() -> None:
    interpreter = traits.load()
    reading = SimpleNamespace(declared=Declared(sex_at_birth=Sex.FEMALE, assay=Assay.WGS), outside_calls=())
    read = SimpleNamespace(build=Build.GRCH38, calls=GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, ()))
    made = interpretations.interpret(interpreter, reading, read)
    assert made.build is Build.GRCH38
    assert made.sources == interpreter.knowledge.sources
    assert made.interpretation.findings == ()
    assert len(made.interpretation.not_tested) == len(interpreter.traits)
