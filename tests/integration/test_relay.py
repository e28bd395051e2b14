"""The relay: it rests when nothing is due, comes at once when work was ordered, and outlives what fails."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.stack import TESTER, wait_until

from ror_service.context import ServiceContext
from ror_service.settings import Settings
from ror_service.storage import jobs, migrations
from ror_service.worker import relay
from ror_service.worker.celery_app import make_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServiceContext]:
    made = ServiceContext(Settings(home=tmp_path))
    migrations.upgrade(made.engine)
    yield made
    made.close()


class _Rounds:
    """Stands in for one round: counts, and fails as told."""

    def __init__(self, failures: int = 0) -> None:
        self.count = 0
        self._failures = failures
        self.relay_once = relay.relay_once

    def __call__(self, *arguments: object) -> int:
        self.count += 1
        if self.count <= self._failures:
            raise ConnectionRefusedError
        return self.relay_once(*arguments)  # type: ignore[arg-type]


@pytest.fixture
def running(context: ServiceContext) -> Iterator[threading.Event]:
    """Stops the relay that the test starts with `_start`."""
    stop = threading.Event()
    yield stop
    stop.set()
    context.work_ordered.set()


def _start(context: ServiceContext, stop: threading.Event) -> None:
    threading.Thread(target=relay.run, args=(context, make_app(context), stop), daemon=True).start()


def test_a_relay_with_nothing_to_do_rests(
    context: ServiceContext, running: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = _Rounds()
    monkeypatch.setattr(relay, "relay_once", rounds)
    monkeypatch.setattr(relay, "ROUND_SECONDS", 0.2)
    began = time.monotonic()
    _start(context, running)
    wait_until(lambda: rounds.count == 3, "three rounds", seconds=60)
    assert time.monotonic() - began >= 0.4, "its own commits do not wake it"


def test_a_relay_comes_at_once_when_work_is_ordered_here(
    context: ServiceContext, running: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ROUND_SECONDS", 3600)
    _start(context, running)
    with context.transaction(TESTER) as work:
        work.enqueue("interpret_sample", "nobody's")

    def tried() -> bool:
        with context.transaction(TESTER) as work:
            return any(job.attempts for job in jobs.open_jobs(work.session))

    wait_until(tried, "the job was tried", seconds=60)


def test_a_relay_outlives_a_broker_that_cannot_be_reached(
    context: ServiceContext,
    running: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rounds = _Rounds(failures=1)
    monkeypatch.setattr(relay, "relay_once", rounds)
    monkeypatch.setattr(relay, "ROUND_SECONDS", 0.05)
    _start(context, running)
    wait_until(lambda: rounds.count > 1, "a round after the failure", seconds=60)
    assert [record.code for record in caplog.records if record.message == "relay failed"] == ["ConnectionRefusedError"]
