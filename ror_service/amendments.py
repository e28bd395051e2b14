"""What happens to a report after it was returned: amended, corrected, added to, or taken back without another.

The next version is a row beside the case, which goes through the same states. Until it is released the version that is
read stays as it is, but where that one is wrong: then it is withdrawn first, in the transaction of whoever says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from consent.types import Confirmation, Disclosure
from report_templates.content import Audience, ReportKind
from ror_service import cases, participants, states
from ror_service.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from ror_service.identifiers import SHOWN
from ror_service.review import queue
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.states import CaseState, VersionState
from ror_service.storage import participants as people
from ror_service.storage import results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import AmendmentRow, ReportVersionRow, ResultCaseRow
from ror_service.work import Work, new_id

_DIRECTOR = ("laboratory_director",)
_LONGEST_NOTE = 1000
WITHDRAWN = "withdrawn"
"""Kind of an amendment that takes a version back and gives none in its place."""


class Fault(StrEnum):
    """Why a report is wrong. It tells nothing of the result."""

    LABORATORY_ERROR = "laboratory_error"
    WRONG_RULE = "wrong_rule"
    WRONG_TEXT = "wrong_text"


class Added(StrEnum):
    """What an addendum adds."""

    OWN_MEDICINES = "own_medicines"
    """The participant's own list of medicines, as it is now."""
    NOTE = "note"
    """A text for the participant."""


def begin(
    work: Work,
    case: ResultCaseRow,
    kind: ReportKind | str,
    reason: str,
    interpretation_id: str | None,
    *,
    urgent: bool = False,
) -> AmendmentRow:
    """Put a next version beside a case; the database lets there be one at a time. The caller locked the case."""
    state = CaseState.INTERPRETING if interpretation_id is None else CaseState.IN_REVIEW
    amendment = AmendmentRow(
        amendment_id=new_id("amendment"),
        case_id=case.case_id,
        participant_id=case.participant_id,
        module=case.module,
        kind=kind,
        reason=reason,
        urgent=urgent,
        ordered_by=work.actor.name,
        role=work.actor.role,
        sample_id=case.sample_id,
        interpretation_id=interpretation_id,
        requires_confirmation=False,
        confirmation=Confirmation.NOT_ORDERED.value,
        disclosure=Disclosure.NOT_STARTED.value,
        state=state.value,
        created_at=work.at,
        updated_at=work.at,
    )
    work.session.add(amendment)
    work.session.flush()
    work.audit(
        "amendment.open", "amendment", amendment.amendment_id, case.participant_id, kind=str(kind), reason=reason
    )
    return amendment


def drop(work: Work, amendment: AmendmentRow) -> None:
    """End a next version that nothing comes of."""
    cases.advance(work, amendment, CaseState.REVOKED)
    work.session.flush()


def withdraw(work: Work, keys: KeyProvider, participant_id: str, module: str, *, fault: Fault, note: str) -> str:
    """Take the report back without another: unreadable in this transaction, and recalled at each partner.

    Every version goes, and whatever is on its way; the case is suspended. Returns the identifier of the withdrawal.

    Raises:
        NotFoundError: If there is no report.
        ForbiddenError: If the caller is no laboratory director.
        InvalidInputError: If the note is missing.
    """
    with _deciding(work, participant_id, module, note, _DIRECTOR) as case:
        taken = _take_back(work, case, fault)
        amendment = begin(work, case, WITHDRAWN, fault, None)
        amendment.version_id = taken
        vault.keep_amendment_text(work, keys, amendment, {"note": note})
        drop(work, amendment)
        return amendment.amendment_id


def correct(work: Work, keys: KeyProvider, participant_id: str, module: str, *, fault: Fault, note: str) -> str:
    """Take a wrong report back as `withdraw` does, and open a corrected version, which is to be made anew.

    A correction whose result was not made yet is found again: nothing is withdrawn twice. Returns its identifier.

    Raises:
        NotFoundError: If there is no report.
        ForbiddenError: If the caller is no laboratory director.
        InvalidInputError: If the note is missing.
        ConflictError: If a corrected version is in review already.
    """
    with _deciding(work, participant_id, module, note, _DIRECTOR) as case:
        on_its_way = results.open_amendment(work.session, case.case_id, lock=True)
        if on_its_way is not None and on_its_way.kind == ReportKind.CORRECTED:
            if CaseState(on_its_way.state) is not CaseState.INTERPRETING:
                raise ConflictError("a corrected version is in review already; see ror reviews list")
            return on_its_way.amendment_id
        _take_back(work, case, fault)
        amendment = begin(work, case, ReportKind.CORRECTED, fault, None, urgent=True)
        newest = results.newest_read_sample(work.session, participant_id)
        amendment.sample_id = case.sample_id if newest is None else newest.sample_id
        vault.keep_amendment_text(work, keys, amendment, {"note": note})
        return amendment.amendment_id


