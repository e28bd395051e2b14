"""The review queue over HTTP, from the evidence to the disclosure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import reports as contents
from support.api import Api, problem_of
from support.consent_facts import ANOTHER_PERSON, PERSON
from support.service import FOUR_MEDICINE_GENES, POSITIVE, UNCERTAIN_MEDICINES

from ror_service.api.tokens import Role

COUNSELOR, DIRECTOR, LABORATORY = Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.CLINICAL_LABORATORY
SIGNATURE = {"dispositions": ["report"], "reason": "the evidence holds"}


def sign(api: Api, review: str, role: Role, subject: str, body: object = None) -> None:
    assert api.post(role, f"/v1/reviews/{review}/claim", subject=subject).status_code == 200
    assert api.post(role, f"/v1/reviews/{review}/signatures", body or SIGNATURE, subject=subject).status_code == 201


def test_a_finding_goes_from_the_queue_to_the_disclosure(api: Api) -> None:
    case, review = api.service.positive()
    (item,) = api.get(COUNSELOR, "/v1/reviews").json()
    assert (item["review_id"], item["tier"], item["signatures"]) == (review, "laboratory_director", 0)
    assert PERSON not in str(item)
    assert "BRCA" not in str(item)
    evidence = api.get(COUNSELOR, f"/v1/reviews/{review}").json()
    assert (evidence["case_id"], evidence["module"]) == (case, "hereditary_risk")
    assert [item["gene"] for item in evidence["to_decide"]] == ["BRCA2"]
    (packet,) = evidence["hereditary"]
    assert (packet["identity"]["participant_id"], packet["finding"]["gene"]) == (PERSON, "BRCA2")
    assert (packet["decision"]["urgency"], packet["decision"]["signatures"]) == ("soon", [])
    assert {"literature", "alignment_view", "in_silico_predictions"} <= set(packet["unavailable"])
    assert evidence["findings"][0]["gene"] == POSITIVE.findings[0].gene
    sign(api, review, COUNSELOR, "counselor-1")
    (packet,) = api.get(DIRECTOR, f"/v1/reviews/{review}").json()["hereditary"]
    assert [(one["signer"], one["disposition"]) for one in packet["decision"]["signatures"]] == [
        ("counselor-1", "report")
    ]
    sign(api, review, DIRECTOR, "director-1")
    confirmation = f"/v1/reviews/{review}/confirmation"
    assert api.post(LABORATORY, confirmation, {"outcome": "concordant"}).status_code == 201
    assert problem_of(api.post(LABORATORY, confirmation, {"outcome": "failed"})) == (409, "illegal_transition")
    by_another = api.post(LABORATORY, confirmation, {"outcome": "failed"}, subject="laboratory-2")
    assert problem_of(by_another) == (404, "not_found")
    date = {"starts_at": "2099-01-01T10:00:00+01:00", "way": "video"}
    assert api.post(COUNSELOR, f"/v1/cases/{case}/disclosure/appointment", date).status_code == 201
    said = api.call(COUNSELOR, "GET", f"/v1/cases/{case}/outreach").json()
    assert said["appointment_at"] == "2099-01-01T09:00:00Z"
    assert api.post(COUNSELOR, f"/v1/cases/{case}/disclosure", {"outcome": "completed"}).status_code == 201
    assert api.service.state("hereditary_risk") == "disclosed"


def test_the_most_urgent_reviews_come_first(api: Api) -> None:
    genes = {"P-0001": "HFE", "P-0002": "BRCA2", "P-0003": "KCNQ1", "P-0004": "LDLR"}
    for person, gene in genes.items():
        found = contents.finding(gene, contents.BRCA2)
        api.service.interpreted(replace(POSITIVE, findings=(found,)), person)
        api.service.clock.advance(hours=1)
    api.service.interpreted(UNCERTAIN_MEDICINES, "P-0005")
    listed = api.get(COUNSELOR, "/v1/reviews").json()
    assert [item["urgency"] for item in listed] == ["urgent", "soon", "soon", "routine", "routine"]
    assert [item["review_id"] for item in listed[:3]] == [
        api.service.review(participant_id=person).review_id for person in ("P-0003", "P-0002", "P-0004")
    ]
    assert not any(gene in str(listed) for gene in genes.values())


def test_the_next_reviewer_of_a_variant_sees_what_was_decided_and_no_other_person(api: Api) -> None:
    for person in (ANOTHER_PERSON, PERSON):
        api.service.interpreted(POSITIVE, person)
    first = api.service.review(participant_id=ANOTHER_PERSON).review_id
    sign(api, first, COUNSELOR, "anne", SIGNATURE | {"dispositions": ["do_not_report"]})
    sign(api, first, DIRECTOR, "bert", SIGNATURE | {"dispositions": ["do_not_report"]})
    answer = api.get(COUNSELOR, f"/v1/reviews/{api.service.review().review_id}")
    (packet,) = answer.json()["hereditary"]
    ((seen,),) = packet["history"]["decisions"]
    assert (seen["disposition"], seen["reviews"]) == ("do_not_report", 1)
    for other in (ANOTHER_PERSON, first, "anne", "bert"):
        assert other not in answer.text


def test_each_uncertain_medicine_gene_is_decided_on(api: Api) -> None:
    api.service.interpreted(FOUR_MEDICINE_GENES)
    review = api.service.review("pharmacogenomics").review_id
    evidence = api.get(COUNSELOR, f"/v1/reviews/{review}").json()
    assert evidence["hereditary"] == []
    assert max(len(finding["consistent"]) for finding in evidence["findings"]) == 20
    to_decide = evidence["to_decide"]
    assert [(item["gene"], item["can_be_reported"]) for item in to_decide] == [
        ("CYP2C19", True),
        ("NUDT15", False),
        ("SLCO1B1", True),
    ]
    assert (len(to_decide[1]["consistent"]), to_decide[1]["consistent_total"]) == (20, 37)
    api.post(COUNSELOR, f"/v1/reviews/{review}/claim", subject="counselor-1")
    for wrong in (["report"] * 3, ["report"], []):
        answer = api.post(
            COUNSELOR, f"/v1/reviews/{review}/signatures", SIGNATURE | {"dispositions": wrong}, subject="counselor-1"
        )
        assert problem_of(answer) == (422, "invalid_input")
    sign(api, review, COUNSELOR, "counselor-1", SIGNATURE | {"dispositions": ["report", "do_not_report", "report"]})
    assert api.service.state("pharmacogenomics") == "signed_off"


def test_reading_the_evidence_and_deciding_are_audited(api: Api) -> None:
    _, review = api.service.positive()
    api.get(DIRECTOR, f"/v1/reviews/{review}", subject="director-1")
    sign(api, review, COUNSELOR, "counselor-1")
    found = [(event.actor, event.role, event.action) for event in api.service.actions("review.read", "review.sign")]
    assert ("director-1", "laboratory_director", "review.read") in found
    assert ("counselor-1", "genetic_counselor", "review.sign") in found
    assert {event.participant_id for event in api.service.actions("review.read")} == {PERSON}


def test_one_person_cannot_sign_twice_in_two_roles(api: Api) -> None:
    _, review = api.service.positive()
    sign(api, review, COUNSELOR, "somebody")
    api.post(DIRECTOR, f"/v1/reviews/{review}/claim", subject="somebody")
    answer = api.post(DIRECTOR, f"/v1/reviews/{review}/signatures", SIGNATURE, subject="somebody")
    assert problem_of(answer) == (409, "conflict")


def test_a_review_is_held_by_one_person_and_can_be_sent_back(api: Api) -> None:
    _, review = api.service.positive()
    assert api.post(COUNSELOR, f"/v1/reviews/{review}/claim", subject="a").json()["assignee"] == "a"
    assert problem_of(api.post(DIRECTOR, f"/v1/reviews/{review}/claim", subject="b")) == (409, "conflict")
    assert problem_of(api.post(DIRECTOR, f"/v1/reviews/{review}/signatures", SIGNATURE, subject="b"))[0] == 403
    empty = api.post(COUNSELOR, f"/v1/reviews/{review}/return", {"reason": ""}, subject="a")
    assert problem_of(empty) == (422, "invalid_input")
    assert api.post(COUNSELOR, f"/v1/reviews/{review}/return", {"reason": "unsure"}, subject="a").status_code == 201
    returned = api.get(COUNSELOR, "/v1/reviews", params={"state": "returned"}).json()
    assert [item["review_id"] for item in returned] == [review]
    assert api.get(COUNSELOR, "/v1/reviews", params={"state": "closed"}).json() == []


@pytest.mark.parametrize(
    "body",
    [{"dispositions": [], "reason": "x"}, {"dispositions": ["report"], "reason": "   "}, {"dispositions": ["maybe"]}],
)
def test_a_signature_that_decides_nothing_is_refused(api: Api, body: dict[str, object]) -> None:
    _, review = api.service.positive()
    api.post(COUNSELOR, f"/v1/reviews/{review}/claim")
    assert problem_of(api.post(COUNSELOR, f"/v1/reviews/{review}/signatures", body)) == (422, "invalid_input")


def test_a_laboratory_cannot_ask_which_reviews_there_are(api: Api) -> None:
    _, review = api.service.positive()
    in_review = api.post(LABORATORY, f"/v1/reviews/{review}/confirmation", {"outcome": "concordant"})
    absent = api.post(LABORATORY, "/v1/reviews/review-9/confirmation", {"outcome": "concordant"})
    assert problem_of(in_review) == (404, "not_found")
    assert in_review.content == absent.content


def test_after_a_withdrawal_there_is_nothing_to_review(api: Api) -> None:
    api.service.interpreted(UNCERTAIN_MEDICINES)
    review = api.service.review("pharmacogenomics").review_id
    api.service.withdraw()
    assert problem_of(api.get(COUNSELOR, f"/v1/reviews/{review}")) == (410, "erased")
    assert api.get(COUNSELOR, "/v1/reviews").json() == []
