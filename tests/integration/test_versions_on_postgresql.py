"""The versions of a report on PostgreSQL, for people who see only the rows that they may."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from support.consent_facts import PERSON
from support.service import COUNSELOR, DIRECTOR, POSITIVE, LimitedService, limited_service, running_partner
from support.version_model import VersionMachine
from typer.testing import CliRunner

from consent.types import Confirmation
from ror_service.cli import reports as commands
from ror_service.review.queue import Disposition
from ror_service.states import VersionState
from ror_service.storage.tables import ReportVersionRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import PostgresServer


@pytest.fixture
def limited(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[LimitedService]:
    with (
        postgres_server.database() as url,
        limited_service(tmp_path / "service", url) as service,
        running_partner(service, tmp_path / "partner"),
    ):
        yield service


def test_every_promise_holds_in_every_order(limited: LimitedService) -> None:
    seen: Counter[str] = Counter()
    run_state_machine_as_test(
        type("Machine", (VersionMachine,), {"service": limited, "seen": seen}),
        settings=settings(
            max_examples=2,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # shortening a failure takes minutes here; the model on SQLite does it
        ),
    )
    assert seen["steps"] > 0


def test_what_was_confirmed_is_not_confirmed_again(limited: LimitedService) -> None:
    model = type("Machine", (VersionMachine,), {"service": limited, "seen": Counter()})()
    model.begin("two", then="one")
    versions = limited.rows(ReportVersionRow)
    assert [version.state for version in versions] == [VersionState.SUPERSEDED, VersionState.RELEASED]
    model.teardown()


def test_an_operator_s_commands_find_the_report(limited: LimitedService, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id, review_id = limited.positive(POSITIVE)
    for signer in (COUNSELOR, DIRECTOR):
        limited.sign_evidence(review_id, signer, Disposition.REPORT)
    limited.confirm(review_id, Confirmation.CONCORDANT)
    limited.disclose(case_id)
    limited.run_jobs()

    @contextmanager
    def service() -> Iterator[object]:
        yield limited.context

    monkeypatch.setattr(commands, "service", service)

    def said(*words: str) -> str:
        result = CliRunner().invoke(commands.group, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    director = ("--as", DIRECTOR.name, "--role", "laboratory_director")
    which = (PERSON, "hereditary_risk")
    assert "original" in said("versions", *which, *director)
    note = ("note", "--reason", "asked", "--en", "We looked again.", "--es", "Volvimos a mirar.")
    said("add", *which, *note, *director)
    limited.run_jobs()
    assert "addendum" in said("versions", *which, *director)
    said("withdraw", *which, "--as", DIRECTOR.name, "--fault", "wrong_rule", "--reason", "wrong")
    assert {version.state for version in limited.rows(ReportVersionRow)} == {VersionState.WITHDRAWN}
