"""Signatures by one algorithm, for one purpose, by keys that are trusted by name."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from ror_service.errors import SignatureError, UnsafeConfigurationError
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.signing import (
    ALGORITHM,
    MANIFEST_TYPE,
    Signer,
    sign_compact,
    sign_manifest,
    signing_key_id,
    verify_compact,
    verify_detached,
    verify_manifest,
)

MANIFEST: dict[str, object] = {"delivery_id": "delivery-1", "entries": [{"name": "é", "size": 3}]}
SIGNER = Signer.generate()
TRUSTED = {SIGNER.key_id: SIGNER.public_key}
TOKEN = sign_manifest(MANIFEST, SIGNER)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header(**changes: object) -> str:
    members = {"alg": ALGORITHM, "kid": SIGNER.key_id, "typ": MANIFEST_TYPE} | changes
    return b64(json.dumps({name: value for name, value in members.items() if value is not None}).encode())


def test_a_signed_manifest_verifies() -> None:
    assert verify_manifest(MANIFEST, TOKEN, TRUSTED) == SIGNER.key_id
    assert verify_manifest(dict(reversed(MANIFEST.items())), TOKEN, TRUSTED) == SIGNER.key_id


def test_the_same_manifest_and_key_give_the_same_signature() -> None:
    assert sign_manifest(MANIFEST, SIGNER) == TOKEN


def test_the_signature_is_detached_and_a_plain_json_web_signature() -> None:
    first, middle, last = TOKEN.split(".")
    assert middle == ""
    whole = f"{first}.{b64(canonical_json(MANIFEST))}.{last}"
    key = OKPKey.import_key(SIGNER.public_key)
    assert jws.deserialize_compact(whole, key, algorithms=["Ed25519"]).payload == canonical_json(MANIFEST)


def test_another_manifest_is_refused() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        verify_manifest(MANIFEST | {"delivery_id": "delivery-2"}, TOKEN, TRUSTED)
    with pytest.raises(SignatureError):
        verify_detached(canonical_json(MANIFEST) + b" ", TOKEN, TRUSTED)
    with pytest.raises(SignatureError):
        verify_detached(b"", TOKEN, TRUSTED)


def test_an_unknown_sender_is_refused() -> None:
    stranger = Signer.generate()
    for trusted in ({}, {stranger.key_id: stranger.public_key}):
        with pytest.raises(SignatureError, match="not trusted here"):
            verify_manifest(MANIFEST, TOKEN, trusted)


def test_another_key_of_the_same_name_is_refused() -> None:
    impostor = Signer.generate(SIGNER.key_id)
    with pytest.raises(SignatureError, match="does not match"):
        verify_manifest(MANIFEST, sign_manifest(MANIFEST, impostor), TRUSTED)


def test_every_changed_character_is_refused() -> None:
    for place, old in enumerate(TOKEN):
        for new in {"A", "B", ".", "=", "é"} - {old}:
            with pytest.raises(SignatureError):
                verify_manifest(MANIFEST, TOKEN[:place] + new + TOKEN[place + 1 :], TRUSTED)


def test_none_is_refused() -> None:
    for name in ("none", "None", "NONE"):
        with pytest.raises(SignatureError, match="not a signature by Ed25519"):
            verify_manifest(MANIFEST, f"{header(alg=name)}..", TRUSTED)


def test_a_mac_with_the_public_key_as_secret_is_refused() -> None:
    secret = OctKey.import_key(SIGNER.public_key.public_bytes_raw())
    members = {"alg": "HS256", "kid": SIGNER.key_id, "typ": MANIFEST_TYPE}
    forged = jws.detach_content(jws.serialize_compact(members, canonical_json(MANIFEST), secret, algorithms=["HS256"]))
    with pytest.raises(SignatureError, match="not a signature by Ed25519"):
        verify_manifest(MANIFEST, forged, TRUSTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "EdDSA"},
        {"alg": None},
        {"kid": None},
        {"kid": 5},
        {"typ": None},
        {"typ": "ror-receipt+jws"},
        {"crit": ["b64"], "b64": False},
        {"jwk": {"kty": "OKP"}},
    ],
)
def test_a_header_that_asks_for_anything_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SignatureError):
        verify_manifest(MANIFEST, f"{header(**changes)}..{TOKEN.split('.')[2]}", TRUSTED)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        f"{b64(b'[]')}..",
        f"{b64(b'null')}..",
        f"{b64(b'{')}..",
        "A" * 600 + "..",
        "é..",
        "\0",
    ],
)
def test_what_is_no_signature_is_refused(token: str) -> None:
    with pytest.raises(SignatureError):
        verify_manifest(MANIFEST, token, TRUSTED)
    with pytest.raises(SignatureError):
        verify_compact(token, TRUSTED, MANIFEST_TYPE)


def test_a_signature_that_encloses_other_bytes_is_refused() -> None:
    # Both verify, each over its own bytes: the enclosed ones must not stand in for the manifest beside it.
    enclosing = sign_compact(b"other bytes", SIGNER, MANIFEST_TYPE)
    with pytest.raises(SignatureError, match="encloses another manifest"):
        verify_manifest(MANIFEST, enclosing, TRUSTED)


def test_a_compact_signature_gives_back_its_payload_for_its_purpose_only() -> None:
    token = sign_compact(b"payload", SIGNER, "ror-receipt+jws")
    assert verify_compact(token, TRUSTED, "ror-receipt+jws") == (SIGNER.key_id, b"payload")
    with pytest.raises(SignatureError, match="of type ror-manifest"):
        verify_compact(token, TRUSTED, MANIFEST_TYPE)


def test_keys_are_named_after_themselves_unless_told_otherwise() -> None:
    assert SIGNER.key_id == signing_key_id(SIGNER.public_key)
    assert Signer.generate().key_id != SIGNER.key_id
    assert Signer.generate("programme-2026").key_id == "programme-2026"
    assert SIGNER.private_key.private_bytes_raw().hex() not in repr(SIGNER)


def test_a_key_file_is_made_at_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "signing.key"
    signer = Signer.load_or_create(path)
    assert Signer.load_or_create(path).key_id == signer.key_id
    assert Signer.load_or_create(path, "named").public_key == signer.public_key
    path.chmod(0o640)
    with pytest.raises(UnsafeConfigurationError):
        Signer.load_or_create(path)
    path.chmod(0o600)
    with monkeypatch.context() as patch:
        # Another process made the file after this one had looked.
        patch.setattr(Path, "exists", lambda _: False)
        assert Signer.load_or_create(path).key_id == signer.key_id
    path.write_bytes(b"short")
    with pytest.raises(SignatureError, match="32 bytes"):
        Signer.load_or_create(path)
