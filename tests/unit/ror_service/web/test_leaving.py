"""Stopping a result or leaving on the pages: consequences first, then in force, then the receipt."""

from __future__ import annotations

import pytest
from support.consent_facts import PERSON
from support.portal import Browser, browser
from support.service import Service

from consent.types import Participation
from consent.withdrawal import CONSEQUENCES, WithdrawalKind
from report_templates.content import Language
from ror_service import withdrawals
from ror_service.storage.tables import ParticipantRow
from ror_service.web.wording import Texts, content

KINDS = {"all_results": "results", "no_contact": "contact", "leave": "programme"}


def standing(service: Service) -> str:
    (row,) = service.rows(ParticipantRow, ParticipantRow.participant_id == PERSON)
    return row.participation


@pytest.mark.parametrize("option", KINDS)
def test_a_withdrawal_tells_its_consequences_and_gives_a_receipt(visitor: Browser, option: str) -> None:
    visitor.service.available("traits")
    kind = WithdrawalKind(KINDS[option])
    for language in Language:
        t = Texts(language, "", "")
        assert t(f"withdraw.options.{option}.consequence") in visitor.shows(f"{language}/withdraw/{option}")
        answer = visitor.send(f"{language}/withdraw/{option}", sure="yes")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/portal/{language}/withdraw/done")
        receipt = visitor.shows(f"{language}/withdraw/done")
        for data in CONSEQUENCES[kind].erased:
            assert t.items([data]) in receipt
        assert (t("withdraw.receipt.nothing_erased") in receipt) == (kind is WithdrawalKind.CONTACT)
        assert t("withdraw.receipt.kept_heading") in visitor.shows(f"{language}/withdraw")
        opened = visitor.get(f"{language}/results/traits/participant.{language}.html").status_code == 200
        assert not opened or kind is WithdrawalKind.CONTACT


def test_leaving_is_in_force_at_once(visitor: Browser) -> None:
    visitor.service.available("traits")
    visitor.send("en/withdraw/leave", sure="yes")
    assert standing(visitor.service) == Participation.WITHDRAWN
    assert "usa-button" not in visitor.get("en/").text, "there is nothing left to choose"
    assert "/results/traits" not in visitor.get("en/results").text


def test_one_result_is_stopped_and_the_others_stay(visitor: Browser) -> None:
    visitor.service.available("traits")
    assert 'value="traits" required' in visitor.get("en/withdraw/one_result").text
    answer = visitor.send("en/withdraw/one_result", sure="yes", module="traits")
    assert "No one can open this result" in answer.text
    assert visitor.get("en/results/traits/participant.en.html").status_code != 200
    assert 'value="traits"' not in visitor.get("en/withdraw/one_result").text
    assert 'value="ancestry" required' in visitor.get("en/withdraw/one_result").text
    assert standing(visitor.service) == Participation.ACTIVE


def test_who_wants_no_result_has_none_to_stop(visitor: Browser) -> None:
    visitor.service.register()
    assert "You have no result that can be stopped." in visitor.shows("en/withdraw/one_result")
    assert visitor.get("en/withdraw/done").status_code == 404


def test_nothing_is_stopped_by_half_a_form(visitor: Browser) -> None:
    visitor.service.available("traits")
    for option, form, status in (
        ("leave", {}, 422),
        ("leave", {"sure": "no"}, 422),
        ("one_result", {"sure": "yes"}, 422),
        ("one_result", {"sure": "yes", "module": "astrology"}, 404),
        ("everything", {"sure": "yes"}, 404),
    ):
        assert visitor.send(f"en/withdraw/{option}", **form).status_code == status
    assert standing(visitor.service) == Participation.ACTIVE
    assert visitor.get("en/results/traits/participant.en.html").status_code == 200


def test_an_unknown_way_to_leave_is_not_found(visitor: Browser) -> None:
    visitor.service.register()
    assert visitor.get("en/withdraw/everything").status_code == 404


def test_the_receipt_follows_what_partners_say(delivering: Service) -> None:
    delivering.available("traits")
    delivering.run_jobs()
    with browser(delivering) as visitor:
        visitor.enter()
        visitor.send("en/withdraw/leave", sure="yes")
        assert "to erase its copy. It has until" in visitor.shows("en/withdraw/done")
        delivering.clock.advance(hours=30)
        visitor.enter()
        assert "has not yet told us that its copy is gone" in visitor.shows("en/withdraw/done")
        delivering.run_jobs()
        visitor.enter()
        receipt = visitor.shows("en/withdraw/done")
        assert "that its copy is gone." in receipt
        assert "has not yet told us" not in receipt
        with delivering.work() as work, work.as_service():
            (found,) = withdrawals.receipts(work, PERSON)
        assert ("All of it was done by" in receipt) == (found.certified_at is not None)


def test_each_kind_of_data_has_its_words() -> None:
    named = set(content("portal")["receipt_items"])
    assert named == {data for does in CONSEQUENCES.values() for data in (*does.erased, *does.kept)}
