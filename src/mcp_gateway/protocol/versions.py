"""The protocol revisions spoken here and everything that differs between them; a new revision is a new row.

Source: MCP specification, Versioning, and the changelog of each revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcp_gateway.models.content import AudioContent, EmbeddedResource, ImageContent, ResourceLink, TextContent
from mcp_gateway.protocol.errors import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_CLIENT_CAPABILITY,
    UNSUPPORTED_PROTOCOL_VERSION,
)

# Content blocks by the revision that brought them; a client of an older one may fail on a whole result for one of them.
_FIRST_BLOCKS = frozenset({TextContent, ImageContent, EmbeddedResource})
_WITH_AUDIO = _FIRST_BLOCKS | {AudioContent}
_ALL_BLOCKS = _WITH_AUDIO | {ResourceLink}

_MODERN_METHODS = frozenset({"server/discover", "tools/list", "tools/call"})
_LEGACY_METHODS = frozenset({"initialize", "ping", "tools/list", "tools/call"})

# Internal errors travel with 200 in both: clients of either era drop the whole connection on a 5xx.
_MODERN_STATUS = MappingProxyType(
    {
        INVALID_REQUEST: 400,
        METHOD_NOT_FOUND: 404,
        INVALID_PARAMS: 400,
        INTERNAL_ERROR: 200,
        HEADER_MISMATCH: 400,
        MISSING_CLIENT_CAPABILITY: 400,
        UNSUPPORTED_PROTOCOL_VERSION: 400,
    }
)
_LEGACY_STATUS = MappingProxyType(
    {INVALID_REQUEST: 400, METHOD_NOT_FOUND: 200, INVALID_PARAMS: 200, INTERNAL_ERROR: 200}
)


@dataclass(frozen=True, slots=True, eq=False)
class Revision:
    """One revision of the protocol as this server speaks it; a row is itself only, so it hashes by identity."""

    name: str
    stateless: bool
    """True: version and capabilities come in `_meta` of every request. False: agreed once by `initialize`."""
    methods: frozenset[str]
    error_status: Mapping[int, int]
    """JSON-RPC error code to HTTP status."""
    batches: bool = False
    """Whether a body may be an array of messages."""
    posted_responses: bool = True
    """Whether a client may POST a response (202), or not (400)."""
    stamps_results: bool = False
    """Whether results carry `resultType`, `serverInfo` and, on lists, caching hints."""
    content_blocks: frozenset[type] = _ALL_BLOCKS
    """Blocks a result may hold; any other is told as text."""


def _modern(name: str) -> Revision:
    return Revision(name, True, _MODERN_METHODS, _MODERN_STATUS, posted_responses=False, stamps_results=True)


def _legacy(name: str, *, batches: bool = False, content_blocks: frozenset[type] = _ALL_BLOCKS) -> Revision:
    return Revision(name, False, _LEGACY_METHODS, _LEGACY_STATUS, batches=batches, content_blocks=content_blocks)


REVISIONS = (
    _modern("2026-07-28"),
    _legacy("2025-11-25"),
    _legacy("2025-06-18"),
    _legacy("2025-03-26", batches=True, content_blocks=_WITH_AUDIO),
    _legacy("2024-11-05", content_blocks=_FIRST_BLOCKS),
)
"""Newest first."""

STATELESS_VERSIONS = tuple(row.name for row in REVISIONS if row.stateless)
"""What `server/discover` announces."""
HANDSHAKE_VERSIONS = tuple(row.name for row in REVISIONS if not row.stateless)
"""What `initialize` can agree on, newest first."""

BY_NAME: Mapping[str, Revision] = MappingProxyType({row.name: row for row in REVISIONS})
LEGACY_BY_HEADER: Mapping[bytes, Revision] = MappingProxyType(
    {row.name.encode(): row for row in REVISIONS if not row.stateless}
)

NEWEST_STATELESS = BY_NAME[STATELESS_VERSIONS[0]]
"""Whose rules answer a modern request that names a revision nobody knows."""
HEADERLESS = BY_NAME["2025-03-26"]
"""Assumed when a legacy request has no version header (2025-11-25, Streamable HTTP / Protocol Version Header)."""


def negotiate(requested: str) -> str:
    """The version `initialize` answers with: the requested one, else the newest one that has a handshake."""
    return requested if requested in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[0]
