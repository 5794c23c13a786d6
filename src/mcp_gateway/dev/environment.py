"""Which parts the tree must bring along, and the `GATEWAY_…` variables its children get."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_gateway.exceptions import ConfigurationError

DATABASE = "GATEWAY_DATABASE_URL"
MIGRATION_DATABASE = "GATEWAY_MIGRATION_DATABASE_URL"
REDIS = "GATEWAY_REDIS_URL"
OPERATOR_KEY = "GATEWAY_OPERATOR_KEY"
ENCRYPTION_KEYS = "GATEWAY_ENCRYPTION_KEYS"
PUBLIC_URL = "GATEWAY_PUBLIC_URL"
RICHPANEL = "GATEWAY_RICHPANEL_URL"
PRIVATE_UPSTREAM = "GATEWAY_ALLOW_PRIVATE_UPSTREAM"

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What the command line says."""

    data_dir: Path
    port: int = 0
    """0: any free one."""
    simulator: bool = True
    quiet: bool = False
    """Send the gateway's log to a file and not to the terminal."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is not given from outside and so must be brought along."""

    postgres: bool
    valkey: bool
    simulator: bool

    @classmethod
    def missing_from(cls, environment: Mapping[str, str], *, simulator: bool) -> "Parts":
        """Every variable that is set wins over the part that would stand in for it.

        Raises:
            ConfigurationError: the owner's database is given without the application's.
        """
        if MIGRATION_DATABASE in environment and DATABASE not in environment:
            raise ConfigurationError(f"{MIGRATION_DATABASE} is set but {DATABASE} is not: set both or neither")
        return cls(
            postgres=DATABASE not in environment,
            valkey=REDIS not in environment,
            simulator=simulator and RICHPANEL not in environment,
        )


def with_defaults(environment: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """The environment, completed; and in development the application's database is also the one that is migrated."""
    merged = {**defaults, **environment}
    if DATABASE in merged:
        merged.setdefault(MIGRATION_DATABASE, merged[DATABASE])
    return merged


def free_port() -> int:
    """A port nobody listens on right now: the public URL must be known before the gateway starts."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
