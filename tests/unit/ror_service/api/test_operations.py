"""Health, jobs and the audit chain; and that an answer never comes before its commit."""

import inspect
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text
from support.api import Api, problem_of, running_api
from support.consent_facts import PERSON
from support.service import Service, running_partner, running_service

from ror_service.api import labs, operations, partners, people, reviews
from ror_service.api.app import create_app
from ror_service.api.tokens import Role
from ror_service.delivery import reconciliation
from ror_service.errors import UnsafeConfigurationError
from ror_service.storage import jobs, migrations
from ror_service.storage.tables import JobRow, PartnerBreakerRow
from ror_service.work import Work
from ror_service.worker import relay


def test_a_process_that_answers_is_alive_whatever_the_database_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.service.context.engine, "connect", lambda: pytest.fail("nothing is asked of the database"))
    assert api.client.get("/health").json() == {"status": "ok"}


def test_readiness_tells_codes_to_everyone_and_figures_to_operators(api: Api) -> None:
    api.service.interpreted()
    with api.service.work() as work:
        jobs.open_jobs(work.session)[0].dead_at = work.at
        work.enqueue("release_report", "case-1")
    api.service.clock.advance(seconds=4000)
    answer = api.client.get("/health/ready")
    assert answer.status_code == 200, "what an operator must look at takes no API out of service"
    assert answer.json() == {"status": "degraded", "reasons": ["jobs_wait", "nothing_claimed", "jobs_dead"]}
    health = api.get(Role.OPERATOR, "/v1/health").json()
    assert (health["status"], health["figures"]["waiting_seconds"], health["figures"]["dead_jobs"]) == (
        "degraded",
        4000.0,
        1,
    )
    assert PERSON not in str(health)


def test_a_service_that_cannot_work_is_not_ready(api: Api) -> None:
    with api.service.context.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = api.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "not_ready", "reasons": ["schema_differs"]})


def test_a_service_without_its_database_is_not_ready(api: Api) -> None:
    with api.service.context.engine.begin() as connection:
        connection.execute(text("DROP TABLE jobs"))
        connection.execute(text("DROP TABLE alembic_version"))
    answer = api.client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert api.get(Role.OPERATOR, "/v1/health").json()["figures"] == {}


def test_an_operator_sees_what_waits_and_what_gave_up(api: Api) -> None:
    for person in (PERSON, "P-0002"):
        api.service.interpreted(participant_id=person)
    with api.service.work() as work:
        (job, *_) = jobs.open_jobs(work.session)
        job.dead_at = work.at
        job.last_error = "delivery_refused"
    rows = api.get(Role.OPERATOR, "/v1/jobs").json()
    assert len(rows) == len(api.service.rows(JobRow))
    assert (rows[0]["dead"], rows[0]["last_error"], rows[-1]["dead"]) == (True, "delivery_refused", False)
    assert PERSON not in str(rows)
    assert api.client.get("/health/ready").json()["reasons"] == ["jobs_dead"]


def test_metrics_count_and_name_nobody(api: Api) -> None:
    service = api.service
    service.interpreted()
    with service.work() as work:
        work.enqueue("extract_sample", "sample-1", backfill=True)
        work.enqueue("release_report", "case-1")
    service.clock.advance(seconds=90)
    answer = api.get(Role.OPERATOR, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels, reverse=True))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["ror_jobs_waiting", "extract", "backfill"] == 1
    assert found["ror_jobs_waiting", "extract", "weekly"] == found["ror_jobs_dead", "release", "weekly"] == 0
    assert found["ror_jobs_oldest_waiting_seconds", "extract", "backfill"] == 90
    assert found["ror_jobs_oldest_waiting_seconds", "fetch", "weekly"] == 0
    assert found["ror_outbox_age_seconds",] == 90
    assert found["ror_store_free_bytes",] > 0
    assert found["ror_samples", "read", "center-1"] == 1
    assert found["ror_schema_is_expected",] == 1
    assert found["ror_reviews_overdue",] == found["ror_identity_cases_open",] == found["ror_recall_age_seconds",] == 0
    assert not [word for word in (PERSON, "sample-1", "case-1") if word in answer.text]


