"""``POST /file/upload``: one field, ``file``; encoding, limit and answer are documented nowhere."""

import base64
import binascii
import hashlib
import re

from richpanel_sim.exchange import Call, Reply
from richpanel_sim.refusals import Fault, file_too_large, invalid
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import to_wire_time
from richpanel_sim.validation import member

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_DISPOSITION = re.compile(rb'form-data;.*?\bname="?file"?(?:;|\s|$)', re.IGNORECASE)
_FILE_NAME = re.compile(r'filename="([^"]*)"')
_TYPE = re.compile(r"^content-type:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


def upload_file(call: Call) -> Reply:
    """Keep the file and say where it is."""
    head, content = _sent(call)
    if len(content) > call.switches.file_limit_bytes:
        raise file_too_large(call.switches.file_limit_bytes)
    file = _kept(call, head, content)
    match call.switches.file_reply:
        case "wrapped":
            return Reply.from_json({"file": file})
        case "list":
            return Reply.from_json({"files": [file]})
        case "url":
            return Reply.from_json({"url": file["url"]})
        case _:
            return Reply.from_json(file)


def _sent(call: Call) -> tuple[str, bytes]:
    """The part's head and the file's bytes, in whichever encoding the switch takes."""
    form = call.switches.file_encoding
    is_multipart = call.content_type.lower().startswith("multipart/form-data")
    if is_multipart and form != "json":
        return _part(call)
    text = member(call.body, "file")
    if is_multipart or form == "multipart" or not isinstance(text, str):
        raise invalid([Fault("file")])
    try:
        return "", base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise invalid([Fault("file", text)]) from fault


def _part(call: Call) -> tuple[str, bytes]:
    """The part called ``file`` of a multipart body (RFC 7578)."""
    found = _BOUNDARY.search(call.content_type)
    parts = (b"\r\n" + call.content).split(b"\r\n--" + found[1].encode("latin-1"))[1:] if found else []
    for part in parts:
        head, separator, content = part.partition(b"\r\n\r\n")
        if separator and _DISPOSITION.search(head):
            return head.decode("utf-8", "replace"), content
    raise invalid([Fault("file")])


def _kept(call: Call, head: str, content: bytes) -> JsonObject:
    name, kind = _FILE_NAME.search(head), _TYPE.search(head)
    digest = hashlib.sha256(content).hexdigest()
    ident = f"{digest[:24]}-{len(call.tenant.files) + 1}"
    call.tenant.files[ident] = {
        "id": ident,
        "url": f"https://files.richpanel.example/{call.tenant.organization_id}/{ident}",
        "name": name[1] if name else "file",
        "type": kind[1] if kind else "application/octet-stream",
        "size": len(content),
        "sha256": digest,
        "created_at": to_wire_time(call.now),
    }
    return call.tenant.files[ident]
