"""Keys that rotate: read again when a token names a new one, never more often than once a minute."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from joserfc.jwk import ECKey, KeySet

from ror_service.api.issuer_keys import (
    FRESH_SECONDS,
    LARGEST_BYTES,
    LONGEST_SECONDS,
    PAUSE_SECONDS,
    IssuerKeys,
    from_file,
    from_url,
)
from ror_service.errors import UnauthenticatedError, UnsafeConfigurationError
from ror_service.sandbox.partner_server import LoopbackServer


def published(*names: str) -> KeySet:
    return KeySet([ECKey.generate_key("P-256", {"kid": name}, private=False) for name in names])


class Issuer:
    """An issuer that counts how often it is asked, and can be out of reach."""

    def __init__(self) -> None:
        self.now, self.asked, self.names, self.reachable = 0.0, 0, ["2026-11"], True

    def load(self) -> KeySet:
        self.asked += 1
        if not self.reachable:
            raise UnsafeConfigurationError("out of reach")
        return published(*self.names)

    def keys(self) -> IssuerKeys:
        return IssuerKeys(self.load, lambda: self.now)


def names(keys: KeySet) -> set[str | None]:
    return {key.kid for key in keys.keys}


def test_a_new_key_is_fetched_when_a_token_names_it() -> None:
    issuer = Issuer()
    keys = issuer.keys()
    assert names(keys.for_token("2026-11")) == names(keys.for_token(None)) == {"2026-11"}
    issuer.names = ["2026-11", "2026-12"]
    issuer.now = PAUSE_SECONDS
    assert names(keys.for_token("2026-12")) == {"2026-11", "2026-12"}
    assert issuer.asked == 2


def test_made_up_key_names_do_not_make_it_knock() -> None:
    issuer = Issuer()
    keys = issuer.keys()
    for number in range(1000):
        issuer.now = number * PAUSE_SECONDS / 500
        keys.for_token(f"made-up-{number}")
    assert issuer.asked == 2, "once at the start and once in two minutes, less than one pause after another"


def test_a_key_that_its_issuer_took_back_ends() -> None:
    issuer = Issuer()
    keys = issuer.keys()
    issuer.names = ["2026-12"]
    issuer.now = FRESH_SECONDS - 1
    assert names(keys.for_token("2026-11")) == {"2026-11"}
    issuer.now = FRESH_SECONDS
    assert names(keys.for_token("2026-11")) == {"2026-12"}


def test_an_issuer_out_of_reach_is_waited_for_a_day() -> None:
    issuer = Issuer()
    keys = issuer.keys()
    issuer.reachable = False
    issuer.now = LONGEST_SECONDS - 1
    assert names(keys.for_token("2026-11")) == {"2026-11"}
    issuer.now = LONGEST_SECONDS
    with pytest.raises(UnauthenticatedError, match="issuer"):
        keys.for_token("2026-11")
    issuer.reachable, issuer.now = True, LONGEST_SECONDS + PAUSE_SECONDS
    assert names(keys.for_token("2026-11")) == {"2026-11"}


def test_while_one_request_reads_the_keys_others_go_on() -> None:
    issuer = Issuer()
    keys = issuer.keys()
    inner: list[set[str | None]] = []

    def slow() -> KeySet:
        inner.append(names(keys.for_token("another")))
        return published("2026-12")

    issuer.now = FRESH_SECONDS
    keys._load = slow
    assert names(keys.for_token("2026-12")) == {"2026-12"}
    assert inner == [{"2026-11"}]


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, Response]]]:
    """An address, and what is answered there."""
    answers: dict[str, Response] = {}
    app = FastAPI()
    app.get("/{name}")(lambda name: answers[name])
    with LoopbackServer() as server:
        server.start(app)
        yield server.base_url, answers


def test_keys_come_from_an_address_and_from_nowhere_that_it_points_to(
    served: tuple[str, dict[str, Response]], tmp_path: Path
) -> None:
    url, answers = served
    content = json.dumps(published("2026-11").as_dict(private=False))
    answers["keys"] = Response(content)
    answers["moved"] = Response(status_code=HTTPStatus.FOUND, headers={"Location": f"{url}/keys"})
    answers["large"] = Response(content + " " * LARGEST_BYTES)
    answers["broken"] = Response("no keys")
    assert names(from_url(f"{url}/keys")) == {"2026-11"}
    for name in ("moved", "large", "broken"):
        with pytest.raises(UnsafeConfigurationError, match="fetch your issuer's keys"):
            from_url(f"{url}/{name}")
    with pytest.raises(UnsafeConfigurationError):
        from_url("http://127.0.0.1:1/keys")
    (tmp_path / "keys.json").write_text(content)
    assert names(from_file(tmp_path / "keys.json")) == {"2026-11"}
