"""`Idempotency-Key`: a request that is sent again is answered again and not carried out again.

The answer is kept in the transaction of the change: either both are there or neither, whenever a process dies. An
advisory lock, held until that transaction ends, marks a request that is still running. The key is the caller's own: an
API token's, or the operator's. Kept are successes alone; what was refused changed nothing and may be tried again.
Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

import orjson
import structlog

from mcp_gateway.exceptions import IdempotencyKeyReusedError, RequestRunningError, StoreUnavailableError
from mcp_gateway.kit.sealing import Sealer, SealError
from mcp_gateway.models.idempotency import Answer, answer_context
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.storage.uow import UnitOfWork, UnitOfWorkFactory
from mcp_gateway.storage.without_tenant import TenantOf

R_contra = TypeVar("R_contra", contravariant=True)
OPERATOR = "operator"

logger = structlog.get_logger(__name__)


class AlreadyAnsweredError(Exception):
    """The request was carried out before; not a failure, but the end of this one."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the request was carried out before")
        self.answer = answer


class Once(Generic[R_contra]):
    """A request without a key: it is carried out each time."""

    async def begin(self, stores: UnitOfWork, caller: AdminPrincipal) -> None:
        """The first thing in the transaction of a change.

        Raises:
            AlreadyAnsweredError: it was carried out; carries the answer.
            RequestRunningError: it is being carried out.
            IdempotencyKeyReusedError: the key came with another request.
        """

    async def keep(self, stores: UnitOfWork, tenant_id: str, result: R_contra) -> None:
        """Once the change is made, in its transaction: keep the answer; `tenant_id` is whose the change is."""

    async def complete(self, tenant_id: str, result: R_contra) -> None:
        """After the commit, where the answer says more than was known before it."""


ANEW: Once[object] = Once()
"""Of a request without a key."""


@dataclass(frozen=True)
class KeyedOnce(Once[R_contra]):
    """A request with a key."""

    key: str
    request: bytes
    """SHA-256 of all that makes the request this one."""
    render: Callable[[R_contra], Answer]
    sealer: Sealer
    unit_of_work: UnitOfWorkFactory
    caller: AdminPrincipal

    async def begin(self, stores: UnitOfWork, caller: AdminPrincipal) -> None:
        """See `Once.begin`."""
        if not await stores.try_lock(int.from_bytes(self._digest[:8], signed=True)):
            raise RequestRunningError("a request with this Idempotency-Key is still running: try again in a moment")
        tenant_id = caller.tenant_id or await stores.enter_by(TenantOf.IDEMPOTENCY_KEY, self._digest)
        sealed = None if tenant_id is None else await stores.idempotency.find(tenant_id, self._digest)
        if tenant_id is not None and sealed is not None:
            self._answer_again(tenant_id, sealed)

    async def keep(self, stores: UnitOfWork, tenant_id: str, result: R_contra) -> None:
        """See `Once.keep`."""
        await stores.idempotency.add(tenant_id, self._digest, self._sealed(tenant_id, result))

    async def complete(self, tenant_id: str, result: R_contra) -> None:
        """See `Once.complete`. The change stands, so a database that is away now is no failure of it."""
        try:
            async with self.unit_of_work(tenant_id) as stores:
                await stores.idempotency.replace(tenant_id, self._digest, self._sealed(tenant_id, result))
        except StoreUnavailableError:
            logger.warning("idempotency.incomplete")

    @property
    def _digest(self) -> bytes:
        """What the key is stored as: bound to who sent it."""
        who = self.caller.token_id or OPERATOR
        return sha256(orjson.dumps(["idempotency-key", who, self.key])).digest()

    def _sealed(self, tenant_id: str, result: R_contra) -> bytes:
        answer = self.render(result)
        # The request's digest is sealed too: a key to Richpanel is among what it is made of.
        fields = {
            "request": self.request.hex(),
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body.decode(),
        }
        return self.sealer.seal_bytes(orjson.dumps(fields), answer_context(tenant_id, self._digest))

    def _answer_again(self, tenant_id: str, sealed: bytes) -> None:
        try:
            fields = orjson.loads(self.sealer.open_bytes(sealed, answer_context(tenant_id, self._digest)))
        except SealError as exc:
            logger.error("idempotency.unsealable", reason=str(exc))  # noqa: TRY400 - the text is the whole story
            raise RequestRunningError(
                "the request with this Idempotency-Key was carried out, and its answer cannot be opened any more"
            ) from exc
        if fields["request"] != self.request.hex():
            raise IdempotencyKeyReusedError("this Idempotency-Key came with another request: use a new key for each")
        raise AlreadyAnsweredError(Answer(fields["status"], fields["body"].encode(), fields["headers"]))
