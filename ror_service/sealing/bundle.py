"""What goes to the delivery partner: one file that shows nothing, opens for one recipient, and names its sender.

    manifest.json      what is inside, by neutral names, hashes and sizes
    manifest.jws       the sender's detached signature over it
    index.json.hpke    sealed: whose report it is, and what each artifact is
    artifact-N.hpke    sealed: the report for one audience, in one language and format

Sealed to a JWE key, the names end in `.jwe`. The file is a plain ZIP. Every byte of it is covered by the manifest, the
signature or the layout.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent.gate import Release
from ror_service.errors import SealError, SignatureError
from ror_service.sealing.canonical import canonical_json, sha256_hex, utc_moment, utc_text
from ror_service.sealing.recipients import RecipientKeyPair, RecipientPublicKey, open_from, seal_to
from ror_service.sealing.signing import Signer, sign_manifest, verify_detached
from ror_service.sealing.stored_zip import read_entries, write_entries

SCHEMA = "ror.bundle/2"
INDEX_SCHEMA = "ror.bundle-index/3"
MEDIA_TYPE = "application/zip"
_MANIFEST, _SIGNATURE = "manifest.json", "manifest.jws"


class Priority(StrEnum):
    """How soon the partner should tell the participant that there is something to read."""

    ROUTINE = "routine"
    URGENT = "urgent"
    """At once: what the version before said does not hold any more."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One rendering of the report."""

    audience: str
    """Whom it is written for: `participant` or `clinician`."""
    language: str
    format: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BundleContent:
    """What is to be delivered, in clear.

    Attributes:
        delivery_id: Opaque name of the delivery; it travels in the open.
        participant_id: Whose report it is.
        module: Which interpreter made it.
        report_id: The report.
        version: Its version, from 1.
        kind: Original, amended, corrected or addendum.
        supersedes: The version whose place it takes; None for the first. Older ones are superseded as well.
        priority: How soon to tell the participant.
        artifacts: Every audience, language and format.
    """

    delivery_id: str
    participant_id: str
    module: str
    report_id: str
    version: int
    kind: str
    artifacts: tuple[Artifact, ...]
    supersedes: int | None = None
    priority: Priority = Priority.ROUTINE


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One sealed entry: its neutral name, SHA-256 and size in bytes of the ciphertext."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What travels in the open. Nothing in it says whose results these are, or of what."""

    delivery_id: str
    created_at: datetime
    sender_key_id: str
    recipient_key_id: str
    profile: str
    entries: tuple[ManifestEntry, ...]
    sha256: str
    """Digest of the manifest's own bytes, which the receipt repeats."""


@dataclass(frozen=True, slots=True)
class BundleIndex:
    """What the sealed index says."""

    participant_id: str
    module: str
    report_id: str
    version: int
    kind: str
    supersedes: int | None
    priority: Priority


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """A bundle of which every byte was checked."""

    manifest: Manifest
    index: BundleIndex
    artifacts: tuple[Artifact, ...]


def build_bundle(
    release: Release[BundleContent], *, recipient: RecipientPublicKey, signer: Signer, created_at: datetime
) -> bytes:
    """Seal what the consent gate let through, for one recipient.

    The sealing is randomised: build a bundle once, store it, and send the same bytes at every try.

    Args:
        release: The content, with the decision that released it.
        recipient: The partner's public key.
        signer: The service's own key.
        created_at: When, UTC; it stands in the manifest.

    Raises:
        TypeError: If `release` was not made by the consent gate.
        SealError: If the decision is about another participant or module than the content, there is no artifact, or the
            key is unusable.
        ValueError: If `created_at` has no time zone.
    """
    if not isinstance(cast("object", release), Release):
        raise TypeError("only what the consent gate released can be sealed")
    content = release.payload
    if (release.decision.participant_id, release.decision.module) != (content.participant_id, content.module):
        raise SealError(f"delivery {content.delivery_id}: the decision is about another participant or module")
    if not content.artifacts:
        raise SealError(f"delivery {content.delivery_id}: nothing to deliver; render the report first")
    form = recipient.profile.form
    names = [f"artifact-{number}.{form}" for number in range(1, len(content.artifacts) + 1)]
    clear = {_index_name(form): _index_json(content, names)} | {
        name: artifact.data for name, artifact in zip(names, content.artifacts, strict=True)
    }
    sealed = {
        name: seal_to(recipient, data, _info(content.delivery_id, name, signer.key_id)) for name, data in clear.items()
    }
    manifest: dict[str, object] = {
        "schema": SCHEMA,
        "delivery_id": content.delivery_id,
        "created_at": utc_text(created_at),
        "sender_key_id": signer.key_id,
        "recipient_key_id": recipient.key_id,
        "profile": recipient.profile.value,
        "entries": [{"name": name, "sha256": sha256_hex(data), "size": len(data)} for name, data in sealed.items()],
    }
    signature = sign_manifest(manifest, signer).encode()
    return write_entries([(_MANIFEST, canonical_json(manifest)), (_SIGNATURE, signature), *sealed.items()])


