"""Participants: registration, answers, and the withdrawal that makes every affected result unreadable at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from consent import document_registry, informing_loop
from consent.decision import choice_reasons
from consent.types import (
    Answer,
    Capacity,
    ConsentRecord,
    DocumentType,
    History,
    ModuleAnswer,
    ModuleDecision,
    Participation,
    Validation,
    VitalStatus,
    latest,
)
from consent.withdrawal import WithdrawalKind
from interpreters.genotypes import Sex
from ror_service import cases, certificates, kept_reports, states
from ror_service.errors import ConflictError, InvalidInputError
from ror_service.states import CaseState, DeliveryState, RecallState, SampleState, VersionState
from ror_service.storage import data_keys, designees, indexes, participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import (
    ConsentRecordRow,
    DeliveryRow,
    ModuleDecisionRow,
    ParticipantRow,
    RecallRow,
    ReportVersionRow,
    ResultCaseRow,
    SampleRow,
)
from ror_service.work import Work, new_id

RECALL_DUE = timedelta(hours=24)
"""How long a partner may take to acknowledge a recall before it counts as overdue."""
USES_OWN_MEDICINES = "pharmacogenomics"
"""The one module whose report looks at the participant's own list of medicines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A participant as the portal registers one."""

    participant_id: str
    language: str
    birth_date: date | None
    sex_at_birth: Sex
    residence_state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswer:
    """One answer to a consent document, as the portal sends it."""

    event_id: str
    document: DocumentType
    document_version: str
    language: str
    answer: Answer
    authored_at: datetime
    evidence_sha256: str
    capacity: Capacity = Capacity.SELF
    answered_by: str | None = None
    """The portal's identifier of the guardian who answered; None: the participant did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleChoice:
    """One informing-loop answer, as the portal sends it."""

    event_id: str
    module: str
    answer: ModuleAnswer
    script_version: str
    authored_at: datetime
    capacity: Capacity = Capacity.SELF
    answered_by: str | None = None


def register(work: Work, registration: Registration) -> None:
    """Register a participant; the same registration again changes nothing.

    Raises:
        ConflictError: If the identifier is registered with other facts.
    """
    facts = {
        "language": registration.language,
        "birth_date": registration.birth_date,
        "sex_at_birth": registration.sex_at_birth.value,
        "residence_state": registration.residence_state,
    }
    known = work.session.get(ParticipantRow, registration.participant_id)
    if known is not None:
        if any(getattr(known, name) != value for name, value in facts.items()):
            raise ConflictError("the participant is registered with other facts; send a correction instead")
        return
    work.session.add(
        ParticipantRow(
            participant_id=registration.participant_id,
            vital_status=VitalStatus.ALIVE.value,
            participation=Participation.ACTIVE.value,
            created_at=work.at,
            **facts,
        )
    )
    work.session.flush()
    with work.as_service():
        for module in sorted(work.policy.modules):
            cases.open_case(work, registration.participant_id, module)
    work.audit("participant.register", "participant", registration.participant_id, registration.participant_id)


def answer_consent(work: Work, participant_id: str, answer: ConsentAnswer) -> None:
    """Append a consent answer and let it take effect at once. A replay of the same event changes nothing.

    An answer to a document that could not be answered then, or without a digest of its evidence, is kept as invalid:
    it is never a yes.

    Raises:
        NotFoundError: If there is no such participant.
        ConflictError: If the event id was used for another answer.
        InvalidInputError: If the answer is dated in the future.
    """
    participants.take_turn(work.session, participant_id)
    participants.get(work.session, participant_id, Lock.EXCLUSIVE)
    _not_in_future(work, answer.authored_at)
    with work.as_service():  # the identifier may be taken by somebody's answer whom the caller does not see
        known = participants.consent_event(work.session, answer.event_id)
    if known is not None:
        same = (known.participant_id, known.document, known.answer, known.authored_at)
        if same != (participant_id, answer.document.value, answer.answer.value, answer.authored_at):
            raise ConflictError("the event id was used for another answer")
        return
    valid = (
        _SHA256.fullmatch(answer.evidence_sha256) is not None
        and work.policy.may_be_answered(answer.document, answer.document_version)
        and document_registry.could_be_answered(
            answer.document, answer.document_version, answer.language, answer.authored_at
        )
    )
    said = ConsentRecord(
        event_id=answer.event_id,
        document=answer.document,
        document_version=answer.document_version,
        answer=answer.answer,
        authored_at=answer.authored_at,
        received_at=work.at,
        validation=Validation.VALID if valid else Validation.INVALID,
        capacity=answer.capacity,
    )
    before = _history(work, participant_id)
    after = replace(before, consents=(*before.consents, said))
    work.session.add(
        ConsentRecordRow(
            event_id=said.event_id,
            participant_id=participant_id,
            document=said.document.value,
            document_version=said.document_version,
            language=answer.language,
            answer=said.answer.value,
            authored_at=said.authored_at,
            received_at=said.received_at,
            evidence_sha256=answer.evidence_sha256,
            validation=said.validation.value,
            capacity=said.capacity.value,
            answered_by=answer.answered_by,
        )
    )
    work.session.flush()
    if _stops_results(before, after):
        certificates.begin(work, participant_id, WithdrawalKind.RESULTS)
    work.audit("consent.answer", "consent_record", answer.event_id, participant_id, document=answer.document.value)
    with work.as_service():
        _take_effect(work, after, cause="consent")


def choose(work: Work, participant_id: str, choice: ModuleChoice) -> None:
    """Append an informing-loop answer and let it take effect at once. A replay of the same event changes nothing.

    Raises:
        NotFoundError: If there is no such participant.
        ConflictError: If the event id was used for another answer.
        InvalidInputError: If the module is unknown or the answer is dated in the future.
    """
    participants.take_turn(work.session, participant_id)
    participants.get(work.session, participant_id, Lock.EXCLUSIVE)
    if choice.module not in work.policy.modules:
        raise InvalidInputError("no such module")
    _not_in_future(work, choice.authored_at)
    with work.as_service():  # as above
        known = participants.decision_event(work.session, choice.event_id)
    if known is not None:
        same = (known.participant_id, known.module, known.answer, known.authored_at)
        if same != (participant_id, choice.module, choice.answer.value, choice.authored_at):
            raise ConflictError("the event id was used for another answer")
        return
    said = ModuleDecision(
        event_id=choice.event_id,
        module=choice.module,
        answer=choice.answer,
        script_version=choice.script_version,
        authored_at=choice.authored_at,
        received_at=work.at,
        capacity=choice.capacity,
    )
    before = _history(work, participant_id)
    answers = [*(each for each in before.decisions if each.module == choice.module), said]
    work.session.add(
        ModuleDecisionRow(
            event_id=said.event_id,
            participant_id=participant_id,
            module=said.module,
            answer=said.answer.value,
            script_version=said.script_version,
            authored_at=said.authored_at,
            received_at=said.received_at,
            re_offer_at=informing_loop.offered_again_at(answers, work.policy) if latest(answers) is said else None,
            capacity=said.capacity.value,
            answered_by=choice.answered_by,
        )
    )
    work.session.flush()
    work.audit("consent.choice", "module_decision", choice.event_id, participant_id, module=choice.module)
    with work.as_service():
        _take_effect(work, replace(before, decisions=(*before.decisions, said)), cause="choice")


def set_standing(
    work: Work,
    participant_id: str,
    *,
    participation: Participation | None = None,
    vital_status: VitalStatus | None = None,
) -> None:
    """Record a withdrawal from the programme, a deactivation, or a death; it takes effect in this transaction.

    Raises:
        NotFoundError: If there is no such participant.
    """
    participants.take_turn(work.session, participant_id)
    row = participants.get(work.session, participant_id, Lock.EXCLUSIVE)
    if participation is not None:
        if participation in _LEAVING and row.participation != participation.value:
            certificates.begin(work, participant_id, _LEAVING[participation])
        row.participation = participation.value
    if vital_status is not None:
        row.vital_status = vital_status.value
    work.session.flush()
    work.audit(
        "participant.standing", "participant", participant_id, participant_id,
        participation=row.participation, vital_status=row.vital_status,
    )  # fmt: skip
    with work.as_service():
        cause = "withdrawal" if participation is Participation.WITHDRAWN else "standing"
        _take_effect(work, _history(work, participant_id), cause=cause)


_LEAVING = {
    Participation.WITHDRAWN: WithdrawalKind.PROGRAMME,
    Participation.DEACTIVATED: WithdrawalKind.CONTACT,
}


def _stops_results(before: History, after: History) -> bool:
    """Whether what counts of the return of results was a yes and is a no."""
    then, now = (
        latest([record for record in known.consents if record.document is DocumentType.RETURN_OF_RESULTS])
        for known in (before, after)
    )
    return then is not None and now is not None and (then.answer, now.answer) == (Answer.YES, Answer.NO)


OFFERS_AT_ONCE = 1000
"""Most participants whose offers are ordered at once; the others come with the next look."""


def order_offers(work: Work) -> None:
    """Order what was put off until now to be offered again."""
    for participant_id in participants.put_off_until(work.session, work.at, OFFERS_AT_ONCE):
        work.enqueue("offer_again", participant_id)


def offer_again(work: Work, participant_id: str) -> None:
    """Offer again what a participant put off until now, if the policy still says so; again changes nothing."""
    known = participants.history(work.session, participant_id, Lock.EXCLUSIVE)
    _open_again(work, known, results.cases_of(work.session, participant_id))
    cases.apply_choices(work, known)


def erase_kept(work: Work, participant_id: str) -> None:
    """Erase what was kept for the person who was named, where the time to ask has passed; again changes nothing."""
    participants.get(work.session, participant_id, Lock.EXCLUSIVE)
    _take_effect(work, _history(work, participant_id), cause="designee_too_late")


def forget_own_medicines(work: Work, participant_id: str, cause: str) -> None:
    """Erase the participant's own list of medicines, if there is one. The caller holds the consent lock exclusively."""
    row = participants.own_medicines(work.session, participant_id)
    if row is not None and data_keys.destroy_keys(work.session, [row.data_key_id], work.at):
        work.audit("own_medicines.erase", "participant", participant_id, participant_id, cause=cause)


