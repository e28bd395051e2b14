"""`ror db after-restore`, and the refusal before it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.service import Service

from ror_service.worker import relay

Ror = Callable[..., Any]
Refused = Callable[..., str]


def test_a_restored_database_is_brought_up_to_what_was_erased(
    ror: Ror, refused: Refused, home: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_AUDIT_CHECKPOINTS", str(tmp_path / "second-place"))
    home.context.settings = home.context.settings.model_copy(
        update={"audit_checkpoints": str(tmp_path / "second-place")}
    )
    home.available()
    assert "No audit event is known" in ror("db", "after-restore").out
    home.context.engine.dispose()
    database = home.context.settings.home / "ror.sqlite3"
    shutil.copy(database, tmp_path / "backup")
    home.withdraw()
    home.enroll("P-late")
    home.withdraw("P-late")
    relay.keep_erasures(home.context)
    home.context.keys.destroy(_rotated(home))
    home.context.engine.dispose()
    shutil.copy(tmp_path / "backup", database)
    for leftover in ("-wal", "-shm"):
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    assert "ror db after-restore" in refused("deliveries", "show")
    shown = ror("db", "after-restore").out
    assert "Lost with the backup: the audit events" in shown
    assert "1 withdrawals, refusals and deaths" in shown
    assert "1 more are of people or samples" in shown
    assert "keys that were destroyed" not in shown, "no living key is left"
    assert ror("deliveries", "show").status == 0
    assert "were lost with a database that was restored" in ror("audit", "verify").out


def _rotated(home: Service) -> str:
    old = home.context.keys.current_key_id()
    home.context.keys.rotate()
    return old
