"""A partner changes its key while deliveries are under way: what was sealed before and after both arrives."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.consent_facts import NOW, PERSON
from support.service import Service

from ror_service.sealing.recipients import Profile
from ror_service.sealing.stored_zip import read_entries
from ror_service.states import DeliveryState
from ror_service.storage.tables import DeliveryRow


def _sealed_to(row: DeliveryRow) -> str:
    assert row.bundle is not None
    return read_entries(row.bundle)[0][1].decode()


@pytest.mark.parametrize("profile", Profile)
def test_both_keys_are_good_while_a_partner_changes_them(delivering: Service, profile: Profile) -> None:
    partner = delivering.partner
    partner.announce_recipient_key(NOW + timedelta(days=1), profile)
    delivering.register_partner(partner)
    old, new = partner.registration.recipient_public_key, partner.registration.recipient_key_at(NOW + timedelta(days=1))
    delivering.available()
    delivering.clock.advance(days=1)
    delivering.available(participant_id="P-0002")
    before, after = (delivering.delivery(person) for person in (PERSON, "P-0002"))
    assert f'"recipient_key_id":"{old.key_id}"' in _sealed_to(before)
    assert f'"recipient_key_id":"{new.key_id}","schema"' in _sealed_to(after)
    delivering.run_jobs()
    assert {row.state for row in delivering.rows(DeliveryRow)} == {DeliveryState.RECEIVED}
    assert delivering.violations() == []
