"""Commands over key-encryption keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.service import Service

from ror_service.audit.log import Checkpoint
from ror_service.audit_checkpoints import Checkpoints
from ror_service.errors import AuditError
from ror_service.sealing.key_sets import read_key_set
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


def test_bundles_are_checked_by_the_time_in_which_their_key_signed(ror: Ror, refused: Refused, home: Service) -> None:
    before = home.context.sender.signer
    assert "until then the key before it.\nGive out" in ror("keys", "rotate", "--sender", "--days", 0).out
    after = home.context.sender.signer
    assert after.key_id != before.key_id, "a running process takes the new key"
    assert "is made and begins at" not in ror("keys", "rotate", "--sender").out
    assert "is made and begins at" in refused("keys", "rotate", "--sender")
    assert home.context.sender.signer.key_id == after.key_id
    published = read_key_set(ror("keys", "publish").out)
    first, second, third = published.values()
    assert (first.key_id, second.key_id) == (before.key_id, after.key_id)
    assert first.not_after == second.not_before
    assert second.not_after == third.not_before
    assert [row.object_type for row in home.actions("keys.rotate")] == ["signing_key", "signing_key"]
    assert "one key at a time" in refused("keys", "rotate", "--sender", "--audit")


def test_checkpoints_are_checked_by_the_time_in_which_their_key_signed(
    ror: Ror, home: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_AUDIT_CHECKPOINTS", str(tmp_path / "second-place"))
    home.available()
    ror("audit", "checkpoint")
    stolen = home.context.audit_signer
    assert "ror keys publish --audit" in ror("keys", "rotate", "--audit", "--days", 0).out
    ror("audit", "checkpoint")
    assert "Checkpoints: 2, each signed" in ror("audit", "verify").out
    keys = {key.key_id: key for key in home.context.audit_keys.published()}
    ended = replace(keys[stolen.key_id], not_after=home.clock.now)
    later = Checkpoint(10_000, "f" * 64, home.clock.now + timedelta(minutes=6))
    place = str(tmp_path / "another-place")
    Checkpoints(place, stolen).add(later)
    assert Checkpoints(place, stolen).kept() == [later], "a check that asks for no time takes what a stolen key signs"
    with pytest.raises(AuditError, match="at a time that this audit key was not for"):
        Checkpoints(place, home.context.audit_signer, {**keys, stolen.key_id: ended}).kept()
