"""A database that was restored from a backup: seen before anything starts on it, and brought up to what was erased."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from ror_service import erasures
from ror_service.audit import log
from ror_service.audit.log import Actor, Gap
from ror_service.context import ServiceContext
from ror_service.erasures import Applied
from ror_service.errors import UnsafeConfigurationError
from ror_service.storage import audit_events, data_keys

RESTORER = Actor(name="command-line", role="service", purpose="restoring a backup")
"""As the service: what it erases and compares is of everybody, and no operator sees all of that."""


@dataclass(frozen=True, slots=True)
class AfterRestore:
    """What was found and done."""

    lost: Gap | None
    """Audit events that are known to have been, and are not in this database."""
    applied: Applied
    unreadable_keys: int
    """Living data keys whose key-encryption key was destroyed: nobody reads what they seal."""


def check_not_behind(context: ServiceContext) -> None:
    """Refuse a database that has forgotten what is known elsewhere: withdrawals may be among it.

    Raises:
        UnsafeConfigurationError: If the database lies behind the newest checkpoint or the journal of erasures, or the
            second place cannot be read.
    """
    newest = _newest_elsewhere(context)
    if not newest:
        return
    with context.transaction(RESTORER) as work:
        here = _last_event(work.session)
    if here < newest:
        raise UnsafeConfigurationError(
            f"the database ends with audit event {here}, and event {newest} is known to have been: after a restore run "
            "`ror db after-restore`"
        )


def after_restore(context: ServiceContext) -> AfterRestore:
    """Acknowledge that a database was restored, and erase in it what was erased since its backup.

    In one transaction: the audit log goes on behind the lost events, destroyed keys are destroyed, withdrawals,
    refusals and deaths take effect, with their recalls, and each partner's ledger is to be compared. May be run again.

    Raises:
        UnsafeConfigurationError: If `ROR_AUDIT_CHECKPOINTS` names no place: what was erased is not known then.
        SealError: If the journal of erasures was changed.
    """
    place, journal = context.checkpoints(), context.erasures
    if place is None or journal is None:
        raise UnsafeConfigurationError(
            "ROR_AUDIT_CHECKPOINTS must name the place that holds what was erased since the backup"
        )
    newest = _newest_elsewhere(context)
    keys, endings = journal.read()
    with context.transaction(RESTORER) as work:
        audit_events.lock_chain(work.session)
        here = _last_event(work.session)
        lost = Gap(here + 1, newest) if here < newest else None
        missed = erasures.missing(work.session, endings, last=here)
        if lost is not None:
            place.acknowledge(lost, work.at)
            log.restored(work.session, at=work.at, actor=work.actor, lost=lost)
        applied = erasures.apply(work, keys, missed)
        for partner in context.partners(work):
            work.enqueue("reconcile_partner", partner.partner_id)
        unreadable = 0 if lost is None else _unreadable(context, work.session)
        work.audit(
            "database.erased_again", "database", "database", None, keys_destroyed=applied.keys_destroyed,
            endings=applied.endings, not_here=applied.not_here, unreadable_keys=unreadable,
        )  # fmt: skip
    return AfterRestore(lost, applied, unreadable)


def _newest_elsewhere(context: ServiceContext) -> int:
    """Number of the newest audit event that is known outside of the database."""
    place, journal = context.checkpoints(), context.erasures
    return max(0 if place is None else place.newest(), 0 if journal is None else journal.newest())


def _last_event(session: Session) -> int:
    last = audit_events.last(session)
    return 0 if last is None else last.sequence


def _unreadable(context: ServiceContext, session: Session) -> int:
    living = data_keys.living_keys_by_wrapping(session)
    return sum(count for kek_id, count in living.items() if not context.keys.holds(kek_id))
