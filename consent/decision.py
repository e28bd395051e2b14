"""One pure, total function decides whether a result may be released.

Each rule looks at the facts and returns None (content) or the code of the reason why the result waits. Every rule is
always evaluated, so that participant, counselor and auditor see the same complete list. Missing, invalid, outdated,
not-sure and unknown never count as yes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from consent import designee
from consent.policy import ModulePolicy, Policy
from consent.types import (
    Answer,
    Candidate,
    Capacity,
    Confirmation,
    Decision,
    Disclosure,
    DocumentType,
    Handover,
    History,
    ModuleAnswer,
    Participation,
    Quality,
    RuleOutcome,
    Validation,
    VitalStatus,
    latest,
)

_TWO_PEOPLE = 2


@dataclass(frozen=True, slots=True)
class _Facts:
    history: History
    candidate: Candidate
    policy: Policy
    at: datetime

    @property
    def module(self) -> ModulePolicy | None:
        return self.policy.modules.get(self.candidate.module)


def decide(history: History, candidate: Candidate, policy: Policy, at: datetime) -> Decision:
    """Decide from current facts alone. Never raises; anything not understood withholds.

    Args:
        history: The participant's consents and standing.
        candidate: The result that asks to be released.
        policy: The programme's policy.
        at: Now, UTC.
    """
    facts = _Facts(history, candidate, policy, at)
    outcomes = tuple(RuleOutcome(name, rule(facts)) for name, rule in RULES.items())
    return Decision(
        participant_id=history.participant_id,
        module=candidate.module,
        released=all(outcome.passed for outcome in outcomes),
        outcomes=outcomes,
        policy_version=policy.version,
        decided_at=at,
    )


def _same_person(facts: _Facts) -> str | None:
    return None if facts.history.participant_id == facts.candidate.participant_id else "wrong_person"


def _vital_status(facts: _Facts) -> str | None:
    if facts.candidate.handover is not None:
        return _handover(facts, facts.candidate.handover)
    match facts.history.vital_status:
        case VitalStatus.ALIVE:
            return None
        case VitalStatus.DEATH_REPORTED | VitalStatus.DECEASED as status:
            return status.value
        case _:
            return "vital_status_unknown"


def _handover(facts: _Facts, handover: Handover) -> str | None:
    """After a verified death alone, for the person who was named, by two different people, and for a time."""
    policy = facts.policy.designee
    if facts.history.vital_status is not VitalStatus.DECEASED:
        return "designee_death_not_verified"
    if not policy.offered or facts.candidate.module not in policy.modules:
        return "designee_not_offered"
    if not designee.is_named(facts.history, facts.policy, facts.at):
        return "designee_not_named"
    if not handover.recorded_by or not handover.approved_by or handover.approved_by == handover.recorded_by:
        return "designee_not_approved"
    return None if handover.until is not None and facts.at < handover.until else "designee_too_late"


def _participation(facts: _Facts) -> str | None:
    match facts.history.participation:
        case Participation.ACTIVE | Participation.DEACTIVATED:
            # Deactivated means no outreach: what was chosen before still waits to be read.
            return None
        case Participation.WITHDRAWN:
            return "withdrawn"
        case _:
            return "participation_unknown"


def _age(facts: _Facts) -> str | None:
    born, module = facts.history.birth_date, facts.module
    if born is None or born > facts.at.date():
        return "age_unknown"
    if module is None or age_in_years(born, facts.at.date()) < module.minimum_age_years:
        return "under_age"
    return None


def _residence(facts: _Facts) -> str | None:
    module = facts.module
    if not facts.history.residence_state:
        return "residence_state_unknown"
    if module is None or facts.history.residence_state in module.excluded_residence_states:
        return "residence_state_not_allowed"
    return None


def _offered(facts: _Facts) -> str | None:
    return None if facts.module is not None and facts.module.offered else "module_not_offered"


def _document(document: DocumentType) -> Callable[[_Facts], str | None]:
    if document is DocumentType.RETURN_OF_RESULTS:
        missing, no, not_sure = "ror_consent_missing", "ror_consent_no", "ror_consent_not_sure"
    else:
        missing = no = not_sure = "primary_consent_missing"

    def rule(facts: _Facts) -> str | None:
        records = [record for record in facts.history.consents if record.document is document]
        record = latest(records)
        if record is None or record.authored_at > facts.at:
            return missing
        if record.answer is Answer.NO:
            was_given = any(r.answer is Answer.YES and r.validation is Validation.VALID for r in records)
            return "consent_revoked" if was_given else no
        if record.answer is not Answer.YES:
            return not_sure
        if record.validation is not Validation.VALID:
            return "consent_invalid"
        if not _counts(facts, record.capacity):
            return "own_answer_needed"
        accepted = facts.policy.accepted_documents.get(document, ())
        return None if record.document_version in accepted else "consent_version_outdated"

    return rule


def _counts(facts: _Facts, capacity: Capacity) -> bool:
    """Whether a yes that was given in this capacity counts: a guardian's only until the person is of age."""
    if capacity is Capacity.SELF:
        return True
    born, policy = facts.history.birth_date, facts.policy
    minor = born is not None and age_in_years(born, facts.at.date()) < policy.age_of_majority_years
    return capacity is Capacity.GUARDIAN and policy.guardian_answers_count and minor


