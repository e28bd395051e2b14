"""A rotation loses nothing; one that does would be seen."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.shared import PROJECT

from ror_service.context import ServiceContext
from ror_service.settings import Settings
from ror_service.storage import data_keys, migrations
from ror_service.storage.tables import DataKeyRow


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(PROJECT / "benchmarks"), *sys.path])
    return importlib.import_module("key_rotation")


def test_a_rotation_is_measured_and_every_key_opens(
    rotation: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROR_HOME", "")  # it sets its own, which ends with the test
    monkeypatch.setattr("sys.argv", ["key_rotation", "--keys", "160", "--kills", "0", "--readers", "0"])
    assert rotation.main() == 0
    shown = capsys.readouterr().out
    assert "160 data keys, sqlite, 0 kills, 0 readers" in shown
    assert "do not open any more: 0; destroyed and back: 0" in shown


def test_keys_that_are_lost_or_come_back_are_counted(rotation: ModuleType, tmp_path: Path) -> None:
    context = ServiceContext(Settings(home=tmp_path))
    migrations.upgrade(context.engine)
    keys = context.keys
    digests = rotation.fill(context, keys, 160)
    assert rotation.lost(context, keys, digests) == (0, 0)
    living = [key_id for key_id, digest in digests.items() if digest]
    with context.transaction(rotation.ACTOR) as work:
        data_keys.destroy_keys(work.session, living[:2], work.at)
        work.session.get_one(DataKeyRow, living[2]).key_encryption_key_id = "kek-0000000000000000"
    digests[living[3]] = b""
    assert rotation.lost(context, keys, digests) == (3, 1)
    context.close()
