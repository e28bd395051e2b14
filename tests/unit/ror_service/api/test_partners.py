"""Signed events of delivery partners."""

from __future__ import annotations

import threading
from datetime import datetime

import httpx
import pytest
from support.api import Api, problem_of
from support.consent_facts import NOW, hours
from support.partners import RECEIPT_SIGNER, STRANGER, registered

from ror_service.api import partners
from ror_service.delivery.partner_events import LARGEST_EVENT, EventType, PartnerEvent, signed_event
from ror_service.sealing.signing import Signer
from ror_service.storage import organizations
from ror_service.storage.tables import DeliveryRow, ViewEventRow
from ror_service.work import Work

PARTNER = registered()
OTHER = "partner-2"


@pytest.fixture
def delivered(api: Api) -> Api:
    """A report that is with the first partner; a second partner has the same keys and no delivery."""
    with api.service.work() as work:
        organizations.register_partner(work.session, PARTNER.partner_id, PARTNER.to_document(), NOW)
    api.service.available()
    delivery_id = api.service.delivery().delivery_id
    with api.service.work() as work:
        document = PARTNER.to_document() | {"partner_id": OTHER}
        organizations.register_partner(work.session, OTHER, document, NOW)
        work.session.get_one(DeliveryRow, delivery_id).state = "received"
    return api


def tell(
    api: Api,
    delivery: str,
    partner: str = PARTNER.partner_id,
    *,
    signer: Signer = RECEIPT_SIGNER,
    kind: EventType = EventType.VIEWED,
    event_id: str = "event-1",
    sent_at: datetime = NOW,
) -> httpx.Response:
    event = PartnerEvent(event_id, kind, delivery, NOW - hours(1))
    message = signed_event(event, signer, sent_at=sent_at)
    return api.client.post(f"/v1/partners/{partner}/events", headers=dict(message.headers), content=message.body)


def test_a_viewed_event_counts_once(delivered: Api) -> None:
    delivery = delivered.service.delivery().delivery_id
    assert [tell(delivered, delivery).status_code for _ in range(2)] == [204, 204]
    (view,) = delivered.service.rows(ViewEventRow)
    assert (view.source, view.event_id) == ("partner", "partner-1:event-1")
    assert delivered.service.state() == "viewed"
    assert delivered.service.delivery().state == "opened"


def test_other_events_are_taken_and_change_nothing(delivered: Api) -> None:
    delivery = delivered.service.delivery().delivery_id
    assert tell(delivered, delivery, kind=EventType.DELETED).status_code == 204
    assert delivered.service.rows(ViewEventRow) == []


def test_deliveries_of_others_and_none_at_all_read_the_same(delivered: Api) -> None:
    delivery = delivered.service.delivery().delivery_id
    other = tell(delivered, delivery, OTHER)
    absent = tell(delivered, "delivery-9", OTHER)
    assert (other.status_code, other.content) == (absent.status_code, absent.content) == (204, b"")
    assert delivered.service.rows(ViewEventRow) == []


def answers(api: Api, partner: str) -> list[tuple[int, bytes]]:
    """What comes back for everything that can be wrong, without a registered key."""
    path = f"/v1/partners/{partner}/events"
    refused = [
        tell(api, "delivery-1", partner, signer=STRANGER),
        tell(api, "delivery-1", partner, signer=STRANGER, sent_at=NOW - hours(1)),
        api.client.post(path, content=b""),
        api.client.post(path, content=b"x" * (LARGEST_EVENT + 1)),
        api.client.post(path, content=b"x", headers={"webhook-id": "1", "webhook-timestamp": "soon"}),
    ]
    assert {problem_of(answer) for answer in refused} == {(401, "bad_signature")}
    return [(answer.status_code, answer.content) for answer in refused]


def test_an_unknown_partner_is_answered_like_one_that_signs_wrongly(delivered: Api) -> None:
    assert answers(delivered, "nobody") == answers(delivered, PARTNER.partner_id)
    assert problem_of(tell(delivered, "delivery-1", "nobody")) == (401, "bad_signature")


def test_a_telling_that_leaks_who_is_a_partner_would_be_caught(delivered: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def naive(work: Work, partner_id: str) -> object:
        return PARTNER.from_document(organizations.delivery_partner(work.session, partner_id)).receipt_keys

    monkeypatch.setattr(partners, "_keys", naive)
    with pytest.raises(AssertionError):
        assert answers(delivered, "nobody") == answers(delivered, PARTNER.partner_id)


def test_a_signed_event_that_says_too_much_is_refused(delivered: Api) -> None:
    delivery = delivered.service.delivery().delivery_id
    assert problem_of(tell(delivered, delivery, event_id="no spaces allowed"))[0] == 401
    assert problem_of(tell(delivered, "delivery 1")) == (422, "invalid_input")


def test_the_database_is_never_waited_for_in_the_event_loop(delivered: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    real = partners._take

    def watched(*facts: object) -> None:
        threads.append(threading.current_thread().name)
        real(*facts)

    monkeypatch.setattr(partners, "_take", watched)
    tell(delivered, delivered.service.delivery().delivery_id)
    assert threads not in ([], ["loopback-server"])
