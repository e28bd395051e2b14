"""Published signing keys: a JSON Web Key Set (RFC 7517) of Ed25519 keys, each with the time in which it signs.

`nbf` and `exp` of a key, in seconds since 1970, are the members that OpenID Federation registered. A key stays in the
set for as long as something that it signed is to be checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from ror_service.errors import SignatureError
from ror_service.sealing.signing import ALGORITHM


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A public key with its name and the time in which its owner signs by it; None is no limit."""

    key_id: str
    public_key: Ed25519PublicKey
    not_before: datetime | None = None
    not_after: datetime | None = None

    def signs_at(self, moment: datetime, clocks_differ: timedelta = timedelta(0)) -> bool:
        """Whether the key is for signing at this moment, by clocks that may differ so much."""
        return (self.not_before is None or self.not_before <= moment + clocks_differ) and (
            self.not_after is None or moment - clocks_differ < self.not_after
        )


def read_key_file(file: Path) -> dict[str, PublishedKey]:
    """As `read_key_set`, of a file.

    Raises:
        SignatureError: If it cannot be read or is no key set; the message names the file.
    """
    try:
        return read_key_set(file.read_bytes())
    except OSError as error:
        raise SignatureError(f"{file}: cannot be read ({type(error).__name__})") from error
    except SignatureError as error:
        raise SignatureError(f"{file}: {error}") from error


def write_key_set(keys: Iterable[PublishedKey]) -> str:
    """The key set as JSON."""
    return json.dumps({"keys": [_member(key) for key in keys]}, indent=1)


def read_key_set(text: str | bytes) -> dict[str, PublishedKey]:
    """The Ed25519 signing keys of a key set by identifier; keys of other kinds are left out.

    Raises:
        SignatureError: If it is no key set, holds a private key, names two keys alike, or holds none for Ed25519.
    """
    try:
        members = json.loads(text)["keys"]
        found = [
            _published(member) for member in members if (member.get("kty"), member.get("crv")) == ("OKP", ALGORITHM)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, JoseError) as error:
        raise SignatureError("not a JSON Web Key Set of public keys that each have a name (kid)") from error
    keys = {key.key_id: key for key in found}
    if not keys or len(keys) != len(found):
        raise SignatureError("the key set holds no Ed25519 key, or two of one name; ask for it again")
    return keys


def _member(key: PublishedKey) -> dict[str, Any]:
    member: dict[str, Any] = {
        **OKPKey.import_key(key.public_key).as_dict(private=False),
        "kid": key.key_id,
        "alg": ALGORITHM,
        "use": "sig",
    }
    for name, moment in (("nbf", key.not_before), ("exp", key.not_after)):
        if moment is not None:
            member[name] = int(moment.timestamp())
    return member


def _published(member: dict[str, Any]) -> PublishedKey:
    if "d" in member:
        raise ValueError("a private key is not published")
    public = OKPKey.import_key(member).public_key
    if not isinstance(public, Ed25519PublicKey) or not isinstance(member["kid"], str):
        raise TypeError("not an Ed25519 key with a name")
    limits = (datetime.fromtimestamp(member[name], UTC) if name in member else None for name in ("nbf", "exp"))
    return PublishedKey(member["kid"], public, *limits)
