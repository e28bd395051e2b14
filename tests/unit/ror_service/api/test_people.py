"""Participants: what they say takes effect at once, and what they are told never gives a result away."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from support.api import Api, problem_of
from support.consent_facts import MODULES, NOW, PERSON, hours
from support.service import COUNSELOR, DIRECTOR, FILES, POSITIVE, REPORT_TEXT, UNCERTAIN_MEDICINES, FastContext

from consent.decision import RULES
from consent.reasons import reason_text
from consent.types import Confirmation
from interpreters.findings import Interpretation
from report_templates.content import Audience, Language
from ror_service import own_medicines
from ror_service.api import people
from ror_service.api.tokens import Role
from ror_service.interchange import bundle as interchange
from ror_service.rendering.artifacts import Artifact
from ror_service.review.queue import Disposition
from ror_service.storage.tables import ConsentRecordRow, ModuleDecisionRow, ResultCaseRow, ViewEventRow

ME = f"/v1/participants/{PERSON}"
SELF, PORTAL = Role.PARTICIPANT, Role.PORTAL


def registration(**changes: object) -> dict[str, Any]:
    return {
        "participant_id": PERSON, "language": "en", "birth_date": "1980-05-17", "sex_at_birth": "female",
        "residence_state": "CA",
    } | changes  # fmt: skip


def consent(**changes: object) -> dict[str, Any]:
    return {
        "event_id": "event-a", "document": "primary", "document_version": "1.0", "language": "es", "answer": "yes",
        "authored_at": NOW.isoformat(), "evidence_sha256": "e" * 64,
    } | changes  # fmt: skip


def choice(**changes: object) -> dict[str, Any]:
    return {
        "event_id": "event-b", "module": "traits", "answer": "yes", "script_version": "1.0",
        "authored_at": NOW.isoformat(),
    } | changes  # fmt: skip


def test_registration_happens_once(api: Api) -> None:
    for _ in range(2):
        assert api.post(PORTAL, "/v1/participants", registration()).status_code == 201
    assert len(api.service.actions("participant.register")) == 1
    changed = api.post(PORTAL, "/v1/participants", registration(birth_date="1981-05-17"))
    assert problem_of(changed) == (409, "conflict")
    assert "19" not in changed.json()["detail"]


@pytest.mark.parametrize(("path", "body"), [("consents", consent), ("choices", choice)])
def test_an_answer_counts_once_and_its_name_cannot_be_used_again(
    api: Api, path: str, body: Callable[..., dict[str, Any]]
) -> None:
    api.service.register()
    for _ in range(2):
        assert api.post(SELF, f"{ME}/{path}", body()).status_code == 201
    assert len(api.service.rows(ConsentRecordRow)) + len(api.service.rows(ModuleDecisionRow)) == 1
    assert problem_of(api.post(PORTAL, f"{ME}/{path}", body(answer="no"))) == (409, "conflict")
    late = (NOW + hours(1)).isoformat()
    assert problem_of(api.post(SELF, f"{ME}/{path}", body(event_id="c", authored_at=late))) == (422, "invalid_input")
    naive = body(event_id="c", authored_at="2026-11-22T12:00:00")
    assert problem_of(api.post(SELF, f"{ME}/{path}", naive)) == (422, "invalid_input")
    assert api.post(SELF, f"{ME}/{path}", body(event_id="d", answer="no")).status_code == 201


def test_an_unknown_module_and_an_empty_standing_are_refused(api: Api) -> None:
    api.service.register()
    assert problem_of(api.post(SELF, f"{ME}/choices", choice(module="astrology"))) == (422, "invalid_input")
    assert problem_of(api.post(Role.OPERATOR, f"{ME}/standing", {})) == (422, "invalid_input")
    assert api.post(Role.OPERATOR, f"{ME}/standing", {"vital_status": "deceased"}).status_code == 201


def told(api: Api, module: str = "hereditary_risk") -> dict[str, Any]:
    (row,) = [row for row in api.get(SELF, f"{ME}/results").json() if row["module"] == module]
    return row


def actions(api: Api) -> list[str]:
    return [row["action"] for row in api.get(SELF, f"{ME}/access-log").json()]


def test_a_positive_in_review_reads_like_a_plain_result_that_is_being_interpreted(api: Api) -> None:
    service = api.service
    service.enroll()
    service.sample()
    plain, log = told(api), actions(api)
    assert plain == {
        "module": "hereditary_risk", "state": "being_checked", "waiting_for": "interpretation_pending",
        "explanation": reason_text("interpretation_pending", "en"), "readable": False, "files": [],
    }  # fmt: skip
    service.found(POSITIVE)
    review = service.review().review_id
    seen = [(told(api), actions(api))]
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review, signer, Disposition.REPORT)
        seen.append((told(api), actions(api)))
    service.confirm(review)
    seen.append((told(api), actions(api)))
    assert seen == [(plain, log)] * 4


@pytest.mark.parametrize("outcome", [Confirmation.DISCORDANT, Confirmation.FAILED])
def test_a_confirmation_that_fails_is_not_told_either(api: Api, outcome: Confirmation) -> None:
    _, review = api.service.positive()
    before = told(api), actions(api)
    for signer in (COUNSELOR, DIRECTOR):
        api.service.sign(review, signer, Disposition.REPORT)
    api.service.confirm(review, outcome)
    assert (told(api), actions(api)) == before


def test_medicines_under_review_read_like_medicines_that_are_not(api: Api) -> None:
    def progress(interpretation: Interpretation, person: str) -> tuple[object, list[str]]:
        api.service.interpreted(interpretation, person)
        rows = api.get(SELF, f"/v1/participants/{person}/results", subject=person).json()
        log = api.get(SELF, f"/v1/participants/{person}/access-log", subject=person).json()
        return rows, [row["action"] for row in log]

    plain = progress("pharmacogenomics", "P-1")
    assert progress(UNCERTAIN_MEDICINES, "P-2") == plain
    assert not {"review.open", "case.state", "interpretation.keep"}.intersection(plain[1])


def test_a_log_that_tells_everything_at_once_would_be_caught(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_reported_objects", lambda *_: _Everything())
    api.service.enroll()
    api.service.sample()
    before = actions(api)
    api.service.found(POSITIVE)
    assert actions(api) != before


class _Everything:
    def __contains__(self, _: object) -> bool:
        return True


def test_the_work_behind_a_result_is_told_with_its_report(api: Api) -> None:
    api.service.interpreted(UNCERTAIN_MEDICINES)
    review = api.service.review("pharmacogenomics").review_id
    api.get(Role.GENETIC_COUNSELOR, f"/v1/reviews/{review}")
    api.service.sign(review, COUNSELOR, Disposition.DO_NOT_REPORT)
    assert "review.read" not in actions(api)
    api.service.run_jobs()
    assert told(api, "pharmacogenomics")["state"] == "available"
    rows = api.get(SELF, f"{ME}/access-log").json()
    assert {"role": "genetic_counselor", "purpose": "review", "action": "review.read"} in [
        {name: row[name] for name in ("role", "purpose", "action")} for row in rows
    ]


def test_the_participant_is_told_which_role_of_which_organization_but_no_name(api: Api) -> None:
    api.service.interpreted(UNCERTAIN_MEDICINES)
    review = api.service.review("pharmacogenomics").review_id
    api.get(Role.GENETIC_COUNSELOR, f"/v1/reviews/{review}")
    api.service.sign(review, COUNSELOR, Disposition.DO_NOT_REPORT)
    api.service.run_jobs()
    answer = api.get(SELF, f"{ME}/access-log")
    programme = api.service.context.settings.programme_name
    told_by = {(row["role"], row["organization"]) for row in answer.json()}
    assert {("portal", "portal-1"), ("genome_center", "center-1"), ("genetic_counselor", programme)} <= told_by
    for name in (COUNSELOR.name, "reviewer-1", "pipeline", "worker"):
        assert name not in answer.text
    for row in answer.json():
        assert set(row) == {"at", "role", "organization", "purpose", "action"}


def test_the_work_behind_a_result_that_was_never_told_stays_untold(api: Api) -> None:
    api.service.positive()
    assert api.post(SELF, f"{ME}/withdrawal").status_code == 201
    assert "case.erase" in actions(api)
    assert not [action for action in actions(api) if action.startswith(("review.", "confirmation."))]


def test_the_whole_history_of_a_disclosed_result_is_told(api: Api) -> None:
    case, review = api.service.positive()
    for signer in (COUNSELOR, DIRECTOR):
        api.service.sign(review, signer, Disposition.REPORT)
    api.service.confirm(review)
    api.service.disclose(case)
    api.service.run_jobs()
    assert {"review.sign", "confirmation.report", "report.available"} <= set(actions(api))


def test_a_report_is_read_under_strict_headers_and_the_reading_is_kept(api: Api) -> None:
    api.service.available()
    assert told(api, "traits") == {
        "module": "traits", "state": "available", "waiting_for": None, "explanation": None, "readable": True,
        "files": sorted(FILES),
    }  # fmt: skip
    answer = api.get(SELF, f"{ME}/results/traits/participant.es.html")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.content.startswith(REPORT_TEXT)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "script" not in policy
    assert api.get(SELF, f"{ME}/results/traits/participant.en.pdf").headers["content-type"] == "application/pdf"
    assert len(api.service.rows(ViewEventRow)) == 2
    assert actions(api).count("report.read") == 2
    assert told(api, "traits")["state"] == "viewed"


def test_the_clinician_version_is_read_and_kept_like_the_others(api: Api) -> None:
    api.service.available("pharmacogenomics")
    assert set(told(api, "pharmacogenomics")["files"]) == {*FILES, "clinician.en.html", "clinician.en.pdf"}
    answer = api.get(SELF, f"{ME}/results/pharmacogenomics/clinician.en.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert b"for the clinician" in answer.content
    (event,) = api.service.actions("report.read")
    assert event.details == {"file": "clinician.en.pdf"}
    assert problem_of(api.get(SELF, f"{ME}/results/pharmacogenomics/clinician.es.pdf")) == (404, "not_found")
    assert problem_of(api.get(SELF, f"{ME}/results/traits/clinician.en.pdf")) == (404, "not_found")


def test_a_system_reads_what_the_gate_lets_through_as_fhir(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = b'{"resourceType":"Bundle","type":"collection"}'
    made = Artifact(interchange.FILE, interchange.MEDIA_TYPE, Audience.CLINICIAN, Language.EN, bundle)
    render = FastContext.render
    monkeypatch.setattr(FastContext, "render", lambda context, release: (*render(context, release), made))
    api.service.register()
    nothing = api.get(SELF, f"{ME}/fhir")
    assert nothing.json() == json.loads(bundle)
    assert nothing.headers["content-type"] == interchange.MEDIA_TYPE
    api.service.available()
    assert api.get(SELF, f"{ME}/fhir").json()["entry"] == [{"resource": json.loads(bundle)}]
    assert api.service.actions("report.read")
    assert not api.service.rows(ViewEventRow), "a system that fetches is not a person who looks"
    api.service.identity_case(PERSON)
    assert "entry" not in api.get(SELF, f"{ME}/fhir").json()
    assert api.service.actions("report.read_refused"), "what the gate withheld leaves its trace"


@pytest.mark.parametrize("file", ["participant.fr.pdf", "..%2Fkeys", "participant.en.html%00", "professional.en.pdf"])
def test_a_file_that_the_report_does_not_have(api: Api, file: str) -> None:
    api.service.available()
    assert problem_of(api.get(SELF, f"{ME}/results/traits/{file}")) == (404, "not_found")


def test_a_result_that_waits_has_nothing_to_read(api: Api) -> None:
    api.service.positive()
    for module in MODULES:
        answer = api.get(SELF, f"{ME}/results/{module}/participant.en.html")
        assert problem_of(answer) == (404, "not_found")


def test_a_no_closes_the_report_at_once(api: Api) -> None:
    api.service.available()
    assert api.post(SELF, f"{ME}/choices", choice(event_id="no", answer="no")).status_code == 201
    assert problem_of(api.get(SELF, f"{ME}/results/traits/participant.en.html")) == (404, "not_found")
    assert told(api, "traits")["readable"] is False


def test_what_the_gate_withholds_names_its_reasons(api: Api) -> None:
    api.service.available()
    api.service.identity_case(PERSON)
    answer = api.get(SELF, f"{ME}/results/traits/participant.en.html")
    assert problem_of(answer) == (403, "withheld")
    assert answer.json()["reasons"]
    assert told(api, "traits")["files"] == []
    # The refusal leaves its trace, though the transaction that asked was rolled back.
    log = api.get(SELF, f"{ME}/access-log").json()
    assert "report.read_refused" in {row["action"] for row in log}


@pytest.mark.parametrize("kind", ["results", "contact", None])
def test_a_withdrawal_has_a_receipt_that_stays_readable(api: Api, kind: str | None) -> None:
    api.service.available()
    assert api.get(SELF, f"{ME}/withdrawal").json() == []
    assert api.post(SELF, f"{ME}/withdrawal", kind and {"kind": kind}).status_code == 201
    api.service.run_jobs()
    (receipt,) = api.get(SELF, f"{ME}/withdrawal").json()
    assert receipt["kind"] == (kind or "programme")
    assert receipt["certificate"].count(".") == 2
    assert ("reports" in receipt["erased"]) is (kind != "contact")
    assert {"withdrawal.request", "withdrawal.certify"} <= set(actions(api))


def test_only_the_portal_says_that_somebody_answers_for_another(api: Api) -> None:
    api.service.register()
    guardian = {"capacity": "guardian", "answered_by": "guardian-1"}
    for path, body in (("choices", choice()), ("consents", consent())):
        assert problem_of(api.post(SELF, f"{ME}/{path}", body | guardian)) == (403, "forbidden")
        assert api.post(Role.PORTAL, f"{ME}/{path}", body | guardian).status_code == 201
    (said,), (answered,) = api.service.rows(ModuleDecisionRow), api.service.rows(ConsentRecordRow)
    assert (said.capacity, said.answered_by) == (answered.capacity, answered.answered_by) == ("guardian", "guardian-1")


def test_withdrawal_makes_everything_unreadable_before_it_answers(api: Api) -> None:
    api.service.available()
    for _ in range(2):
        assert api.post(SELF, f"{ME}/withdrawal").status_code == 201
    assert problem_of(api.get(SELF, f"{ME}/results/traits/participant.en.html")) == (404, "not_found")
    assert {row["state"] for row in api.get(SELF, f"{ME}/results").json()} == {"deleted"}


@pytest.mark.parametrize("role", [Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR])
def test_a_decision_is_explained_rule_by_rule_and_asking_is_audited(api: Api, role: Role) -> None:
    api.service.interpreted()
    answer = api.get(role, f"{ME}/decisions/traits")
    assert answer.json()["released"] is True
    assert [rule["rule"] for rule in answer.json()["rules"]] == list(RULES)
    (event,) = api.service.actions("consent.explain")
    assert (event.role, event.participant_id) == (role.value, PERSON)
    assert problem_of(api.get(role, f"{ME}/decisions/astrology")) == (404, "not_found")


# --- The participant's own list of medicines

LIST = f"{ME}/medicines"


def entered(api: Api, *medicines: object, role: Role = SELF) -> httpx.Response:
    return api.call(role, "PUT", LIST, json={"medicines": list(medicines)})


def test_a_list_is_entered_read_and_removed(api: Api) -> None:
    api.service.enroll()
    assert api.get(SELF, LIST).json() == {"medicines": []}
    for _ in range(2):
        assert entered(api, "  Warfarin ", "warfarin", "Ácido fólico 5 mg (mañana)").status_code == 204
    assert api.get(SELF, LIST).json() == {"medicines": ["Warfarin", "Ácido fólico 5 mg (mañana)"]}
    assert entered(api, role=PORTAL).status_code == 204
    assert api.get(SELF, LIST).json() == {"medicines": []}
    assert entered(api, "aspirin", role=PORTAL).status_code == 204
    for _ in range(2):
        answer = api.call(SELF, "DELETE", LIST)
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(SELF, LIST).json() == {"medicines": []}
    assert {"own_medicines.enter", "own_medicines.read", "own_medicines.erase"} <= set(actions(api))


@pytest.mark.parametrize(
    "wrong",
    ["", "   ", "x" * 101, "war\nfarin", "war\x00farin", "war\u202efarin", "war\u00adfarin", "阿司匹林 farin", 5, None],
    ids=["empty", "blank", "long", "line", "NUL", "direction", "hidden", "no font", "number", "null"],
)
def test_what_no_report_can_show_is_refused_and_not_repeated(api: Api, wrong: object) -> None:
    api.service.enroll()
    answer = entered(api, "aspirin", wrong)
    assert problem_of(answer) == (422, "invalid_input")
    assert "farin" not in answer.text
    assert api.get(SELF, LIST).json() == {"medicines": []}


def test_accents_are_kept_however_they_were_typed(api: Api) -> None:
    api.service.enroll()
    assert entered(api, unicodedata.normalize("NFD", "Ácido fólico"), "β-caroteno").status_code == 204
    assert api.get(SELF, LIST).json() == {"medicines": ["Ácido fólico", "β-caroteno"]}


def test_a_list_has_at_most_fifty_entries_of_a_hundred_characters(api: Api) -> None:
    api.service.enroll()
    most = [f"{number:02}{'é' * 98}" for number in range(50)]
    assert entered(api, *most).status_code == 204
    assert api.get(SELF, LIST).json() == {"medicines": most}
    assert problem_of(entered(api, *most, "one more")) == (422, "invalid_input")


def test_the_list_of_somebody_who_left_is_gone_and_no_other_is_taken(api: Api) -> None:
    api.service.enroll()
    assert entered(api, "warfarin").status_code == 204
    assert api.post(SELF, f"{ME}/withdrawal").status_code == 201
    for answer in (entered(api, "warfarin"), api.get(SELF, LIST)):
        assert problem_of(answer) == (403, "withheld")
        assert "withdrawn" in answer.json()["reasons"]
    assert api.call(SELF, "DELETE", LIST).status_code == 204


def test_that_the_list_was_used_is_told_with_the_report_and_not_before(api: Api) -> None:
    api.service.interpreted("pharmacogenomics")
    assert entered(api, "warfarin").status_code == 204
    case_id = api.service.case(module="pharmacogenomics").case_id
    with api.service.work() as work:
        own_medicines.for_report(work, api.service.context.keys, work.session.get_one(ResultCaseRow, case_id))
    assert "own_medicines.use" not in actions(api)
    api.service.run_jobs()
    assert "own_medicines.use" in actions(api)
