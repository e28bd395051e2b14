"""Requests reach registered hosts at public addresses alone, and a careless client would be seen."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from support.partners import HERE, RECIPIENT, SENDER, client_of, registered, sealed_bundle

from ror_service.delivery import client as clients
from ror_service.delivery.addresses import AddressRefusedError, Reach, by_name_server
from ror_service.delivery.client import PartnerClient
from ror_service.errors import DeliveryRefusedError, DeliveryUnavailableError, PartnerAddressError
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sandbox.partner_faults import Fault
from ror_service.settings import Mode, Settings, networks_of

BUNDLE = sealed_bundle(RECIPIENT.public)
NOT_PUBLIC = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "localhost",
    "0x7f.1",
    "2130706433",
    "127.0.0.1:443",
]


class Names:
    """A name server that gives these answers, one after the other, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_partner_is_at_an_address_that_is_not_public(address: str) -> None:
    assert not Reach().allows(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "2a00::1"])
def test_a_partner_may_be_at_a_public_address(address: str) -> None:
    assert Reach().allows(address)


def test_networks_that_are_set_are_allowed_and_no_others_beside() -> None:
    reach = Reach(networks_of("10.20.0.0/16, fd12:3456::/32,"))
    assert [reach.allows(address) for address in ("10.20.1.1", "fd12:3456::1", "8.8.8.8")] == [True] * 3
    assert [reach.allows(address) for address in ("10.21.0.1", "127.0.0.1", "::ffff:10.20.1.1")] == [False] * 3


def test_what_hands_out_credentials_is_no_partner_whatever_is_set() -> None:
    assert not Reach(networks_of("0.0.0.0/0, ::/0")).allows("169.254.169.254")
    assert not Reach(networks_of("0.0.0.0/0, ::/0")).allows("fd00:ec2::254")


def test_production_allows_no_network_that_was_not_set(tmp_path: Path) -> None:
    embedded = Settings(home=tmp_path)
    assert Reach(embedded.partners_allowed_in).allows("127.0.0.1")
    assert embedded.model_copy(update={"mode": Mode.PRODUCTION}).partners_allowed_in == ()
    assert embedded.model_copy(update={"partner_networks": "10.0.0.0/8"}).partners_allowed_in == networks_of(
        "10.0.0.0/8"
    )
    with pytest.raises(ValidationError):
        Settings(partner_networks="10.0.0.0/8, everything")


def _answering(seen: list[httpx.Request], names: Names, **more: Any) -> PartnerClient:  # noqa: ANN401
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(httpx.Request(request.method, request.url, headers=request.headers, extensions=request.extensions))
        return httpx.Response(503)

    transport = httpx.MockTransport(answer)
    return PartnerClient(registered(**more), SENDER, reach=Reach(resolve=names), transport=transport)


def test_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to() -> None:
    seen: list[httpx.Request] = []
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    client = _answering(seen, names, base_url="https://partner.example:8443/in")
    with pytest.raises(DeliveryUnavailableError, match="answers 503"):
        client.deliver("delivery-1", "key-1", BUNDLE)
    assert names.asked == [("partner.example", 8443)]
    (request,) = seen
    assert str(request.url) == "https://93.184.216.34:8443/in/v1/deliveries/delivery-1"
    assert request.headers["host"] == "partner.example:8443"
    assert request.extensions["sni_hostname"] == "partner.example"
    with pytest.raises(PartnerAddressError, match="neither public nor in ROR_PARTNER_NETWORKS") as caught:
        client.deliver("delivery-1", "key-1", BUNDLE)  # the name server has changed its mind
    assert caught.value.partner_id == "partner-1"
    assert len(seen) == 1


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], []]
)
def test_a_name_that_leads_astray_gets_nothing(answer: list[str]) -> None:
    seen: list[httpx.Request] = []
    for call in (
        lambda client: client.deliver("delivery-1", "key-1", BUNDLE),
        lambda client: client.recall("delivery-1", "key-1", "0" * 64, "consent_withdrawn"),
        lambda client: list(client.ledger()),
    ):
        with pytest.raises(PartnerAddressError):
            call(_answering(seen, Names(answer)))
    assert seen == []