_ENDING = {
    "withdrawn",
    "deceased",
    "consent_revoked",
    "ror_consent_no",
    "ror_consent_not_sure",
    "informing_loop_no",
    "informing_loop_maybe_later",
}
"""Reasons that end a case that was begun. Others, such as an outdated form, only make the gate withhold."""


_UNSENT = {DeliveryState.QUEUED, DeliveryState.INTENDED}
"""Deliveries that the gate may have withheld for a time: they must not stay behind."""


def _history(work: Work, participant_id: str) -> History:
    """What the participant is and said so far. Read by the service: the caller may see less of it."""
    with work.as_service():
        return participants.history(work.session, participant_id)


def _take_effect(work: Work, known: History, *, cause: str) -> None:
    """Close every begun case that the participant's standing and answers end; open or move on the others.

    The participant's own list of medicines goes with the result that it was given for.
    """
    participant_id = known.participant_id
    dead = known.vital_status is VitalStatus.DECEASED
    gone = cases.must_be_erased(known)
    kept_reports.settle(work, known)
    theirs = results.cases_of(work.session, participant_id)
    for case in theirs:
        begun = case.interpretation_id is not None or gone
        reasons = choice_reasons(known, case.module, work.policy, cases.as_of(known, work.at))
        if begun and CaseState(case.state) not in results.CLOSED_CASES and _ENDING.intersection(reasons):
            _close(work, case, CaseState.NOT_DELIVERABLE if dead else CaseState.REVOKED, cause)
    if _ENDING.intersection(choice_reasons(known, USES_OWN_MEDICINES, work.policy, cases.as_of(known, work.at))):
        forget_own_medicines(work, participant_id, cause)
    if gone:
        _erase(work, participant_id, cause)
    _open_again(work, known, theirs)
    cases.apply_choices(work, known)
    ask_again(work, participant_id)


