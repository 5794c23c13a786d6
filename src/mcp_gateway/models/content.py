"""What a tool's answer may hold besides its structured result: the content blocks of MCP, before any revision.

Source: MCP 2026-07-28, Tools / Tool Result.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextContent:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class ImageContent:
    """A picture."""

    data: bytes
    """As it is; base64 only on the wire."""
    mime_type: str
    """E.g. `image/png`, without parameters."""


@dataclass(frozen=True, slots=True)
class AudioContent:
    """A recording."""

    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class ResourceLink:
    """A resource the client may fetch by itself."""

    uri: str
    name: str
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedResource:
    """A resource's contents in the answer itself."""

    uri: str
    contents: str | bytes
    """Text, or bytes that travel as base64."""
    mime_type: str | None = None


ContentBlock = TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource
