"""Interpreting one reading and keeping what was found: sealed, and with the review that it needs."""

from __future__ import annotations

from datetime import timedelta

from interpreters.interpreter import Interpreter
from ror_service import cases
from ror_service.intake import samples
from ror_service.intake.results import ReadResult
from ror_service.intake.samples import Reading
from ror_service.review import queue
from ror_service.review.triage import Tier, triage
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.sealing.vault import Interpreted
from ror_service.states import CaseState
from ror_service.work import Work


def interpret(interpreter: Interpreter, reading: Reading, read: ReadResult) -> Interpreted:
    """What one interpreter says about one reading. Pure: nothing is stored."""
    return Interpreted(
        interpretation=interpreter.interpret(
            samples.facts(reading, read.build), read.calls.with_outside_calls(reading.outside_calls)
        ),
        build=read.build,
        sources=interpreter.knowledge.sources,
    )


def keep(
    work: Work,
    keys: KeyProvider,
    reading: Reading,
    read: ReadResult,
    interpreted: Interpreted,
    *,
    review_due: timedelta,
) -> None:
    """Seal an interpretation and move its case on: to release, or to the people who must look.

    Dropped when the participant no longer asks for it, or when it was kept already.
    """
    case = samples.accepted_case(work, reading.sample_id, interpreted.interpretation.module)
    if case is None:
        return
    cases.advance(work, case, CaseState.INTERPRETING)
    row = vault.keep_interpretation(
        work,
        keys,
        interpreted,
        participant_id=case.participant_id,
        sample_id=reading.sample_id,
        input_sha256=read.sha256,
    )
    case.interpretation_id = row.interpretation_id
    case.sample_id = reading.sample_id
    need = triage(interpreted.interpretation)
    work.audit(
        "interpretation.keep", "interpretation", row.interpretation_id, case.participant_id,
        module=row.module, knowledge_digest=row.knowledge_digest, tier=need.tier.value,
    )  # fmt: skip
    if need.tier is Tier.NONE:
        cases.advance(work, case, CaseState.CLEAR)
        work.enqueue("release_report", case.case_id)
    else:
        cases.advance(work, case, CaseState.IN_REVIEW)
        queue.open_review(work, case, need.tier, need.reasons, review_due)