def ask_again(work: Work, participant_id: str) -> None:
    """Order what waits for nothing but the gate, because something that the gate looks at has changed."""
    of_theirs = results.cases_of(work.session, participant_id)
    case_ids = [case.case_id for case in of_theirs]
    tracks: list[cases.Track] = [*of_theirs, *results.amendments_of_cases(work.session, case_ids)]
    for track in tracks:
        if CaseState(track.state) in cases.AT_THE_GATE:
            cases.order_release(work, track)
    for delivery in results.deliveries_of_cases(work.session, case_ids):
        if DeliveryState(delivery.state) in _UNSENT:
            work.enqueue("deliver_report", delivery.delivery_id)


def _open_again(work: Work, known: History, theirs: Sequence[ResultCaseRow]) -> None:
    """A yes after a revocation, or an offer that is due again, opens a new case; the bytes of the old one stay dead."""
    newest = {case.module: case for case in theirs}
    for module in sorted(work.policy.modules):
        last = newest.get(module)
        at = cases.as_of(known, work.at)
        reasons = choice_reasons(known, module, work.policy, at)
        put_off = reasons == ("informing_loop_maybe_later",)
        wanted = not reasons or (put_off and informing_loop.is_offered_again(known, module, work.policy, at))
        if not wanted or (last is not None and CaseState(last.state) not in results.CLOSED_CASES):
            continue
        case = cases.open_case(work, known.participant_id, module)
        sample = results.newest_read_sample(work.session, known.participant_id)
        if sample is not None:
            cases.take_sample(work, case, sample)


