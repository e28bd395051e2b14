"""The bundle opens for its recipient, names its sender, shows nothing, and every byte of it counts."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.consent_facts import NOW, PERSON, POLICY, candidate, history, released

from consent.gate import Withheld, gate
from ror_service.errors import SealError, SignatureError
from ror_service.sealing import bundle
from ror_service.sealing.bundle import (
    Artifact,
    BundleContent,
    build_bundle,
    manifest_digest,
    open_bundle,
)
from ror_service.sealing.canonical import canonical_json, sha256_hex
from ror_service.sealing.recipients import Profile, RecipientKeyPair, seal_to
from ror_service.sealing.signing import Signer, sign_manifest
from ror_service.sealing.stored_zip import read_entries, write_entries

SENDER, OTHER_SENDER = Signer.generate(), Signer.generate()
SENDERS = {signer.key_id: signer.public_key for signer in (SENDER, OTHER_SENDER)}
RECIPIENT = RecipientKeyPair.generate(Profile.X25519)  # shorter than the hybrid, for the test of every byte
CONTENT = BundleContent(
    delivery_id="delivery-7f3a",
    participant_id=PERSON,
    module="traits",
    report_id="report-1",
    version=2,
    kind="amended",
    supersedes=1,
    priority=bundle.Priority.URGENT,
    artifacts=(
        Artifact("participant", "es", "pdf", "application/pdf", b"%PDF-1.7 amargo"),
        Artifact("clinician", "es", "pdf", "application/pdf", b"%PDF-1.7 TAS2R38"),
    ),
)
NAMES = ["manifest.json", "manifest.jws", "index.json.hpke", "artifact-1.hpke", "artifact-2.hpke"]


def build(content: BundleContent = CONTENT, signer: Signer = SENDER) -> bytes:
    return build_bundle(released(content), recipient=RECIPIENT.public, signer=signer, created_at=NOW)


def opened(data: bytes) -> bundle.OpenedBundle:
    return open_bundle(data, recipient_pairs=[RECIPIENT], trusted_senders=SENDERS)


BUNDLE = build()


@pytest.mark.parametrize("profile", Profile)
def test_the_recipient_opens_what_was_released(profile: Profile) -> None:
    pair = RecipientKeyPair.generate(profile)
    data = build_bundle(released(CONTENT), recipient=pair.public, signer=SENDER, created_at=NOW)
    found = open_bundle(data, recipient_pairs=[pair], trusted_senders=SENDERS)
    assert found.artifacts == CONTENT.artifacts
    told = bundle.BundleIndex(PERSON, "traits", "report-1", 2, "amended", 1, bundle.Priority.URGENT)
    assert found.index == told
    assert found.manifest.delivery_id == CONTENT.delivery_id
    assert found.manifest.created_at == NOW
    assert found.manifest.sender_key_id == SENDER.key_id
    assert found.manifest.recipient_key_id == pair.key_id
    assert found.manifest.profile == profile.value
    assert found.manifest.sha256 == manifest_digest(data)
    expected = [name.replace("hpke", pair.profile.form) for name in NAMES[2:]]
    assert [entry.name for entry in found.manifest.entries] == expected


def test_the_manifest_is_plain_json_in_a_plain_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        assert archive.namelist() == NAMES
        manifest = json.loads(archive.read("manifest.json"))
        assert sha256_hex(archive.read("manifest.json")) == manifest_digest(BUNDLE)
        assert manifest["entries"] == [
            {"name": name, "sha256": sha256_hex(archive.read(name)), "size": len(archive.read(name))}
            for name in NAMES[2:]
        ]
    assert {key: manifest[key] for key in ("schema", "delivery_id", "created_at")} == {
        "schema": "ror.bundle/2",
        "delivery_id": "delivery-7f3a",
        "created_at": "2026-11-22T12:00:00Z",
    }


def test_nothing_personal_travels_in_the_open() -> None:
    in_the_open = BUNDLE.lower()
    personal = (PERSON, "traits", "report-1", "amended", "pdf", "clinician", "TAS2R38", "amargo", "ancestry")
    for word in personal:
        assert word.lower().encode() not in in_the_open


def test_only_a_release_is_sealed() -> None:
    withheld = gate(history(consents=()), candidate(), POLICY, NOW, CONTENT)
    assert isinstance(withheld, Withheld)
    look_alike = type("Release", (), {"payload": CONTENT, "decision": released(CONTENT).decision})()
    for attempt in (CONTENT, withheld, look_alike, None):
        with pytest.raises(TypeError, match="consent gate"):
            build_bundle(attempt, recipient=RECIPIENT.public, signer=SENDER, created_at=NOW)


@pytest.mark.parametrize("changes", [{"participant_id": "P-0002"}, {"module": "ancestry"}])
def test_a_decision_about_something_else_seals_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(SealError, match="another participant or module") as caught:
        build(replace(CONTENT, **changes))
    assert "P-000" not in str(caught.value)


def test_an_empty_delivery_is_refused() -> None:
    with pytest.raises(SealError, match="nothing to deliver"):
        build(replace(CONTENT, artifacts=()))


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        build_bundle(released(CONTENT), recipient=RECIPIENT.public, signer=SENDER, created_at=NOW.replace(tzinfo=None))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=12))
def test_any_number_of_artifacts_of_any_content(contents: list[bytes]) -> None:
    artifacts = tuple(Artifact("participant", "en", "html", "text/html", data) for data in contents)
    assert opened(build(replace(CONTENT, artifacts=artifacts))).artifacts == artifacts


@pytest.mark.parametrize("pair", [RECIPIENT, RecipientKeyPair.generate(Profile.JWE_P256)], ids=["hpke", "jwe"])
def test_every_single_changed_byte_is_refused(pair: RecipientKeyPair) -> None:
    data = build_bundle(released(CONTENT), recipient=pair.public, signer=SENDER, created_at=NOW)
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]
        with pytest.raises((SealError, SignatureError)):
            open_bundle(changed, recipient_pairs=[pair], trusted_senders=SENDERS)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 200), st.binary(max_size=200))
def test_bytes_cut_out_or_put_in_are_refused(place: int, count: int, instead: bytes) -> None:
    changed = BUNDLE[:place] + instead + BUNDLE[place + count :]
    if changed != BUNDLE:
        with pytest.raises((SealError, SignatureError)):
            opened(changed)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_in_a_file_that_is_packed_anew_is_refused_by_name(name: str, place: int, mask: int) -> None:
    entries = dict(read_entries(BUNDLE))
    content = bytearray(entries[name])
    content[place % len(content)] ^= mask
    entries[name] = bytes(content)
    error = SignatureError if name.startswith("manifest") else SealError
    blamed = "manifest.jws" if name.startswith("manifest") else name
    with pytest.raises(error, match=blamed):
        opened(write_entries(list(entries.items())))


def repacked(change: Callable[[list[tuple[str, bytes]]], object]) -> bytes:
    entries = read_entries(BUNDLE)
    change(entries)
    return write_entries(entries)


def swapped(entries: list[tuple[str, bytes]]) -> None:
    entries[3], entries[4] = (entries[3][0], entries[4][1]), (entries[4][0], entries[3][1])


def reordered(entries: list[tuple[str, bytes]]) -> None:
    entries[3], entries[4] = entries[4], entries[3]


def renamed(entries: list[tuple[str, bytes]]) -> None:
    entries[4] = ("artifact-9.hpke", entries[4][1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swapped, "artifact-1.hpke: not the bytes"),
        (reordered, "order or number"),
        (renamed, "artifact-2.hpke, artifact-9.hpke"),
        (lambda entries: entries.pop(), "artifact-2.hpke"),
        (lambda entries: entries.pop(2), "index.json.hpke"),
        (lambda entries: entries.append(entries[4]), "order or number"),
        (lambda entries: entries.append(("more.hpke", b"")), "more.hpke"),
        (lambda entries: entries.append(entries[0]), "manifest.json"),
        (lambda entries: entries.pop(0), "does not begin with"),
        (lambda entries: entries.pop(1), "does not begin with"),
        (lambda entries: entries.clear(), "does not begin with"),
    ],
)
def test_entries_moved_removed_or_added_are_refused(
    change: Callable[[list[tuple[str, bytes]]], object], message: str
) -> None:
    with pytest.raises(SealError, match=message):
        opened(repacked(change))


def test_another_recipient_does_not_open_it() -> None:
    with pytest.raises(SealError, match=f"sealed to key {RECIPIENT.key_id}"):
        open_bundle(BUNDLE, recipient_pairs=[RecipientKeyPair.generate()], trusted_senders=SENDERS)
    with pytest.raises(SealError, match="not to any"):
        open_bundle(BUNDLE, recipient_pairs=[], trusted_senders=SENDERS)


def test_while_a_partner_changes_keys_both_open_what_was_sealed_to_them() -> None:
    pairs = [RecipientKeyPair.generate(profile) for profile in Profile]
    for pair in pairs:
        data = build_bundle(released(CONTENT), recipient=pair.public, signer=SENDER, created_at=NOW)
        found = open_bundle(data, recipient_pairs=pairs, trusted_senders=SENDERS)
        assert (found.manifest.recipient_key_id, found.artifacts) == (pair.key_id, CONTENT.artifacts)
        others = [other for other in pairs if other is not pair]
        with pytest.raises(SealError, match=f"sealed to key {pair.key_id}, not to {others[0].key_id} or "):
            open_bundle(data, recipient_pairs=others, trusted_senders=SENDERS)


def test_an_unknown_sender_is_refused() -> None:
    with pytest.raises(SignatureError, match=r"manifest\.jws: signed by a key that is not trusted"):
        open_bundle(BUNDLE, recipient_pairs=[RECIPIENT], trusted_senders={OTHER_SENDER.key_id: OTHER_SENDER.public_key})
    with pytest.raises(SignatureError, match=r"manifest\.jws"):
        opened(build(signer=Signer.generate(SENDER.key_id)))


def test_entries_of_two_bundles_are_not_mixed() -> None:
    another = dict(read_entries(build()))
    entries = [(name, another[name] if name == "artifact-1.hpke" else data) for name, data in read_entries(BUNDLE)]
    with pytest.raises(SealError, match=r"artifact-1\.hpke"):
        opened(write_entries(entries))


def crafted(
    manifest_changes: dict[str, object] | None = None,
    entries: list[tuple[str, bytes]] | None = None,
    signer: Signer = SENDER,
) -> bytes:
    """A bundle signed by a trusted sender who may do anything."""
    entries = read_entries(BUNDLE)[2:] if entries is None else entries
    rows = [{"name": name, "sha256": sha256_hex(data), "size": len(data)} for name, data in entries]
    manifest = json.loads(read_entries(BUNDLE)[0][1]) | {"entries": rows, "sender_key_id": signer.key_id}
    manifest |= manifest_changes or {}
    manifest = {key: value for key, value in manifest.items() if value is not None}
    head = [("manifest.json", canonical_json(manifest)), ("manifest.jws", sign_manifest(manifest, signer).encode())]
    return write_entries([*head, *entries])


def sealed_by_hand(name: str, data: bytes) -> tuple[str, bytes]:
    return name, seal_to(RECIPIENT.public, data, bundle._info(CONTENT.delivery_id, name, SENDER.key_id))


def test_the_crafted_bundle_is_otherwise_good() -> None:
    assert opened(crafted()).artifacts == CONTENT.artifacts


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "ror.bundle/1"},
        {"sender_key_id": OTHER_SENDER.key_id},
        {"created_at": "yesterday"},
        {"entries": 5},
        {"entries": [{"name": "index.json.hpke"}]},
        *(
            {name: None}
            for name in (
                "schema",
                "delivery_id",
                "created_at",
                "sender_key_id",
                "recipient_key_id",
                "profile",
                "entries",
            )
        ),
    ],
)
def test_a_signed_manifest_that_is_none_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SealError, match=r"manifest\.json: signed, but"):
        opened(crafted(changes))


def test_sealed_entries_are_bound_to_delivery_name_and_sender() -> None:
    entries = read_entries(BUNDLE)[2:]
    with pytest.raises(SealError, match=r"index\.json\.hpke: does not open"):
        opened(crafted({"delivery_id": "delivery-other"}))
    with pytest.raises(SealError, match=r"index\.json\.hpke: does not open"):
        opened(crafted(signer=OTHER_SENDER))
    moved = [entries[0], ("artifact-1.hpke", entries[2][1]), ("artifact-2.hpke", entries[1][1])]
    with pytest.raises(SealError, match=r"artifact-1\.hpke: does not open"):
        opened(crafted(entries=moved))


def test_a_signed_manifest_with_another_profile_than_its_keys_is_refused() -> None:
    with pytest.raises(SealError, match="sealed to key"):
        opened(crafted({"profile": Profile.JWE_P256.value}))


def test_a_name_that_comes_twice_is_refused_even_when_signed() -> None:
    entries = read_entries(BUNDLE)[2:]
    with pytest.raises(SealError, match="order or number"):
        opened(crafted(entries=[*entries, entries[-1]]))


def test_a_signed_bundle_without_an_index_is_refused() -> None:
    with pytest.raises(SealError, match=r"index\.json\.hpke: sealed and signed, but not an index"):
        opened(crafted(entries=read_entries(BUNDLE)[3:]))


INDEX = json.loads(bundle._index_json(CONTENT, NAMES[3:]))


def _without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def test_the_index_says_whom_each_artifact_is_for() -> None:
    assert [(row["audience"], row["language"], row["format"]) for row in INDEX["artifacts"]] == [
        ("participant", "es", "pdf"),
        ("clinician", "es", "pdf"),
    ]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"", "not an index"),
        (b"[]", "not an index"),
        (canonical_json(INDEX | {"artifacts": 5}), "not an index"),
        (canonical_json(INDEX | {"artifacts": [{}]}), "not an index"),
        (canonical_json(_without(INDEX, "module")), "not an index"),
        (canonical_json(INDEX | {"artifacts": [*INDEX["artifacts"], {"entry": "x", "sha256": ""}]}), "not an index"),
        (
            canonical_json(INDEX | {"artifacts": [_without(row, "audience") for row in INDEX["artifacts"]]}),
            "not an index",
        ),
        (canonical_json(INDEX | {"schema": "ror.bundle-index/1"}), "does not describe"),
        (canonical_json(INDEX | {"artifacts": INDEX["artifacts"][:1]}), "does not describe"),
        (canonical_json(INDEX | {"artifacts": [*INDEX["artifacts"], INDEX["artifacts"][0]]}), "does not describe"),
        (
            canonical_json(
                INDEX | {"artifacts": [INDEX["artifacts"][0], INDEX["artifacts"][1] | {"sha256": "0" * 64}]}
            ),
            "does not describe",
        ),
    ],
)
def test_an_index_that_says_something_else_is_refused(index: bytes, message: str) -> None:
    entries = [sealed_by_hand("index.json.hpke", index), *read_entries(BUNDLE)[3:]]
    with pytest.raises(SealError, match=rf"index\.json\.hpke: sealed and signed, but.*{message}"):
        opened(crafted(entries=entries))


def test_a_digest_is_taken_from_bundles_alone() -> None:
    for data in (b"", b"PK\x03\x04", write_entries([]), write_entries([("manifest.json", b"{}")])):
        with pytest.raises(SealError):
            manifest_digest(data)
