"""Bodies as the wire wants them: values at dotted paths, arrays of one, and files as multipart.

Source: RFC 7578 (multipart/form-data) and, for names, https://html.spec.whatwg.org/#multipart-form-data.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_UNQUOTABLE = re.compile(r'["\\\x00-\x1f\x7f]')
_ARRAY = "[]"
BESIDE = "*"
"""A last step of this name puts the members of an object where the step stands."""


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path; `name[]` is the first element of an array, and `*` spreads an object."""
    *parents, leaf = path.split(".")
    place = body
    for step in parents:
        place = _inside(place, step)
    if leaf == BESIDE:
        # What is named by an argument of its own wins over what is said beside it.
        place.update({key: item for key, item in value.items() if key not in place})
    elif leaf.endswith(_ARRAY):
        place.setdefault(leaf.removesuffix(_ARRAY), []).append(value)
    else:
        place[leaf] = value


def _inside(place: dict[str, Any], step: str) -> dict[str, Any]:
    if not step.endswith(_ARRAY):
        inside: dict[str, Any] = place.setdefault(step, {})
        return inside
    items: list[dict[str, Any]] = place.setdefault(step.removesuffix(_ARRAY), [{}])
    return items[0]


def without_empty(value: Any) -> Any:
    """The value without what says nothing in it: null, empty texts, and lists and objects with nothing left."""
    if isinstance(value, Mapping):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if not _is_empty(item)}
    if isinstance(value, list | tuple):
        return [item for item in map(without_empty, value) if not _is_empty(item)]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, dict | list) and not value)


def multipart(files: Mapping[str, tuple[str, bytes]], fields: Mapping[str, str]) -> tuple[str, bytes]:
    """Content type and body of a form; `files` maps the part's name to file name and contents."""
    boundary = _boundary(files)
    parts = [_part(boundary, f'name="{_quotable(name)}"', text.encode()) for name, text in fields.items()]
    for name, (filename, contents) in files.items():
        disposition = f'name="{_quotable(name)}"; filename="{_quotable(filename)}"'
        parts.append(_part(boundary, disposition, contents, "application/octet-stream"))
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def decoded(text: str) -> bytes | None:
    """The bytes of a base64 text, None where it is none; line breaks and a missing padding are forgiven."""
    compact = "".join(text.split())
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except ValueError:
        return None


def _boundary(files: Mapping[str, tuple[str, bytes]]) -> str:
    """Depends on all the contents, so that no content can hold it by intention."""
    digest = hashlib.sha256()
    for name, (filename, contents) in files.items():
        digest.update(f"{name}\n{filename}\n".encode())
        digest.update(contents)
    return digest.hexdigest()


def _quotable(name: str) -> str:
    """A name between quotes, as browsers write it: what could end the quotes or the header is percent-encoded."""
    # Nothing else is: most readers take a name as it stands.
    return _UNQUOTABLE.sub(lambda found: quote(found[0], safe=""), name)


def _part(boundary: str, disposition: str, contents: bytes, content_type: str | None = None) -> bytes:
    lines = [f"--{boundary}", f"content-disposition: form-data; {disposition}"]
    if content_type is not None:
        lines.append(f"content-type: {content_type}")
    return "\r\n".join([*lines, "", ""]).encode() + contents + b"\r\n"
