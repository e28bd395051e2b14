"""Commands over reviews, consent, audit and jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.consent_facts import PERSON
from support.service import FOUR_MEDICINE_GENES, POSITIVE, Service, running_partner

from ror_service.delivery import breaker
from ror_service.delivery.breaker import OPENS_AFTER
from ror_service.sandbox.partner_faults import Fault
from ror_service.storage import jobs, results
from ror_service.storage.tables import DeliveryRow, RecallRow

Ror = Callable[..., Any]
Refused = Callable[..., str]
ANNE = ("--as", "anne", "--role", "genetic_counselor")
BERT = ("--as", "bert", "--role", "laboratory_director")
WHY = ("--reason", "as seen")


@pytest.fixture
def review(home: Service) -> str:
    return home.positive()[1]


def test_a_review_is_worked_by_two_people(ror: Ror, home: Service, review: str) -> None:
    assert review in ror("reviews", "list").out
    shown = ror("reviews", "show", review, *ANNE).out
    assert POSITIVE.findings[0].gene in shown
    assert "To decide: 1, with one --decide for each in this order\n  1. BRCA2: report or do_not_report\n" in shown
    packet = shown.partition("Evidence on BRCA2\n")[2]
    for line in (
        f"participant id: {PERSON}",
        "is minor: no",
        "sex checks: not available",
        "alignment_view",
        "decisions:\n      - none\n",
        "plain language, es: Usted tiene",
        "criteria: PVS1 +8, PS1 +4, ",
        "signatures: none",
    ):
        assert line in packet
    assert "  Not available: identity.sex_checks, " in packet
    for signer in (ANNE, BERT):
        assert f"{review} is {signer[1]}'s until" in ror("reviews", "claim", review, *signer).out
        assert ror("reviews", "sign", review, *signer, *WHY, "--decide", "report").out == f"Signed by {signer[1]}.\n"
    assert home.state("hereditary_risk") == "confirming"
    assert {event.actor for event in home.actions("review.read")} == {"anne", "bert"}


def test_each_uncertain_medicine_gene_is_shown_and_decided_on(ror: Ror, refused: Refused, home: Service) -> None:
    home.interpreted(FOUR_MEDICINE_GENES)
    review_id = home.review("pharmacogenomics").review_id
    shown = ror("reviews", "show", review_id, *ANNE).out.partition("To decide: 3,")[2].splitlines()[1:]
    assert [line.strip() for line in shown[:10]] == [
        "1. CYP2C19: report or do_not_report",
        "top-scored: *2/*17, Intermediate Metabolizer",
        "fits the data: not known (no phenotype)",
        "35 of 36 positions read",
        "reasons: unread_alleles_change_phenotype",
        "2. NUDT15: do_not_report only",
        "top-scored: *2/*9, Poor Metabolizer or Indeterminate",
        f"fits the data: {', '.join(f'*2/*{n}' for n in range(3, 23))} and 17 more (Indeterminate, Poor Metabolizer)",
        "35 of 36 positions read",
        "reasons: ambiguous_phenotype",
    ]
    ror("reviews", "claim", review_id, *ANNE)
    report = ("--decide", "report")
    assert "finding 2 has no single result" in refused("reviews", "sign", review_id, *ANNE, *WHY, *report * 3)
    ror("reviews", "sign", review_id, *ANNE, *WHY, *report, "--decide", "do_not_report", *report)
    assert home.state("pharmacogenomics") == "signed_off"


def test_a_review_goes_back_with_a_reason(ror: Ror, refused: Refused, review: str) -> None:
    ror("reviews", "claim", review, *ANNE)
    assert refused("reviews", "return", review, *ANNE, "--reason", " ").startswith("invalid_input: ")
    assert "back in the queue" in ror("reviews", "return", review, *ANNE, *WHY).out


def test_what_the_queue_refuses(refused: Refused, ror: Ror, review: str) -> None:
    assert refused("reviews", "sign", review, *ANNE, *WHY, "--decide", "report").startswith("forbidden: claim")
    ror("reviews", "claim", review, *ANNE)
    assert refused("reviews", "claim", review, *BERT).startswith("conflict: ")
    assert refused("reviews", "sign", review, *ANNE, *WHY).startswith("invalid_input: ")
    assert refused("reviews", "show", "review-9", *ANNE).startswith("not_found: ")


def test_nobody_else_opens_the_evidence(ror: Ror, home: Service, review: str) -> None:
    assert ror("reviews", "show", review, "--as", "olga", "--role", "operator").status == 2
    assert home.actions("review.read") == []


def test_the_gate_explains_itself_and_asking_is_audited(ror: Ror, refused: Refused, home: Service) -> None:
    home.interpreted()
    shown = ror("consent", "explain", PERSON).out
    assert "traits: release" in shown
    assert "ancestry: withhold" in shown
    assert "interpretation_pending" in shown
    (event,) = home.actions("consent.explain")
    assert (event.actor, event.participant_id) == ("command-line", PERSON)
    assert refused("consent", "explain", "P-9") == "not_found: no such participant"


def test_the_audit_chain(ror: Ror, refused: Refused, home: Service) -> None:
    home.register()
    assert f"The chain holds: {len(home.actions())} events, last hash " in ror("audit", "verify").out
    with home.context.engine.begin() as connection:
        triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'")
        for (name,) in connection.execute(triggers).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit_events SET action = 'nothing' WHERE sequence = 3"))
    assert refused("audit", "verify") == "audit_failed: audit event 3 was changed after it was written"


def test_checkpoints_of_the_audit_chain(
    ror: Ror, refused: Refused, home: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home.register()
    assert "No checkpoints, since ROR_AUDIT_CHECKPOINTS is not set" in ror("audit", "verify").out
    assert refused("audit", "checkpoint").startswith("unsafe_configuration: ROR_AUDIT_CHECKPOINTS")
    monkeypatch.setenv("ROR_AUDIT_CHECKPOINTS", str(tmp_path / "second-place"))
    assert "since none is kept yet" in ror("audit", "verify").out
    count = len(home.actions())
    assert ror("audit", "checkpoint").out == f"Kept: event {count}.\n"
    assert ror("audit", "checkpoint").out == "Nothing was written since the newest one.\n"
    home.enroll(modules=("traits",))
    newer = len(home.actions()) - count
    assert "Checkpoints: 1, each signed and in the log. The newest is of 20" in ror("audit", "verify").out
    assert f"names event {count}; {newer} events are newer" in ror("audit", "verify").out
    earlier = tmp_path / "audit-keys.json"
    earlier.write_text(ror("keys", "publish", "--audit").out)
    (home.context.settings.keys / "audit.key").unlink()
    assert "not trusted" in refused("audit", "verify")
    assert "Checkpoints: 1" in ror("audit", "verify", "--keys", earlier).out
    assert refused("audit", "verify", "--keys", tmp_path).startswith(f"bad_signature: {tmp_path}: cannot be read")
    with home.context.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER append_only_audit_events_delete"))
        connection.execute(text(f"DELETE FROM audit_events WHERE sequence >= {count}"))
    assert f"audit event {count} is missing" in refused("audit", "verify", "--keys", earlier)


def test_a_job_that_gave_up_is_shown_and_tried_again(ror: Ror, refused: Refused, home: Service) -> None:
    for person in (PERSON, "P-0002"):
        home.interpreted(participant_id=person)
    with home.work() as work:
        job, *_ = jobs.open_jobs(work.session)
        job.dead_at = work.at
        job.last_error = "delivery_refused"
    shown = ror("deliveries", "show").out
    assert job.job_id in shown
    assert "needs an operator" in shown
    assert "waits" in shown
    assert ror("deliveries", "retry", job.job_id).out == f"{job.job_id} will run again.\n"
    assert "needs an operator" not in ror("deliveries", "show").out
    assert [event.object_id for event in home.actions("job.retry")] == [job.job_id]
    for wrong in (job.job_id, "job-9"):
        assert refused("deliveries", "retry", wrong).startswith(f"not_found: there is no job {wrong} that gave up")


def test_a_partner_that_does_not_answer_and_one_that_differs_are_shown(ror: Ror, home: Service, tmp_path: Path) -> None:
    with running_partner(home, tmp_path / "partner") as partner:
        partner_id = partner.registration.partner_id
        assert "never" in ror("deliveries", "show").out
        home.available()
        home.run_jobs()
        agreed = ror("deliveries", "reconcile")
        assert (agreed.status, agreed.out) == (0, f"{partner_id}: 1 deliveries, 1 entries in its ledger\n")
        with home.work() as work:
            work.session.get_one(DeliveryRow, home.delivery().delivery_id).manifest_sha256 = "0" * 64
            for _ in range(OPENS_AFTER):
                breaker.failed(work, partner_id, lambda: 0.0)
        differing = ror("deliveries", "reconcile")
        assert differing.status == 1
        for told in ("other_content", home.delivery().delivery_id, "needs an operator"):
            assert told in differing.out
        (line,) = [line for line in ror("deliveries", "show").out.splitlines() if partner_id in line]
        partner_line = [cell.strip() for cell in line.strip("│").split("│")]
        assert partner_line[2:5] == ["1", "1", str(OPENS_AFTER)]
        assert partner_line[5], "left alone until"


def test_withdrawals_are_listed_until_they_are_certified_and_overdue_ones_fail(
    ror: Ror, refused: Refused, home: Service, tmp_path: Path
) -> None:
    with running_partner(home, tmp_path / "partner") as partner:
        home.available()
        home.run_jobs()
        partner.faults.next(Fault.INTERNAL_ERROR)
        home.withdraw()
        _due_in(home, days=20_000)
        assert "sandbox-partner: ordered\n  certificate: not yet" in ror("withdrawal", "show", PERSON).out
        assert "programme" in ror("withdrawal", "list").out
        assert "programme" not in ror("withdrawal", "list", "--overdue").out
        _due_in(home, days=-400)
        ran = ror("withdrawal", "list", "--overdue")
        assert (ran.status, "sandbox-partner" in ran.out) == (1, True)
        home.run_jobs()
        home.clock.advance(hours=5)
        home.run_jobs()
        assert "programme" not in ror("withdrawal", "list").out
        shown = ror("withdrawal", "show", PERSON).out
        assert "sandbox-partner: certified\n  certificate: ey" in shown
    assert "not_found" in refused("withdrawal", "show", "P-9")
    assert len(home.actions("withdrawal.read")) == 2


def _due_in(home: Service, days: int) -> None:
    (recall,) = home.rows(RecallRow)
    with home.work() as work:
        results.must_get(work.session, RecallRow, recall.recall_id).due_at = work.at + timedelta(days=days)