def _close(work: Work, case: ResultCaseRow, ending: CaseState, cause: str) -> None:
    """Make a case's results unreadable in this transaction and order their deletion at every partner."""
    session = work.session
    cases.advance(work, case, ending)
    destroyed = withdraw_versions(work, results.versions_of_cases(session, [case.case_id]), cause)
    keys = {row.data_key_id for row in results.interpretations_of_cases(session, [case.case_id])}
    for amendment in results.amendments_of_cases(session, [case.case_id]):
        keys |= {key for key in (amendment.data_key_id,) if key is not None}
        if amendment.state not in {CaseState.AVAILABLE, CaseState.REVOKED}:
            cases.advance(work, amendment, CaseState.REVOKED)
    destroyed += data_keys.destroy_keys(session, keys, work.at)
    ordered = [order_recall(work, delivery, cause) for delivery in results.deliveries_of_cases(session, [case.case_id])]
    for review in results.unfinished_reviews(session, case.case_id):
        states.move(states.REVIEW, review, states.ReviewState.CLOSED)
        review.closed_at = work.at
    cases.advance(work, case, CaseState.DELETION_ORDERED)
    work.audit(
        "case.erase", "result_case", case.case_id, case.participant_id, cause=cause, keys_destroyed=destroyed,
        recalls=sum(ordered),
    )  # fmt: skip
    # Those of versions that were taken back before count as well.
    if all(recall.acknowledged_at is not None for recall in results.recalls_of_case(session, case.case_id)):
        cases.advance(work, case, CaseState.DELETED)


def withdraw_versions(work: Work, versions: Sequence[ReportVersionRow], cause: str) -> int:
    """Make report versions unreadable for ever; returns how many data keys were destroyed.

    The key of one that is kept for the person who was named is left; nobody else reads it.
    """
    for version in versions:
        if VersionState(version.state) is not VersionState.WITHDRAWN:
            states.move(states.VERSION, version, VersionState.WITHDRAWN)
            version.withdrawn_at, version.withdrawn_cause = work.at, cause
    keys = [version.data_key_id for version in versions if version.kept_until is None]
    return data_keys.destroy_keys(work.session, keys, work.at)


