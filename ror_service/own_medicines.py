"""The medicines that a participant takes, by the participant's own account: they stand first in the medicines report.

The list changes nothing that is interpreted, and nothing that was released. It is kept for a report that is wanted, no
longer: entering and reading ask whether the participant's standing and answers want one; removing asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from consent.decision import choice_reasons
from ror_service import cases
from ror_service.errors import ErasedError, WithheldError
from ror_service.participants import USES_OWN_MEDICINES, forget_own_medicines
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import participants
from ror_service.storage.participants import Lock
from ror_service.storage.tables import ResultCaseRow
from ror_service.work import Work


def enter(work: Work, keys: KeyProvider, participant_id: str, medicines: Iterable[str]) -> None:
    """Keep the list in place of the one before; an empty one removes it.

    A name that comes again, in whatever case, is kept once, as it was typed first.

    Raises:
        NotFoundError: If there is no such participant.
        WithheldError: If the participant's standing and answers do not ask for a medicines report.
    """
    named: dict[str, str] = {}
    for name in medicines:
        named.setdefault(name.casefold(), name)
    if not named:
        remove(work, participant_id)
        return
    _ask(work, participant_id, Lock.EXCLUSIVE)
    with work.as_service():  # a portal enters a list that it may not read
        vault.keep_own_medicines(work, keys, participant_id, tuple(named.values()))
    work.audit("own_medicines.enter", "participant", participant_id, participant_id)


def read(work: Work, keys: KeyProvider, participant_id: str) -> tuple[str, ...]:
    """The list as it was entered; empty if there is none.

    Raises:
        NotFoundError: If there is no such participant.
        WithheldError: If the participant's standing and answers do not ask for a medicines report.
    """
    _ask(work, participant_id, Lock.SHARED)
    work.audit("own_medicines.read", "participant", participant_id, participant_id)
    return _open(work, keys, participant_id)


def remove(work: Work, participant_id: str) -> None:
    """Erase the list, if there is one.

    Raises:
        NotFoundError: If there is no such participant.
    """
    participants.get(work.session, participant_id, Lock.EXCLUSIVE)
    with work.as_service():
        forget_own_medicines(work, participant_id, "participant")


def for_report(work: Work, keys: KeyProvider, case: ResultCaseRow) -> tuple[str, ...]:
    """The list for the report of a case; empty where there is none, and for every module that does not look at it.

    The caller holds the consent lock, and asks the gate before anything of it is shown.
    """
    if case.module != USES_OWN_MEDICINES:
        return ()
    medicines = _open(work, keys, case.participant_id)
    if medicines:
        # An event about the case is told to the participant with the report: before, it would tell how far a result is.
        work.audit("own_medicines.use", "result_case", case.case_id, case.participant_id)
    return medicines


def _ask(work: Work, participant_id: str, lock: Lock) -> None:
    known = participants.history(work.session, participant_id, lock)
    reasons = choice_reasons(known, USES_OWN_MEDICINES, work.policy, cases.as_of(known, work.at))
    if reasons:
        raise WithheldError(reasons)


def _open(work: Work, keys: KeyProvider, participant_id: str) -> tuple[str, ...]:
    row = participants.own_medicines(work.session, participant_id)
    if row is None:
        return ()
    try:
        return vault.open_own_medicines(work, keys, row)
    except ErasedError:
        return ()
