"""What stays of a dead participant's results, for a time, for the one person whom the participant named.

It is the key of the last released report, of the modules that the policy hands over. Nobody reads by it but
`designees.read`. All else is closed, recalled and erased as at every death.
"""

from __future__ import annotations

from datetime import timedelta

from consent.designee import is_named
from consent.types import History, Participation, VitalStatus
from ror_service import cases
from ror_service.states import CaseState
from ror_service.storage import designees, results
from ror_service.work import Work

_AUDIENCE = "participant"
AT_ONCE = 1000
"""Most participants of whom an erasure is ordered at once; the others come with the next look."""


def settle(work: Work, known: History) -> None:
    """Keep what the facts ask for at a verified death, or erase what was kept and is not to be any more.

    The caller holds the consent lock exclusively, and closes the cases afterwards. Keeping a result that is about to
    change would hand over what does not hold: where its next version is on the way, nothing of it is kept.
    """
    session, participant_id = work.session, known.participant_id
    dead = known.vital_status is VitalStatus.DECEASED and known.participation is not Participation.WITHDRAWN
    if not dead or not is_named(known, work.policy, cases.as_of(known, work.at)):
        drop(work, participant_id, "designee")
        return
    if any(each.kept_until <= work.at for each in designees.kept_versions(session, participant_id) if each.kept_until):
        drop(work, participant_id, "designee_too_late")
        return
    until = work.at + timedelta(days=work.policy.designee.days_to_ask)
    for case in results.cases_of(session, participant_id):
        handed_over = case.module in work.policy.designee.modules and CaseState(case.state) in cases.RETURNED
        if not handed_over or results.open_amendment(session, case.case_id) is not None:
            continue
        version = results.released_version(session, case.case_id, _AUDIENCE)
        if version is not None:
            version.kept_until = until
            work.audit("designee.keep", "report_version", version.version_id, participant_id, until=until.isoformat())
    session.flush()


def drop(work: Work, participant_id: str, cause: str) -> None:
    """Erase what was kept, if anything was. The caller holds the consent lock exclusively."""
    versions = designees.kept_versions(work.session, participant_id)
    if versions:
        results.destroy_keys(work.session, [version.data_key_id for version in versions], work.at)
        for version in versions:
            version.kept_until = None
        work.session.flush()
        work.audit("designee.erase", "participant", participant_id, participant_id, cause=cause)


def order_erasures(work: Work) -> None:
    """Order the erasure of what was kept until now."""
    for participant_id in designees.kept_too_long(work.session, work.at, AT_ONCE):
        work.enqueue("erase_kept", participant_id)
