"""Wire models: inputs refuse unknown keys and name the known ones; only the `…Created` outputs hold a secret."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mcp_gateway.models.accounts import Account
from mcp_gateway.models.api_tokens import ALL_SCOPES, ApiToken, Scope
from mcp_gateway.models.revocation import Receipt
from mcp_gateway.models.servers import MAX_DUPLICATE_WINDOW_SECONDS, Server, Upstream429
from mcp_gateway.models.tenants import Tenant
from mcp_gateway.services.api_tokens import CreatedApiToken
from mcp_gateway.services.servers import CreatedServer, RotatedServer

FIRST_PRINTABLE = 0x20
DELETE = 0x7F
MAX_NAMES = 200
MAX_OVERLAP_SECONDS = 7 * 24 * 3600
MIN_KEY_CHARACTERS = 8
MAX_UNKNOWN_KEYS = 20
"""Unknown keys named in one refusal."""

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _without_margins(value: str) -> str:
    stripped = value.strip()
    if not stripped:
        raise ValueError("must not be blank")
    return stripped


def _printable(value: str) -> str:
    if any(ord(character) < FIRST_PRINTABLE or ord(character) == DELETE for character in value):
        raise ValueError("must not hold control characters")
    return value


def _text_time(value: object) -> object:
    # Pydantic alone would take numbers, numbers in strings and dates for times.
    if value is not None and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("must be an RFC 3339 time with its zone, such as 2027-01-31T12:00:00Z, or null")
    return value


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is beyond the year 9999 in UTC") from exc


def _maskable(value: object) -> object:
    # A shorter one would mask ordinary words and numbers in answers.
    if isinstance(value, str) and len(value) < MIN_KEY_CHARACTERS:
        raise ValueError(
            f"must have at least {MIN_KEY_CHARACTERS} characters, so that it can be masked in answers that repeat it"
        )
    return value


def _header_safe(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if not key.isascii() or not key.isprintable() or set(key) & set(' "\\'):
        raise ValueError("must be printable ASCII without spaces, quotes and backslashes, as Richpanel issues it")
    return value


# The length is that of what was sent, as the schema says, and not of what is left of it.
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_without_margins), AfterValidator(_printable)
]
Expiry = Annotated[AwareDatetime, BeforeValidator(_text_time), AfterValidator(_utc)]
ApiKey = Annotated[
    SecretStr,
    Field(min_length=MIN_KEY_CHARACTERS, max_length=512),
    BeforeValidator(_maskable),
    AfterValidator(_header_safe),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class In(BaseModel):
    """Base of all inputs."""

    model_config = ConfigDict(hide_input_in_errors=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            known = list(cls.model_fields)
            keys = [str(key)[:100] for key in value if key not in known][:MAX_UNKNOWN_KEYS]
            if keys:
                raise PydanticCustomError("unknown_keys", "unknown keys", {"keys": keys, "known": known})
        return value


class ReplicasOut(BaseModel):
    """Processes of the gateway."""

    known: int
    confirmed: int = Field(description="Those that have dropped their copies.")


class ReceiptOut(BaseModel):
    """Since when, and by when everywhere, what was revoked is dead."""

    revoked_at: datetime
    replicas: ReplicasOut | None = Field(description="null: they could not be asked.")
    in_force_everywhere_by: datetime = Field(description="When all had confirmed, or 5 seconds after `revoked_at`.")

    @classmethod
    def of(cls, receipt: Receipt) -> "ReceiptOut":
        """From the model."""
        count = receipt.replicas
        return cls(
            revoked_at=receipt.revoked_at,
            replicas=None if count is None else ReplicasOut(known=count.known, confirmed=count.confirmed),
            in_force_everywhere_by=receipt.in_force_everywhere_by,
        )


class DeletedOut(ReceiptOut):
    """What a DELETE took away, with the receipt."""

    id: str

    @classmethod
    def of_deleted(cls, deleted_id: str, receipt: Receipt) -> "DeletedOut":
        """From the service's answer."""
        return cls(id=deleted_id, **ReceiptOut.of(receipt).model_dump())


class TenantCreate(In):
    """A new tenant."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme Support"}]})
    name: Name


class TenantPatch(In):
    """What may change; what is omitted stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme Customer Care"}]})
    name: Name = Field(default="")


