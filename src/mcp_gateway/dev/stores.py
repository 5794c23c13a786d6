"""Real PostgreSQL and Valkey out of wheels, for `dev`, the demo and tests; never for `serve`."""

from mcp_gateway.dev.databases import DatabaseURLs, create_database, drop_database
from mcp_gateway.dev.embedded import StoreError
from mcp_gateway.dev.postgres import EmbeddedPostgres
from mcp_gateway.dev.valkey import EmbeddedValkey

__all__ = ["DatabaseURLs", "EmbeddedPostgres", "EmbeddedValkey", "StoreError", "create_database", "drop_database"]
