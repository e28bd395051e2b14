"""The page on which a participant names a person for after a death: what it promises, and that it can be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.consent_facts import OFFERS_DESIGNEE, POLICY
from support.portal import Browser

from consent.types import DocumentType

SISTER = {"name": "Maria Example", "contact": "+1 555 0100"}


@pytest.fixture
def offering(visitor: Browser) -> Browser:
    """A participant of a programme that offers it."""
    visitor.service.context.policy = OFFERS_DESIGNEE
    visitor.service.clock.advance(days=1)
    visitor.service.enroll()
    return visitor


@pytest.mark.parametrize(
    ("language", "nobody", "named"),
    [
        ("en", "You have not named anyone.", "You named Maria Example. We can reach this person here: +1 555 0100."),
        ("es", "Usted no nombró a nadie.", "Usted nombró a Maria Example."),
    ],
)
def test_one_person_is_named_and_taken_back(offering: Browser, language: str, nobody: str, named: str) -> None:
    path = f"{language}/designee"
    assert f'href="/portal/{path}"' in offering.get(f"{language}/choices").text
    assert nobody in offering.shows(path)
    answer = offering.send(path, **SISTER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/portal/{path}")
    assert named in offering.shows(path)
    offering.send(path, name="Ana Example", contact="ana@example.org")
    assert "Ana Example" in offering.shows(path)
    assert "Maria" not in offering.shows(path)
    assert offering.send(f"{path}/removal").status_code == 303
    assert nobody in offering.shows(path)


def test_the_page_says_what_the_person_may_learn_and_that_the_form_is_needed(offering: Browser) -> None:
    said = offering.shows("en/designee")
    for module in OFFERS_DESIGNEE.designee.modules:
        assert {"hereditary_risk": "Hereditary disease risk", "traits": "Traits"}[module] in said
    assert "We do not have that yes" in said
    offering.service.consent(document=DocumentType.FAMILY_SHARING, document_version="1.2")
    assert "We do not have that yes" not in offering.shows("en/designee")


def test_where_it_is_not_offered_there_is_no_page_but_to_take_back(visitor: Browser) -> None:
    visitor.service.enroll()
    assert "designee" not in visitor.get("en/choices").text
    assert visitor.get("en/designee").status_code == 404
    assert visitor.send("en/designee", **SISTER).status_code == 409
    visitor.service.context.policy = OFFERS_DESIGNEE
    visitor.send("en/designee", **SISTER)
    visitor.service.context.policy = replace(OFFERS_DESIGNEE, designee=POLICY.designee)
    page = visitor.get("en/designee").text
    assert "Take this name back" in page
    assert 'name="contact"' not in page
    assert visitor.send("en/designee/removal").status_code == 303
    assert visitor.get("en/designee").status_code == 404


def test_who_left_can_name_nobody(offering: Browser) -> None:
    offering.service.withdraw()
    assert 'name="contact"' not in offering.get("en/designee").text
    assert offering.send("en/designee", **SISTER).status_code == 409


def test_a_name_is_a_line_of_text(offering: Browser) -> None:
    assert offering.send("en/designee", name="Maria", contact="").status_code == 422
    assert offering.send("en/designee", name="a\nb", contact="x").status_code == 422
