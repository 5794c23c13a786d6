"""The `Idempotency-Key` header of POSTs (draft-ietf-httpapi-idempotency-key-header-07)."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, TypeVar

import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from mcp_gateway.exceptions import MalformedRequestError
from mcp_gateway.http.context import Services
from mcp_gateway.models.idempotency import Answer
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.services.idempotency import AlreadyAnsweredError, Once

MAX_LENGTH = 255
NAME = "Idempotency-Key"
REPLAYED = "idempotent-replayed"
"""Response header of an answer that was given before."""
# RFC 9651 §3.3.3; many clients send it without the quotes.
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"', re.ASCII)
BARE = re.compile(r"[!#-~]+", re.ASCII)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class IdempotencyHeader:
    """What one request says of itself."""

    services: Services
    key: str | None
    request: bytes
    """SHA-256 of what makes it this request."""

    def once(
        self, caller: AdminPrincipal, render: Callable[[R], tuple[BaseModel, dict[str, str]]], status: int = 201
    ) -> Once[R]:
        """For the service; `render` gives body and headers of the answer."""
        if self.key is None:
            return Once()

        def answer(result: R) -> Answer:
            body, headers = render(result)
            return Answer(status, body.model_dump_json().encode(), headers)

        return self.services.once(caller, self.key, self.request, answer)


async def _read(
    request: Request,
    services: Services,
    _documented: Annotated[
        str | None,
        Header(
            alias=NAME,
            description="Any text of up to 255 characters, new for each change. The same request with it again within "
            "24 hours gets the same answer, and nothing is done twice.",
        ),
    ] = None,
) -> IdempotencyHeader:
    values = request.headers.getlist(NAME)
    if not values:
        return IdempotencyHeader(services, None, b"")
    if len(values) > 1:
        raise MalformedRequestError(f"{NAME} must be sent once")
    return IdempotencyHeader(services, parse_key(values[0]), _digest(request, await request.body()))


Idempotency = Annotated[IdempotencyHeader, Depends(_read)]


def parse_key(value: str) -> str:
    """The key, with or without the quotes of a structured field.

    Raises:
        MalformedRequestError: empty, too long, or with characters it must not have.
    """
    text = value.strip()
    quoted = QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if not key or len(key) > MAX_LENGTH or not (quoted or BARE.fullmatch(key)):
        raise MalformedRequestError(
            f'{NAME} must be 1 to {MAX_LENGTH} printable ASCII characters, as in "8e03978e-40d5-43dd-bc93-6894a57f9324"'
        )
    return key


def _digest(request: Request, body: bytes) -> bytes:
    """The same for the same members in another order or spacing."""
    with suppress(orjson.JSONDecodeError):  # refused for it, or empty
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    line = f"{request.method} {request.scope['path']}\n{request.headers.get('if-match', '')}\n"
    return sha256(line.encode() + body).digest()


async def on_already_answered(_request: Request, exc: Exception) -> Response:
    """The answer that was given before."""
    if not isinstance(exc, AlreadyAnsweredError):
        raise exc
    answer = exc.answer
    headers = {**answer.headers, REPLAYED: "true"}
    return Response(answer.body, status_code=answer.status, headers=headers, media_type="application/json")
