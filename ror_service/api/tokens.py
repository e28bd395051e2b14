"""Bearer tokens: who calls, in which role. An embedded issuer stands in where no other issuer is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, KeySet, OKPKey

from ror_service.api.issuer_keys import IssuerKeys, from_file, from_url
from ror_service.errors import UnauthenticatedError, UnsafeConfigurationError
from ror_service.sealing.private_files import make_private_folder
from ror_service.sealing.signing import Signer
from ror_service.settings import Mode, Settings

_ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "PS256", "RS256"]
"""Signatures by a private key alone: a shared secret, or none, names nobody."""
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
    """Checks access tokens of the configured issuer, as an OAuth 2.0 resource server (RFC 9068).

    Args:
        settings: Names the issuer, its keys, the audience, the claim that holds the role, and clients.

    Raises:
        UnsafeConfigurationError: If the issuer's keys cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = IssuerKeys(_source(settings))

    def verify(self, token: str) -> Caller:
        """The caller that a token names.

        Raises:
            UnauthenticatedError: If the token is malformed, by another issuer, for another audience, out of date, given
                to a client that is not expected, or names no role or several.
        """
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            decoded = jwt.decode(token, self._keys_for, algorithms=_ALGORITHMS)
            registry.validate(decoded.claims)
            self._check_use(decoded.header, decoded.claims)
            return Caller(str(decoded.claims["sub"]), _role(decoded.claims, self._settings.role_claim))
        except (JoseError, ValueError, RecursionError) as error:
            raise UnauthenticatedError("the bearer token is not valid here; sign in again") from error

    def _keys_for(self, token: GuestProtocol) -> KeySet:
        return self._keys.for_token(token.headers().get("kid"))

    def _check_use(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
        if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in {"jwt", "at+jwt"}:
            raise ValueError("a token of another kind")
        expected = self._settings.issuer_clients
        if expected and claims.get("azp", claims.get("client_id")) not in expected:
            raise ValueError("a token for another client")


def _role(claims: Mapping[str, Any], path: str) -> Role:
    """The one role that a claim names: alone, in a list, or among the words of a scope, with or without `ror:`.

    Raises:
        ValueError: If it names none, or several: which of them the caller means nobody can tell.
    """
    value: object = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    named = {str(word).removeprefix("ror:") for word in words}
    (role,) = named.intersection(Role)
    return Role(role)


class EmbeddedIssuer:
    """Issues tokens for a laptop, a demo, a test; refuses to exist in production."""

    def __init__(self, settings: Settings) -> None:
        if settings.mode is Mode.PRODUCTION:
            raise UnsafeConfigurationError(
                "the embedded issuer is not for production; set ROR_ISSUER_KEYS_URL or ROR_ISSUER_KEYS_FILE"
            )
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


def _source(settings: Settings) -> Callable[[], KeySet]:
    """What reads the issuer's keys."""
    if settings.issuer_keys_url is not None:
        return partial(from_url, str(settings.issuer_keys_url))
    if settings.issuer_keys_file is not None:
        return partial(from_file, settings.issuer_keys_file)
    own = KeySet([EmbeddedIssuer(settings).public_key])
    return lambda: own
