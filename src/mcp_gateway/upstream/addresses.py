"""Which addresses upstream may be reached at: public ones, so that no name leads into the network the gateway is in.

Source: the IANA registries of special-purpose addresses (RFC 6890), RFC 6052 (NAT64), RFC 6598 (shared address space);
OWASP, Server-Side Request Forgery Prevention.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

_NAT64 = ip_network("64:ff9b::/96")
_NEVER = tuple(
    map(
        ip_network,
        (
            "192.88.99.0/24",  # 6to4 relays, deprecated
            "::/96",  # IPv4-compatible, deprecated
            "64:ff9b:1::/48",  # NAT64 inside one network
            "2001::/23",  # Teredo, benchmarking, ORCHID and other protocols' own
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
            "fec0::/10",  # site-local, deprecated
        ),
    )
)
"""What is not public, whichever release of Python judges `is_global`."""


def is_public(address: str) -> bool:
    """Whether an address, in any of its forms as `getaddrinfo` gives it, belongs to the public internet."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified
    return ip.is_global and not is_special and not any(ip in network for network in _NEVER)


def any_address(_address: str) -> bool:
    """Where an operator allows them all."""
    return True


async def system_look_up(host: str, port: int) -> Sequence[str]:
    """By the system's resolver, so that `/etc/hosts`, container names and `nsswitch` hold as for every program."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


@dataclass(frozen=True, slots=True)
class Addresses:
    """How a name leads to addresses, and which of them may be connected to."""

    may_connect: Callable[[str], bool]
    """Given an IP address as text."""
    look_up: Callable[[str, int], Awaitable[Sequence[str]]] = system_look_up
    """A name and a port to IP addresses, in the order in which to try them; OSError where there are none."""


ANY_ADDRESS = Addresses(any_address)
PUBLIC_ADDRESSES = Addresses(is_public)


async def private_address(base_url: str, *, seconds: float) -> str | None:
    """An address that is not public and that the URL's host leads to, in whatever spelling; None where there is none.

    A name that leads nowhere in time is no finding: each connection is checked again.
    """
    parts = urlsplit(base_url)
    try:
        async with asyncio.timeout(seconds):
            found = await system_look_up(parts.hostname or "", parts.port or 0)
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return None
    return next((address for address in found if not is_public(address)), None)
