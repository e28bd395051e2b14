"""The evidence packet: opened for a review, with an audit event, and not at all once it is erased."""

from __future__ import annotations

import pytest
from support.service import COUNSELOR, POSITIVE, TWO_POSITIVE, UNCERTAIN_MEDICINES, Service

from ror_service import evidence
from ror_service.audit import log
from ror_service.errors import AuditError, ErasedError, NotFoundError
from ror_service.storage import results
from ror_service.storage.tables import ResultCaseRow


def _packet(service: Service, review_id: str) -> evidence.Packet:
    with service.work(COUNSELOR) as work:
        return evidence.packet(work, service.context.keys, review_id)


@pytest.mark.parametrize(("found", "to_decide"), [(POSITIVE, 1), (TWO_POSITIVE, 2), (UNCERTAIN_MEDICINES, 0)])
def test_a_packet_holds_what_a_person_needs_and_is_audited(service: Service, found: object, to_decide: int) -> None:
    service.interpreted(found)
    review_id = service.review(found.module).review_id
    packet = _packet(service, review_id)
    assert (packet.review.review_id, packet.interpretation, packet.to_decide) == (review_id, found, to_decide)
    (read,) = service.actions("review.read")
    assert (read.actor, read.object_id, read.details) == (COUNSELOR.name, review_id, {})


def test_nothing_is_shown_when_the_audit_event_cannot_be_written(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, review_id = service.positive()

    def fail(*_: object, **__: object) -> None:
        raise AuditError("the log is full")

    monkeypatch.setattr(log, "append", fail)
    with pytest.raises(AuditError):
        _packet(service, review_id)


def test_there_is_no_packet_of_nothing_or_of_what_is_erased(service: Service) -> None:
    with pytest.raises(NotFoundError):
        _packet(service, "review-of-nobody")
    case_id, review_id = service.positive()
    with service.work() as work:
        results.must_get(work.session, ResultCaseRow, case_id).interpretation_id = None
    with pytest.raises(ErasedError):
        _packet(service, review_id)


def test_a_packet_is_dead_after_the_withdrawal(service: Service) -> None:
    _, review_id = service.positive()
    service.withdraw()
    with pytest.raises(ErasedError):
        _packet(service, review_id)
