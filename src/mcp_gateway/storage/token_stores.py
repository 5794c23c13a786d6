"""The look-up of tokens as one process has it: the stores of both kinds, and what keeps their copies true."""

from contextlib import suppress

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.models.principals import ApiTokenPrincipal, ServerPrincipal
from mcp_gateway.models.token_events import TokenKind
from mcp_gateway.storage.announcer import TokenAnnouncer
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink
from mcp_gateway.storage.roll_call import RollCall
from mcp_gateway.storage.token_codec import dump_api_token, dump_server, load_api_token, load_server
from mcp_gateway.storage.token_records import TokenRecords
from mcp_gateway.storage.token_store import TokenStore
from mcp_gateway.storage.uow import UnitOfWork
from mcp_gateway.storage.without_tenant import TenantOf


class TokenStores:
    """The look-up of both kinds of tokens, and what keeps their copies true."""

    def __init__(self, engine: AsyncEngine, redis: Redis, clock: Clock, mac_key: bytes, audit_chain: HashChain) -> None:
        self._engine = engine
        self._audit_chain = audit_chain
        self.link = RedisLink(redis)
        records = TokenRecords(redis, self.link, mac_key)
        self.servers: TokenStore[ServerPrincipal] = TokenStore(
            TokenKind.SERVER,
            load=self._load_server,
            dump_record=dump_server,
            load_record=load_server,
            records=records,
            link=self.link,
            clock=clock,
        )
        self.api_tokens: TokenStore[ApiTokenPrincipal] = TokenStore(
            TokenKind.API_TOKEN,
            load=self._load_api_token,
            dump_record=dump_api_token,
            load_record=load_api_token,
            records=records,
            link=self.link,
            clock=clock,
        )
        self.announcer = TokenAnnouncer(
            records=records,
            link=self.link,
            unit_of_work=self.unit_of_work,
            invalidate={
                TokenKind.SERVER: self.servers.invalidate,
                TokenKind.API_TOKEN: self.api_tokens.invalidate,
            },
        )

        self.roll_call = RollCall(redis, self.link)
        self.link.catch_up_with(self._catch_up)

    def unit_of_work(self, tenant_id: str | None = None) -> UnitOfWork:
        """A fresh transaction, of this tenant or of none yet."""
        return UnitOfWork(self._engine, tenant_id, audit_chain=self._audit_chain)

    async def _catch_up(self) -> bool:
        if not await self.announcer.catch_up():
            return False
        # Known before Redis is trusted: whoever revokes from then on waits for this process. One that is out of memory
        # takes no new member, and is of use all the same.
        with suppress(RedisDownError):
            await self.roll_call.register()
        return True

    async def aclose(self) -> None:
        """End what is still being looked up, before the stores are closed."""
        await self.roll_call.aclose()
        await self.servers.aclose()
        await self.api_tokens.aclose()

    async def _load_server(self, digest: bytes) -> ServerPrincipal | None:
        async with self.unit_of_work() as stores:
            tenant_id = await stores.enter_by(TenantOf.SERVER_DIGEST, digest)
            return await stores.servers.find_by_digest(tenant_id, digest) if tenant_id else None

    async def _load_api_token(self, digest: bytes) -> ApiTokenPrincipal | None:
        async with self.unit_of_work() as stores:
            tenant_id = await stores.enter_by(TenantOf.API_TOKEN_DIGEST, digest)
            return await stores.api_tokens.find_by_digest(tenant_id, digest) if tenant_id else None
