"""Signing keys one after the other: each signs in its time, and what it signed can be checked for ever."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.consent_facts import NOW

from ror_service.errors import ConflictError, InvalidInputError, SignatureError
from ror_service.sealing.key_sets import read_key_set, write_key_set
from ror_service.sealing.signing import sign_compact, verify_compact
from ror_service.sealing.signing_keys import SigningKeys

LATER = NOW.replace(microsecond=0) + timedelta(days=7)
SECOND = timedelta(seconds=1)


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys(tmp_path, "signing")


def test_the_first_key_has_no_limits_and_is_the_one_of_before(keys: SigningKeys, tmp_path: Path) -> None:
    first = keys.at(NOW)
    assert [(key.key_id, key.not_before, key.not_after) for key in keys.published()] == [(first.key_id, None, None)]
    assert SigningKeys(tmp_path, "signing").at(LATER).key_id == first.key_id
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]


def test_the_next_key_is_published_before_it_begins_and_the_old_one_ends_then(
    keys: SigningKeys, tmp_path: Path
) -> None:
    running = SigningKeys(tmp_path, "signing")
    old = running.at(NOW)
    added = keys.rotate(LATER, NOW)
    assert running.at(NOW).key_id == running.at(LATER - SECOND).key_id == old.key_id
    assert running.at(LATER).key_id == added.key_id
    published = read_key_set(write_key_set(running.published()))
    assert [(key.not_before, key.not_after) for key in published.values()] == [(None, LATER), (LATER, None)]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with pytest.raises(ConflictError, match=added.key_id):
        keys.rotate(LATER + SECOND, NOW)


def test_what_an_ended_key_signed_is_checked_and_nothing_more_is_signed_by_it(
    keys: SigningKeys, tmp_path: Path
) -> None:
    first = keys.at(NOW)
    token = sign_compact(b"payload", first, "test+jws")
    second = keys.rotate(NOW, NOW)
    third = keys.rotate(LATER, LATER)
    trusted = {key.key_id: key.public_key for key in keys.published()}
    assert verify_compact(token, trusted, "test+jws") == (first.key_id, b"payload")
    assert list(trusted) == [first.key_id, second.key_id, third.key_id]
    assert keys.at(LATER).key_id == third.key_id
    assert sorted(path.name for path in tmp_path.glob("*.key")) == [f"signing-{third.key_id}.key"]
    with pytest.raises(SignatureError, match=f"{first.key_id} is missing"):
        keys.at(NOW - SECOND)


def test_a_key_cannot_begin_in_the_past(keys: SigningKeys) -> None:
    with pytest.raises(InvalidInputError, match="in the past"):
        keys.rotate(NOW - timedelta(seconds=2), NOW)


def test_a_time_before_all_keys_and_a_damaged_set_are_told(keys: SigningKeys, tmp_path: Path) -> None:
    keys.rotate(NOW, NOW)
    published = [key for key in keys.published() if key.not_before]
    (tmp_path / "signing.published.json").write_text(write_key_set(published))
    with pytest.raises(SignatureError, match="look at the clock"):
        keys.at(NOW - timedelta(days=1))
    (tmp_path / "signing.published.json").write_text("{}")
    with pytest.raises(SignatureError, match="not a JSON Web Key Set"):
        keys.at(NOW)


def test_keys_of_two_purposes_know_nothing_of_each_other(keys: SigningKeys, tmp_path: Path) -> None:
    audit = SigningKeys(tmp_path, "audit")
    before = keys.at(NOW).key_id
    audit.rotate(NOW, NOW)
    assert keys.at(NOW).key_id == before != audit.at(NOW).key_id
