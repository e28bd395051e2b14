"""The life of a result case: facts for the gate from current rows, and every change of state."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from consent import informing_loop
from consent.decision import choice_reasons, decide
from consent.gate import Release, Withheld, gate
from consent.types import (
    Candidate,
    Confirmation,
    Decision,
    Disclosure,
    Handover,
    History,
    Participation,
    Quality,
    VitalStatus,
)
from ror_service import states
from ror_service.states import CaseState, SampleState
from ror_service.storage import designees, participants, results
from ror_service.storage.participants import Lock, Standing
from ror_service.storage.tables import (
    AmendmentRow,
    ReleaseDecisionRow,
    ResultCaseRow,
    ReviewCaseRow,
    SampleRow,
)
from ror_service.work import Work, new_id

T = TypeVar("T")
Track = ResultCaseRow | AmendmentRow
"""What goes through the states of a result: a case, or beside it the next version of a report that was returned."""

_BEFORE_INTERPRETATION = {
    CaseState.ELIGIBLE,
    CaseState.OFFERED,
    CaseState.DECLINED,
    CaseState.DEFERRED,
    CaseState.ACCEPTED,
}
AT_THE_GATE = {CaseState.CLEAR, CaseState.SIGNED_OFF, CaseState.DISCLOSED, CaseState.RELEASE_READY}
"""States in which nothing but the gate keeps a result back: ask it again when something changed."""
RETURNED = {CaseState.AVAILABLE, CaseState.DELIVERED, CaseState.VIEWED}
"""States in which there is a report that the participant may have read."""
_QUALITY = {
    SampleState.READ: Quality.PASSED,
    SampleState.QC_HOLD: Quality.HELD,
    SampleState.UNREADABLE: Quality.FAILED,
}
_PASSED = "pass"
"""`intake.qc.Verdict.PASS`, as rows hold it."""


def advance(work: Work, track: Track, target: CaseState) -> None:
    """Move a case, or a next version beside it, along a legal transition, with its audit event.

    Raises:
        IllegalTransitionError: If the state table does not list the transition.
    """
    before = CaseState(track.state)
    states.check(states.CASE, before, target)
    track.state = target.value
    track.updated_at = work.at
    kind, object_id = named(track)
    work.audit("case.state", kind, object_id, track.participant_id, before=before.value, after=target.value)


def named(track: Track) -> tuple[str, str]:
    """Kind and identifier of what an audit event is about. A next version is named only once it was released."""
    return ("amendment", track.amendment_id) if isinstance(track, AmendmentRow) else ("result_case", track.case_id)


def locked(work: Work, case_id: str) -> tuple[ResultCaseRow, AmendmentRow | None]:
    """A case and the next version beside it, locked after the participant: a withdrawal takes the locks so, too.

    Raises:
        NotFoundError: If there is no such case.
    """
    case = results.must_get(work.session, ResultCaseRow, case_id)
    participants.get(work.session, case.participant_id, Lock.SHARED)
    case = results.must_get(work.session, ResultCaseRow, case_id, lock=True)
    return case, results.open_amendment(work.session, case_id, lock=True)


def order_release(work: Work, track: Track, *, backfill: bool = False) -> None:
    """Let the gate be asked, and the report be made, of a result that waits for nothing else."""
    urgent = isinstance(track, AmendmentRow) and track.urgent
    work.enqueue("release_report", track.case_id, backfill=backfill, urgent=urgent)


def open_case(work: Work, participant_id: str, module: str) -> ResultCaseRow:
    """The participant's open case of a module; a new generation where the last one is closed."""
    case = results.current_case(work.session, participant_id, module)
    if case is not None and CaseState(case.state) not in results.CLOSED_CASES:
        return case
    opened = ResultCaseRow(
        case_id=new_id("case"),
        participant_id=participant_id,
        module=module,
        generation=1 if case is None else case.generation + 1,
        state=CaseState.AWAITING_DATA.value,
        requires_confirmation=False,
        confirmation=Confirmation.NOT_ORDERED.value,
        disclosure=Disclosure.NOT_STARTED.value,
        updated_at=work.at,
    )
    work.session.add(opened)
    work.session.flush()
    work.audit("case.open", "result_case", opened.case_id, participant_id, generation=opened.generation)
    return opened


