"""Which addresses upstream may be reached at: public ones, so that no name leads into the network the gateway is in.

Source: the IANA registries of special-purpose addresses (RFC 6890), RFC 6052 (NAT64), RFC 6598 (shared address space);
OWASP, Server-Side Request Forgery Prevention.
"""

import asyncio
import socket
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


async def private_address(base_url: str, *, seconds: float) -> str | None:
    """An address that is not public and that the URL's host leads to, in whatever spelling; None where there is none.

    A name that leads nowhere in time is no finding: each connection is checked again.
    """
    parts = urlsplit(base_url)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return None
    return next((address for *_, place in found if not is_public(address := str(place[0]))), None)
