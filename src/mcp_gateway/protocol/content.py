"""Content blocks as JSON, and as text where a revision does not know them yet."""

from base64 import b64encode
from typing import Any

from mcp_gateway.kit.visible import visible_json
from mcp_gateway.models.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)
from mcp_gateway.protocol.versions import Revision


def block_json(block: ContentBlock, revision: Revision) -> bytes:
    """One item of `content`."""
    if type(block) not in revision.content_blocks:
        block = TextContent(_told(block, revision))
    return visible_json(_to_dict(block))


def _to_dict(block: ContentBlock) -> dict[str, Any]:
    match block:
        case TextContent():
            return {"type": "text", "text": block.text}
        case ImageContent():
            return {"type": "image", "data": _base64(block.data), "mimeType": block.mime_type}
        case AudioContent():
            return {"type": "audio", "data": _base64(block.data), "mimeType": block.mime_type}
        case ResourceLink():
            return {"type": "resource_link", "uri": block.uri, "name": block.name, **_mime_type(block.mime_type)}
        case EmbeddedResource():
            return {"type": "resource", "resource": _contents(block)}


def _contents(block: EmbeddedResource) -> dict[str, Any]:
    contents = {"text": block.contents} if isinstance(block.contents, str) else {"blob": _base64(block.contents)}
    return {"uri": block.uri, **_mime_type(block.mime_type), **contents}


def _mime_type(mime_type: str | None) -> dict[str, str]:
    return {} if mime_type is None else {"mimeType": mime_type}


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _told(block: ContentBlock, revision: Revision) -> str:
    """What stands in for a block: a client that does not know its type would refuse the whole result."""
    match block:
        case ResourceLink():
            return f"{block.name}: {block.uri}"
        case AudioContent():
            return f"[{len(block.data)} bytes of {block.mime_type}; protocol revision {revision.name} carries no audio]"
    return f"[content that protocol revision {revision.name} does not carry]"
