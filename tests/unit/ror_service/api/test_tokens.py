"""Which bearer tokens are taken, and which are not."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey
from pydantic import SecretStr

from ror_service.api.tokens import Caller, EmbeddedIssuer, Role, TokenVerifier
from ror_service.errors import UnauthenticatedError, UnsafeConfigurationError
from ror_service.sealing.signing import Signer
from ror_service.settings import Mode, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def token(settings: Settings) -> Callable[..., str]:
    """Makes a token of the embedded issuer, with changes."""
    EmbeddedIssuer(settings)
    signer = Signer.load_or_create(settings.keys / "issuer.key")

    def make(
        header: dict[str, Any] | None = None, key: OKPKey | ECKey | OctKey | None = None, **changes: object
    ) -> str:
        claims: dict[str, Any] = {
            "iss": settings.issuer, "aud": settings.audience, "sub": "P-0001", "role": "participant",
            "exp": int(time.time()) + 60,
        }  # fmt: skip
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        full = {"alg": "Ed25519", "kid": signer.key_id} | (header or {})
        key = key or OKPKey.import_key(signer.private_key)
        return jwt.encode(full, claims, key, algorithms=[str(full["alg"])])

    return make


def test_a_token_of_the_issuer_names_its_caller(settings: Settings, token: Callable[..., str]) -> None:
    verifier = TokenVerifier(settings)
    assert verifier.verify(token()) == Caller("P-0001", Role.PARTICIPANT)
    issued = EmbeddedIssuer(settings).issue("auditor-1", Role.AUDITOR)
    assert verifier.verify(issued) == Caller("auditor-1", Role.AUDITOR)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://somebody.example"},
        {"aud": "another-api"},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 36_000},
        {"role": "administrator"},
        {"role": ["auditor", "operator"]},
        {"role": "auditor operator"},
        {"role": []},
        {"role": 5},
        {"role": {"auditor": True}},
        {"sub": ""},
        {"sub": 5},
        *({name: None} for name in ("iss", "aud", "sub", "role", "exp")),
    ],
)
def test_a_wrong_or_missing_claim_is_refused(
    settings: Settings, token: Callable[..., str], changes: dict[str, object]
) -> None:
    with pytest.raises(UnauthenticatedError):
        TokenVerifier(settings).verify(token(**changes))


def test_a_role_is_found_where_the_issuer_puts_it(settings: Settings, token: Callable[..., str]) -> None:
    assert TokenVerifier(settings).verify(token(role=["auditor"])).role is Role.AUDITOR
    scoped = settings.model_copy(update={"role_claim": "scope"})
    assert TokenVerifier(scoped).verify(token(scope="openid ror:operator email")).role is Role.OPERATOR
    nested = settings.model_copy(update={"role_claim": "realm_access.roles"})
    claims = {"realm_access": {"roles": ["offline_access", "portal"]}}
    assert TokenVerifier(nested).verify(token(**claims)).role is Role.PORTAL
    for wrong in ({}, {"realm_access": ["portal"]}, {"realm_access": {"roles": ["portal", "auditor"]}}):
        with pytest.raises(UnauthenticatedError):
            TokenVerifier(nested).verify(token(**wrong))


def test_tokens_for_other_clients_and_of_other_kinds_are_refused(settings: Settings, token: Callable[..., str]) -> None:
    expecting = TokenVerifier(settings.model_copy(update={"issuer_clients": ["portal-app"]}))
    assert expecting.verify(token(azp="portal-app")).role is Role.PARTICIPANT
    assert expecting.verify(token({"typ": "at+jwt"}, client_id="portal-app")).role is Role.PARTICIPANT
    for wrong in (token(azp="game"), token(azp="game", client_id="portal-app"), token()):
        with pytest.raises(UnauthenticatedError):
            expecting.verify(wrong)
    for kind in ("logout+jwt", "dpop+jwt"):
        with pytest.raises(UnauthenticatedError):
            TokenVerifier(settings).verify(token({"typ": kind}))


def test_another_key_or_algorithm_is_refused(settings: Settings, token: Callable[..., str]) -> None:
    verifier = TokenVerifier(settings)
    public = EmbeddedIssuer(settings).public_key
    secret = OctKey.import_key(json.dumps(public.as_dict(private=False)).encode())
    unsigned = urlsafe_b64encode(b'{"alg": "none"}').decode()
    for wrong in (
        token(key=OKPKey.generate_key("Ed25519")),
        token({"kid": "another"}),
        token({"alg": "HS256"}, key=secret),
        ".".join([unsigned, token().split(".")[1], ""]),
        token({"alg": "ES256"}, key=ECKey.generate_key("P-256")),
        token()[:-8],
        *("", "bad", "..", "a.b.c", "é.é.é"),
    ):
        with pytest.raises(UnauthenticatedError) as caught:
            verifier.verify(wrong)
        assert "P-0001" not in str(caught.value)


def production(settings: Settings, keys: Path) -> Settings:
    return Settings(
        mode=Mode.PRODUCTION,
        home=settings.home,
        database_url=SecretStr("postgresql+psycopg://database/ror"),
        broker_url=SecretStr("amqp://broker"),
        key_folder=settings.home / "keys",
        store_folder=settings.home / "store",
        issuer_keys_file=keys,
    )


def test_production_takes_the_organisations_key_set_and_no_embedded_issuer(
    settings: Settings, token: Callable[..., str], tmp_path: Path
) -> None:
    key = ECKey.generate_key("P-256", {"kid": "2026-11"})
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    deployed = production(settings, keys)
    verifier = TokenVerifier(deployed)
    assert verifier.verify(token({"alg": "ES256", "kid": "2026-11"}, key=key)).role is Role.PARTICIPANT
    with pytest.raises(UnauthenticatedError):
        verifier.verify(token())
    with pytest.raises(UnsafeConfigurationError, match="ROR_ISSUER_KEYS_FILE"):
        EmbeddedIssuer(deployed)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"keys": []}', '{"keys": [1]}', '{"keys": [{"kty": "RSA"}]}', "[" * 100_000, None]
)
def test_a_key_set_that_cannot_be_used_stops_the_start(settings: Settings, tmp_path: Path, content: str | None) -> None:
    keys = tmp_path / "keys.json"
    if content is not None:
        keys.write_text(content)
    with pytest.raises(UnsafeConfigurationError, match="fetch your issuer's keys"):
        TokenVerifier(production(settings, keys))


def test_a_shared_secret_in_the_key_set_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KeySet([OctKey.generate_key(256)]).as_dict(private=True)))
    with pytest.raises(UnsafeConfigurationError, match="public keys alone"):
        TokenVerifier(production(settings, keys))


def test_private_keys_in_the_key_set_stop_the_start(settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KeySet([ECKey.generate_key("P-256")]).as_dict(private=True)))
    with pytest.raises(UnsafeConfigurationError, match="public keys alone"):
        TokenVerifier(production(settings, keys))
