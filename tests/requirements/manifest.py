"""All rows."""

from tests.requirements.messages import (
    AUTHENTICATION,
    BATCHES,
    DISCOVERY,
    ERRORS,
    HANDSHAKES,
    MESSAGES,
    META,
    PROGRESS,
    STATE,
)
from tests.requirements.row import Row
from tests.requirements.sse import SSE
from tests.requirements.tools import CALLS, DEFINITIONS, LISTS
from tests.requirements.transport import ENDPOINT, HEADERS, MIRRORED, STREAMS

ROWS: tuple[Row, ...] = (
    *ENDPOINT,
    *HEADERS,
    *MIRRORED,
    *STREAMS,
    *MESSAGES,
    *ERRORS,
    *META,
    *STATE,
    *DISCOVERY,
    *PROGRESS,
    *AUTHENTICATION,
    *HANDSHAKES,
    *BATCHES,
    *SSE,
    *LISTS,
    *DEFINITIONS,
    *CALLS,
)
