"""Which network addresses a partner may have: public ones, and those that the settings name.

A name is resolved once for each call, every address that it has is looked at, and the connection goes to one of these
addresses and not to the name: a name server that answers something else a moment later (DNS rebinding) is not asked
again. So neither a registration nor a name server can lead a report, or a signed request, into our own network.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ror_service.settings import Network

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to the host's addresses; raises `OSError` where there is none."""

_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192"))
) | {ip_address("fd00:ec2::254")}
"""Where clouds hand out credentials to whoever asks: no partner, whatever the settings say."""
_ALLOCATED = ip_network("2000::/3")
"""Public addresses of IPv6. Those that hold one of IPv4 are outside: `::ffff:127.0.0.1`, `64:ff9b::7f00:1`."""
_RELAYED = ip_network("2002::/16")
"""6to4: these hold one of IPv4 too."""


class AddressRefusedError(OSError):
    """A partner's host has an address that no partner may have."""


async def by_name_server(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as this machine's resolver orders them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where requests may go.

    Attributes:
        networks: Networks that are no public ones, and where partners may be all the same.
        resolve: Looks up a name.
    """

    networks: tuple[Network, ...] = ()
    resolve: Resolve = by_name_server

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them allowed.

        Raises:
            AddressRefusedError: If one is not: a name that has good and bad ones is not trusted either.
            OSError: If the host has none.
        """
        found = list(dict.fromkeys(await self.resolve(host, port)))
        if not found or not all(map(self.allows, found)):
            raise AddressRefusedError
        return found

    def allows(self, address: str) -> bool:
        """Whether a partner may have this address."""
        try:
            known = ip_address(address)
        except ValueError:
            return False
        if known in _METADATA:
            return False
        return _is_public(known) or any(known in network for network in self.networks)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address not in _ALLOCATED or address in _RELAYED):
        return False
    return address.is_global and not address.is_multicast
