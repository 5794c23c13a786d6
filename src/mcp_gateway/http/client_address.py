"""Who is at the other end, behind proxies that may be believed.

`X-Forwarded-For` is read from the right: every address a trusted proxy appended is believed, and the first one that is
not itself a trusted proxy is the client. What stands further left is what the client claims, and is ignored.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDED = b"x-forwarded-for"
CLIENT_ADDRESS_KEY = "client_address"
"""Of the ASGI scope: what `ClientAddress.of` found."""
IPV6_SUBSCRIBER_BITS = 64
"""One customer's IPv6 addresses, as a rule (RFC 6177): all of them count as one."""


class ClientAddress:
    """Finds the client's address of a request."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """`trusted` are addresses or networks.

        Raises:
            ValueError: one of them is neither.
        """
        self._trusted: tuple[Network, ...] = tuple(ip_network(text, strict=False) for text in trusted)

    def of(self, scope: Scope) -> str:
        """The address as text; `unknown` where the server does not know its peer (a unix socket)."""
        client = scope.get("client")
        if not client:
            return "unknown"
        if not self._trusted:
            return _canonical(client[0])
        peer = _address(client[0])
        if peer is None:
            return "unknown"
        for hop in reversed(_hops(scope) if self._is_trusted(peer) else []):
            forwarded = _address(hop)
            if forwarded is None:
                break
            peer = forwarded
            if not self._is_trusted(peer):
                break
        return str(peer)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def subscriber(address: str) -> str:
    """Whose address it is, for limits: an IPv4 address, the first half of an IPv6 one, or `unknown`."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_SUBSCRIBER_BITS), strict=False))
    return address


def _hops(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED]
    return [hop for value in values for hop in value.split(",")]


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    """The peer's address as `of` tells it; a client's connections and requests ask for the same one again and again."""
    address = _address(text)
    return "unknown" if address is None else str(address)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