def open_bundle(
    data: bytes, *, recipient_pairs: Collection[RecipientKeyPair], trusted_senders: Mapping[str, Ed25519PublicKey]
) -> OpenedBundle:
    """Check every byte of a bundle, then open it (the partner's side).

    Args:
        data: The bundle.
        recipient_pairs: The partner's key pairs: while it changes keys, the old one and the new one.
        trusted_senders: Public keys by identifier of those whose bundles are accepted.

    Raises:
        SignatureError: If the manifest is not signed by a trusted sender.
        SealError: If an entry is missing, added, changed or moved, or sealed to another key; the message names it.
    """
    entries = read_entries(data)
    manifest = _verified_manifest(entries, trusted_senders)
    pairs = {pair.key_id: pair for pair in recipient_pairs}
    pair = pairs.get(manifest.recipient_key_id)
    if pair is None or pair.profile.value != manifest.profile:
        raise SealError(f"bundle: sealed to key {manifest.recipient_key_id}, not to {' or '.join(pairs) or 'any'}")
    _check_entries(entries[2:], manifest)
    opened: dict[str, bytes] = {}
    for name, sealed in entries[2:]:
        try:
            opened[name] = open_from(pair, sealed, _info(manifest.delivery_id, name, manifest.sender_key_id))
        except SealError as error:
            raise SealError(f"{name}: {error}") from error
    index, artifacts = _parse_index(opened, _index_name(pair.profile.form))
    return OpenedBundle(manifest, index, artifacts)


def manifest_digest(bundle: bytes) -> str:
    """SHA-256 of the bundle's manifest: what the receipt repeats. Nothing else of the bundle is checked.

    Raises:
        SealError: If it is no bundle.
    """
    return sha256_hex(_open_part(read_entries(bundle))[0])


def _index_name(form: str) -> str:
    return f"index.json.{form}"


def _info(delivery_id: str, name: str, sender_key_id: str) -> bytes:
    # The sender is bound too: nobody can put another's sealed entries into a bundle of their own.
    return canonical_json({"schema": SCHEMA, "delivery_id": delivery_id, "entry": name, "sender_key_id": sender_key_id})


def _index_json(content: BundleContent, names: Sequence[str]) -> bytes:
    return canonical_json(
        {
            "schema": INDEX_SCHEMA,
            "participant_id": content.participant_id,
            "module": content.module,
            "report_id": content.report_id,
            "version": content.version,
            "kind": content.kind,
            "supersedes": content.supersedes,
            "priority": content.priority.value,
            "artifacts": [
                {
                    "entry": name,
                    "audience": artifact.audience,
                    "language": artifact.language,
                    "format": artifact.format,
                    "media_type": artifact.media_type,
                    "sha256": sha256_hex(artifact.data),
                }
                for name, artifact in zip(names, content.artifacts, strict=True)
            ],
        }
    )


def _open_part(entries: Sequence[tuple[str, bytes]]) -> tuple[bytes, str]:
    if [name for name, _ in entries[:2]] != [_MANIFEST, _SIGNATURE]:
        raise SealError(f"bundle: does not begin with {_MANIFEST} and {_SIGNATURE}")
    return entries[0][1], entries[1][1].decode("ascii", errors="replace")


def _verified_manifest(
    entries: Sequence[tuple[str, bytes]], trusted_senders: Mapping[str, Ed25519PublicKey]
) -> Manifest:
    payload, signature = _open_part(entries)
    try:
        sender_key_id = verify_detached(payload, signature, trusted_senders)
    except SignatureError as error:
        raise SignatureError(f"{_SIGNATURE}: {error}") from error
    try:
        members: dict[str, Any] = json.loads(payload)
        claimed = members["schema"], members["sender_key_id"]
        manifest = Manifest(
            delivery_id=members["delivery_id"],
            created_at=utc_moment(members["created_at"]),
            sender_key_id=sender_key_id,
            recipient_key_id=members["recipient_key_id"],
            profile=members["profile"],
            entries=tuple(ManifestEntry(row["name"], row["sha256"], row["size"]) for row in members["entries"]),
            sha256=sha256_hex(payload),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SealError(f"{_MANIFEST}: signed, but not a {SCHEMA}") from error
    if claimed != (SCHEMA, sender_key_id):
        raise SealError(f"{_MANIFEST}: signed, but of another schema or in another sender's name")
    return manifest


def _check_entries(entries: Sequence[tuple[str, bytes]], manifest: Manifest) -> None:
    found = [name for name, _ in entries]
    expected = [entry.name for entry in manifest.entries]
    if found != expected or len(set(found)) != len(found):
        wrong = sorted(set(found) ^ set(expected)) or ["order or number of entries"]
        raise SealError(f"bundle: not the entries of its manifest: {', '.join(wrong)}")
    for (name, data), entry in zip(entries, manifest.entries, strict=True):
        if (sha256_hex(data), len(data)) != (entry.sha256, entry.size):
            raise SealError(f"{name}: not the bytes that the manifest names")


def _parse_index(opened: Mapping[str, bytes], name: str) -> tuple[BundleIndex, tuple[Artifact, ...]]:
    try:
        members: dict[str, Any] = json.loads(opened[name])
        rows = members["artifacts"]
        described = {row["entry"]: row["sha256"] for row in rows}
        names = ("participant_id", "module", "report_id", "version", "kind", "supersedes")
        index = BundleIndex(**{name: members[name] for name in names}, priority=Priority(members["priority"]))
        artifacts = tuple(
            Artifact(row["audience"], row["language"], row["format"], row["media_type"], opened[row["entry"]])
            for row in rows
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SealError(f"{name}: sealed and signed, but not an index") from error
    found = {entry: sha256_hex(data) for entry, data in opened.items() if entry != name}
    if members["schema"] != INDEX_SCHEMA or described != found or len(described) != len(rows):
        raise SealError(f"{name}: sealed and signed, but does not describe these artifacts")
    return index, artifacts
