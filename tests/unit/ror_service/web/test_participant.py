"""The participant's pages over the real application: each state with its reason, reports, versions, who has seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.consent_facts import MODULES, NOW, PERSON
from support.portal import Browser
from support.service import COUNSELOR, DIRECTOR, POSITIVE, Service

from consent.reasons import reason_text
from consent.types import Answer, DocumentType, ModuleAnswer, Participation, VitalStatus
from report_templates.content import Language
from ror_service import cases, pipeline
from ror_service.api.tokens import Role
from ror_service.intake.qc import Verdict
from ror_service.reports import VersionSummary
from ror_service.review.queue import Disposition
from ror_service.states import CaseState
from ror_service.storage.tables import ResultCaseRow, ViewEventRow
from ror_service.web import participant
from ror_service.web.wording import Texts

OTHER = "P-other"
LANGUAGES = [language.value for language in Language]
PAGES = ("", "results", "choices", "medicines", "access", "withdraw", "help", "talk")


def test_each_page_is_there_in_each_language_and_the_switch_leads_to_itself(visitor: Browser) -> None:
    visitor.service.available("pharmacogenomics")
    pages = [*PAGES, "results/pharmacogenomics", *(f"choices/{module}" for module in MODULES)]
    pages += [f"withdraw/{option}" for option in ("one_result", "all_results", "no_contact", "leave")]
    for language, other in (LANGUAGES, LANGUAGES[::-1]):
        for path in pages:
            answer = visitor.get(f"{language}/{path}")
            assert answer.status_code == 200, (path, answer.text)
            assert f'<html lang="{language}">' in answer.text
            assert f'href="/portal/{other}/{path}"' in answer.text
            assert answer.text.count("<h1") == 1
            assert PERSON not in answer.text, "an address or a page names nobody"
            assert "<script" not in answer.text
            assert "style=" not in answer.text


@pytest.mark.parametrize(
    ("wait", "reason"),
    [
        (lambda service: service.consent(Answer.NO), "consent_revoked"),
        (lambda service: service.choose(ModuleAnswer.NO), "informing_loop_no"),
        (lambda service: service.choose(ModuleAnswer.MAYBE_LATER), "informing_loop_maybe_later"),
        (lambda service: service.standing(vital_status=VitalStatus.DECEASED), "deceased"),
        (lambda service: service.identity_case(PERSON), "identity_case_open"),
    ],
)
def test_what_the_gate_withholds_is_not_opened_and_its_reason_is_told(
    visitor: Browser, wait: Callable[[Service], object], reason: str
) -> None:
    visitor.service.available("traits")
    visitor.service.clock.advance(minutes=1)
    wait(visitor.service)
    for language in LANGUAGES:
        assert reason_text(reason, language) in visitor.shows(f"{language}/")
        assert visitor.get(f"{language}/results/traits").status_code == 404
        assert "/results/traits" not in visitor.get(f"{language}/results").text
        refused = visitor.get(f"{language}/results/traits/participant.{language}.html")
        assert refused.status_code in {403, 404, 410}
        assert b"traits for the" not in refused.content
        if refused.status_code == 403:
            assert reason_text(reason, language) in refused.text
            assert visitor.service.actions("report.read_refused")
    assert not visitor.service.actions("report.read")


def test_each_state_has_its_words_in_each_language(visitor: Browser) -> None:
    visitor.service.enroll()
    for state in CaseState:
        with visitor.service.work() as work:
            for case in work.session.query(ResultCaseRow):
                case.state = state.value
        for language in Language:
            t = Texts(language, "", "")
            code = "interpreting" if state in cases._BEING_CHECKED else state.value
            assert t.of(t.state(code)["label"]) in visitor.shows(f"{language}/")


def test_what_could_not_be_read_is_a_state_of_its_own(visitor: Browser) -> None:
    visitor.service.enroll()
    visitor.service.sample(verdict=None)
    assert "Could not be read" in visitor.shows("en/")
    visitor.service.verdict(f"sample-of-{PERSON}", Verdict.HOLD)
    assert "Could not be read" not in visitor.shows("en/")
    assert "The lab is taking a closer look" in visitor.shows("en/")


def test_every_result_under_way_reads_the_same_until_the_call(visitor: Browser) -> None:
    service = visitor.service
    case_id, review_id = service.positive()
    under_review = visitor.shows("en/")
    service.sign(review_id, COUNSELOR, Disposition.REPORT)
    service.sign(review_id, DIRECTOR, Disposition.REPORT)
    assert visitor.shows("en/") == under_review
    service.confirm(review_id)
    assert "/talk" not in visitor.get("en/results").text
    assert visitor.get("en/results/hereditary_risk").status_code == 404
    service.clock.advance(minutes=1)
    service.schedule(case_id)
    waiting = visitor.get("en/")
    assert 'href="/portal/en/talk"' in waiting.text
    assert "Your call is set" in waiting.text
    assert "Your call with a genetic counselor is on" in visitor.shows("en/talk")
    service.disclose(case_id)
    pipeline.release_report(service.context, case_id)
    assert 'href="/portal/en/results/hereditary_risk"' in visitor.get("en/").text
    assert "We write it only if you said yes" in visitor.shows("en/results/hereditary_risk")


def test_the_page_tells_whether_the_report_holds_a_letter(visitor: Browser) -> None:
    service = visitor.service
    service.clock.advance(days=2)  # from when on the form can be answered
    case_id, review_id = service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
    service.confirm(review_id)
    service.disclose(case_id)
    service.consent(document=DocumentType.FAMILY_SHARING, document_version="1.1")
    pipeline.release_report(service.context, case_id)
    assert "It is on the last pages of your result" in visitor.shows("en/results/hereditary_risk")
    service.clock.advance(minutes=1)
    service.consent(Answer.NO, DocumentType.FAMILY_SHARING, document_version="1.1")
    assert "It is on the last pages of your result" in visitor.shows("en/results/hereditary_risk")


def test_a_report_is_opened_saved_and_given_to_a_doctor(visitor: Browser) -> None:
    visitor.service.available("pharmacogenomics")
    assert 'href="/portal/es/results/pharmacogenomics"' in visitor.get("es/results").text
    page = visitor.get("es/results/pharmacogenomics")
    assert "Carta para mi familia" not in page.text
    links = [f"/portal/es/results/pharmacogenomics/{name}" for name in ("participant.es.pdf", "clinician.en.pdf")]
    assert all(f'href="{link}"' in page.text for link in links)
    html = visitor.get("es/results/pharmacogenomics/participant.es.html")
    assert b"for the participant in es" in html.content
    assert "script-src" not in html.headers["content-security-policy"]
    assert html.headers["content-security-policy"].startswith("default-src 'none'")
    pdf = visitor.client.get(links[0])
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'attachment; filename="pharmacogenomics.participant.es.pdf"'
    assert b"for the clinician" in visitor.client.get(links[1]).content
    assert {row.source for row in visitor.service.rows(ViewEventRow)} == {"portal"}
    assert "You have seen this result" in visitor.shows("en/")


def test_a_file_that_a_report_does_not_have_is_not_found(visitor: Browser) -> None:
    visitor.service.available("traits")
    for name in ("difference.json", "participant.en.exe", "..%2Fsecret", "participant.xx.pdf", "clinician.en.pdf"):
        assert visitor.get(f"en/results/traits/{name}").status_code == 404


def test_a_module_without_a_clinician_version_offers_none(visitor: Browser) -> None:
    visitor.service.available("traits")
    page = visitor.get("en/results/traits").text
    assert "clinician" not in page
    assert "participant.en.pdf" in page


def test_nobody_sees_the_results_of_another_person(visitor: Browser) -> None:
    visitor.service.available("traits", OTHER)
    visitor.service.register()
    assert "/results/traits" not in visitor.get("en/results").text
    for path in ("results/traits", "results/traits/participant.en.html"):
        assert visitor.get(f"en/{path}").status_code == 404
    assert "No one has opened your results yet." in visitor.shows("en/access")
    assert not visitor.service.rows(ViewEventRow)


def test_who_has_seen_the_results_is_told_by_role(visitor: Browser) -> None:
    service = visitor.service
    service.available("traits")
    assert "No one has opened your results yet." in visitor.shows("en/access")
    visitor.get("en/results/traits/participant.en.html")
    assert "You Traits, version 1" in visitor.shows("en/access")
    assert "Usted Rasgos, versión 1" in visitor.shows("es/access")
    with service.work(COUNSELOR) as work:
        work.audit("break_glass.read", "break_glass_grant", "grant-1", PERSON)
    assert "Genetic counselor Results" in visitor.shows("en/access")
    assert COUNSELOR.name not in visitor.shows("en/access")


def test_every_role_that_reads_has_a_name_in_each_language() -> None:
    for language in Language:
        t = Texts(language, "", "")
        for role in (Role.PARTICIPANT, Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR):
            assert t(f"ui.roles.{role}")


def test_versions_say_when_why_and_what_changed() -> None:
    statement = {"text": "Poor Metabolizer", "rule": "", "label": ""}
    difference = {"kind": "changed", "topic": "medicine", "subject": "codeine", "before": statement, "after": statement}
    newer = VersionSummary(2, "amended", "new_knowledge", "released", NOW, None, None, (difference,))
    first = VersionSummary(1, "original", "", "withdrawn", NOW, "correction", None, ())
    for language in Language:
        t = Texts(language, "", "")
        said = participant._version(t, newer)
        assert said["reason"]
        assert len(said["changed"]) == 1
        said = participant._version(t, first)
        assert said["is_withdrawn"]
        assert not said["reason"]


def test_who_has_something_to_be_told_asks_for_a_call_and_the_counselor_sees_it(visitor: Browser) -> None:
    service = visitor.service
    case_id, review_id = service.positive(POSITIVE)
    assert '<form method="post"><div' not in visitor.get("en/talk").text
    assert visitor.send("en/talk").status_code == 404
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
    service.confirm(review_id)
    assert "Ask for a call" in visitor.shows("en/talk")
    for _ in range(2):
        assert visitor.send("en/talk").status_code == 303
    assert "You asked for a call on" in visitor.shows("en/talk")
    assert "Usted pidió una llamada el" in visitor.shows("es/talk")
    visitor.enter(COUNSELOR.name, Role.GENETIC_COUNSELOR)
    assert visitor.shows("disclosures").count("portal, asked") == 1
    service.disclose(case_id)
    visitor.enter()
    assert "You asked" not in visitor.shows("en/talk")


def test_medicines_are_entered_and_removed_by_the_participant(visitor: Browser) -> None:
    visitor.service.enroll()
    answer = visitor.send("en/medicines", add="Clopidogrel")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/en/medicines")
    visitor.send("en/medicines", add="codeine")
    assert visitor.service.medicines() == ("Clopidogrel", "codeine")
    assert "Remove codeine" in visitor.shows("en/medicines")
    visitor.send("en/medicines", remove="Clopidogrel")
    assert visitor.service.medicines() == ("codeine",)
    assert visitor.send("en/medicines", add="a\nb").status_code == 422


def test_who_wants_no_medicines_report_is_told_why_there_is_no_list(visitor: Browser) -> None:
    visitor.service.register()
    answer = visitor.get("en/medicines")
    assert "/portal/en/choices/pharmacogenomics" in answer.text
    assert "Save" not in answer.text
    assert reason_text("primary_consent_missing", "en") in answer.text
    assert answer.text.count(reason_text("primary_consent_missing", "en")) == 1


def test_somebody_who_left_reads_nothing_but_the_receipt(visitor: Browser) -> None:
    visitor.service.available("traits")
    visitor.service.standing(participation=Participation.WITHDRAWN)
    assert visitor.get("en/results/traits/participant.en.html").status_code in {403, 404, 410}
    assert "Receipt of" in visitor.shows("en/withdraw")
