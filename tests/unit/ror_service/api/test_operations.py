"""Health, jobs and the audit chain; and that an answer never comes before its commit."""

from __future__ import annotations

import inspect

import pytest
from sqlalchemy import text
from support.api import Api, problem_of
from support.consent_facts import PERSON
from support.service import Service

from ror_service.api.app import create_app
from ror_service.api.tokens import Role
from ror_service.errors import UnsafeConfigurationError
from ror_service.storage import jobs, migrations
from ror_service.storage.tables import JobRow


def test_health_tells_how_long_jobs_wait_and_nothing_else(api: Api) -> None:
    assert api.client.get("/health").json() == {
        "status": "ok", "open_jobs": 0, "dead_jobs": 0, "oldest_open_job_seconds": 0.0,
    }  # fmt: skip
    api.service.interpreted()
    api.service.clock.advance(seconds=90)
    health = api.client.get("/health").json()
    assert (health["open_jobs"] > 0, health["oldest_open_job_seconds"]) == (True, 90.0)
    assert PERSON not in str(health)


def test_an_operator_sees_what_waits_and_what_gave_up(api: Api) -> None:
    api.service.interpreted()
    with api.service.work() as work:
        (job, *_) = jobs.open_jobs(work.session)
        job.dead_at = work.at
        job.last_error = "delivery_refused"
    rows = api.get(Role.OPERATOR, "/v1/jobs").json()
    assert len(rows) == len(api.service.rows(JobRow))
    assert (rows[0]["dead"], rows[0]["last_error"], rows[-1]["dead"]) == (True, "delivery_refused", False)
    assert PERSON not in str(rows)
    assert api.client.get("/health").json()["dead_jobs"] == 1


def test_the_auditor_verifies_the_chain_and_is_told_the_first_broken_row(api: Api) -> None:
    api.service.register()
    answer = api.get(Role.AUDITOR, "/v1/audit/verification").json()
    assert answer["events"] == len(api.service.actions())
    assert len(answer["head"]) == 64
    with api.service.context.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER IF EXISTS audit_events_append_only_update"))
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit_events SET actor = 'nobody' WHERE sequence = 2"))
    broken = api.get(Role.AUDITOR, "/v1/audit/verification")
    assert problem_of(broken) == (500, "audit_failed")
    assert "audit event 2" in broken.json()["detail"]


def test_the_api_does_not_start_on_another_schema(service: Service) -> None:
    migrations.downgrade(service.context.engine, "0001")
    with pytest.raises(UnsafeConfigurationError, match="ror db upgrade"):
        create_app(service.context)


def test_a_change_that_cannot_be_committed_is_never_answered_as_done(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.service.register()
    real = api.service.context.transaction

    class Failing:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def __enter__(self) -> object:
            return self.inner.__enter__()

        def __exit__(self, *facts: object) -> None:
            self.inner.__exit__(RuntimeError, RuntimeError("the disk is full"), None)

    monkeypatch.setattr(api.service.context, "transaction", lambda actor: Failing(real(actor)))
    answer = api.post(Role.PARTICIPANT, f"/v1/participants/{PERSON}/withdrawal")
    assert problem_of(answer) == (500, "internal")


def test_no_dependency_holds_a_transaction_open_behind_a_handler(api: Api) -> None:
    held = [
        dependency.call
        for route in api.app.routes
        if hasattr(route, "dependant")
        for dependency in route.dependant.dependencies
        if inspect.isgeneratorfunction(dependency.call)
    ]
    assert held == []
