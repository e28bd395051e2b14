"""What stays of a dead participant's results, for a time, for the one person whom the participant named.

It is the key of the last released report, of the modules that the policy hands over. Nobody reads by it but
`designees.read`. All else is closed, recalled and erased as at every death.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from consent.decision import choice_reasons
from consent.designee import is_named
from consent.types import History, VitalStatus
from ror_service import cases
from ror_service.states import CaseState
from ror_service.storage import data_keys, designees, results
from ror_service.storage.tables import ReportVersionRow, ResultCaseRow
from ror_service.work import Work

_AUDIENCE = "participant"
AT_ONCE = 1000
"""Most participants of whom an erasure is ordered at once; the others come with the next look."""


def settle(work: Work, known: History) -> None:
    """Keep at a verified death what the facts ask for, and erase what was kept and is not asked for any more.

    It is what the participant could read but for the death. Of a result whose next version is on the way nothing is
    kept: it may not hold. The caller holds the consent lock exclusively, and closes the cases afterwards.
    """
    session, policy = work.session, work.policy.designee
    if known.vital_status is not VitalStatus.DECEASED:
        drop(work, known.participant_id, "standing")
        return
    at = cases.as_of(known, work.at)
    named = is_named(known, work.policy, at)
    for case in results.cases_of(session, known.participant_id):
        own_answers = choice_reasons(known, case.module, work.policy, at) == (VitalStatus.DECEASED.value,)
        asked_for = named and case.module in policy.modules and own_answers
        version = designees.kept_version(session, case.case_id)
        if version is not None and version.kept_until is not None:
            if not asked_for or version.kept_until <= work.at:
                _erase(work, known.participant_id, version, "designee_too_late" if asked_for else "designee")
        elif asked_for and CaseState(case.state) in cases.RETURNED:
            _keep(work, case, work.at + timedelta(days=policy.days_to_ask))
    session.flush()


def drop(work: Work, participant_id: str, cause: str) -> None:
    """Erase what was kept, if anything was. The caller holds the consent lock exclusively."""
    for version in designees.kept_versions(work.session, participant_id):
        _erase(work, participant_id, version, cause)
    work.session.flush()


def _keep(work: Work, case: ResultCaseRow, until: datetime) -> None:
    version = results.released_version(work.session, case.case_id, _AUDIENCE)
    if version is None or results.open_amendment(work.session, case.case_id) is not None:
        return
    version.kept_until = until
    work.audit("designee.keep", "report_version", version.version_id, case.participant_id, until=until.isoformat())


def _erase(work: Work, participant_id: str, version: ReportVersionRow, cause: str) -> None:
    version.kept_until = None
    data_keys.destroy_keys(work.session, [version.data_key_id], work.at)
    work.audit("designee.erase", "report_version", version.version_id, participant_id, cause=cause)


def order_erasures(work: Work) -> None:
    """Order the erasure of what was kept until now."""
    for participant_id in designees.kept_too_long(work.session, work.at, AT_ONCE):
        work.enqueue("erase_kept", participant_id)
