"""Sealing to a public key: HPKE as RFC 9180 writes it or JWE as RFC 7516 does, bound to profile and context."""

from __future__ import annotations

import base64
import hashlib
import json
import string
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from ror_service.errors import SealError, UnsafeConfigurationError
from ror_service.sealing import recipients
from ror_service.sealing.recipients import (
    Profile,
    RecipientKeyPair,
    RecipientPublicKey,
    default_profile,
    open_from,
    seal_to,
)

INFO = b"delivery-1/artifact-1"
PAIRS = {profile: RecipientKeyPair.generate(profile) for profile in Profile}
every_profile = pytest.mark.parametrize("profile", Profile)


@every_profile
def test_what_was_sealed_opens(profile: Profile) -> None:
    pair = PAIRS[profile]
    sealed = seal_to(pair.public, b"a report", INFO)
    assert open_from(pair, sealed, INFO) == b"a report"
    if profile is not Profile.JWE_P256:
        assert sealed[:7] == b"\x01" + profile.identifier
    assert b"a report" not in sealed
    assert seal_to(pair.public, b"a report", INFO) != sealed


@every_profile
def test_another_key_or_another_context_is_refused(profile: Profile) -> None:
    sealed = seal_to(PAIRS[profile].public, b"a report", INFO)
    with pytest.raises(SealError, match="another key or context"):
        open_from(RecipientKeyPair.generate(profile), sealed, INFO)
    with pytest.raises(SealError):
        open_from(PAIRS[profile], sealed, INFO + b"x")


@every_profile
def test_every_changed_byte_and_every_cut_is_refused(profile: Profile) -> None:
    sealed = seal_to(PAIRS[profile].public, b"r", INFO)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ (1 << place % 8)]) + sealed[place + 1 :]
        for attempt in (changed, sealed[:place]):
            with pytest.raises(SealError):
                open_from(PAIRS[profile], attempt, INFO)


@pytest.mark.parametrize("size", [0, 1, 60_000, 300_000])
@every_profile
def test_a_message_of_any_size_is_sealed(profile: Profile, size: int) -> None:
    content = bytes(size)
    assert open_from(PAIRS[profile], seal_to(PAIRS[profile].public, content, INFO), INFO) == content


@pytest.mark.parametrize("other", Profile)
@every_profile
def test_a_message_opens_by_no_other_profile(profile: Profile, other: Profile) -> None:
    sealed = seal_to(PAIRS[profile].public, b"a report", INFO)
    if other is not profile:
        with pytest.raises(SealError):
            open_from(PAIRS[other], sealed, INFO)


def test_a_message_is_not_moved_to_a_weaker_suite() -> None:
    hybrid, weak = PAIRS[Profile.MLKEM768_X25519], PAIRS[Profile.X25519]
    sealed = seal_to(hybrid.public, b"a report", INFO)
    with pytest.raises(SealError, match="not sealed by DHKEM-X25519"):
        open_from(weak, sealed, INFO)
    with pytest.raises(SealError, match="not sealed by MLKEM768"):
        open_from(hybrid, b"\x01" + Profile.X25519.identifier + sealed[7:], INFO)


def test_the_hybrid_is_the_default_and_x25519_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_profile() is Profile.MLKEM768_X25519

    class WithoutHybrid:
        def mlkem_supported(self) -> bool:
            return False

    monkeypatch.setattr(recipients, "backend", WithoutHybrid())
    assert RecipientKeyPair.generate().profile is Profile.X25519


@every_profile
def test_keys_travel_as_text(profile: Profile) -> None:
    pair = PAIRS[profile]
    public = RecipientPublicKey.from_text(pair.public.to_text() + "\n")
    assert public == pair.public
    assert public.key_id == pair.key_id
    again = RecipientKeyPair.from_text(pair.private_text())
    assert open_from(again, seal_to(public, b"a report", INFO), INFO) == b"a report"


def test_the_key_id_follows_from_suite_and_key() -> None:
    ids = {pair.key_id for pair in PAIRS.values()} | {RecipientKeyPair.generate().key_id}
    assert len(ids) == 4
    assert sorted(len(key_id) - len(key_id.partition("-")[0]) for key_id in ids) == [33] * 4
    assert sorted(key_id.partition("-")[0] for key_id in ids) == ["hpke"] * 3 + ["jwe"]