def sample_read(work: Work, sample: SampleRow) -> None:
    """Take the verdict of the quality gate over into every case that still waits for data."""
    for case in results.cases_of(work.session, sample.participant_id):
        if CaseState(case.state) in {CaseState.AWAITING_DATA, CaseState.QC_HOLD}:
            take_sample(work, case, sample)
    apply_choices(work, participants.history(work.session, sample.participant_id), being_read=sample.sample_id)


def take_sample(work: Work, case: ResultCaseRow, sample: SampleRow) -> None:
    """Let a case that waits for data rest on a sample whose quality is known."""
    case.sample_id = sample.sample_id
    target = CaseState.ELIGIBLE if SampleState(sample.state) is SampleState.READ else CaseState.QC_HOLD
    if CaseState(case.state) is not target:
        advance(work, case, target)


def apply_choices(work: Work, known: History, *, being_read: str | None = None) -> None:
    """Bring every case before interpretation to the state that the participant's answers ask for.

    The state follows from the answers alone, so that the order in which they arrive does not matter.

    Args:
        work: The transaction.
        known: Whose cases, and what they answered.
        being_read: A sample whose reading need not be ordered: the caller is the job that interprets it next.
    """
    for case in results.cases_of(work.session, known.participant_id):
        if CaseState(case.state) not in _BEFORE_INTERPRETATION:
            continue
        target = _chosen(work, known, case.module)
        if CaseState(case.state) is not target:
            advance(work, case, target)
        if target is CaseState.ACCEPTED and case.sample_id not in {None, being_read}:
            work.enqueue("interpret_sample", str(case.sample_id))


_REFUSALS = {"ror_consent_no", "consent_revoked", "informing_loop_no"}


def _chosen(work: Work, known: History, module: str) -> CaseState:
    reasons = choice_reasons(known, module, work.policy, as_of(known, work.at))
    if not reasons:
        return CaseState.ACCEPTED
    if _REFUSALS.intersection(reasons):
        return CaseState.DECLINED
    if "informing_loop_maybe_later" in reasons:
        again = informing_loop.is_offered_again(known, module, work.policy, as_of(known, work.at))
        return CaseState.OFFERED if again else CaseState.DEFERRED
    return CaseState.OFFERED


def as_of(known: History, at: datetime) -> datetime:
    """The moment to decide for: `at`, or the newest answer where its sender's clock is a little ahead.

    An answer counts as soon as it is received; how far ahead a clock may be is checked there.
    """
    answered = [record.authored_at for record in known.consents] + [choice.authored_at for choice in known.decisions]
    return max([at, *answered, *(naming.authored_at for naming in known.namings)])


def use_forbidden(known: History) -> bool:
    """Whether nothing at all may be done with the participant's data."""
    return known.participation in {Participation.WITHDRAWN, Participation.UNKNOWN}


def may_be_reanalyzed(work: Work, case: ResultCaseRow) -> bool:
    """Whether the result of a case may be made again: its participant still asks for it, and nothing suspends it."""
    known = participants.history(work.session, case.participant_id, Lock.SHARED)
    return not (
        choice_reasons(known, case.module, work.policy, as_of(known, work.at))
        or CaseState(case.state) in {CaseState.SUSPENDED, *results.CLOSED_CASES}
        or participants.in_open_identity_case(work.session, case.participant_id)
    )


def must_be_erased(known: History | Standing) -> bool:
    """Whether the participant's data must not be kept in a form that anybody can read."""
    return known.participation is Participation.WITHDRAWN or known.vital_status is VitalStatus.DECEASED