class TenantOut(BaseModel):
    """One tenant."""

    id: str = Field(examples=["ten_01kb0g4t6v9m3q8r5x2y7w1z0c"])
    name: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, tenant: Tenant) -> "TenantOut":
        """From the model."""
        return cls(id=tenant.id, name=tenant.name, created_at=tenant.created_at, updated_at=tenant.updated_at)


class ApiTokenCreate(In):
    """A new API token."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ops laptop", "tenant_id": "ten_01kb0g4t6v9m3q8r5x2y7w1z0c"}]}
    )
    name: Name
    tenant_id: str | None = Field(
        default=None, max_length=64, description="Required from the operator; a tenant may name only its own."
    )
    scopes: list[Scope] | None = Field(default=None, max_length=MAX_NAMES, description="Omitted: all of the caller's.")
    expires_at: Expiry | None = Field(default=None, description="At least 60 s ahead; null lives as long as its maker.")


class ApiTokenOut(BaseModel):
    """One API token, without its secret."""

    id: str = Field(examples=["tok_01kb0g4t6v9m3q8r5x2y7w1z0c"])
    tenant_id: str
    name: str
    token_hint: str = Field(description="The last four characters.")
    scopes: list[Scope]
    expires_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, token: ApiToken) -> "ApiTokenOut":
        """From the model."""
        return cls(
            id=token.id,
            tenant_id=token.tenant_id,
            name=token.name,
            token_hint=token.token_hint,
            scopes=[scope for scope in Scope if scope in token.scopes & ALL_SCOPES],
            expires_at=token.expires_at,
            created_at=token.created_at,
        )


class ApiTokenCreated(ApiTokenOut):
    """A new API token with its secret, which is shown this once."""

    token: str = Field(examples=["rpat_…"])

    @classmethod
    def of_created(cls, created: CreatedApiToken) -> "ApiTokenCreated":
        """From the service's answer."""
        return cls(**ApiTokenOut.of(created.api_token).model_dump(), token=created.token)


class Credentials(In):
    """What the integration needs; write-only."""

    api_key: ApiKey = Field(description="The Richpanel API key: Settings > Integrations > API Keys.")


class AccountCreate(In):
    """A new integrated account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"integration": "richpanel", "name": "Acme Shop", "credentials": {"api_key": "<your Richpanel key>"}}
            ]
        }
    )
    integration: Word
    name: Name
    credentials: Credentials
    tenant_id: str | None = Field(
        default=None, max_length=64, description="Required from the operator; a tenant may name only its own."
    )


class AccountPatch(In):
    """What may change; what is omitted stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme Shop EU"}]})
    name: Name = Field(default="")
    credentials: Credentials = Field(default=Credentials.model_construct(api_key=SecretStr("")))


class AccountOut(BaseModel):
    """One integrated account, without its key."""

    id: str = Field(examples=["acc_01kb0g4t6v9m3q8r5x2y7w1z0c"])
    tenant_id: str
    integration: str
    name: str
    credentials_hint: str = Field(description="The key's last four characters; empty for a very short key.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, account: Account) -> "AccountOut":
        """From the model."""
        return cls(
            id=account.id,
            tenant_id=account.tenant_id,
            integration=account.integration,
            name=account.name,
            credentials_hint=account.credentials_hint,
            created_at=account.created_at,
            updated_at=account.updated_at,
        )


class Config(In):
    """Which tools a server exposes, and how it answers; an omitted key does not restrict."""

    methods: list[Word] | None = Field(
        default=None,
        max_length=MAX_NAMES,
        description="`read` (list, get), `write` (create, update, delete), one of those five, or exact tool names.",
    )
    tags: list[Word] | None = Field(
        default=None, max_length=MAX_NAMES, description="A tool passes when it carries one of them; methods AND tags."
    )
    require_api_token_auth: bool | None = Field(
        default=None, strict=True, description="The caller must also send an API token of this tenant."
    )
    upstream_429: Upstream429 | None = Field(
        default=None, description="How a 429 of Richpanel travels: `tool_error` (default) or `http_429`."
    )
    duplicate_window_seconds: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=MAX_DUPLICATE_WINDOW_SECONDS,
        description="How long the same write is not sent again (default 120); 0 turns that off.",
    )
    fence_untrusted_text: bool | None = Field(
        default=None,
        strict=True,
        description="Wrap the text of each result in a marker of its own. Not for programs that parse that text.",
    )
    log_arguments: bool | None = Field(
        default=None, strict=True, description="Keep the arguments of each call in the log; without it, only a hash."
    )

    def given(self) -> dict[str, Any]:
        """The keys that were sent, as they are stored."""
        return self.model_dump(exclude_unset=True)


