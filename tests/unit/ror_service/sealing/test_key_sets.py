"""Key sets: what was published is read again; anything doubtful is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey
from support.consent_facts import NOW

from ror_service.errors import SignatureError
from ror_service.sealing.key_sets import PublishedKey, read_key_file, read_key_set, write_key_set
from ror_service.sealing.signing import Signer

ONE, TWO = Signer.generate(), Signer.generate()
KEYS = [
    PublishedKey(ONE.key_id, ONE.public_key, NOW, NOW + timedelta(days=365)),
    PublishedKey(TWO.key_id, TWO.public_key),
]


def _members() -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = json.loads(write_key_set(KEYS))["keys"]
    return members


def test_what_was_published_is_read_again(tmp_path: Path) -> None:
    text = write_key_set(KEYS)
    assert read_key_set(text) == {key.key_id: key for key in KEYS}
    file = tmp_path / "keys.json"
    file.write_text(text)
    assert read_key_file(file) == read_key_set(text)
    with pytest.raises(SignatureError, match=r"missing\.json: cannot be read"):
        read_key_file(tmp_path / "missing.json")
    file.write_text("nothing")
    with pytest.raises(SignatureError, match=r"keys\.json: not a JSON Web Key Set"):
        read_key_file(file)


def test_the_time_of_a_key_ends_with_its_last_moment() -> None:
    limited, unlimited = KEYS
    assert limited.not_after is not None
    times = (NOW - timedelta(seconds=1), NOW, limited.not_after - timedelta(seconds=1), limited.not_after)
    assert [limited.signs_at(moment) for moment in times] == [False, True, True, False]
    assert all(unlimited.signs_at(moment) for moment in times)


def test_keys_of_other_kinds_are_left_out() -> None:
    others = [
        ECKey.generate_key("P-256", private=False).as_dict(private=False),
        OKPKey.generate_key("X25519").as_dict(private=False),
    ]
    assert set(read_key_set(json.dumps({"keys": [*others, *_members()]}))) == {ONE.key_id, TWO.key_id}
    with pytest.raises(SignatureError, match="no Ed25519 key"):
        read_key_set(json.dumps({"keys": [*others, _members()[0] | {"kty": "EC"}]}))


@pytest.mark.parametrize(
    "changes",
    [
        {"d": "AAAA"},
        {"x": "AAAA"},
        {"x": None},
        {"kid": 5},
        {"use": "enc", "kid": None},
        {"nbf": "soon"},
        {"exp": 10**30},
    ],
)
def test_a_doubtful_key_is_refused(changes: dict[str, Any]) -> None:
    first, second = _members()
    with pytest.raises(SignatureError):
        read_key_set(json.dumps({"keys": [first | changes, second]}))


def test_a_key_without_a_name_or_with_anothers_is_refused() -> None:
    first, second = _members()
    nameless = {name: value for name, value in first.items() if name != "kid"}
    for wrong in (nameless, first | {"kid": second["kid"]}):
        with pytest.raises(SignatureError):
            read_key_set(json.dumps({"keys": [wrong, second]}))
