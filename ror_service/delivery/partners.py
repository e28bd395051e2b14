"""Delivery partners: who they are, where they answer, and which keys are theirs.

A partner is registered once, by a document that its operator and ours agreed on outside of this protocol. Nothing that
a partner says later changes it: keys and address come from here alone.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ror_service.errors import SealError, UnsafeConfigurationError
from ror_service.sealing.canonical import utc_moment, utc_text
from ror_service.sealing.recipients import RecipientPublicKey

SCHEMA = "ror.partner/1"
_MEMBERS = {"schema", "partner_id", "base_url", "recipient_key", "receipt_keys", "recall_supported"}
_NEXT = "next_recipient_key"
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class NextRecipientKey:
    """A key that a partner changes to, and the moment from which bundles are sealed to it."""

    public_key: RecipientPublicKey
    begins_at: datetime

    def to_document(self) -> dict[str, str]:
        """Its member of a registration document."""
        return {"key": self.public_key.to_text(), "begins_at": utc_text(self.begins_at)}

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Undo `to_document`.

        Raises:
            UnsafeConfigurationError: If a member is missing, unknown or wrong.
        """
        if not isinstance(document, dict) or set(document) != {"key", "begins_at"}:
            raise UnsafeConfigurationError(f"a registration: {_NEXT}: it holds just key and begins_at")
        try:
            return cls(RecipientPublicKey.from_text(str(document["key"])), utc_moment(document["begins_at"]))
        except (ValueError, SealError) as error:
            raise UnsafeConfigurationError(f"a registration: {_NEXT}: {error}") from error


@dataclass(frozen=True, slots=True)
class Partner:
    """One registered delivery partner.

    Attributes:
        partner_id: Our name for it.
        base_url: Where it answers, without a slash at the end: https, or http to this machine itself.
        recipient_public_key: What bundles are sealed to.
        next_recipient_key: What they are sealed to from a moment on: the partner opens with both keys meanwhile.
        receipt_keys: The keys that sign its receipts and events, by key identifier.
        recall_supported: Whether it has the recall call. Where not, what was delivered cannot be called back by us.

    Raises:
        UnsafeConfigurationError: If the address breaks the rule of `checked_base_url`, a name is malformed, or there is
            no receipt key.
    """

    partner_id: str
    base_url: str
    recipient_public_key: RecipientPublicKey
    receipt_keys: Mapping[str, Ed25519PublicKey]
    recall_supported: bool
    next_recipient_key: NextRecipientKey | None = None

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.partner_id):
            raise UnsafeConfigurationError("a partner's identifier is 1 to 128 letters, digits, '_' or '-'")
        if not self.receipt_keys:
            raise UnsafeConfigurationError(f"partner {self.partner_id}: register at least one receipt key")
        try:
            object.__setattr__(self, "base_url", checked_base_url(self.base_url))
        except UnsafeConfigurationError as error:
            raise UnsafeConfigurationError(f"partner {self.partner_id}: {error}") from error

    def recipient_key_at(self, moment: datetime) -> RecipientPublicKey:
        """The key that bundles are sealed to at this moment."""
        later = self.next_recipient_key
        return self.recipient_public_key if later is None or moment < later.begins_at else later.public_key

    def to_document(self) -> dict[str, Any]:
        """Return the registration document; public keys alone."""
        later = self.next_recipient_key
        return {
            "schema": SCHEMA,
            "partner_id": self.partner_id,
            "base_url": self.base_url,
            "recipient_key": self.recipient_public_key.to_text(),
            "receipt_keys": {
                key_id: base64.urlsafe_b64encode(key.public_bytes_raw()).decode()
                for key_id, key in self.receipt_keys.items()
            },
            "recall_supported": self.recall_supported,
        } | ({} if later is None else {"next_recipient_key": later.to_document()})

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Read a registration document.

        Raises:
            UnsafeConfigurationError: If a member is missing, unknown or wrong.
        """
        if not isinstance(document, dict) or set(document) - {_NEXT} != _MEMBERS or document["schema"] != SCHEMA:
            raise UnsafeConfigurationError(
                f"a registration has the schema {SCHEMA} and just {', '.join(_MEMBERS)}, perhaps {_NEXT}"
            )
        texts = [document["partner_id"], document["base_url"], document["recipient_key"]]
        keys, recall = document["receipt_keys"], document["recall_supported"]
        if (
            not all(isinstance(text, str) for text in texts)
            or not isinstance(keys, dict)
            or not isinstance(recall, bool)
        ):
            raise UnsafeConfigurationError(
                "a registration: texts, receipt_keys by identifier, recall_supported a boolean"
            )
        try:
            recipient = RecipientPublicKey.from_text(document["recipient_key"])
            receipt_keys = {key_id: ed25519_from_text(text) for key_id, text in keys.items()}
        except SealError as error:
            raise UnsafeConfigurationError(f"a registration: recipient_key: {error}") from error
        later = NextRecipientKey.from_document(document[_NEXT]) if _NEXT in document else None
        return cls(document["partner_id"], document["base_url"], recipient, receipt_keys, recall, later)


def load_partner(path: Path) -> Partner:
    """Read a partner's registration from a JSON file.

    Raises:
        UnsafeConfigurationError: If the file is not there, not JSON, or not a registration; the message names it.
    """
    try:
        return Partner.from_document(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise UnsafeConfigurationError(f"{path}: not a readable JSON file ({type(error).__name__})") from error
    except UnsafeConfigurationError as error:
        raise UnsafeConfigurationError(f"{path}: {error}") from error


def load_partners(folder: Path) -> dict[str, Partner]:
    """Read every `*.json` of a folder as a registration.

    Returns:
        Partners by identifier.

    Raises:
        UnsafeConfigurationError: If one of them is no registration, or two are about the same partner.
    """
    partners: dict[str, Partner] = {}
    for path in sorted(folder.glob("*.json")):
        partner = load_partner(path)
        if partner.partner_id in partners:
            raise UnsafeConfigurationError(f"{path}: partner {partner.partner_id} is registered twice; keep one")
        partners[partner.partner_id] = partner
    return partners


def ed25519_from_text(text: object) -> Ed25519PublicKey:
    """Read a public key of 32 bytes in base64url.

    Raises:
        UnsafeConfigurationError: If it is none.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(str(text), altchars=b"-_", validate=True))
    except ValueError as error:
        raise UnsafeConfigurationError("a receipt key is 32 bytes of Ed25519 in base64url; ask for it again") from error


def checked_base_url(url: str) -> str:
    """Check where a partner is said to answer.

    Args:
        url: An absolute address.

    Returns:
        The address without a slash at the end, scheme and host in lower case, without the scheme's own port: the form
        that both sides put into signatures.

    Raises:
        UnsafeConfigurationError: If it is not https (http is allowed to this machine alone), or holds user name,
            password, query, fragment, or a path with anything but plain segments.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UnsafeConfigurationError("the address is malformed; write https://host/path") from error
    if not url.isascii() or any(mark in url for mark in "@?#\\") or url != url.strip():
        raise UnsafeConfigurationError("the address holds no user, password, query, fragment or space, in ASCII")
    if not host or parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not _is_loopback(host)):
        raise UnsafeConfigurationError("the address must be https://; http is for a partner on this machine alone")
    path = parts.path.rstrip("/")
    if not _PATH.fullmatch(path) or any(segment in {".", ".."} for segment in path.split("/")):
        raise UnsafeConfigurationError("the path of the address holds plain segments alone")
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}{'' if port in {None, default} else f':{port}'}{path}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
