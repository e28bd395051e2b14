"""Bearer tokens: who calls, in which role. An embedded issuer stands in where no other issuer is configured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from ror_service.errors import UnauthenticatedError, UnsafeConfigurationError
from ror_service.sealing.private_files import make_private_folder
from ror_service.sealing.signing import Signer
from ror_service.settings import Mode, Settings

_ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "RS256"]
_LEEWAY_SECONDS = 30


class Role(StrEnum):
    """What a caller is. Each route lists the roles that it serves."""

    PARTICIPANT = "participant"
    PORTAL = "portal"
    GENETIC_COUNSELOR = "genetic_counselor"
    LABORATORY_DIRECTOR = "laboratory_director"
    GENOME_CENTER = "genome_center"
    CLINICAL_LABORATORY = "clinical_laboratory"
    OPERATOR = "operator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. For a participant `subject` is the participant's identifier."""

    subject: str
    role: Role


class TokenVerifier:
    """Checks tokens of the configured issuer.

    Args:
        settings: Names the issuer, the audience and the file of its public keys.

    Raises:
        UnsafeConfigurationError: If the file of the issuer's keys cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = _public_keys(settings)

    def verify(self, token: str) -> Caller:
        """The caller that a token names.

        Raises:
            UnauthenticatedError: If the token is malformed, by another issuer, for another audience, or out of date.
        """
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.audience},
            exp={"essential": True},
            sub={"essential": True},
            role={"essential": True, "values": [role.value for role in Role]},
        )
        try:
            decoded = jwt.decode(token, self._keys, algorithms=_ALGORITHMS)
            registry.validate(decoded.claims)
            return Caller(str(decoded.claims["sub"]), Role(decoded.claims["role"]))
        except (JoseError, ValueError, RecursionError) as error:
            raise UnauthenticatedError("the bearer token is not valid here; sign in again") from error


class EmbeddedIssuer:
    """Issues tokens for a laptop, a demo, a test; refuses to exist in production."""

    def __init__(self, settings: Settings) -> None:
        if settings.mode is Mode.PRODUCTION:
            raise UnsafeConfigurationError("the embedded issuer is not for production; set ROR_ISSUER_KEYS_FILE")
        self._settings = settings
        make_private_folder(settings.keys)
        self._signer = Signer.load_or_create(settings.keys / "issuer.key")

    @property
    def public_key(self) -> OKPKey:
        """The public half, as a key set holds it."""
        return OKPKey.import_key(self._signer.public_key, {"kid": self._signer.key_id, "use": "sig"})

    def issue(self, subject: str, role: Role, lifetime: timedelta = timedelta(hours=1)) -> str:
        """A token for a caller."""
        now = datetime.now(UTC)
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": subject,
            "role": role.value,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        header = {"alg": "Ed25519", "kid": self._signer.key_id}
        return jwt.encode(header, claims, OKPKey.import_key(self._signer.private_key), algorithms=["Ed25519"])


def _public_keys(settings: Settings) -> KeySet:
    path = settings.issuer_keys_file
    if path is None:
        return KeySet([EmbeddedIssuer(settings).public_key])
    try:
        keys = KeySet.import_key_set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, JoseError) as error:
        raise UnsafeConfigurationError(f"{path}: not a JSON Web Key Set; fetch your issuer's keys again") from error
    if not keys.keys or any(key.key_type == "oct" for key in keys.keys):
        raise UnsafeConfigurationError(f"{path}: needs public keys, and public keys alone; fetch your issuer's keys")
    return keys
