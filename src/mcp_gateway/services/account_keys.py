"""Opens accounts' API keys; one that does not open is logged each time and put on record once an hour."""

from datetime import timedelta
from hashlib import sha256

import structlog

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.sealing import Sealer, SealError
from mcp_gateway.kit.tasks import Shelter
from mcp_gateway.models.accounts import key_context
from mcp_gateway.models.audit import SYSTEM, AuditAction, AuditEntry, AuditFilter
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.storage.uow import UnitOfWorkFactory

RECORD_SECONDS = 3600.0
MAX_ACCOUNTS = 4096
"""Accounts whose last record this process remembers."""

logger = structlog.get_logger(__name__)


class AccountKeys:
    """The one place where a stored key becomes plain."""

    def __init__(self, *, sealer: Sealer, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._sealer = sealer
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._recorded: dict[str, float] = {}
        """Account → monotonic seconds."""
        self._records = Shelter()

    def open(self, principal: ServerPrincipal) -> str:
        """The API key of the principal's account.

        Raises:
            SealError: sealed for another account, by a key this process does not hold, or altered. It is being put on
                record by then.
        """
        try:
            return self._sealer.open(principal.sealed_api_key, key_context(principal.tenant_id, principal.account_id))
        except SealError as exc:
            logger.error("account_key.unsealable", account_id=principal.account_id, reason=str(exc))  # noqa: TRY400 - the text is the whole story
            self._note(principal, str(exc))
            raise

    async def aclose(self) -> None:
        """Wait for records that are being written."""
        await self._records.join()

    def _note(self, principal: ServerPrincipal, reason: str) -> None:
        now = self._clock.monotonic()
        last = self._recorded.get(principal.account_id)
        if last is not None and now - last < RECORD_SECONDS:
            return
        if len(self._recorded) >= MAX_ACCOUNTS:
            del self._recorded[next(iter(self._recorded))]
        self._recorded[principal.account_id] = now
        # Beside the call: whether the database answers is no matter of the caller's.
        self._records.start(self._record(principal, reason))

    async def _record(self, principal: ServerPrincipal, reason: str) -> None:
        account_id, action = principal.account_id, AuditAction.ACCOUNT_KEY_UNSEALABLE
        since = self._clock.now() - timedelta(seconds=RECORD_SECONDS)
        wanted = AuditFilter(created_after=since, action=action.value, object_id=account_id)
        try:
            async with self._unit_of_work(principal.tenant_id) as stores:
                # Another replica may be at it, or have done it.
                if not await stores.try_lock(_lock_of(account_id)):
                    return
                if (await stores.audit.list_page(principal.tenant_id, wanted, limit=1, after=None)).items:
                    return
                await stores.audit.record(
                    AuditEntry(principal.tenant_id, SYSTEM, action, account_id, None, {"reason": reason}, None)
                )
        except StoreUnavailableError:
            self._recorded.pop(account_id, None)  # the next call tries again


def _lock_of(account_id: str) -> int:
    """Of an advisory lock, 64 bits with a sign."""
    return int.from_bytes(sha256(f"unsealable\n{account_id}".encode()).digest()[:8], signed=True)
