"""How a conversation looks on each channel: its id, its two ends, and the markup of what is said."""

import base64
import hashlib
import html
import uuid
from collections.abc import Mapping
from typing import Any

from richpanel_sim.shelves import JsonObject

_BYTES_OF_ID = 24


def to_ticket_id(channel: str, tenant: str, number: int, phone: str, *, salt: str = "") -> str:
    """An id in the form conversations of ``channel`` have, the same for the same arguments.

    An e-mail's is its Message-ID (RFC 5322 §3.6.4), angle brackets included.
    """
    digest = hashlib.sha256(f"{salt}{tenant}:{channel}:{number}".encode()).digest()
    mark = base64.urlsafe_b64encode(digest[:_BYTES_OF_ID]).decode()
    numeral = str(int.from_bytes(digest[:8], "big")).zfill(20)
    match channel:
        case "email" | "email_from_widget":
            return f"<CA{mark[:6]}={mark[6:12]}+{mark[12:30]}@mail.example>"
        case "messenger" | "facebook_message" | "instagram" | "instagram_message":
            return f"m_{mark}"
        case "facebook_feed_comment":
            return f"{numeral[:15]}_{numeral[5:]}_{numeral[5:]}_{numeral[2:17]}"
        case "instagram_comment":
            return f"{numeral[:17]}_{numeral[3:]}"
        case "aircall":
            return f"{numeral[:10]}_{tenant}_{phone.removeprefix('+')}"
        case _:
            return f"api-{tenant}0-{uuid.UUID(bytes=digest[:16], version=4)}"


def to_message_id(digest: bytes) -> str:
    """A Message-ID as one of several mail programs makes it, out of at least 24 random bytes."""
    mark = base64.urlsafe_b64encode(digest[:_BYTES_OF_ID]).decode()
    plain, numeral = digest.hex(), int.from_bytes(digest[:8], "big")
    match digest[-1] % 8:
        case 0:
            return f"<{str(uuid.UUID(bytes=digest[:16], version=4)).upper()}@phone.example>"
        case 1:
            return (
                f"<AM0PR04MB{numeral % 10000}{plain[:16].upper()}@AM0PR04MB{numeral % 10000}.eurprd04.outlook.example>"
            )
        case 2:
            return f"<0102018f{plain[:8]}-{plain[8:16]}-000000@eu-west-1.amazonses.example>"
        case 3:
            return f"<{numeral}.{mark[:6]}/{mark[6:10]}${mark[10:14]}=?#%41@list.example>"
        case _:
            return f"<CA{mark[:6]}={mark[6:12]}+{mark[12:30]}@mail.example>"


def to_source(channel: str, customer: Mapping[str, Any], shop: Mapping[str, Any]) -> JsonObject:
    """``via.source``: addresses for e-mail, numbers for calls and WhatsApp, ids for chats."""
    if "email" in channel:
        sender = {"address": customer["email"], "name": f"{customer['first']} {customer['last']}"}
        return {"from": sender, "to": {"address": shop["mailbox"]}}
    if channel in ("aircall", "phone", "whatsapp"):
        return {"from": {"id": customer["phone"]}, "to": {"id": shop["phone"]}}
    return {"from": {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, customer["email"]))}, "to": {}}


def to_comment(*, ident: str, author: str, who: str, text: str, channel: str, at: str) -> JsonObject:
    """One message; ``who`` is ``customer``, ``operator``, an agent's key, or that behind ``note:`` for a note."""
    is_operator = who != "customer"
    return {
        "id": ident,
        "author_id": author,
        "type": "VoiceComment" if channel == "aircall" else "Comment",
        "created_at": at,
        "body": to_html(text),
        "plain_body": text,
        "attachments": [],
        "metadata": {},
        "via": {"channel": channel},
        "is_operator": is_operator,
        "public": not who.startswith("note:"),
        "sender_type": "operator" if is_operator else "customer",
    }


def to_html(text: str) -> str:
    """``text`` as mail programs mark it up: a paragraph for each blank line, a break for each other."""
    paragraphs = (html.escape(part, quote=False).replace("\n", "<br>") for part in text.split("\n\n"))
    return '<div dir="ltr">' + "".join(f"<p>{part}</p>" for part in paragraphs) + "</div>"
