"""Settings: read in one place, unsafe production refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from ror_service.errors import UnsafeConfigurationError
from ror_service.settings import Mode, Settings

SAFE = {
    "mode": "production",
    "database_url": "postgresql+psycopg://ror@db/ror",
    "broker_url": "amqp://broker",
    "issuer_keys_file": "/etc/ror/issuer.json",
    "key_folder": "/var/lib/ror/keys",
    "store_folder": "/var/lib/ror/store",
}


def test_embedded_keeps_everything_below_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert settings.mode is Mode.EMBEDDED
    assert settings.database == f"sqlite:///{tmp_path / 'ror.sqlite3'}"
    assert settings.broker is None
    assert settings.keys == tmp_path / "keys"
    assert settings.store == tmp_path / "store"
    assert settings.review_due == timedelta(days=14)


def test_the_environment_is_read_with_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROR_LEASE_SECONDS", "17")
    monkeypatch.setenv("ROR_BROKER_URL", "amqp://broker")
    settings = Settings()
    assert settings.lease_seconds == 17
    assert settings.broker == "amqp://broker"


def test_safe_production_is_accepted() -> None:
    settings = Settings(**SAFE)
    assert settings.database == SAFE["database_url"]
    assert settings.keys == Path(SAFE["key_folder"])
    assert settings.store == Path(SAFE["store_folder"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"database_url": None}, "ROR_DATABASE_URL"),
        ({"database_url": "sqlite:///production.sqlite3"}, "ROR_DATABASE_URL"),
        ({"broker_url": None}, "ROR_BROKER_URL"),
        ({"issuer_keys_file": None}, "ROR_ISSUER_KEYS_FILE"),
        ({"key_folder": None}, "ROR_KEY_FOLDER"),
        ({"store_folder": None}, "ROR_STORE_FOLDER"),
    ],
)
def test_unsafe_production_names_the_setting(change: dict[str, object], named: str) -> None:
    with pytest.raises(UnsafeConfigurationError, match=named):
        Settings(**(SAFE | change))


def test_a_lease_outlives_every_send() -> None:
    with pytest.raises(UnsafeConfigurationError, match="ROR_LEASE_SECONDS"):
        Settings(lease_seconds=10, partner_timeout_seconds=10)


def test_secrets_do_not_show() -> None:
    shown = repr(Settings(database_url="postgresql://ror:hunter2@db/ror", broker_url="amqp://ror:hunter2@broker"))
    assert "hunter2" not in shown


@pytest.mark.parametrize("change", [{"lease_seconds": 0}, {"partner_timeout_seconds": 0}, {"unheard_of": 1}])
def test_senseless_settings_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**change)


@pytest.mark.parametrize("setting", ["knowledge_releases", "module_options", "wording_reviews"])
def test_a_choice_for_a_module_that_is_not_there_is_refused(setting: str) -> None:
    values = {
        "knowledge_releases": "2026-10-04",
        "module_options": {"genes": "programme"},
        "wording_reviews": {"reviewer": "C. Ito, PharmD", "approved_on": "2026-01-02"},
    }
    with pytest.raises(UnsafeConfigurationError, match=f"ROR_{setting.upper()} names no module: pharmacogenomic; "):
        Settings(**{setting: {"pharmacogenomic": values[setting]}})
    assert getattr(Settings(**{setting: {"pharmacogenomics": values[setting]}}), setting)


@pytest.mark.parametrize(
    "change", [{"reviewer": "  "}, {"approved_on": "9999-01-01"}], ids=["by nobody", "on a day to come"]
)
def test_an_approval_names_somebody_and_a_day_that_has_come(change: dict[str, str]) -> None:
    given = {"reviewer": "C. Ito, PharmD", "approved_on": "2026-01-02"}
    with pytest.raises(UnsafeConfigurationError, match="ROR_WORDING_REVIEWS"):
        Settings(wording_reviews={"pharmacogenomics": given | change})


@pytest.mark.parametrize("review", [{"reviewer": "C. Ito"}, {"approved_on": "2026-01-02"}, "C. Ito", {}])
def test_an_incomplete_approval_is_refused(review: object) -> None:
    with pytest.raises(ValidationError):
        Settings(wording_reviews={"pharmacogenomics": review})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().lease_seconds = 1