class ServerCreate(In):
    """A new MCP server."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "ChatGPT Order Tracker",
                    "config": {"methods": ["read", "write"], "tags": ["support", "orders"]},
                    "expires_at": None,
                }
            ]
        }
    )
    name: Name
    config: Config = Field(default_factory=Config, description="Omitted or `{}`: every tool.")
    expires_at: Expiry | None = Field(default=None, description="At least 60 s ahead; null lives until deleted.")


class ServerPatch(In):
    """What may change; what is omitted stays. `expires_at: null` clears it, a null inside `config` clears that key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"config": {"methods": ["read"]}}]})
    name: Name = Field(default="")
    config: Config = Field(default_factory=Config)
    expires_at: Expiry | None = None


class ServerOut(BaseModel):
    """One MCP server, without its token."""

    id: str = Field(examples=["mcp_srv_01kb0g4t6v9m3q8r5x2y7w1z0c"])
    name: str
    config: dict[str, Any]
    integrated_account_id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, server: Server) -> "ServerOut":
        """From the model."""
        return cls(
            id=server.id,
            name=server.name,
            config=server.config,
            integrated_account_id=server.account_id,
            created_at=server.created_at,
            updated_at=server.updated_at,
            expires_at=server.expires_at,
        )


class ClientOut(BaseModel):
    """What an MCP client says of itself."""

    name: str = Field(examples=["claude-ai"])
    version: str


class ServerDetail(ServerOut):
    """One MCP server with its use."""

    last_used_at: datetime | None = Field(description="The minute of the last request; null before the first one.")
    last_client: ClientOut | None = Field(description="The client that last said who it is.")

    @classmethod
    def of_used(cls, server: Server) -> "ServerDetail":
        """From the model."""
        client = server.last_client
        return cls(
            **ServerOut.of(server).model_dump(),
            last_used_at=server.last_used_at,
            last_client=None if client is None else ClientOut(name=client.name, version=client.version),
        )


class ServerCreated(ServerOut):
    """A new MCP server with its secret, which is shown this once."""

    token: str = Field(examples=["rpmcp_…"])
    url: str = Field(examples=["https://mcp.example.com/mcp/rpmcp_…"], description="Paste it into ChatGPT or Claude.")

    @classmethod
    def of_created(cls, created: CreatedServer) -> "ServerCreated":
        """From the service's answer."""
        return cls(**ServerOut.of(created.server).model_dump(), token=created.token, url=created.url)


class ServerRotate(In):
    """How to replace a token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})
    overlap_seconds: int = Field(
        default=0, ge=0, le=MAX_OVERLAP_SECONDS, strict=True, description="How long the old token works on."
    )


class ServerRotated(ServerCreated):
    """A server with its new secret, which is shown this once."""

    previous_token_expires_at: datetime = Field(description="The old token is refused from then on.")
    revocation: ReceiptOut | None = Field(description="Of the old token; null when it works on for a while.")

    @classmethod
    def of_rotated(cls, rotated: RotatedServer) -> "ServerRotated":
        """From the service's answer."""
        return cls(
            **ServerCreated.of_created(rotated).model_dump(),
            previous_token_expires_at=rotated.previous_until,
            revocation=None if rotated.receipt is None else ReceiptOut.of(rotated.receipt),
        )


class IntegrationOut(BaseModel):
    """One integration of the catalog."""

    name: str = Field(examples=["richpanel"])
    title: str
    description: str
    documentation: str
    tags: dict[str, str] = Field(description="Tag to what it groups.")


class ToolOut(BaseModel):
    """One tool of the catalog."""

    name: str = Field(examples=["list_all_richpanel_conversations"])
    title: str
    description: str
    resource: str
    method: Literal["list", "get", "create", "update", "delete"]
    tags: list[str]
    query_schema: dict[str, Any]
    body_schema: dict[str, Any] | None
    input_schema: dict[str, Any]
    annotations: dict[str, Any]
    documentation: str
