"""Answers that are no JSON → content blocks: pictures, recordings and text, each under a cap.

Source: MCP 2026-07-28, Tools / Tool Result; RFC 9110 §8.3 (Content-Type).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mcp_gateway.models.content import AudioContent, ContentBlock, ImageContent, TextContent

MAX_BINARY_BYTES = 2 * 1024 * 1024
"""A picture or recording beyond this is more than clients hand to a model, a third larger still as base64."""
MAX_TEXT_CHARACTERS = 200_000

ANY_MEDIA_TYPE = "*/*"
JSON = "application/json"

_MEDIA_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64})\s*(?:;.*)?", re.ASCII)
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([a-z0-9._-]{1,32})"?', re.ASCII)
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1250", "windows-1252", "utf-16"})
"""What texts come in. Not any codec there is: some take time with the square of the length, or give lone surrogates."""
_BINARY: Mapping[str, type[ImageContent | AudioContent]] = {"image": ImageContent, "audio": AudioContent}


class MediaError(ValueError):
    """The answer cannot be told as content; the text is the rest of a sentence."""


class MediaTooLargeError(MediaError):
    """It could be told, were it smaller."""


@dataclass(frozen=True, slots=True)
class Media:
    """One answer: what it is in a few words, and the block that holds it."""

    summary: Mapping[str, object]
    block: ContentBlock


def is_json(content_type: str) -> bool:
    """Whether a body of this `Content-Type` is to be read as JSON; none at all counts as such."""
    media_type = _media_type(content_type)
    return not content_type.strip() or media_type == JSON or media_type.endswith("+json")


def read_media(content_type: str, body: bytes) -> Media:
    """The body as a content block.

    Raises:
        MediaError: neither a picture, a recording nor readable text.
        MediaTooLargeError: over the cap.
    """
    media_type = _media_type(content_type)
    kind = media_type.partition("/")[0]
    if kind in _BINARY:
        if len(body) > MAX_BINARY_BYTES:
            raise MediaTooLargeError(f"the {kind} has {len(body)} bytes, over the limit of {MAX_BINARY_BYTES}")
        return Media({"media_type": media_type, "bytes": len(body)}, _BINARY[kind](body, media_type))
    if kind != "text":
        what = f"is {media_type}" if media_type else "is of no known type"
        raise MediaError(f"the body {what}; only JSON, text, images and audio can be handed on")
    text = _text(content_type, body)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise MediaTooLargeError(f"the text has {len(text)} characters, over the limit of {MAX_TEXT_CHARACTERS}")
    # In the summary too: some clients hand on nothing but the structured result.
    return Media({"media_type": media_type, "text": text}, TextContent(text))


def _media_type(content_type: str) -> str:
    found = _MEDIA_TYPE.fullmatch(content_type.lower())
    return found[1] if found else ""


def _text(content_type: str, body: bytes) -> str:
    found = _CHARSET.search(content_type.lower())
    charset = found[1] if found else "utf-8"
    if charset not in _CHARSETS:
        raise MediaError(f"the text is in {charset}, which is not read here")
    # Before it is decoded: no character takes more than four bytes.
    if len(body) > 4 * MAX_TEXT_CHARACTERS:
        raise MediaTooLargeError(f"the text has {len(body)} bytes, over the limit of {MAX_TEXT_CHARACTERS} characters")
    try:
        return body.decode(charset)
    except UnicodeError as exc:
        raise MediaError(f"the text is not {charset}") from exc