def test_a_printed_key_pair_shows_no_secret() -> None:
    for pair in PAIRS.values():
        assert str(pair.secret) not in repr(pair)
        assert pair.secret.hex() not in repr(pair)


@pytest.mark.parametrize("text", ["", "AES:AAAA", "DHKEM-X25519.HKDF-SHA256.AES-256-GCM:!!!", "é:é"])
def test_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(SealError, match="not a public key"):
        RecipientPublicKey.from_text(text)
    with pytest.raises(SealError, match="not a private key"):
        RecipientKeyPair.from_text(text)


@every_profile
def test_a_key_of_the_wrong_length_is_refused(profile: Profile) -> None:
    with pytest.raises(SealError, match="not a public key for"):
        RecipientPublicKey.from_text(f"{profile.value}:AAAA")
    with pytest.raises(SealError, match="not a private key for"):
        RecipientKeyPair.from_text(f"{profile.value}:AAAA")
    with pytest.raises(SealError):
        seal_to(RecipientPublicKey(profile, PAIRS[profile].public.raw + b"\0"), b"", INFO)


def test_a_public_key_that_gives_no_secret_is_refused() -> None:
    with pytest.raises(SealError, match="seals nothing"):
        seal_to(RecipientPublicKey(Profile.X25519, bytes(32)), b"", INFO)


def test_a_key_file_is_made_at_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "recipient.key"
    pair = RecipientKeyPair.load_or_create(path)
    assert RecipientKeyPair.load_or_create(path) == pair
    path.chmod(0o644)
    with pytest.raises(UnsafeConfigurationError):
        RecipientKeyPair.load_or_create(path)
    path.chmod(0o600)
    # Another process made the file after this one had looked.
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert RecipientKeyPair.load_or_create(path) == pair


def test_a_compressed_point_is_no_key_of_ours() -> None:
    raw = PAIRS[Profile.JWE_P256].public.raw
    compressed = bytes([2 + raw[-1] % 2]) + raw[1:33]
    with pytest.raises(SealError, match="not a public key for JWE"):
        RecipientPublicKey(Profile.JWE_P256, compressed).load()


def jwe_header(sealed: bytes) -> dict[str, object]:
    return json.loads(_decoded(sealed.split(b".")[0]))


def with_header(sealed: bytes, **changes: object) -> bytes:
    header = json.dumps({**jwe_header(sealed), **changes}).encode()
    return b".".join([base64.urlsafe_b64encode(header).rstrip(b"="), *sealed.split(b".")[1:]])


@pytest.mark.parametrize(
    "changes",
    [{"alg": "dir"}, {"alg": "ECDH-ES"}, {"enc": "A128CBC-HS256"}, {"zip": "DEF"}, {"kid": "other"}, {"typ": "JWT"},
     {"apv": "AAAA"}, {"crit": ["exp"]}, {"epk": None}, {"epk": {"kty": "EC"}}, {"epk": []}, {"epk": {"kty": "oct"}}],
    ids=str,
)  # fmt: skip
def test_another_header_is_refused_before_a_key_is_used(changes: dict[str, object]) -> None:
    pair = PAIRS[Profile.JWE_P256]
    with pytest.raises(SealError, match="does not open with key jwe-"):
        open_from(pair, with_header(seal_to(pair.public, b"a report", INFO), **changes), INFO)


def test_two_texts_of_one_message_are_not_both_taken() -> None:
    pair, alphabet = PAIRS[Profile.JWE_P256], string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    sealed = seal_to(pair.public, b"a report", INFO).decode()
    # The last of 22 characters holds two bits of the tag and four that nobody reads.
    for undecided in range(1, 16):
        same = sealed[:-1] + alphabet[alphabet.index(sealed[-1]) ^ undecided]
        assert _decoded(same.split(".")[4].encode()) == _decoded(sealed.split(".")[4].encode())
        with pytest.raises(SealError):
            open_from(pair, same.encode(), INFO)


@pytest.mark.parametrize("sealed", [b"", b"....", b"bnVsbA....", b"W10....", b"e30....", b"\xff.\xff.\xff.\xff.\xff"])
def test_what_is_no_jwe_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        open_from(PAIRS[Profile.JWE_P256], sealed, INFO)