def _informing_loop(facts: _Facts) -> str | None:
    decision = latest([d for d in facts.history.decisions if d.module == facts.candidate.module])
    if decision is None or decision.authored_at > facts.at:
        return "informing_loop_missing"
    if decision.answer is ModuleAnswer.NO:
        return "informing_loop_no"
    if decision.answer is not ModuleAnswer.YES:
        return "informing_loop_maybe_later"
    if not _counts(facts, decision.capacity):
        return "own_answer_needed"
    if facts.module is None or decision.script_version not in facts.module.accepted_script_versions:
        return "informing_loop_outdated"
    return None


def _assay(facts: _Facts) -> str | None:
    candidate, module = facts.candidate, facts.module
    if not candidate.assay:
        return "no_sample"
    # An array's rare calls are too often wrong: never a hereditary finding from one, whatever the policy file says.
    never = candidate.positive_hereditary and candidate.assay == "array"
    return "array_only" if never or module is None or candidate.assay not in module.assays else None


def _specimen(facts: _Facts) -> str | None:
    if not facts.candidate.specimen:
        return "no_sample"
    allowed = facts.module is not None and facts.candidate.specimen in facts.module.specimens
    return None if allowed else "specimen_not_allowed"


def _quality(facts: _Facts) -> str | None:
    match facts.candidate.quality:
        case Quality.PASSED:
            return None
        case Quality.FAILED:
            return "qc_failed"
        case Quality.HELD:
            return "qc_hold"
        case _:
            return "no_data_file"


def _identity(facts: _Facts) -> str | None:
    return "identity_case_open" if facts.candidate.identity_case_open else None


def _interpreted(facts: _Facts) -> str | None:
    return None if facts.candidate.interpreted else "interpretation_pending"


def _pause(facts: _Facts) -> str | None:
    return "programme_paused" if facts.candidate.paused else None


def _signatures(facts: _Facts) -> str | None:
    candidate = facts.candidate
    if not (candidate.review_required or candidate.positive_hereditary):
        return None
    signers = [signer for signer in candidate.signers if signer]
    if not signers:
        return "review_pending"
    if len(set(signers)) < len(signers):
        return "same_signer"
    needed = signatures_needed(facts.policy, candidate.module, positive_hereditary=candidate.positive_hereditary)
    return None if len(signers) >= needed else "second_signature_pending"


def _confirmation(facts: _Facts) -> str | None:
    if not facts.candidate.positive_hereditary:
        return None
    match facts.candidate.confirmation:
        case Confirmation.CONCORDANT:
            return None
        case Confirmation.DISCORDANT:
            return "confirmation_discordant"
        case Confirmation.FAILED:
            return "confirmation_failed"
        case _:
            return "confirmation_pending"


def _disclosure(facts: _Facts) -> str | None:
    done = facts.candidate.disclosure in {Disclosure.COMPLETED, Disclosure.NO_CONTACT_PATH}
    return None if done or not facts.candidate.positive_hereditary else "disclosure_pending"


def signatures_needed(policy: Policy, module: str, *, positive_hereditary: bool) -> int:
    """How many different people must sign a result that is reviewed; two where the policy does not know the module.

    A positive hereditary result needs two whatever the policy file says.
    """
    known = policy.modules.get(module)
    asked = _TWO_PEOPLE if known is None else known.signers_when_reviewed
    return max(asked, _TWO_PEOPLE) if positive_hereditary else asked


def choice_reasons(history: History, module: str, policy: Policy, at: datetime) -> tuple[str, ...]:
    """Why the participant's own standing and answers do not ask for a result of `module`; empty when they do.

    Only what the person is and said counts here, nothing about a sample: it decides whether to interpret at all.
    """
    nothing_known = Candidate(
        participant_id=history.participant_id,
        module=module,
        assay="",
        specimen="",
        quality=Quality.UNKNOWN,
        interpreted=False,
        identity_case_open=False,
        positive_hereditary=False,
        review_required=False,
        signers=(),
        confirmation=Confirmation.NOT_ORDERED,
        disclosure=Disclosure.NOT_STARTED,
    )
    facts = _Facts(history, nothing_known, policy, at)
    reasons = (RULES[name](facts) for name in PERSONAL_RULES)
    return tuple(reason for reason in reasons if reason is not None)


RULES: dict[str, Callable[[_Facts], str | None]] = {
    "same_person": _same_person,
    "vital_status": _vital_status,
    "participation": _participation,
    "primary_consent": _document(DocumentType.PRIMARY),
    "return_of_results_consent": _document(DocumentType.RETURN_OF_RESULTS),
    "module_offered": _offered,
    "age": _age,
    "residence": _residence,
    "informing_loop": _informing_loop,
    "assay": _assay,
    "specimen": _specimen,
    "quality": _quality,
    "identity": _identity,
    "interpreted": _interpreted,
    "pause": _pause,
    "signatures": _signatures,
    "confirmation": _confirmation,
    "disclosure": _disclosure,
}
"""Every rule by name, in the order in which reasons are told."""

PERSONAL_RULES = (
    "vital_status",
    "participation",
    "primary_consent",
    "return_of_results_consent",
    "module_offered",
    "age",
    "residence",
    "informing_loop",
)
"""The rules that look at the person alone."""


def age_in_years(born: date, today: date) -> int:
    """Birthdays that somebody born on `born` has had by `today`."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