@pytest.mark.parametrize("host", ["https://127.0.0.1", "https://[::ffff:127.0.0.1]", "https://[::1]:8443"])
def test_an_address_in_a_registration_is_looked_at_as_well(host: str) -> None:
    client = PartnerClient(registered(host), SENDER, reach=Reach())
    with pytest.raises(PartnerAddressError):
        client.deliver("delivery-1", "key-1", BUNDLE)


def test_where_nobody_listens_the_next_address_is_tried_and_after_a_word_none_is() -> None:
    tried: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        if request.url.host == "8.8.8.8":
            raise httpx.ConnectError("nobody listens")
        raise httpx.ReadError("cut")

    reach = Reach(resolve=Names(["8.8.8.8", "8.8.4.4", "1.1.1.1", "8.8.8.8"]))
    client = PartnerClient(registered(), SENDER, reach=reach, transport=httpx.MockTransport(answer))
    with pytest.raises(DeliveryUnavailableError, match="ReadError"):
        client.deliver("delivery-1", "key-1", BUNDLE)
    assert tried == ["8.8.8.8", "8.8.4.4"]


def test_a_name_that_is_not_known_is_tried_again() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    client = PartnerClient(registered(), SENDER, reach=Reach(resolve=unknown))
    with pytest.raises(DeliveryUnavailableError, match="gaierror"):
        client.deliver("delivery-1", "key-1", BUNDLE)


def test_the_name_of_this_machine_leads_to_it() -> None:
    assert set(asyncio.run(by_name_server("localhost", 80))) <= {"127.0.0.1", "::1"}
    with pytest.raises(AddressRefusedError):
        asyncio.run(Reach().addresses("localhost", 80))


# Broken variants


def test_a_client_that_looks_and_then_asks_for_the_name_again_is_caught(
    partner: SandboxPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rebinding: a public address for whoever looks, this machine for whoever connects."""

    async def careless(_: PartnerClient, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        await reach.addresses(request.url.host, 80)
        return await client.send(request, stream=True)

    there = registered(partner.registration.base_url.replace("127.0.0.1", "localhost"))
    reach = Reach(resolve=Names(["93.184.216.34"], ["93.184.216.34"]))
    blackhole = httpx.MockTransport(lambda _: httpx.Response(503))
    with pytest.raises(DeliveryUnavailableError, match="503"):
        PartnerClient(there, SENDER, reach=reach, transport=blackhole).deliver("delivery-1", "key-1", BUNDLE)
    monkeypatch.setattr(PartnerClient, "_connect", careless)
    with pytest.raises(DeliveryUnavailableError, match="401"):  # it was asked
        PartnerClient(there, SENDER, reach=reach).deliver("delivery-1", "key-1", BUNDLE)


def test_a_client_that_follows_redirects_is_caught(partner: SandboxPartner, monkeypatch: pytest.MonkeyPatch) -> None:
    partner.faults.next(Fault.REDIRECT)
    with pytest.raises(DeliveryRefusedError, match="307: redirects are not followed"):
        client_of(partner).deliver("delivery-1", "key-1", BUNDLE)
    follows = httpx.AsyncClient
    monkeypatch.setattr(clients.httpx, "AsyncClient", lambda **given: follows(**{**given, "follow_redirects": True}))
    partner.faults.next(Fault.REDIRECT)
    with pytest.raises(DeliveryRefusedError, match="404"):  # it went elsewhere
        client_of(partner).deliver("delivery-1", "key-1", BUNDLE)


def test_tls_proves_the_registered_name_and_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    class Seen(ssl.SSLContext):
        def wrap_bio(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401
            asked.append(os.fsdecode(named["server_hostname"] if "server_hostname" in named else given[3]))
            raise ssl.SSLError("no further")

    monkeypatch.setattr(clients, "_tls", lambda: Seen(ssl.PROTOCOL_TLS_CLIENT))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        reach = Reach(HERE.networks, Names(["127.0.0.1"]))
        client = PartnerClient(registered(f"https://partner.example:{port}"), SENDER, reach=reach)
        with pytest.raises(DeliveryUnavailableError):
            client.deliver("delivery-1", "key-1", BUNDLE)
    assert asked == ["partner.example"]
