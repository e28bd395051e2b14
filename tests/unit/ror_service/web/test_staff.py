"""The pages of staff over the real application: a whole review, disclosure, identity, operators, genome centers."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from support.consent_facts import ANOTHER_PERSON, PERSON
from support.manifests import ARRAY, as_csv, fields
from support.portal import Browser, text_of
from support.service import CENTER, COUNSELOR, DIRECTOR, FOUR_MEDICINE_GENES, POSITIVE, Service, running_partner
from support.version_model import VersionMachine

from consent.types import Confirmation, DocumentType
from interpreters.changes import FollowUp
from ror_service import pipeline
from ror_service.api import problems
from ror_service.api.tokens import Role
from ror_service.intake.qc import Verdict
from ror_service.review import saved_filters
from ror_service.states import CaseState, ReviewState
from ror_service.storage.tables import IdentityCaseRow, OutreachTryRow
from ror_service.web import queue
from ror_service.web.queue import shown_count

ROLES = {COUNSELOR.name: Role.GENETIC_COUNSELOR, DIRECTOR.name: Role.LABORATORY_DIRECTOR}
STARTS = {
    "queue": {Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR},
    "disclosures": {Role.GENETIC_COUNSELOR},
    "identity": {Role.LABORATORY_DIRECTOR},
    "operations": {Role.OPERATOR},
    "operations/yield": {Role.OPERATOR},
    "laboratory": {Role.GENOME_CENTER},
}
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Checked(HTMLParser):
    """A page whose tags close in order, with one main heading, and a label for every field."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings, self.fields, self.labels = 0, set[str](), set[str]()
        self.feed(text)
        assert self.open == []
        assert self.headings == 1
        assert self.fields <= self.labels

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.headings += tag == "h1"
        if tag in {"input", "select", "textarea"} and facts.get("type") != "hidden":
            self.fields.add(str(facts["id"]))
        if tag == "label":
            self.labels.add(str(facts["for"]))
        assert "style" not in facts
        assert not any(name.startswith("on") for name in facts)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


def as_staff(visitor: Browser, name: str, role: Role | None = None) -> Browser:
    visitor.enter(name, role or ROLES[name])
    return visitor


