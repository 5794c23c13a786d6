"""Settings: `GATEWAY_…` in the environment, validated at start; the first bad one stops the process with one line."""

import base64
import binascii
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mcp_gateway.exceptions import ConfigurationError

MIN_OPERATOR_KEY_LENGTH = 32
REDIS_OPTIONS = frozenset(
    {"db", "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile"}
)
"""The client's others would override time-outs and decoding that the token look-up relies on."""
MIN_DISTINCT_CHARACTERS = 12
MAX_OPERATOR_KEYS = 2
ENCRYPTION_KEY_BYTES = 32
MAX_KEY_ID_LENGTH = 32


def _comma_list(value: object) -> object:
    """`a, b` -> `["a", "b"]`; the environment knows no lists."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _split_url(value: str) -> SplitResult:
    # The standard library's own errors repeat the host, which with a wrong character in it holds the password.
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL: check host and port, and percent-encode the password") from None
    return parts


def _database_url(value: SecretStr) -> SecretStr:
    parts = _split_url(value.get_secret_value())
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must start with postgresql://")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    parts = _split_url(value.get_secret_value())
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must start with redis://, rediss:// or unix://")
    unknown = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - REDIS_OPTIONS
    if unknown:
        raise ValueError(f"holds an option it must not; allowed after `?`: {', '.join(sorted(REDIS_OPTIONS))}")
    return value


def _http_url(value: str) -> str:
    parts = _split_url(value)
    is_plain = value.isascii() and value.isprintable() and not set(value) & set("?#@ ")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
        raise ValueError("must be http(s)://host[:port][/path] without credentials, query or fragment")
    return value.rstrip("/")


def _operator_keys(value: SecretStr) -> SecretStr:
    keys = split_operator_keys(value)
    if not 1 <= len(keys) <= MAX_OPERATOR_KEYS:
        raise ValueError("must hold one key, or two separated by a comma while rotating")
    for key in keys:
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ValueError("must be printable ASCII without spaces, as an HTTP header can carry it")
        if len(key) < MIN_OPERATOR_KEY_LENGTH:
            raise ValueError(f"is too short: at least {MIN_OPERATOR_KEY_LENGTH} characters are needed")
        if len(set(key)) < MIN_DISTINCT_CHARACTERS or key in (key + key)[1:-1]:
            raise ValueError("is a repeated pattern: use random characters, for example from `openssl rand -hex 32`")
    return value


def _encryption_keys(value: SecretStr) -> SecretStr:
    parse_encryption_keys(value)
    return value


def split_operator_keys(value: SecretStr) -> tuple[str, ...]:
    """The keys in order; the first is the current one."""
    return tuple(key.strip() for key in value.get_secret_value().split(",") if key.strip())


def parse_encryption_keys(value: SecretStr) -> dict[str, bytes]:
    """`id:base64,…` -> key bytes by id, in order; the first one seals.

    Errors count entries rather than name them: in a value written the wrong way round, the id is the key.
    """
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(value.get_secret_value().split(","), start=1):
        key_id, separator, encoded = entry.strip().partition(":")
        if not separator or not (key_id.isascii() and key_id.isalnum()) or len(key_id) > MAX_KEY_ID_LENGTH:
            raise ValueError(
                "must be id:base64 pairs separated by commas, "
                f"each id up to {MAX_KEY_ID_LENGTH} ASCII letters and digits"
            )
        if key_id in keys:
            raise ValueError(f"entry {number} repeats the id of an earlier one")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise ValueError(f"entry {number} is not base64") from exc
        if len(key) != ENCRYPTION_KEY_BYTES:
            raise ValueError(
                f"entry {number} must be {ENCRYPTION_KEY_BYTES} bytes, for example `openssl rand -base64 32`"
            )
        if len(set(key)) < MIN_DISTINCT_CHARACTERS:
            raise ValueError(f"entry {number} is a repeated pattern: use `openssl rand -base64 32`")
        keys[key_id] = key
    return keys


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for number, text in enumerate(value, start=1):
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(
                f"holds an entry, number {number}, that is neither an address nor a network such as 10.0.0.0/8"
            ) from None
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]


class Settings(BaseSettings):
    """All settings of the gateway; field `x` is read from `GATEWAY_X`."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: DatabaseUrl = Field(description="`postgresql://…` of the application's role, which owns nothing")
    migration_database_url: DatabaseUrl | None = Field(
        default=None, description="`postgresql://…` of the owner's role, for `migrate`; `serve` does not need it"
    )
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] = Field(
        description="`redis://…` of a Redis or Valkey server"
    )
    operator_key: Annotated[SecretStr, AfterValidator(_operator_keys)] = Field(
        description="the operator's key for the admin API, 32 random characters or more; two while rotating"
    )
    encryption_keys: Annotated[SecretStr, AfterValidator(_encryption_keys)] = Field(
        description="`id:base64-32-bytes`, comma-separated, that seal the Richpanel keys; the first one seals, all open"
    )
    public_url: HttpUrl = Field(description="what MCP URLs are built from, e.g. `https://mcp.example.com`")
    allowed_hosts: CommaList = Field(
        default=(),
        description="`Host` values answered besides loopback and `public_url`, comma-separated; `*` for any",
    )
    allowed_origins: CommaList = Field(
        default=(),
        description="`Origin` values of browsers that may call, comma-separated, e.g. `https://app.example.com`",
    )
    trusted_proxies: Annotated[CommaList, AfterValidator(_networks)] = Field(
        default=(), description="addresses or networks whose `X-Forwarded-For` is believed, comma-separated"
    )
    richpanel_url: HttpUrl = Field(
        default="https://api.richpanel.com/v1", description="base URL of Richpanel's REST API"
    )
    allow_private_upstream: bool = Field(
        default=False, description="whether Richpanel's URL may lead to an address that is not public"
    )
    upstream_connect_timeout_seconds: float = Field(
        default=3.0, gt=0, le=60, description="how long connecting to Richpanel may take"
    )
    upstream_timeout_seconds: float = Field(
        default=35.0, gt=0, le=300, description="total deadline of one upstream request, connecting included"
    )
    upstream_max_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1024, description="size cap of one upstream answer, in bytes"
    )
    upstream_max_idle_connections: int = Field(
        default=1024, ge=1, le=4096, description="idle upstream connections kept open per process"
    )
    result_max_characters: int = Field(
        default=40_000,
        ge=4_000,
        le=2_000_000,
        description="budget of one tool result, in characters of its JSON; what is beyond it is left out and said so",
    )
    stream_after_seconds: float = Field(
        default=5.0,
        ge=0.2,
        le=300,
        description="a tool call longer than this is answered as an event stream, where the client takes one",
    )
    keep_alive_seconds: float = Field(
        default=15.0, ge=0.01, le=50, description="pause between two comments that keep an event stream open"
    )
    max_streams: int = Field(
        default=4000, ge=1, le=100_000, description="event streams of HTTP+SSE open at a time per process"
    )
    max_streams_per_server: int = Field(
        default=200, ge=1, le=100_000, description="the same for one MCP server, per process"
    )
    max_streams_per_tenant: int = Field(
        default=2500, ge=1, le=100_000, description="the same for one tenant, per process"
    )
    max_stream_calls_per_server: int = Field(
        default=128,
        ge=1,
        le=100_000,
        description="messages of HTTP+SSE under way for one MCP server, per process; calls beyond are `overloaded`",
    )
    token_limit_per_minute: int = Field(
        default=3_000_000,
        ge=0,
        le=1_000_000_000,
        description="requests of one MCP server, on all replicas; 0 for no limit",
    )
    tenant_limit_per_minute: int = Field(
        default=6_000_000, ge=0, le=1_000_000_000, description="requests of one tenant, on all replicas; 0 for no limit"
    )
    miss_limit_per_minute: int = Field(
        default=30,
        ge=0,
        le=1_000_000,
        description="dead tokens and wrong keys from one address before more of them get 429; 0 for no limit",
    )
    tenant_concurrency: int = Field(
        default=1024,
        ge=0,
        le=100_000,
        description="tool calls of one tenant under way at a time per process; 0 for no limit",
    )
    concurrency: int = Field(
        default=4096, ge=0, le=100_000, description="the same for all tenants together, per process; 0 for no limit"
    )
    assumed_replicas: int = Field(
        default=2,
        ge=1,
        le=10_000,
        description="processes that share the limits above, as long as Redis has not said how many there are",
    )
    database_pool_size: int = Field(default=10, ge=1, le=200, description="Postgres connections per process")
    sweep_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="pause between two sweeps of expired servers and tokens"
    )
    log_retention_days: int = Field(
        default=30, ge=1, le=3650, description="days that the log of tool calls (`GET /log`) keeps a call"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="lowest level that is logged: debug, info, warning, error"
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="json, pretty, or auto: pretty on a terminal and json elsewhere"
    )

    @classmethod
    def settings_names(cls) -> dict[str, str]:
        """Environment variable -> description, for docs and their test."""
        return {f"GATEWAY_{name.upper()}": field.description or "" for name, field in cls.model_fields.items()}

    @classmethod
    def from_environment(cls, **overrides: Any) -> Self:
        """Read and validate.

        Raises:
            ConfigurationError: one line that names the first bad variable; it never repeats the value.
        """
        try:
            return cls(**overrides)
        except ValidationError as exc:
            first = exc.errors(include_input=False, include_url=False)[0]
            name = f"GATEWAY_{str(first['loc'][0]).upper()}" if first["loc"] else "GATEWAY_…"
            reason = "is not set" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
            raise ConfigurationError(f"{name} {reason}") from None