def test_a_partner_with_another_jose_library_opens_the_jwe() -> None:
    pair = PAIRS[Profile.JWE_P256]
    sealed = seal_to(pair.public, b"a report", INFO)
    header, wrapped, nonce, ciphertext, tag = sealed.split(b".")
    members = jwe_header(sealed)
    assert members["apv"] == base64.urlsafe_b64encode(hashlib.sha256(INFO).digest()).rstrip(b"=").decode()
    point = b"\x04" + _decoded(members["epk"]["x"].encode()) + _decoded(members["epk"]["y"].encode())
    ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    secret = ec.derive_private_key(int.from_bytes(pair.secret, "big"), ec.SECP256R1()).exchange(ec.ECDH(), ephemeral)
    # RFC 7518, section 4.6.2: algorithm, PartyUInfo, PartyVInfo (each with its length), bits of the key.
    fields = (b"ECDH-ES+A256KW", b"", hashlib.sha256(INFO).digest())
    other = b"".join(struct.pack(">I", len(field)) + field for field in fields) + struct.pack(">I", 256)
    key = ConcatKDFHash(hashes.SHA256(), 32, other).derive(secret)
    content_key = aes_key_unwrap(key, _decoded(wrapped))
    assert AESGCM(content_key).decrypt(_decoded(nonce), _decoded(ciphertext) + _decoded(tag), header) == b"a report"


def _decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def hpke_open(suite_id: bytes, shared_secret: bytes, ciphertext: bytes, info: bytes) -> bytes:
    """The key schedule of RFC 9180, section 5.1, base mode, with HKDF-SHA256 and AES-256-GCM; first message."""

    def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
        mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
        mac.update(b"HPKE-v1" + suite_id + label + secret)
        return mac.finalize()

    def expand(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        labelled = struct.pack(">H", length) + b"HPKE-v1" + suite_id + label + context
        return HKDFExpand(hashes.SHA256(), length, labelled).derive(key)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared_secret, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def dhkem_shared_secret(private: X25519PrivateKey, enc: bytes) -> bytes:
    """DHKEM(X25519, HKDF-SHA256) of RFC 9180, section 4.1."""
    suite_id = b"KEM\x00\x20"
    mac = hmac.HMAC(bytes(32), hashes.SHA256())
    mac.update(b"HPKE-v1" + suite_id + b"eae_prk" + private.exchange(X25519PublicKey.from_public_bytes(enc)))
    context = enc + private.public_key().public_bytes_raw()
    labelled = struct.pack(">H", 32) + b"HPKE-v1" + suite_id + b"shared_secret" + context
    return HKDFExpand(hashes.SHA256(), 32, labelled).derive(mac.finalize())


def test_a_partner_with_another_hpke_library_opens_x25519() -> None:
    pair = PAIRS[Profile.X25519]
    sealed = seal_to(pair.public, b"a report", INFO)
    header, enc, ciphertext = sealed[:7], sealed[7:39], sealed[39:]
    secret = dhkem_shared_secret(X25519PrivateKey.from_private_bytes(pair.secret), enc)
    assert hpke_open(b"HPKE" + header[1:], secret, ciphertext, header + INFO) == b"a report"


def test_a_partner_with_another_x_wing_library_opens_the_hybrid() -> None:
    pair = PAIRS[Profile.MLKEM768_X25519]
    sealed = seal_to(pair.public, b"a report", INFO)
    header, post_quantum, classical, ciphertext = sealed[:7], sealed[7:1095], sealed[1095:1127], sealed[1127:]
    first = MLKEM768PrivateKey.from_seed_bytes(pair.secret[:64]).decapsulate(post_quantum)
    private = X25519PrivateKey.from_private_bytes(pair.secret[64:])
    second = private.exchange(X25519PublicKey.from_public_bytes(classical))
    # The combiner of X-Wing: both secrets, the classical ciphertext and public key, and its label.
    own = private.public_key().public_bytes_raw()
    secret = hashlib.sha3_256(first + second + classical + own + rb"\.//^" + b"\\").digest()
    assert hpke_open(b"HPKE" + header[1:], secret, ciphertext, header + INFO) == b"a report"
