"""A Richpanel of one answer, which a test may hold back."""

import asyncio

import orjson
from starlette.types import Receive, Scope, Send

GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"


class HeldUpstream:
    """Answers every request with one conversation, once it may."""

    def __init__(self, subject: str = "Where is my parcel?") -> None:
        self.body = orjson.dumps({"ticket": {"id": "c1", "subject": subject, "status": "OPEN"}})
        self.requests = 0
        self.reached = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.answered = 0

    def hold(self) -> None:
        """From now on requests are answered only when `may_answer` is set."""
        self.reached.clear()
        self.may_answer.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        self.requests += 1
        self.reached.set()
        await self.may_answer.wait()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
        self.answered += 1