def candidate(
    work: Work, case: ResultCaseRow, amendment: AmendmentRow | None = None, handover: Handover | None = None
) -> Candidate:
    """What the current rows say of a result that asks to be released.

    Args:
        work: The transaction.
        case: The case; it holds the facts of the version that is read.
        amendment: The next version, whose own facts count in their place.
        handover: For whom it is read after a death, if not for the participant: then what was kept is asked for, which
            the death itself does not keep back.
    """
    track = amendment or case
    sample = None if track.sample_id is None else results.must_get(work.session, SampleRow, track.sample_id)
    said = track.interpretation_id
    review = None if said is None else results.review_about(work.session, said)
    stopped = {CaseState.SUSPENDED, *results.CLOSED_CASES}
    if handover is None:
        paused = CaseState(track.state) in stopped or CaseState(case.state) in results.CLOSED_CASES
    else:
        paused = designees.kept_version(work.session, case.case_id) is None
    return Candidate(
        participant_id=case.participant_id if sample is None else sample.participant_id,
        module=case.module,
        assay="" if sample is None else sample.assay,
        specimen="" if sample is None else sample.specimen,
        quality=Quality.UNKNOWN if sample is None else _quality(work, sample, handover),
        interpreted=said is not None,
        identity_case_open=participants.in_open_identity_case(work.session, case.participant_id),
        positive_hereditary=track.requires_confirmation,
        review_required=review is not None,
        signers=_signers(work, review),
        confirmation=Confirmation(track.confirmation),
        disclosure=Disclosure(track.disclosure),
        paused=paused,
        handover=handover,
    )


def _quality(work: Work, sample: SampleRow, handover: Handover | None) -> Quality:
    if handover is not None and SampleState(sample.state) is SampleState.ERASED:
        # Erased at the death, with the verdict that was passed before.
        last = results.last_assessment(work.session, sample.sample_id)
        return Quality.PASSED if last is not None and last.verdict == _PASSED else Quality.UNKNOWN
    return _QUALITY.get(SampleState(sample.state), Quality.UNKNOWN)


def _signers(work: Work, review: ReviewCaseRow | None) -> tuple[str, ...]:
    if review is None:
        return ()
    return tuple(sign_off.signer for sign_off in results.sign_offs(work.session, review.review_id))


def ask_gate(
    work: Work,
    case: ResultCaseRow,
    payload: T,
    purpose: str,
    amendment: AmendmentRow | None = None,
    *,
    handover: Handover | None = None,
) -> Release[T] | Withheld:
    """Ask the consent gate from rows read under the shared consent lock, and keep its decision.

    Args:
        work: The transaction; the lock is held until it ends.
        case: The case that the payload belongs to.
        payload: What is to be rendered, sent or read.
        purpose: `release`, `seal`, `send` or `read`.
        amendment: The next version, if the payload belongs to that.
        handover: For whom it is read after a death, if not for the participant.
    """
    known = participants.history(work.session, case.participant_id, Lock.SHARED)
    work.session.refresh(case)
    outcome = gate(known, candidate(work, case, amendment, handover), work.policy, as_of(known, work.at), payload)
    work.session.add(
        ReleaseDecisionRow(
            decision_id=new_id("decision"),
            case_id=case.case_id,
            purpose=purpose,
            released=outcome.decision.released,
            outcomes=[asdict(rule) for rule in outcome.decision.outcomes],
            policy_version=outcome.decision.policy_version,
            decided_at=work.at,
        )
    )
    return outcome


def explain(work: Work, case: ResultCaseRow, known: History | None = None) -> Decision:
    """What the gate would say at this moment, rule by rule; nothing is released and nothing kept.

    Args:
        work: The transaction.
        case: The case.
        known: The participant's history, where it was read already.
    """
    known = known or participants.history(work.session, case.participant_id)
    return decide(known, candidate(work, case), work.policy, as_of(known, work.at))


_BEING_CHECKED = {
    CaseState.ACCEPTED,
    CaseState.INTERPRETING,
    CaseState.CLEAR,
    CaseState.IN_REVIEW,
    CaseState.CONFIRMING,
    CaseState.SIGNED_OFF,
    CaseState.RELEASE_READY,
}
_CHECKING_REASONS = {
    "interpretation_pending",
    "review_pending",
    "same_signer",
    "second_signature_pending",
    "confirmation_pending",
    "confirmation_discordant",
    "confirmation_failed",
}


def progress(work: Work, case: ResultCaseRow, known: History | None = None) -> tuple[str, str | None]:
    """State and first reason of waiting as the participant may know them; `known` as in `explain`.

    States and reasons that would tell apart a result that is looked at more closely read the same.
    """
    state = CaseState(case.state)
    reasons = explain(work, case, known).reasons
    if state in _BEING_CHECKED:
        personal = [reason for reason in reasons if reason not in _CHECKING_REASONS | {"disclosure_pending"}]
        return "being_checked", (personal or ["interpretation_pending"])[0]
    return state.value, reasons[0] if reasons else None
