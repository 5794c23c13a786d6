"""Which `Host` and `Origin` values are answered: the defence against DNS rebinding.

Source: MCP 2026-07-28, Streamable HTTP / Security; RFC 9110 §7.2, RFC 6454 §7.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY = "*"
MAX_KNOWN = 64
_PORT = re.compile(r"[0-9]{1,5}")
DEFAULT_PORTS = {"http": 80, "https": 443}


class HostCheck:
    """Decides from the two headers alone."""

    def __init__(self, *, public_url: str, allowed_hosts: Iterable[str], allowed_origins: Iterable[str]) -> None:
        """The public URL's host and origin are always allowed, and so is loopback as a host."""
        parts = urlsplit(public_url)
        hosts = {host.lower() for host in allowed_hosts}
        self._any_host = ANY in hosts
        self._known: set[bytes] = set()
        """Values found to be ours: a service is asked for under few names, all day long."""
        host = (parts.hostname or "").lower()
        # With and without the scheme's own port are one and the same (RFC 9110 §4.2.3); some proxies add it.
        self._hosts = hosts | {parts.netloc.lower(), host, f"{host}:{DEFAULT_PORTS[parts.scheme]}"}
        self._origins = {origin.lower().rstrip("/") for origin in allowed_origins}
        self._origins.add(f"{parts.scheme}://{parts.netloc}".lower())

    def allows_host(self, values: list[bytes]) -> bool:
        """Exactly one `Host` that is ours."""
        if self._any_host:
            return True
        if len(values) != 1:
            return False
        if values[0] in self._known:
            return True
        host = values[0].decode("latin-1").strip().lower()
        is_ours = host in self._hosts or _without_port(host) in LOOPBACK
        if is_ours and len(self._known) < MAX_KNOWN:
            self._known.add(values[0])
        return is_ours

    def allows_origin(self, values: list[bytes]) -> bool:
        """No `Origin`, as servers send none, or one that is listed."""
        if not values:
            return True
        return len(values) == 1 and values[0].decode("latin-1").strip().lower() in self._origins


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return name if separator and _PORT.fullmatch(port) else host