def test_metrics_tell_of_partners_and_of_checkpoints_that_cannot_be_read(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with (
        running_service(tmp_path / "service", audit_checkpoints=str(place)) as service,
        running_partner(service, tmp_path / "partner"),
        running_api(service) as api,
    ):
        with service.work() as work:
            partner = service.context.partners(work)[0].partner_id
            work.session.add(PartnerBreakerRow(partner_id=partner, failures=5, paused_until=work.at + timedelta(1)))
            reconciliation.settle(work, partner, (), work.at)
        service.clock.advance(seconds=60)
        place.mkdir()
        (place / f"checkpoint-{1:015d}.jws").write_text("not signed")
        told = api.get(Role.OPERATOR, "/metrics").text
        assert f'ror_partner_paused{{partner="{partner}"}} 1.0' in told
        assert f'ror_ledger_compared_age_seconds{{partner="{partner}"}} 60.0' in told
        assert f'ror_ledger_differences{{partner="{partner}"}} 0.0' in told
        assert "ror_audit_unsigned_age_seconds +Inf" in told


def test_the_auditor_verifies_the_chain_and_is_told_the_first_broken_row(api: Api) -> None:
    api.service.register()
    answer = api.get(Role.AUDITOR, "/v1/audit/verification").json()
    assert answer["events"] == len(api.service.actions())
    assert len(answer["head"]) == 64
    assert (answer["checkpoints"], answer["checkpoint_event"]) == (0, 0)
    with api.service.context.engine.begin() as connection:
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit_events SET actor = 'nobody' WHERE sequence = 2"))
    broken = api.get(Role.AUDITOR, "/v1/audit/verification")
    assert problem_of(broken) == (500, "audit_failed")
    assert "audit event 2" in broken.json()["detail"]


def test_the_auditor_is_told_what_a_checkpoint_shows(tmp_path: Path) -> None:
    with running_service(tmp_path / "service", audit_checkpoints=str(tmp_path / "second-place")) as service:
        service.register()
        relay.keep_checkpoint(service.context)
        with running_api(service) as api:
            answer = api.get(Role.AUDITOR, "/v1/audit/verification").json()
            assert (answer["checkpoints"], answer["checkpoint_event"]) == (1, answer["events"])
            with service.context.engine.begin() as connection:
                connection.execute(text("DROP TRIGGER append_only_audit_events_delete"))
                connection.execute(text("DELETE FROM audit_events"))
            cut_off = api.get(Role.AUDITOR, "/v1/audit/verification")
            assert problem_of(cut_off) == (500, "audit_failed")
            assert "audit event 1 is missing: the log ends before it" in cut_off.json()["detail"]


def test_the_api_does_not_start_on_another_schema(service: Service) -> None:
    migrations.downgrade(service.context.engine, "0001")
    with pytest.raises(UnsafeConfigurationError, match="ror db upgrade"):
        create_app(service.context)


def full_disk(_connection: object) -> None:
    raise RuntimeError("the disk is full")


def test_a_change_that_cannot_be_committed_is_never_answered_as_done(api: Api) -> None:
    api.service.register()
    event.listen(api.service.context.engine, "commit", full_disk)
    answer = api.post(Role.PARTICIPANT, f"/v1/participants/{PERSON}/withdrawal")
    event.remove(api.service.context.engine, "commit", full_disk)
    assert problem_of(answer) == (500, "internal")
    assert api.service.actions("participant.standing") == []


def test_a_transaction_held_by_a_dependency_would_be_answered_as_done(api: Api) -> None:
    def held() -> Iterator[Work]:
        with api.service.work() as work:
            yield work

    @api.app.post("/v1/held")
    def handler(work: Annotated[Work, Depends(held)]) -> None:
        work.session.execute(text("SELECT 1"))

    event.listen(api.service.context.engine, "commit", full_disk)
    assert api.client.post("/v1/held").status_code == 200
    event.remove(api.service.context.engine, "commit", full_disk)


def test_no_dependency_of_a_route_holds_a_transaction() -> None:
    routes = [route for module in (labs, operations, partners, people, reviews) for route in module.router.routes]
    dependencies = [dependency.call for route in routes for dependency in route.dependant.dependencies]
    assert len(routes) >= 24
    assert len(dependencies) >= 24
    assert not any(inspect.isgeneratorfunction(dependency) for dependency in dependencies)
