"""Sealing to a public key: HPKE as RFC 9180 writes it, bound to suite and context."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ror_service.errors import SealError, UnsafeConfigurationError
from ror_service.sealing import recipients
from ror_service.sealing.recipients import (
    HpkeSuite,
    RecipientKeyPair,
    RecipientPublicKey,
    default_suite,
    open_from,
    seal_to,
)

INFO = b"delivery-1/artifact-1"
PAIRS = {suite: RecipientKeyPair.generate(suite) for suite in HpkeSuite}
every_suite = pytest.mark.parametrize("suite", HpkeSuite)


@every_suite
def test_what_was_sealed_opens(suite: HpkeSuite) -> None:
    pair = PAIRS[suite]
    sealed = seal_to(pair.public, b"a report", INFO)
    assert open_from(pair, sealed, INFO) == b"a report"
    assert sealed[:7] == b"\x01" + suite.identifier
    assert b"a report" not in sealed
    assert seal_to(pair.public, b"a report", INFO) != sealed


@every_suite
def test_another_key_or_another_context_is_refused(suite: HpkeSuite) -> None:
    sealed = seal_to(PAIRS[suite].public, b"a report", INFO)
    with pytest.raises(SealError, match="another key or context"):
        open_from(RecipientKeyPair.generate(suite), sealed, INFO)
    with pytest.raises(SealError):
        open_from(PAIRS[suite], sealed, INFO + b"x")


@every_suite
def test_every_changed_byte_and_every_cut_is_refused(suite: HpkeSuite) -> None:
    sealed = seal_to(PAIRS[suite].public, b"r", INFO)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 0x80]) + sealed[place + 1 :]
        for attempt in (changed, sealed[:place]):
            with pytest.raises(SealError):
                open_from(PAIRS[suite], attempt, INFO)


def test_a_message_is_not_moved_to_a_weaker_suite() -> None:
    hybrid, weak = PAIRS[HpkeSuite.MLKEM768_X25519], PAIRS[HpkeSuite.X25519]
    sealed = seal_to(hybrid.public, b"a report", INFO)
    with pytest.raises(SealError, match="not sealed by DHKEM-X25519"):
        open_from(weak, sealed, INFO)
    with pytest.raises(SealError, match="not sealed by MLKEM768"):
        open_from(hybrid, b"\x01" + HpkeSuite.X25519.identifier + sealed[7:], INFO)


def test_the_hybrid_is_the_default_and_x25519_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_suite() is HpkeSuite.MLKEM768_X25519

    class WithoutHybrid:
        def mlkem_supported(self) -> bool:
            return False

    monkeypatch.setattr(recipients, "backend", WithoutHybrid())
    assert RecipientKeyPair.generate().suite is HpkeSuite.X25519


@every_suite
def test_keys_travel_as_text(suite: HpkeSuite) -> None:
    pair = PAIRS[suite]
    public = RecipientPublicKey.from_text(pair.public.to_text() + "\n")
    assert public == pair.public
    assert public.key_id == pair.key_id
    again = RecipientKeyPair.from_text(pair.private_text())
    assert open_from(again, seal_to(public, b"a report", INFO), INFO) == b"a report"


def test_the_key_id_follows_from_suite_and_key() -> None:
    ids = {pair.key_id for pair in PAIRS.values()} | {RecipientKeyPair.generate().key_id}
    assert len(ids) == 3
    assert all(key_id.startswith("hpke-") and len(key_id) == 37 for key_id in ids)


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


@every_suite
def test_a_key_of_the_wrong_length_is_refused(suite: HpkeSuite) -> None:
    with pytest.raises(SealError, match="not a public key for"):
        RecipientPublicKey.from_text(f"{suite.value}:AAAA")
    with pytest.raises(SealError, match="not a private key for"):
        RecipientKeyPair.from_text(f"{suite.value}:AAAA")
    with pytest.raises(SealError):
        seal_to(RecipientPublicKey(suite, PAIRS[suite].public.raw + b"\0"), b"", INFO)


def test_a_public_key_that_gives_no_secret_is_refused() -> None:
    with pytest.raises(SealError, match="seals nothing"):
        seal_to(RecipientPublicKey(HpkeSuite.X25519, bytes(32)), b"", INFO)


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
    pair = PAIRS[HpkeSuite.X25519]
    sealed = seal_to(pair.public, b"a report", INFO)
    header, enc, ciphertext = sealed[:7], sealed[7:39], sealed[39:]
    secret = dhkem_shared_secret(X25519PrivateKey.from_private_bytes(pair.secret), enc)
    assert hpke_open(b"HPKE" + header[1:], secret, ciphertext, header + INFO) == b"a report"


def test_a_partner_with_another_x_wing_library_opens_the_hybrid() -> None:
    pair = PAIRS[HpkeSuite.MLKEM768_X25519]
    sealed = seal_to(pair.public, b"a report", INFO)
    header, post_quantum, classical, ciphertext = sealed[:7], sealed[7:1095], sealed[1095:1127], sealed[1127:]
    first = MLKEM768PrivateKey.from_seed_bytes(pair.secret[:64]).decapsulate(post_quantum)
    private = X25519PrivateKey.from_private_bytes(pair.secret[64:])
    second = private.exchange(X25519PublicKey.from_public_bytes(classical))
    # The combiner of X-Wing: both secrets, the classical ciphertext and public key, and its label.
    own = private.public_key().public_bytes_raw()
    secret = hashlib.sha3_256(first + second + classical + own + rb"\.//^" + b"\\").digest()
    assert hpke_open(b"HPKE" + header[1:], secret, ciphertext, header + INFO) == b"a report"
