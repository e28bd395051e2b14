"""The relay: one message for each due job, again for what was lost; and the Celery application that it feeds."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from celery import Celery
from celery.signals import worker_process_init
from sqlalchemy import text
from support.service import Service, running_service

from ror_service import pipeline
from ror_service.errors import UnsafeConfigurationError
from ror_service.storage import jobs
from ror_service.storage.tables import JobRow
from ror_service.worker import relay
from ror_service.worker.celery_app import make_app, worker_app


@pytest.fixture
def with_broker(tmp_path: Path) -> Service:
    """A service with a broker in memory: messages wait there, nothing runs."""
    with running_service(tmp_path / "service", broker_url="memory://relay-test") as running:
        yield running


def _order(service: Service, *subjects: str) -> None:
    with service.work() as work:
        for subject in subjects:
            work.enqueue("release_report", subject)


def _messages(app: Celery) -> list[str]:
    """Job ids of the messages that wait, taken from the queue."""
    found = []
    with app.connection_for_read() as connection, connection.SimpleQueue("release") as queue:
        while queue.qsize():
            message = queue.get_nowait()
            found.append(message.payload[0][0])
            message.ack()
    return found


def test_a_job_gets_one_message_that_holds_its_id_alone(with_broker: Service) -> None:
    app = make_app(with_broker.context)
    _order(with_broker, "case-1", "case-2")
    assert relay.relay_once(with_broker.context, app) == 2
    assert relay.relay_once(with_broker.context, app) == 0
    assert sorted(_messages(app)) == sorted(row.job_id for row in with_broker.rows(JobRow))


def test_a_message_that_was_lost_is_sent_again_after_the_lease(with_broker: Service) -> None:
    app = make_app(with_broker.context)
    _order(with_broker, "case-1")
    relay.relay_once(with_broker.context, app)
    first = _messages(app)
    with_broker.clock.advance(seconds=with_broker.context.settings.lease_seconds - 1)
    assert relay.relay_once(with_broker.context, app) == 0
    with_broker.clock.advance(seconds=1)
    assert relay.relay_once(with_broker.context, app) == 1
    assert _messages(app) == first


def test_a_job_whose_worker_died_is_sent_again(with_broker: Service) -> None:
    app = make_app(with_broker.context)
    _order(with_broker, "case-1")
    relay.relay_once(with_broker.context, app)
    (job,) = with_broker.rows(JobRow)
    lease = with_broker.context.settings.lease_seconds
    with_broker.clock.advance(seconds=lease - 1)
    with with_broker.work() as work:
        claimed = jobs.claim(work.session, job.job_id, work.at, with_broker.clock.now - job.created_at)
        assert claimed is not None
    with_broker.clock.advance(seconds=2)
    assert relay.relay_once(with_broker.context, app) == 0, "somebody works on it"
    with_broker.clock.advance(seconds=lease)
    assert relay.relay_once(with_broker.context, app) == 1


def test_draining_in_process_does_all_the_work_there_is(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def step(_context: object, subject: str) -> None:
        ran.append(subject)
        if subject == "case-1":
            _order(service, "case-2")

    monkeypatch.setitem(pipeline.STEPS, "release_report", step)
    _order(service, "case-1")
    relay.drain(service.context, make_app(service.context))
    assert ran == ["case-1", "case-2"]
    assert all(row.done_at for row in service.rows(JobRow))


def test_running_relays_until_it_is_told_to_stop(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    monkeypatch.setattr(relay, "ROUND_SECONDS", 0.01)
    monkeypatch.setitem(pipeline.STEPS, "release_report", lambda *_: stop.set())
    _order(service, "case-1")
    running = threading.Thread(target=relay.run, args=(service.context, make_app(service.context), stop))
    running.start()
    running.join(timeout=30)
    assert not running.is_alive()
    assert all(row.done_at for row in service.rows(JobRow))


def test_a_round_that_fails_stops_nothing_and_tells_only_its_class(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, rounds = threading.Event(), []

    def fail_once(*_: object) -> int:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise ConnectionError("broker at 10.0.0.1, message about P-0001")
        stop.set()
        return 0

    monkeypatch.setattr(relay, "ROUND_SECONDS", 0.01)
    monkeypatch.setattr(relay, "relay_once", fail_once)
    relay.run(service.context, make_app(service.context), stop)
    assert rounds == [0, 1]
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert "ConnectionError" in told
    assert "P-0001" not in told


def test_running_keeps_checkpoints_of_the_audit_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, place = threading.Event(), tmp_path / "second-place"
    monkeypatch.setitem(pipeline.STEPS, "release_report", lambda *_: stop.set())
    with running_service(tmp_path / "service", audit_checkpoints=str(place)) as service:
        service.register()
        _order(service, "case-1")
        events = len(service.actions())
        relay.run(service.context, make_app(service.context), stop)
        assert [file.name for file in place.iterdir()] == [f"checkpoint-{events:015d}.jws"]


def test_a_checkpoint_that_fails_is_told_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_service(tmp_path / "service", audit_checkpoints=str(tmp_path / "second-place")) as service:
        service.register()
        with service.context.engine.begin() as connection:
            connection.execute(text("DROP TRIGGER append_only_audit_events_update"))
            connection.execute(text("UPDATE audit_events SET actor = 'nobody'"))
        (chore,) = [chore for chore in relay.chores(service.context) if chore.name == "checkpoint"]
        chore.do_if_due()
        chore.do_if_due()
    assert not (tmp_path / "second-place").exists()
    (told,) = caplog.records
    assert (told.levelname, told.task, told.code) == ("ERROR", "checkpoint", "AuditError"), (
        "once, until it is due again"
    )


def test_the_application_is_careful_with_messages(with_broker: Service) -> None:
    conf = make_app(with_broker.context).conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert not conf.task_always_eager
    assert conf.accept_content == ["json"]
    queues = {name: route["queue"] for name, route in conf.task_routes.items()}
    assert queues == {
        "fetch_file": "fetch", "extract_sample": "extract", "interpret_sample": "interpret",
        "release_report": "release", "deliver_report": "deliver", "recall_delivery": "recall", "erase_files": "erase",
        "reconcile_partner": "reconcile", "certify_withdrawal": "certify", "offer_again": "offer",
        "erase_kept": "erase",
    }  # fmt: skip
    assert set(pipeline.STEPS) <= set(make_app(with_broker.context).tasks)


def test_publishing_to_rabbitmq_is_confirmed(tmp_path: Path) -> None:
    with running_service(tmp_path / "service", broker_url="amqp://broker.example") as running:
        assert make_app(running.context).conf.broker_transport_options == {"confirm_publish": True}


def test_a_worker_takes_its_settings_from_the_environment_and_reconnects_after_a_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path))
    monkeypatch.setenv("ROR_BROKER_URL", "memory://worker-test")
    monkeypatch.setattr(worker_process_init, "receivers", [])
    with running_service(tmp_path):  # brings the schema that a worker asks for
        app = worker_app()
    assert not app.conf.task_always_eager
    assert len(worker_process_init.receivers) == 1
    worker_process_init.send(sender=None)


def test_a_worker_refuses_an_option_that_its_module_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path))
    monkeypatch.setenv("ROR_BROKER_URL", "memory://worker-test")
    monkeypatch.setattr(worker_process_init, "receivers", [])
    with running_service(tmp_path):
        monkeypatch.setenv("ROR_MODULE_OPTIONS", '{"pharmacogenomics": {"genes": "programme"}}')
        worker_app()
        monkeypatch.setenv("ROR_MODULE_OPTIONS", '{"pharmacogenomics": {"genes": "CYP2C91"}}')
        with pytest.raises(UnsafeConfigurationError, match=r"ROR_MODULE_OPTIONS.*CYP2C91"):
            worker_app()


@pytest.mark.parametrize("broker", [None, "memory://worker-test"])
def test_a_worker_without_broker_or_schema_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: str | None
) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path))
    if broker is not None:
        monkeypatch.setenv("ROR_BROKER_URL", broker)
    with pytest.raises(UnsafeConfigurationError):
        worker_app()
