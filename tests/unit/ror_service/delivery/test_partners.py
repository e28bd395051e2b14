"""Registrations: what they must hold, and which addresses are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.consent_facts import NOW
from support.partners import RECIPIENT, registered

from ror_service.delivery.partners import NextRecipientKey, Partner, checked_base_url, load_partner, load_partners
from ror_service.errors import UnsafeConfigurationError
from ror_service.sealing.recipients import Profile, RecipientKeyPair


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://partner.example", "https://partner.example"),
        ("https://Partner.Example:443/", "https://partner.example"),
        ("https://partner.example:8443/ror/intake/", "https://partner.example:8443/ror/intake"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_a_safe_address_is_kept_in_one_form(url: str, kept: str) -> None:
    assert checked_base_url(url) == kept
    assert checked_base_url(kept) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "partner.example",
        "//partner.example",
        "http://partner.example",
        "http://10.0.0.1",
        "http://127.0.0.1.partner.example",
        "http://localhost.partner.example",
        "ftp://partner.example",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@partner.example",
        "https://user:password@partner.example",
        "http://127.0.0.1@partner.example",
        "https://partner.example?x=1",
        "https://partner.example?",
        "https://partner.example#part",
        "https://partner.example/a/../b",
        "https://partner.example/a//b",
        "https://partner.example/%2e%2e",
        "https://partner.example/a b",
        "https://partner.example\\@other.example",
        "https://pärtner.example",
        " https://partner.example",
        "https://partner.example:port",
        "https://partner.example:99999",
        "https://[::1",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    with pytest.raises(UnsafeConfigurationError):
        checked_base_url(url)
    with pytest.raises(UnsafeConfigurationError, match="partner partner-1: the"):
        registered(url)


def test_a_registration_survives_its_document() -> None:
    partner = registered()
    assert Partner.from_document(json.loads(json.dumps(partner.to_document()))) == partner


def test_a_key_that_is_announced_is_used_from_its_moment_on() -> None:
    later = RecipientKeyPair.generate(Profile.JWE_P256).public
    partner = replace(registered(), next_recipient_key=NextRecipientKey(later, NOW))
    assert Partner.from_document(json.loads(json.dumps(partner.to_document()))) == partner
    assert partner.recipient_key_at(NOW - timedelta(microseconds=1)) == RECIPIENT.public
    assert partner.recipient_key_at(NOW) == later
    assert registered().recipient_key_at(NOW) == RECIPIENT.public


NEXT = {"key": RECIPIENT.public.to_text(), "begins_at": "2026-12-01T00:00:00Z"}


@pytest.mark.parametrize(
    "announced",
    [
        None,
        [],
        {},
        NEXT | {"more": 1},
        NEXT | {"key": "nothing"},
        NEXT | {"key": None},
        NEXT | {"begins_at": "2026-12-01"},
        NEXT | {"begins_at": None},
    ],
)
def test_a_wrong_announcement_is_refused(announced: object) -> None:
    with pytest.raises(UnsafeConfigurationError, match="a registration: next_recipient_key: "):
        Partner.from_document(registered().to_document() | {"next_recipient_key": announced})


def test_a_registration_shows_no_private_key() -> None:
    assert RECIPIENT.private_text().partition(":")[2] not in json.dumps(registered().to_document())


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "ror.partner/2"},
        {"more": 1},
        {"partner_id": None},
        {"partner_id": "a b"},
        {"partner_id": ""},
        {"base_url": "http://partner.example"},
        {"recipient_key": "nothing"},
        {"recipient_key": 1},
        {"receipt_keys": {}},
        {"receipt_keys": []},
        {"receipt_keys": {"key": "AAAA"}},
        {"receipt_keys": {"key": "!"}},
        {"receipt_keys": {"key": None}},
        {"recall_supported": "yes"},
    ],
)
def test_a_wrong_registration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnsafeConfigurationError):
        Partner.from_document(registered().to_document() | changes)


def test_a_registration_without_a_member_is_refused() -> None:
    document = registered().to_document()
    del document["recall_supported"]
    for wrong in (document, [], None, "text"):
        with pytest.raises(UnsafeConfigurationError, match="schema"):
            Partner.from_document(wrong)


def write(path: Path, partner: Partner) -> None:
    path.write_text(json.dumps(partner.to_document()))


def test_a_folder_holds_one_file_a_partner(tmp_path: Path) -> None:
    assert load_partners(tmp_path) == {}
    write(tmp_path / "one.json", registered())
    (tmp_path / "notes.txt").write_text("no registration")
    assert load_partners(tmp_path) == {"partner-1": registered()}
    write(tmp_path / "two.json", registered())
    with pytest.raises(UnsafeConfigurationError, match=r"two\.json: partner partner-1 is registered twice"):
        load_partners(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"{}"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.json").write_bytes(content)
    with pytest.raises(UnsafeConfigurationError, match=r"one\.json"):
        load_partner(tmp_path / "one.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsafeConfigurationError, match=r"none\.json: not a readable JSON file \(FileNotFoundError\)"):
        load_partner(tmp_path / "none.json")
