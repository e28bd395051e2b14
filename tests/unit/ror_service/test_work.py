"""One unit of work: everything in it is kept, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.service import PORTAL, Service

from ror_service.context import ServiceContext, database_clock
from ror_service.errors import NotFoundError
from ror_service.settings import Settings
from ror_service.storage.tables import AuditEventRow, JobRow
from ror_service.work import new_id


def test_audit_and_jobs_are_kept_with_the_change_that_causes_them(service: Service) -> None:
    with service.work() as work:
        work.audit("test.event", "thing", "thing-1", None, number=1)
        work.enqueue("release_report", "case-1")
    (event,) = service.rows(AuditEventRow)
    (job,) = service.rows(JobRow)
    assert (event.actor, event.role, event.purpose) == (PORTAL.name, PORTAL.role, PORTAL.purpose)
    assert event.at == job.created_at == service.clock.now
    assert service.context.work_ordered.is_set()


def test_an_error_leaves_nothing_behind(service: Service) -> None:
    service.context.work_ordered.clear()

    def fail() -> None:
        with service.work() as work:
            work.audit("test.event", "thing", "thing-1", None)
            work.enqueue("release_report", "case-1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not service.rows(AuditEventRow)
    assert not service.rows(JobRow)


def test_ids_are_opaque_and_new() -> None:
    ids = {new_id("case") for _ in range(100)}
    assert len(ids) == 100
    assert all(name.startswith("case-") and len(name) == 37 for name in ids)


def test_the_clock_of_a_context_tells_utc(service: Service) -> None:
    with service.work() as work:
        before = datetime.now(UTC)
        assert before <= database_clock(work.session) <= datetime.now(UTC)


def test_a_context_makes_its_parts_once_and_keeps_its_keys(service: Service) -> None:
    context = service.context
    assert context.keys is context.keys
    assert context.store.stat().st_mode & 0o777 == 0o700
    again = ServiceContext(Settings(home=context.settings.home))
    assert again.sender.idempotency_secret == context.sender.idempotency_secret
    assert again.sender.signer.key_id == context.sender.signer.key_id
    assert again.keys.current_key_id() == context.keys.current_key_id()
    again.close()


def test_a_context_names_the_programme_and_knows_its_partners(service: Service, delivering: Service) -> None:
    assert service.context.programme.name == service.context.settings.programme_name
    with delivering.work() as work:
        (partner,) = delivering.context.partners(work)
        assert partner.partner_id == "sandbox-partner"
        with pytest.raises(NotFoundError):
            delivering.context.partner_client(work, "somebody-else")


def test_closing_ends_the_renderer(service: Service) -> None:
    assert service.context.renderer is service.context.renderer
    service.context.close()
