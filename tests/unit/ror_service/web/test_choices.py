"""Choosing on the pages: what to know, the questions whose answers are kept, and yes, no or maybe later."""

from __future__ import annotations

from support.consent_facts import MODULES, PERSON
from support.portal import Browser

from consent.types import ModuleAnswer
from report_templates.content import Language
from ror_service.states import CaseState
from ror_service.web.wording import Texts, modules


def test_a_choice_is_kept_and_shown(visitor: Browser) -> None:
    visitor.service.register()
    for language in Language:
        t = Texts(language, "", "")
        assert t("ui.choices.none_yet") in visitor.shows(f"{language}/choices")
        for answer in ModuleAnswer:
            assert visitor.send(f"{language}/choices/traits", answer=answer.value).status_code == 200
            assert t(f"ui.choices.{answer}") + " (" in visitor.shows(f"{language}/choices")
            assert f'value="{answer}" required checked' in visitor.get(f"{language}/choices/traits").text


def test_a_choice_can_be_changed_at_any_time(visitor: Browser) -> None:
    service = visitor.service
    service.available("traits")
    assert "Saved: no" in visitor.send("en/choices/traits", answer="no").text
    assert visitor.get("en/results/traits/participant.en.html").status_code in {403, 404}
    assert "Saved: maybe later. We will ask again on" in visitor.send("en/choices/traits", answer="maybe_later").text
    assert "Saved: yes" in visitor.send("en/choices/traits", answer="yes").text
    assert service.state() not in {CaseState.DECLINED, CaseState.DEFERRED}


def test_a_no_here_comes_after_a_yes_by_a_clock_that_is_ahead(visitor: Browser) -> None:
    visitor.service.enroll()
    at = visitor.service.clock.now
    visitor.service.clock.advance(minutes=2)
    visitor.service.choose(ModuleAnswer.YES)
    visitor.service.clock.now = at
    visitor.send("en/choices/traits", answer="no")
    assert "Your choice now: No (" in visitor.shows("en/choices")


def test_health_results_begin_with_what_is_good_to_know(visitor: Browser) -> None:
    visitor.service.register()
    for module in MODULES:
        page = visitor.shows(f"en/choices/{module}")
        assert ("Good to know first" in page) == modules()[module]["health"]
        assert page.index("Was this clear to you?") < page.index("Do you want this result?")


def test_an_answer_to_a_question_is_kept_and_decides_nothing(visitor: Browser) -> None:
    service = visitor.service
    service.register()
    path = "en/choices/hereditary_risk/answer"
    wrong = visitor.send(path, question="risk_not_disease", option="a")
    assert "Not so. A risk is not a disease." in wrong.text
    assert 'class="note"' in wrong.text
    right = visitor.send(path, question="risk_not_disease", option="b")
    assert "That is right. And there are often steps" in right.text
    assert 'class="note good"' in right.text
    kept = service.actions("education.answer")
    assert [(row.participant_id, row.details["question"], row.details["option"]) for row in kept] == [
        (PERSON, "risk_not_disease", "a"),
        (PERSON, "risk_not_disease", "b"),
    ]
    assert "Saved: yes" in visitor.send("en/choices/hereditary_risk", answer="yes").text


def test_what_was_not_asked_is_not_kept(visitor: Browser) -> None:
    visitor.service.register()
    for path, form, status in (
        ("hereditary_risk/answer", {"question": "no_such", "option": "a"}, 422),
        ("hereditary_risk/answer", {"question": "risk_not_disease", "option": "z"}, 422),
        ("hereditary_risk/answer", {"question": "risk_not_disease"}, 422),
        ("astrology/answer", {"question": "risk_not_disease", "option": "a"}, 404),
        ("astrology", {"answer": "yes"}, 404),
        ("traits", {"answer": "perhaps"}, 422),
        ("traits", {}, 422),
    ):
        answer = visitor.send(f"en/choices/{path}", **form)
        assert answer.status_code == status
        assert "<h1>" in answer.text
    assert not visitor.service.actions("education.answer", "consent.choice")


def test_an_unknown_kind_of_result_is_not_found(visitor: Browser) -> None:
    visitor.service.register()
    assert visitor.get("en/choices/astrology").status_code == 404
