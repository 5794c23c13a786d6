"""Every way in which an exchange fails, each as an error that knows whether bytes of the request may have left.

The messages name neither URL nor host, since ids in them belong to a customer.
"""

from mcp_gateway.exceptions import (
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamTooLargeError,
    UpstreamUnreachableError,
)


class Failures:
    """The errors of one integration's client."""

    def __init__(self, title: str, max_bytes: int) -> None:
        """`title` is what people call the service; `max_bytes` the cap of an answer."""
        self._title = title
        self._max_bytes = max_bytes

    # --- nothing was sent ---

    def unreachable(self) -> UpstreamError:
        """No name, no route, refused, no TLS, or none of it in time."""
        return UpstreamUnreachableError(f"{self._title} could not be reached: no connection was made.", sent=False)

    def forbidden(self) -> UpstreamError:
        """The name leads to addresses that must not be connected to."""
        return UpstreamUnreachableError(
            f"{self._title}'s name leads to an address this gateway does not connect to.", sent=False
        )

    def closed(self) -> UpstreamError:
        """The client was closed before the call began."""
        return UpstreamUnreachableError(f"The gateway is shutting down; nothing was sent to {self._title}.", sent=False)

    def too_late(self) -> UpstreamError:
        """Earlier requests of the same call, or connecting, took all the time there was."""
        return UpstreamTimeoutError(f"The deadline passed before this request was sent to {self._title}.", sent=False)

    # --- it may have been carried out ---

    def unfinished(self) -> UpstreamError:
        """The deadline passed before the answer was complete."""
        return UpstreamTimeoutError(f"{self._title} did not finish its answer within the deadline.", sent=True)

    def lost(self) -> UpstreamError:
        """The connection ended before the answer did."""
        return UpstreamBrokenError(f"{self._title}'s connection broke before its answer was complete.", sent=True)

    def not_http(self) -> UpstreamError:
        """What came cannot be read as HTTP, or its head is larger than any honest one."""
        return UpstreamBrokenError(f"What {self._title} sent was not HTTP.", sent=True)

    def switched(self) -> UpstreamError:
        """A status that ends the conversation in HTTP, or none at all."""
        return UpstreamBrokenError(f"{self._title} switched protocols, which was not asked for.", sent=True)

    def compressed(self) -> UpstreamError:
        """A coding although `identity` was asked for: a small body must not become a large one here."""
        return UpstreamBrokenError(f"{self._title} sent a compressed answer although none was accepted.", sent=True)

    def too_large(self) -> UpstreamError:
        """The answer passes the cap."""
        return UpstreamTooLargeError(f"{self._title}'s answer is larger than {self._max_bytes} bytes.", sent=True)
