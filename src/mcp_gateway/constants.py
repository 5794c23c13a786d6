"""True constants, one sentence each."""

PRODUCT = "richpanel-mcp-gateway"
"""Name of the distribution, and of `serverInfo`."""

MCP_TOKEN_PREFIX = "rpmcp_"  # noqa: S105 - a public prefix, so that secret scanners know our tokens
"""Prefix of the secret in an MCP URL."""

API_TOKEN_PREFIX = "rpat_"  # noqa: S105 - a public prefix
"""Prefix of a tenant's API token."""

PROCESS_CACHE_SECONDS = 5.0
"""A process trusts its own copy of a token's record for at most this long, counted from the read that produced it."""

REDIS_RECORD_SECONDS = 60
"""A token's record in Redis lives at most this long."""

TOMBSTONE_SECONDS = 180
"""A deletion's mark in Redis outlives any record and any back-fill lease."""

FILL_LEASE_SECONDS = 5
"""A back-fill must be written this soon after its read of Postgres began, or not at all."""

MAX_REQUEST_BYTES = 1024 * 1024
"""A request body over this is 413, counted while it streams in."""

MAX_STREAMED_ANSWER_BYTES = 64 * 1024 * 1024
"""The largest answer an event stream carries: upstream's 8 MiB are in it as JSON and, escaped, as text."""

MIN_EXPIRY_SECONDS = 60
"""`expires_at` must be at least this far ahead."""
