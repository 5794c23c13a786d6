"""What is said in a made-up conversation: threads of one to hundreds of messages, marked up as mail programs do it."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from richpanel_sim.messages import to_comment, to_html
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import to_wire_time

_NOTE_SHARE, _PHOTO_SHARE, _OUTLOOK_SHARE = 0.08, 0.05, 0.3


class Talk(NamedTuple):
    """Who talks when: ``turns`` messages from ``opened`` on, ``step`` apart, between a customer and an agent (ids)."""

    turns: int
    opened: datetime
    step: timedelta
    customer: str
    agent: str
    to_comment_id: Callable[[int], str]


class ThreadWriter:
    """Writes the comments of one conversation.

    ``words`` are the words of ``crowd.yaml``, ``filling`` what stands for the placeholders in them.
    """

    def __init__(self, words: Mapping[str, Any], filling: Mapping[str, str], dice: random.Random, channel: str) -> None:
        self._words = words
        self._filling = filling
        self._dice = dice
        self._channel = channel

    def write(self, first_words: str, talk: Talk) -> list[JsonObject]:
        """Every comment of ``talk``, which the customer opens with ``first_words``."""
        comments: list[JsonObject] = []
        for turn in range(talk.turns):
            who = self._speaker(turn)
            comment = to_comment(
                ident=talk.to_comment_id(turn),
                author=talk.customer if who == "customer" else talk.agent,
                who=who,
                text=first_words.format_map(self._filling) if turn == 0 else self._said_by(who),
                channel=self._channel,
                at=to_wire_time(talk.opened + turn * talk.step),
            )
            if "email" in self._channel:
                self._dress(comment, comments)
            comments.append(comment)
        return comments

    def _speaker(self, turn: int) -> str:
        if turn % 2 == 0:
            return "customer"
        return "note:agent" if turn > 1 and self._dice.random() < _NOTE_SHARE else "agent"

    def _said_by(self, who: str) -> str:
        kind = {"customer": "follow_ups", "agent": "answers"}.get(who, "notes")
        text: str = self._dice.choice(self._words[kind])
        return text.format_map(self._filling)

    def _dress(self, comment: JsonObject, before: list[JsonObject]) -> None:
        """Mail markup: a word processor's classes, the message answered to as a quotation, an agent's signature."""
        body = to_html(comment["plain_body"])
        if not comment["is_operator"] and self._dice.random() < _OUTLOOK_SHARE:
            body = body.replace("<p>", '<p class="MsoNormal"><span lang="EN-US" style="font-size:11.0pt">')
            body = body.replace("</p>", "<o:p></o:p></span></p>")
        if comment["is_operator"] and comment["public"]:
            body += '<br><div class="signature"><b>Fern &amp; Hollow</b> &middot; <a href="https://fernhollow.example">'
            body += (
                'fernhollow.example</a><img src="https://cdn.fernhollow.example/pixel.gif" width="1" height="1"></div>'
            )
        if before and comment["public"]:
            body += f'<blockquote type="cite">{to_html(before[-1]["plain_body"])}</blockquote>'
        comment["body"] = body
        if self._dice.random() < _PHOTO_SHARE:
            comment["attachments"] = [f"https://files.richpanel.example/{comment['id']}/photo%20of%20label.jpg"]
