"""Commands that run the service, without running it for long."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from support.partners import registered
from support.service import Service

from ror_service.api.tokens import Caller, Role, TokenVerifier
from ror_service.cli import running
from ror_service.settings import Mode, Settings
from ror_service.storage import migrations, organizations
from ror_service.worker import celery_app, relay

Ror = Callable[..., Any]
Refused = Callable[..., str]


def test_a_token_is_taken_by_the_api_of_the_same_home(
    ror: Ror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path / "fresh"))
    printed = ror("token", "auditor", "auditor-1", "--hours", "2").out.strip()
    assert TokenVerifier(Settings()).verify(printed) == Caller("auditor-1", Role.AUDITOR)


def test_in_production_there_is_no_token(refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = {
        "MODE": "production", "DATABASE_URL": "postgresql+psycopg://ror@127.0.0.1:1/ror", "BROKER_URL": "amqp://broker",
        "KEY_FOLDER": tmp_path, "STORE_FOLDER": tmp_path, "ISSUER_KEYS_FILE": tmp_path / "keys.json",
    }  # fmt: skip
    for name, value in facts.items():
        monkeypatch.setenv(f"ROR_{name}", str(value))
    assert "the embedded issuer is not for production" in refused("token", "auditor", "a")


def test_the_schema_goes_up_and_down_and_is_checked(
    ror: Ror, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path / "fresh"))
    ran = ror("db", "check")
    assert (ran.status, "add_table" in ran.out, ran.err.count("\n")) == (1, True, 1)
    assert ror("db", "upgrade", "--revision", "0001").out == "The schema is at 0001.\n"
    assert ror("db", "upgrade").out == "The schema is up to date.\n"
    assert ror("db", "check").out == "The schema is the one that this program needs.\n"
    assert ror("db", "downgrade", "base").out == "The schema is at base.\n"
    assert refused("db", "downgrade", "never").startswith("invalid_input: never: no such schema revision")
    assert refused("db", "upgrade", "--revision", "never").startswith("invalid_input: never: no such schema revision")


def test_production_does_not_change_the_schema_by_itself(
    home: Service, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    migrations.downgrade(home.context.engine, "0001")
    deployed = home.context.settings.model_copy(update={"mode": Mode.PRODUCTION})
    monkeypatch.setattr(running, "settings", lambda: deployed)
    assert refused("audit", "verify").endswith("ror db upgrade")


def test_a_partner_is_registered(ror: Ror, refused: Refused, home: Service, tmp_path: Path) -> None:
    document = tmp_path / "partner.json"
    assert refused("partners", "register", document).startswith(f"unsafe_configuration: {document}")
    document.write_text(json.dumps(registered().to_document()))
    printed = ror("partners", "register", document).out
    assert json.loads(printed.partition("sender key: ")[2])["key_id"] == home.context.sender.signer.key_id
    with home.work() as work:
        assert organizations.delivery_partner(work.session, "partner-1") == registered().to_document()
    assert len(home.actions("partner.register")) == 1


@pytest.mark.usefixtures("home")
def test_the_api_runs_its_jobs_itself_when_it_is_embedded(ror: Ror, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []
    asked: dict[str, Any] = {}
    monkeypatch.setattr(relay, "run", lambda _context, _app, stop: stopped.append(stop.wait(20)))
    monkeypatch.setattr(uvicorn, "run", lambda app, **given: asked.update(given, title=app.title))
    assert ror("api", "--port", "9999").status == 0
    assert (asked["title"], asked["host"], asked["port"]) == ("Return of results", "127.0.0.1", 9999)
    assert asked["access_log"] is False
    assert stopped == [True]


def test_the_api_leaves_jobs_to_the_workers_in_production(
    ror: Ror, home: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    public = running.EmbeddedIssuer(home.context.settings).public_key
    keys.write_text(json.dumps({"keys": [public.as_dict(private=False)]}))
    deployed = home.context.settings.model_copy(update={"mode": Mode.PRODUCTION, "issuer_keys_file": keys})
    monkeypatch.setattr(running, "settings", lambda: deployed)
    monkeypatch.setattr(relay, "run", lambda *_: pytest.fail("no relay in this process"))
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    assert ror("api").status == 0


@pytest.mark.usefixtures("home")
def test_the_relay_ends_at_a_signal(ror: Ror, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)

    def run(_context: object, _app: object, stop: threading.Event) -> None:
        handlers[signal.SIGTERM](signal.SIGTERM, None)
        assert stop.is_set()

    monkeypatch.setattr(relay, "run", run)
    assert ror("relay").status == 0
    assert set(handlers) == {signal.SIGTERM, signal.SIGINT}


@pytest.mark.parametrize(
    ("arguments", "queues"),
    [
        ([], "fetch,extract,interpret,release,deliver,recall,erase,reconcile,certify,offer"),
        (["--queues", "extract,erase"], "extract,erase"),
    ],
)
def test_a_worker_takes_the_queues_it_is_told(
    ror: Ror, monkeypatch: pytest.MonkeyPatch, arguments: list[str], queues: str
) -> None:
    started: list[list[str]] = []

    class App:
        worker_main = staticmethod(started.append)

    monkeypatch.setattr(celery_app, "worker_app", App)
    assert ror("worker", *arguments).status == 0
    assert started[0][-2:] == ["-Q", queues]
    assert "--concurrency=2" in started[0]


def test_a_worker_refuses_a_queue_that_nothing_is_sent_to(refused: Callable[..., str]) -> None:
    assert "no such queue: extract_sample; there are fetch, extract" in refused("worker", "--queues", "extract_sample")