def erase_sample(work: Work, sample_id: str, cause: str) -> None:
    """End all that rests on a sample that is not its participant's, and erase it: the caller locked the participant.

    Its results become unreadable in this transaction and are recalled where they were sent. The participant's cases
    begin anew, on another good sample where there is one. A right sample is submitted under an identifier of its own.
    """
    session = work.session
    sample = results.must_get(session, SampleRow, sample_id, lock=True)
    participant_id = sample.participant_id
    # It may be somebody else's: nobody gets what was kept of it.
    kept_reports.drop(work, participant_id, cause)
    if SampleState(sample.state) is SampleState.ERASED:
        return
    sample.state = SampleState.ERASED.value
    session.flush()
    open_cases = [c for c in results.cases_of(session, participant_id) if c.state not in results.CLOSED_CASES]
    ended = [case for case in open_cases if sample_id in results.samples_of_case(session, case)]
    for case in ended:
        _close(work, case, CaseState.REVOKED, cause)
    destroyed = data_keys.destroy_keys(session, data_keys.keys_of_sample(session, sample_id), work.at)
    if results.file_of(session, sample_id) is not None:
        work.enqueue("erase_files", sample_id)
    work.audit("sample.erase", "sample", sample_id, participant_id, cause=cause, keys_destroyed=destroyed)
    indexes.dissolve_segments(session, [sample_id], work.at)
    other = results.newest_read_sample(session, participant_id)
    for case in ended:
        opened = cases.open_case(work, participant_id, case.module)
        if other is not None:
            cases.take_sample(work, opened, other)
    cases.apply_choices(work, participants.history(session, participant_id))


def _erase(work: Work, participant_id: str, cause: str) -> None:
    """Destroy every data key of the participant in this transaction and order the removal of the sealed files.

    All but the keys of what is kept for the person who was named.
    """
    session = work.session
    samples = results.samples_of(session, participant_id)
    indexes.dissolve_segments(session, [sample.sample_id for sample in samples], work.at)
    keys = data_keys.keys_of_participant(session, participant_id) - designees.kept_keys(session, participant_id)
    destroyed = data_keys.destroy_keys(session, keys, work.at)
    if not destroyed:
        return
    for sample in samples:
        has_file = results.file_of(session, sample.sample_id) is not None
        if has_file or results.outside_calls_of(session, sample.sample_id) is not None:
            sample.state = SampleState.ERASED.value
        if has_file:
            work.enqueue("erase_files", sample.sample_id)
    work.audit(
        "participant.erase", "participant", participant_id, participant_id, cause=cause, keys_destroyed=destroyed
    )


def order_recall(work: Work, delivery: DeliveryRow, cause: str) -> bool:
    """Order the recall of a delivery that left or may have left; one that never could is closed. True if ordered."""
    delivery.bundle = None
    if DeliveryState(delivery.state) is DeliveryState.RECALLED:
        return False
    states.move(states.DELIVERY, delivery, DeliveryState.RECALLED)
    if delivery.intended_at is None:
        return False
    recall_what_left(work, delivery, cause)
    return True


def recall_what_left(work: Work, delivery: DeliveryRow, cause: str) -> None:
    """Order the partner to delete a delivery, whatever is known here of its way."""
    recall = RecallRow(
        recall_id=new_id("recall"),
        delivery_id=delivery.delivery_id,
        case_id=delivery.case_id,
        cause=cause,
        state=RecallState.ORDERED.value,
        ordered_at=work.at,
        due_at=work.at + RECALL_DUE,
    )
    work.session.add(recall)
    work.session.flush()
    work.enqueue("recall_delivery", recall.recall_id)


_SHA256 = re.compile(r"[0-9a-f]{64}")


def _not_in_future(work: Work, authored_at: datetime) -> None:
    if authored_at > work.at + timedelta(minutes=5):
        raise InvalidInputError("authored_at lies in the future; check the sender's clock")