def shows(visitor: Browser, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, (path, answer.text)
    Checked(answer.text)
    return text_of(answer)


@pytest.mark.parametrize("path", STARTS)
def test_each_role_has_its_own_pages_and_no_other(visitor: Browser, path: str) -> None:
    for role in Role:
        visitor.enter("somebody", role)
        answer = visitor.get(path)
        assert answer.status_code == (200 if role in STARTS[path] else 403), role
        if role in STARTS[path]:
            Checked(answer.text)
            assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_nobody_signed_in_is_sent_to_sign_in(visitor: Browser) -> None:
    visitor.client.cookies.clear()
    assert visitor.get("queue").headers["location"] == "/portal/en/sign-in?to=%2Fportal%2Fqueue"


def sign(visitor: Browser, review_id: str, name: str, choice: str = "report") -> str:
    as_staff(visitor, name)
    visitor.service.clock.advance(minutes=1)
    assert visitor.send(f"queue/{review_id}/claim").status_code == 303
    assert "Sign" in shows(visitor, f"queue/{review_id}")
    ticked = {"disposition": choice, "criterion": ["1:PVS1", "1:PM2", "9:PS1"], "reason": "as the evidence shows"}
    answer = visitor.send(f"queue/{review_id}/sign", **ticked)
    return answer.headers.get("location", text_of(answer))


def test_a_whole_review_through_the_pages_ends_in_a_report(visitor: Browser) -> None:
    service = visitor.service
    case_id, review_id = service.positive(POSITIVE)
    service.consent(document=DocumentType.RE_CONTACT)
    as_staff(visitor, COUNSELOR.name)
    assert review_id[7:15] in shows(visitor, "queue")
    assert "Nobody signed yet" in shows(visitor, f"queue/{review_id}")
    assert "BRCA2" in shows(visitor, f"queue/{review_id}")
    assert sign(visitor, review_id, COUNSELOR.name) == f"/portal/queue/{review_id}"
    assert "BRCA2: PVS1, PM2 (+10 points). as the evidence shows" in shows(visitor, f"queue/{review_id}")
    assert "Not signed: the second signature must be another person's" in sign(visitor, review_id, COUNSELOR.name)
    service.clock.advance(days=1)
    assert sign(visitor, review_id, DIRECTOR.name) == f"/portal/queue/{review_id}"
    assert "no result yet" in shows(visitor, f"queue/{review_id}")
    service.confirm(review_id, Confirmation.CONCORDANT)
    as_staff(visitor, COUNSELOR.name)
    assert "Next step: portal" in shows(visitor, "disclosures")
    assert visitor.send(f"disclosures/{case_id}/outreach", tried="reached").status_code == 303
    assert "The person answered" in shows(visitor, "disclosures")
    for day in ("2020-01-01", "2099-01-01", "2098-01-01"):
        taken = visitor.send(f"disclosures/{case_id}/appointment", starts_at=f"{day}T10:30", way="phone")
        assert taken.status_code == (422 if day.startswith("2020") else 303)
    assert "Appointment 2098-01-01 10:30 UTC , phone." in shows(visitor, "disclosures")
    assert visitor.send(f"disclosures/{case_id}/outcome", outcome="no_contact_path").status_code == 409
    assert visitor.send(f"disclosures/{case_id}/outcome", outcome="completed").status_code == 303
    pipeline.release_report(service.context, case_id)
    assert service.state("hereditary_risk") is CaseState.AVAILABLE
    assert len(service.rows(OutreachTryRow)) == 1
    assert service.actions("review.read", "outreach.read")
    assert "0 waiting" in shows(visitor, "disclosures")


def test_every_step_to_reach_somebody_and_then_the_end(visitor: Browser) -> None:
    service = visitor.service
    case_id, review_id = service.positive(POSITIVE)
    for name in ROLES:
        sign(visitor, review_id, name)
    service.confirm(review_id)
    as_staff(visitor, COUNSELOR.name)
    assert "No outreach: re contact consent missing" in shows(visitor, "disclosures")
    service.consent(document=DocumentType.RE_CONTACT)
    for step in service.context.policy.outreach_steps:
        service.clock.advance(days=30)
        tried = "no_answer" if step.channel == "call" else "sent"
        assert visitor.send(f"disclosures/{case_id}/outreach", tried=tried).status_code == 303
    assert "the no-contact path may be recorded" in shows(visitor, "disclosures")
    assert visitor.send(f"disclosures/{case_id}/outcome", outcome="no_contact_path").status_code == 303


def test_what_is_refused_is_told_and_nothing_that_was_written_is_lost(visitor: Browser) -> None:
    service = visitor.service
    _, review_id = service.positive(POSITIVE)
    sign(visitor, review_id, COUNSELOR.name, "do_not_report")
    said = sign(visitor, review_id, DIRECTOR.name, "report")
    assert "the first signer decided otherwise" in said
    assert "as the evidence shows" in said
    assert visitor.send(f"queue/{review_id}/return", reason="look at the reads").headers["location"] == "/portal/queue"
    assert service.review().state == ReviewState.RETURNED
    assert visitor.send(f"queue/{review_id}/return", reason="", origin="https://elsewhere.example").status_code == 403
    service.clock.advance(minutes=1)
    service.claim(review_id, COUNSELOR)
    refused = visitor.send(f"queue/{review_id}/claim")
    assert refused.status_code == 409
    Checked(refused.text)
    assert "another person holds this review" in text_of(refused)
    assert "A field is missing" in text_of(visitor.send(f"queue/{review_id}/return", reason=""))
    service.withdraw()
    as_staff(visitor, COUNSELOR.name)
    assert visitor.send(f"queue/{review_id}/sign", disposition="report", reason="late").status_code in {404, 409, 410}


FILTERS = {
    "": True, "?state=&tier=&urgency=&owner=": True, "?owner=nobody": True, "?tier=laboratory_director": True,
    "?owner=me": False, "?overdue=true": False, "?state=closed": False, "?kind=first": True, "?kind=again": False,
    "?why=hereditary_candidate_positive": True, "?why=hereditary_vus_candidate": False,
}  # fmt: skip


def test_filters_are_the_address(visitor: Browser) -> None:
    _, review_id = visitor.service.positive(POSITIVE)
    as_staff(visitor, COUNSELOR.name)
    for filters, listed in FILTERS.items():
        assert (review_id[7:15] in shows(visitor, f"queue{filters}")) is listed, filters
    assert visitor.get("queue?state=nowhere").status_code == 422


def test_a_long_list_has_pages(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "A_PAGE", 1)
    visitor.service.positive(POSITIVE)
    visitor.service.interpreted(FOUR_MEDICINE_GENES, ANOTHER_PERSON)
    as_staff(visitor, COUNSELOR.name)
    first, second = (visitor.get(f"queue{which}") for which in ("?owner=nobody", "?owner=nobody&page=2"))
    assert "2 of 2 reviews; these are 1 to 1" in first.text
    assert "/portal/queue?owner=nobody&amp;page=2" in first.text
    assert "these are 2 to 2" in second.text
    assert 'href="/portal/queue?owner=nobody"' in second.text
    assert "No review matches" in visitor.get("queue?page=3").text


def test_a_pharmacogene_is_decided_by_its_call(visitor: Browser) -> None:
    visitor.service.interpreted(FOUR_MEDICINE_GENES)
    review = visitor.service.review("pharmacogenomics")
    as_staff(visitor, COUNSELOR.name)
    said = shows(visitor, f"queue/{review.review_id}")
    assert "positions were read" in said
    assert "Cannot be reported : there is no single result" in said


def test_how_many_a_variant_concerns_is_not_told_exactly(visitor: Browser) -> None:
    visitor.service.positive(POSITIVE)
    review_id = visitor.service.review().review_id
    as_staff(visitor, DIRECTOR.name)
    assert "samples that were searched" in shows(visitor, f"queue/{review_id}/affected")
    assert visitor.service.actions("variants.affected")
    assert [shown_count(number) for number in (0, 1, 20, 21)] == ["0", *["1 to 20 (not told exactly)"] * 2, "21"]


def test_an_identity_case_is_looked_at_and_resolved(visitor: Browser) -> None:
    service = visitor.service
    for person in (PERSON, ANOTHER_PERSON):
        service.available(participant_id=person)
    case_id = service.identity_case(PERSON, ANOTHER_PERSON)
    as_staff(visitor, DIRECTOR.name)
    assert case_id[-8:] in shows(visitor, "identity")
    assert PERSON in shows(visitor, f"identity/{case_id}")
    assert visitor.send(f"identity/{case_id}/resolve", reason="the tubes are right").status_code == 303
    assert service.rows(IdentityCaseRow)[0].resolved_by == DIRECTOR.name
    assert "There is none" in shows(visitor, "identity")
    assert DIRECTOR.name in shows(visitor, "identity?resolved=true")
    assert "Resolved by" in shows(visitor, f"identity/{case_id}")


def give_up(service: Service) -> None:
    with service.work() as work:
        work.enqueue("release_report", "case-x")
    job = service.job("release_report", "case-x")
    with service.work() as work:
        work.session.merge(job).dead_at = work.at


@pytest.mark.parametrize("happens", [lambda _: None, give_up], ids=["well", "a job gave up"])
def test_an_operator_sees_what_waits_and_nobody_s_name(visitor: Browser, happens: Callable[[Service], None]) -> None:
    visitor.service.positive(POSITIVE)
    happens(visitor.service)
    visitor.enter("operator-1", Role.OPERATOR)
    said = shows(visitor, "operations")
    assert "hereditary risk" in said
    assert ("release report" in said.partition("Jobs that wait")[0]) is (happens is give_up)
    for secret in (PERSON, "BRCA2", "brca2"):
        assert secret not in said
    assert "No judgement" in shows(visitor, "operations/yield?days=30")


def test_a_center_sees_its_own_samples_with_their_reasons(visitor: Browser) -> None:
    service = visitor.service
    service.enroll()
    service.sample(verdict=Verdict.HOLD)
    visitor.enter(CENTER.name, Role.GENOME_CENTER)
    assert f"sample-of-{PERSON}" in shows(visitor, "laboratory")
    assert f"sample-of-{PERSON}" not in shows(visitor, "laboratory?state=read")
    visitor.enter("center-2", Role.GENOME_CENTER)
    assert "No sample." in shows(visitor, "laboratory")


def test_a_center_submits_a_manifest(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.service.register("P-1")
    visitor.enter(CENTER.name, Role.GENOME_CENTER)
    shows(visitor, "laboratory")
    rows = [fields(1, ARRAY), fields(2, ARRAY, specimen="hair")]
    spooled = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda _: spooled.append(1))
    for content, told in (
        (as_csv(rows), ("2 rows: 1 refused, 1 wait for their file", "S-1 accepted awaiting file", "specimen")),
        (as_csv(rows), ("2 rows: 1 refused, 1 wait for their file",)),
        (b"\x89PNG\r\n", ("No row was taken",)),
    ):
        answer = visitor.client.post(
            "/portal/laboratory/manifests",
            files={"manifest": ("week.csv", content)},
            headers={"Origin": visitor.origin},
        )
        assert answer.status_code == 200
        Checked(answer.text)
        said = text_of(answer)
        assert all(each in said for each in told), said
    large = visitor.client.post(
        "/portal/laboratory/manifests",
        files={"manifest": ("week.csv", b"x" * problems.LARGEST_BODY)},
        headers={"Origin": visitor.origin},
    )
    assert large.status_code in {400, 413}
    assert not spooled, "no manifest lies in a temporary file"
    assert len(visitor.service.actions("sample.submit")) == 1


def test_a_claim_is_given_up_and_notes_stay(visitor: Browser) -> None:
    service = visitor.service
    _, review_id = service.positive(POSITIVE)
    as_staff(visitor, COUNSELOR.name)
    visitor.send(f"queue/{review_id}/claim")
    assert "Give up the claim" in shows(visitor, f"queue/{review_id}")
    as_staff(visitor, DIRECTOR.name)
    assert visitor.send(f"queue/{review_id}/release").status_code == 409
    assert visitor.send(f"queue/{review_id}/notes", text="the second read group is thin").status_code == 303
    as_staff(visitor, COUNSELOR.name)
    assert visitor.send(f"queue/{review_id}/release").status_code == 303
    assert visitor.send(f"queue/{review_id}/notes", text=" ").status_code == 422
    said = shows(visitor, f"queue/{review_id}")
    assert f"{DIRECTOR.name}, laboratory director: the second read group is thin" in said
    assert "Nobody signed yet" in said
    assert service.actions("review.release", "review.note")
    for change in ("UPDATE review_notes SET text = ''", "DELETE FROM review_notes"):
        with service.context.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.exec_driver_sql(change)


def test_filters_are_kept_under_a_name_of_ones_own(visitor: Browser) -> None:
    _, review_id = visitor.service.positive(POSITIVE)
    as_staff(visitor, COUNSELOR.name)
    kept = visitor.send("queue/filters", name="Free & urgent", query="state=&owner=nobody&overdue=")
    assert kept.headers["location"] == "/portal/queue?owner=nobody"
    visitor.send("queue/filters", name="Late", query="overdue=true")
    page = visitor.get("queue")
    Checked(page.text)
    assert 'href="/portal/queue?owner=nobody">Free &amp; urgent' in page.text
    assert 'href="/portal/queue?overdue=true">Late' in page.text
    assert review_id[7:15] in shows(visitor, "queue?owner=nobody")
    assert visitor.send("queue/filters", name="Wrong", query="owner=everybody").status_code == 422
    as_staff(visitor, DIRECTOR.name)
    assert "urgent</a>" not in visitor.get("queue").text
    visitor.send("queue/filters/delete", name="Late")
    as_staff(visitor, COUNSELOR.name)
    assert "Late</a>" in visitor.get("queue").text
    visitor.send("queue/filters/delete", name="Late")
    assert "Late</a>" not in visitor.get("queue").text
    for number in range(saved_filters.MOST - 1):
        assert visitor.send("queue/filters", name=f"number {number}").status_code == 303
    assert visitor.send("queue/filters", name="one too many").status_code == 409


def test_decisions_on_returned_results_are_listed_apart(visitor: Browser, tmp_path: Path) -> None:
    service = visitor.service
    with running_partner(service, tmp_path / "partner"):
        model = type("Machine", (VersionMachine,), {"service": service, "seen": Counter()})()
        model.begin("nothing")
        model.reanalyze("one", FollowUp.REVIEW)
    review_id = service.review("hereditary_risk", model.person).review_id
    as_staff(visitor, COUNSELOR.name)
    assert "decided again: " in shows(visitor, "queue?kind=again")
    assert review_id[7:15] in shows(visitor, "queue?kind=again")
    assert review_id[7:15] not in shows(visitor, "queue?kind=first")
