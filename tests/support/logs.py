"""All log lines of gateways started within a block, at the lowest level."""

import contextlib
import io
from collections.abc import Iterator

from mcp_gateway.telemetry.logs import configure_logging


@contextlib.contextmanager
def captured_logs() -> Iterator[io.StringIO]:
    """What the process logs, uvicorn's loggers included, goes here until the block ends.

    Start the gateway inside, with `log_level="debug"`.
    """
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        try:
            yield stream
        finally:
            configure_logging("warning", "json", io.StringIO())
    configure_logging("warning", "json")
