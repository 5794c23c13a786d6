"""What pyqwest raises -> our errors, each knowing whether bytes of the request may have left."""

from pyqwest import ReadError, RemoteProtocolError, WriteError

from mcp_gateway.exceptions import (
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamTooLargeError,
    UpstreamUnreachableError,
)

TRANSPORT_ERRORS = (OSError, ReadError, WriteError, RemoteProtocolError, RuntimeError)
"""All that awaiting an exchange raises: ConnectionError, ConnectTimeout and TimeoutError are OSErrors,
and pyqwest uses RuntimeError for whatever it has no class for."""


def from_transport(exc: Exception, title: str) -> UpstreamError:
    """The messages name no URL, since ids in it belong to a customer; the cause keeps the library's own words."""
    # pyqwest's ConnectTimeout is a TimeoutError too. It covers name, TCP and TLS only, hence it comes first.
    if isinstance(exc, ConnectionError):
        return UpstreamUnreachableError(f"{title} could not be reached: no connection was made.", sent=False)
    if isinstance(exc, TimeoutError):
        return UpstreamTimeoutError(f"{title} did not finish its answer within the deadline.", sent=True)
    return broken(f"{title}'s connection broke, or what it sent was not HTTP.")


def broken(message: str) -> UpstreamBrokenError:
    """An answer began or the connection was in use, so the request may have been carried out."""
    return UpstreamBrokenError(message, sent=True)


def too_large(max_bytes: int, title: str) -> UpstreamTooLargeError:
    """The answer passes the cap of `max_bytes`."""
    return UpstreamTooLargeError(f"{title}'s answer is larger than {max_bytes} bytes.", sent=True)


def closed(title: str) -> UpstreamUnreachableError:
    """The client was closed before the call began."""
    return UpstreamUnreachableError(f"The gateway is shutting down; nothing was sent to {title}.", sent=False)


def too_late(title: str) -> UpstreamTimeoutError:
    """Earlier requests of the same call took all the time there was."""
    return UpstreamTimeoutError(f"The deadline passed before this request was sent to {title}.", sent=False)
