"""Interpreting one reading and keeping what was found: sealed, and with the review that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from consent.types import Confirmation, Disclosure
from interpreters.changes import FollowUp
from interpreters.genotypes import Sex
from interpreters.interpreter import Interpreter
from report_templates.content import ReportKind
from ror_service import amendments, cases, traces
from ror_service.genotypes.store import Genotypes
from ror_service.intake import samples
from ror_service.intake.samples import Reading
from ror_service.review import queue
from ror_service.review.conditions import Urgency, most_urgent
from ror_service.review.triage import Tier, Triage, triage
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.sealing.vault import Interpreted
from ror_service.states import CaseState
from ror_service.storage import participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import AmendmentRow, ResultCaseRow
from ror_service.work import Work


def interpret(interpreter: Interpreter, reading: Reading, read: Genotypes) -> Interpreted:
    """What one interpreter says about one sample. Pure: nothing is stored."""
    with traces.stage("interpret", module=interpreter.knowledge.module):
        interpretation = interpreter.interpret(
            samples.facts(reading, read.build), read.calls.with_outside_calls(reading.outside_calls)
        )
    return Interpreted(
        interpretation=interpretation,
        build=read.build,
        sources=interpreter.knowledge.sources,
    )


def keep(
    work: Work,
    keys: KeyProvider,
    reading: Reading,
    read: Genotypes,
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
    need = _need(work, case, interpreted)
    case.interpretation_id = _sealed(work, keys, case, (reading, read, interpreted), need.tier)
    case.sample_id = reading.sample_id
    if need.tier is Tier.NONE:
        cases.advance(work, case, CaseState.CLEAR)
        work.enqueue("release_report", case.case_id, backfill=reading.backfill)
    else:
        cases.advance(work, case, CaseState.IN_REVIEW)
        queue.open_review(work, case, case.interpretation_id, need, review_due)


_REASONS = {
    FollowUp.REVIEW: "reanalysis_new_finding",
    FollowUp.COUNSELOR_TASK: "reanalysis_finding_not_supported",
}


def keep_again(
    work: Work,
    keys: KeyProvider,
    case_id: str,
    made: tuple[Reading, Genotypes, Interpreted],
    *,
    since: str,
    due: Mapping[FollowUp, timedelta],
) -> bool:
    """Seal what a reanalysis found for a case, with a review of it in place of any that is open. Never releases.

    Where no report was returned yet, it takes the place of the interpretation before, and the case goes to review: any
    confirmation or disclosure begins anew. Where one was returned, that one and the state of the case stay as they are,
    and a next version goes to review beside them, in place of any that is on its way.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        case_id: Which case.
        made: What was read again, what came of it, and what was found.
        since: The interpretation that was compared; if there is a newer one, this one comes too late.
        due: What people must do about it, at least one thing, and within which time.

    Returns:
        False, and nothing is kept, when the case moved on since it was compared, or must not be reanalyzed any more, or
        something that people added to the report is on its way.
    """
    # The participant before the case, as a withdrawal takes the locks.
    participants.get(work.session, made[0].participant_id, Lock.SHARED)
    case = results.must_get(work.session, ResultCaseRow, case_id, lock=True)
    newest = results.interpretations_of_cases(work.session, [case_id])[0]
    if newest.interpretation_id != since or not cases.may_be_reanalyzed(work, case):
        return False
    on_its_way = results.open_amendment(work.session, case_id, lock=True)
    if on_its_way is not None and on_its_way.kind == ReportKind.ADDENDUM:
        return False
    need = _need_again(work, case, made[2], [_REASONS[follow_up] for follow_up in sorted(due)])
    interpretation_id = _sealed(work, keys, case, made, need.tier)
    queue.supersede(work, case)
    if CaseState(case.state) in cases.RETURNED:
        urgent = FollowUp.COUNSELOR_TASK in due or (on_its_way is not None and on_its_way.urgent)
        if on_its_way is not None:
            amendments.drop(work, on_its_way)
        amendments.begin(work, case, ReportKind.AMENDED, "new_knowledge", interpretation_id, urgent=urgent)
    else:
        case.interpretation_id = interpretation_id
        case.requires_confirmation = False
        case.confirmation = Confirmation.NOT_ORDERED.value
        case.disclosure = Disclosure.NOT_STARTED.value
        if CaseState(case.state) is not CaseState.IN_REVIEW:
            cases.advance(work, case, CaseState.IN_REVIEW)
    queue.open_review(work, case, interpretation_id, need, min(due.values()))
    return True


def keep_corrected(
    work: Work,
    keys: KeyProvider,
    amendment: AmendmentRow,
    made: tuple[Reading, Genotypes, Interpreted],
    *,
    review_due: timedelta,
) -> None:
    """Seal what was found in place of a result that was wrong, and give it to review: people always look at it."""
    case = results.must_get(work.session, ResultCaseRow, amendment.case_id, lock=True)
    need = _need_again(work, case, made[2], ["report_corrected"])
    amendment.interpretation_id = _sealed(work, keys, case, made, need.tier)
    amendment.sample_id = made[0].sample_id
    cases.advance(work, amendment, CaseState.IN_REVIEW)
    queue.open_review(work, case, amendment.interpretation_id, need, review_due)


def _need_again(work: Work, case: ResultCaseRow, interpreted: Interpreted, reasons: Sequence[str]) -> Triage:
    """What a result that is made again needs: at least a counselor who looks soon."""
    need = _need(work, case, interpreted)
    return replace(
        need,
        tier=Tier.COUNSELOR if need.tier is Tier.NONE else need.tier,
        reasons=(*reasons, *need.reasons),
        urgency=most_urgent((need.urgency, Urgency.SOON)),
    )


def _need(work: Work, case: ResultCaseRow, interpreted: Interpreted) -> Triage:
    owner = participants.get(work.session, case.participant_id)
    return triage(interpreted.interpretation, Sex(owner.sex_at_birth))


def _sealed(
    work: Work, keys: KeyProvider, case: ResultCaseRow, made: tuple[Reading, Genotypes, Interpreted], tier: Tier
) -> str:
    """Keep what was found in a reading, with its audit event; returns the interpretation's id."""
    reading, read, interpreted = made
    row = vault.keep_interpretation(
        work,
        keys,
        interpreted,
        participant_id=case.participant_id,
        sample_id=reading.sample_id,
        input_sha256=read.sha256,
    )
    work.audit(
        "interpretation.keep", "interpretation", row.interpretation_id, case.participant_id,
        module=row.module, knowledge_digest=row.knowledge_digest, tier=tier.value,
    )  # fmt: skip
    return row.interpretation_id
