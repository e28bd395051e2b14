"""Commands over key-encryption keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.service import Service

from ror_service.storage.tables import DataKeyRow

Ror = Callable[..., Any]
Refused = Callable[..., str]


def test_a_rotation_and_the_end_of_the_old_key(ror: Ror, refused: Refused, home: Service) -> None:
    home.available()
    count = len(home.rows(DataKeyRow))
    old = home.context.keys.current_key_id()
    assert refused("keys", "destroy", old).startswith("conflict: living data keys")
    shown = ror("keys", "rotate").out
    assert f"{count} data keys are wrapped" in shown
    assert f"ror keys destroy {old}" in shown
    assert "0 data keys are wrapped" in ror("keys", "rewrap").out
    assert ror("keys", "destroy", old).out == f"{old} is destroyed.\n"
    assert home.read()
    assert {row.action for row in home.actions("keys.rotate", "keys.destroy")} == {"keys.rotate", "keys.destroy"}


def test_a_key_that_is_not_there_or_is_the_current_one_cannot_be_destroyed(refused: Refused, home: Service) -> None:
    current = home.context.keys.current_key_id()
    for key in (current, "kek-0000000000000000", "../signing"):
        assert refused("keys", "destroy", key).startswith("seal_broken: ")
    assert not home.actions("keys.destroy")