def add(
    work: Work, keys: KeyProvider, participant_id: str, module: str, *, what: Added, note: str, text: Mapping[str, str]
) -> str:
    """Let the result stand and add something to its report, as a version of its own. Returns its identifier.

    Args:
        work: The transaction of a genetic counselor or laboratory director.
        keys: Holder of the key-encryption keys.
        participant_id: Whose report.
        module: Of which module.
        what: What is added.
        note: Why; for people who work here.
        text: The text for the participant by language, for `Added.NOTE` alone.

    Raises:
        NotFoundError: If there is no report that can be read.
        ForbiddenError: If the caller is neither.
        InvalidInputError: If the note, or the text in a language, is missing or cannot be shown, or the module has
            nothing of the kind.
        ConflictError: If a next version is on its way.
    """
    with _deciding(work, participant_id, module, note, queue.SIGNING_ROLES) as case:
        if what is Added.OWN_MEDICINES and module != participants.USES_OWN_MEDICINES:
            raise InvalidInputError(f"the report of {module} does not look at the participant's own medicines")
        if (what is Added.NOTE) != bool(text) or (text and not all(text.get(language) for language in ("en", "es"))):
            raise InvalidInputError("a note needs its text in English and in Spanish; own medicines need none")
        if not all(len(said) <= _LONGEST_NOTE and re.fullmatch(SHOWN, said) for said in text.values()):
            most = f"at most {_LONGEST_NOTE} letters, digits and marks"
            raise InvalidInputError(f"a note has {most} that a report can show")
        released = results.released_version(work.session, case.case_id, Audience.PARTICIPANT)
        if released is None:
            raise NotFoundError("there is no report to add to")
        if results.open_amendment(work.session, case.case_id, lock=True) is not None:
            raise ConflictError("another version of this report is on its way; wait until it is released")
        amendment = begin(work, case, ReportKind.ADDENDUM, what, released.interpretation_id)
        # The result stands, and with it all that was decided on it.
        amendment.requires_confirmation = case.requires_confirmation
        amendment.confirmation, amendment.disclosure = case.confirmation, case.disclosure
        vault.keep_amendment_text(work, keys, amendment, {"note": note, "text": dict(text)})
        cases.advance(work, amendment, CaseState.SIGNED_OFF)
        cases.order_release(work, amendment)
        return amendment.amendment_id


def released(work: Work, case: ResultCaseRow, amendment: AmendmentRow, version: ReportVersionRow) -> None:
    """Let the case rest on what its new version rests on; the caller holds the participant's lock exclusively."""
    case.interpretation_id, case.sample_id = amendment.interpretation_id, amendment.sample_id
    case.requires_confirmation = amendment.requires_confirmation
    case.confirmation, case.disclosure = amendment.confirmation, amendment.disclosure
    amendment.version_id = version.version_id
    cases.advance(work, amendment, CaseState.AVAILABLE)


def supersede(work: Work, version: ReportVersionRow) -> None:
    """A later version takes this one's place: what has not surely arrived of it is not sent any more.

    A partner that has it learns from the later one which it supersedes; where it may have arrived, it is recalled.
    """
    states.move(states.VERSION, version, VersionState.SUPERSEDED)
    for delivery in results.deliveries_of_version(work.session, version.version_id):
        if delivery.state not in _ARRIVED:
            participants.order_recall(work, delivery, "superseded")
    work.session.flush()


_ARRIVED = {states.DeliveryState.RECEIVED, states.DeliveryState.OPENED, states.DeliveryState.RECALLED}


@contextmanager
def _deciding(
    work: Work, participant_id: str, module: str, note: str, roles: Collection[str]
) -> Iterator[ResultCaseRow]:
    """The case whose report was returned, locked after its participant, for somebody who may decide about it.

    Within it the service acts: who decides does not see every row that goes with the report.
    """
    if work.actor.role not in roles:
        raise ForbiddenError(f"only a {' or a '.join(roles)} decides this".replace("_", " "))
    if not note.strip():
        raise InvalidInputError("give the reason in words; it is kept sealed, for those who work here")
    with work.as_service():
        people.get(work.session, participant_id, Lock.EXCLUSIVE)
        found = results.current_case(work.session, participant_id, module)
        if found is None or CaseState(found.state) not in {*cases.RETURNED, CaseState.SUSPENDED}:
            raise NotFoundError("there is no report that was returned")
        yield results.must_get(work.session, ResultCaseRow, found.case_id, lock=True)


def _take_back(work: Work, case: ResultCaseRow, fault: Fault) -> str | None:
    """Withdraw every version of a case's report, and end whatever is on its way; returns the newest one."""
    versions = results.report_versions_of_case(work.session, case.case_id)
    queue.supersede(work, case)
    on_its_way = results.open_amendment(work.session, case.case_id, lock=True)
    if on_its_way is not None:
        drop(work, on_its_way)
    destroyed = participants.withdraw_versions(work, versions, fault)
    recalls = sum(
        participants.order_recall(work, delivery, fault)
        for delivery in results.deliveries_of_cases(work.session, [case.case_id])
    )
    if CaseState(case.state) is not CaseState.SUSPENDED:
        cases.advance(work, case, CaseState.SUSPENDED)
    newest = versions[-1].version_id if versions else None
    work.audit(
        "report.withdraw", "report_version", str(newest), case.participant_id, reason=str(fault),
        versions=len(versions), keys_destroyed=destroyed, recalls=recalls,
    )  # fmt: skip
    return newest
