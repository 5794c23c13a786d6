"""JSON-RPC, `_meta`, errors, versions: what holds for any method."""

from tests.requirements.row import ALL, HANDSHAKE, MODERN, MUST, SHOULD, Row

MESSAGES = (
    Row(
        "message.json-rpc",
        MUST,
        ALL,
        "Overview / Messages",
        "A body that is no JSON-RPC 2.0 message gets 400 and -32600.",
    ),
    Row("message.parse-error", MUST, ALL, "Overview / Error Codes", "A body that is no JSON gets 400 and -32700."),
    Row(
        "message.id",
        MUST,
        ALL,
        "Overview / Requests",
        "The id of a request is a string or an integer, and never null.",
    ),
    Row("message.same-id", MUST, ALL, "Overview / Responses", "A result comes back under the id of its request."),
    Row(
        "message.error-id",
        MUST,
        ALL,
        "Overview / Error Responses",
        "An error comes back under the id of its request wherever that could be read.",
    ),
    Row("message.notification", MUST, ALL, "Overview / Notifications", "A notification is never responded to."),
    Row(
        "message.result-type",
        MUST,
        MODERN,
        "Overview / Result Responses",
        "Every result says that it is complete.",
    ),
    Row(
        "message.server-info",
        SHOULD,
        MODERN,
        "Overview / _meta",
        "Every result names the server and its version.",
    ),
)

ERRORS = (
    Row(
        "errors.method-not-found",
        MUST,
        MODERN,
        "Streamable HTTP / Protocol Version Header",
        "A method that is not implemented gets 404 and -32601.",
    ),
    Row(
        "errors.invalid-params",
        SHOULD,
        MODERN,
        "Overview / Error Codes",
        "Params that no method could take get 400 and -32602.",
    ),
    Row(
        "errors.internal",
        SHOULD,
        ALL,
        "Overview / Error Codes",
        "A bug comes back as -32603 under the request's id, with 200, and says nothing of what broke.",
    ),
    Row(
        "errors.capability",
        MUST,
        MODERN,
        "Overview / _meta",
        "A tool that needs what the client has not declared answers 400 and -32021 with what is missing.",
    ),
    Row(
        "errors.reserved",
        MUST,
        ALL,
        "Overview / Error Codes",
        "No code of the reserved ranges is used but those the specification defines, and none it has withdrawn.",
    ),
    Row(
        "errors.own",
        SHOULD,
        ALL,
        "Overview / Error Codes",
        "Codes of our own lie outside the range JSON-RPC keeps for itself.",
    ),
)

META = (
    Row(
        "meta.required",
        MUST,
        MODERN,
        "Overview / _meta",
        "A request whose `_meta` lacks the version or the capabilities gets 400 and -32602.",
    ),
    Row(
        "meta.undeclared",
        MUST,
        MODERN,
        "Overview / _meta",
        "Nothing is taken for granted that the client has not declared with this very request.",
    ),
    Row(
        "meta.log-level",
        MUST,
        MODERN,
        "Overview / _meta",
        "No log message is sent to a client that set no level.",
    ),
    Row(
        "meta.identity",
        SHOULD,
        MODERN,
        "Overview / _meta",
        "What a client calls itself changes nothing in its answers.",
    ),
    Row(
        "meta.unknown-keys",
        MUST,
        ALL,
        "Overview / _meta",
        "Keys of vendors are taken, and nothing is supposed of their values.",
    ),
    Row(
        "meta.own-keys",
        MUST,
        ALL,
        "Overview / _meta",
        "Keys of our own have the prescribed form and none of the prefixes MCP keeps for itself.",
    ),
    Row(
        "meta.trace",
        MUST,
        ALL,
        "Overview / _meta",
        "Trace context is read and written as W3C says, and what is not of that form is dropped.",
    ),
)

STATE = (
    Row(
        "state.none",
        MUST,
        MODERN,
        "Overview / Statelessness",
        "No earlier request on the connection decides anything about a later one.",
    ),
    Row(
        "state.explicit",
        MUST,
        MODERN,
        "Overview / Statelessness",
        "What spans several requests is named by a value that the client sends with each.",
    ),
    Row(
        "state.anywhere",
        SHOULD,
        ALL,
        "Overview / Statelessness",
        "Related requests may come over different connections and to different processes.",
    ),
    Row(
        "era.per-request",
        SHOULD,
        ALL,
        "Versioning / Backward Compatibility",
        "One URL serves both eras at the same time, each request by its own rules.",
    ),
    Row(
        "era.recognisable",
        SHOULD,
        MODERN,
        "Streamable HTTP / Backward Compatibility",
        "A refused modern request is told so by an error of this era, so that its client does not fall back.",
    ),
)

DISCOVERY = (
    Row("discover.implemented", MUST, MODERN, "Discovery", "`server/discover` is answered."),
    Row(
        "discover.versions",
        MUST,
        MODERN,
        "Discovery",
        "It lists the versions a request may name, and nothing that only a handshake can agree on.",
    ),
    Row("discover.caching", MUST, MODERN, "Caching", "It says how long, and for whom, it may be kept."),
)

PROGRESS = (
    Row("progress.asked", MUST, ALL, "Progress", "Progress is told only of a request that gave a token, and under it."),
    Row("progress.token", MUST, ALL, "Progress", "A token is a string or an integer."),
    Row("progress.rises", MUST, ALL, "Progress / Progress Flow", "Each value is greater than the one before."),
    Row("progress.stops", MUST, ALL, "Progress", "Nothing is told once the request has its answer."),
)

AUTHENTICATION = (
    Row(
        "auth.dead-token",
        MUST,
        ALL,
        "Contract §5",
        "Tokens that are unknown, malformed, expired or revoked get one and the same 404.",
    ),
    Row(
        "auth.challenge",
        MUST,
        ALL,
        "Authorization / Access Token Usage",
        "A 401 says by WWW-Authenticate which scheme is wanted.",
    ),
    Row(
        "auth.no-discovery",
        SHOULD,
        ALL,
        "Overview / Auth",
        "Where no OAuth is offered nothing points to it: the well-known documents are plain 404s.",
    ),
    Row(
        "auth.no-passthrough",
        MUST,
        ALL,
        "Authorization / Token Handling",
        "No credential of the caller is passed on upstream.",
    ),
)

HANDSHAKES = (
    Row(
        "handshake.echo",
        MUST,
        HANDSHAKE,
        "2025-11-25, Lifecycle / Version Negotiation",
        "`initialize` with a version that is spoken here agrees on it.",
    ),
    Row(
        "handshake.other-version",
        MUST,
        HANDSHAKE,
        "2025-11-25, Lifecycle / Version Negotiation",
        "With another one it offers a version that is spoken here.",
    ),
    Row(
        "handshake.newest",
        SHOULD,
        HANDSHAKE,
        "2025-11-25, Lifecycle / Version Negotiation",
        "The one it offers is the newest that has a handshake.",
    ),
    Row(
        "handshake.result",
        MUST,
        HANDSHAKE,
        "2025-11-25, Lifecycle / Initialization",
        "It answers with the server's capabilities and its name.",
    ),
    Row(
        "handshake.no-header",
        SHOULD,
        HANDSHAKE,
        "2025-11-25, Transports / Protocol Version Header",
        "A later request without a version header is read as one of 2025-03-26.",
    ),
    Row(
        "handshake.bad-header",
        MUST,
        HANDSHAKE,
        "2025-11-25, Transports / Protocol Version Header",
        "A request with a version header that names no version spoken here gets a 400.",
    ),
    Row("handshake.ping", MUST, HANDSHAKE, "2025-11-25, Ping", "`ping` is answered with an empty result, at once."),
    Row(
        "handshake.method-not-found",
        SHOULD,
        HANDSHAKE,
        "Contract §5",
        "A method that is not implemented gets -32601 with 200, for clients of this era drop the connection on a 4xx.",
    ),
    Row(
        "handshake.invalid-params",
        SHOULD,
        HANDSHAKE,
        "Contract §5",
        "Params that no method could take get -32602 with 200, for the same reason.",
    ),
    Row(
        "handshake.no-mcp-headers",
        SHOULD,
        HANDSHAKE,
        "2025-11-25, Transports",
        "Mcp-Method and Mcp-Name are not asked for, and ignored where a client sends them.",
    ),
    Row(
        "handshake.no-modern-members",
        SHOULD,
        HANDSHAKE,
        "2025-11-25, Schema",
        "Results carry no member that only the newer era knows.",
    ),
    Row(
        "handshake.cancelled",
        SHOULD,
        HANDSHAKE,
        "2025-11-25, Cancellation / Error Handling",
        "A cancellation that fits nothing under way is ignored.",
    ),
    Row(
        "handshake.2024-by-post",
        SHOULD,
        ("2024-11-05",),
        "Contract §5",
        "Clients that speak 2024-11-05 over POST are served, in the handshake and by header.",
    ),
)

BATCHES = (
    Row(
        "batch.accepted",
        MUST,
        ("2025-03-26",),
        "2025-03-26, Overview / Batching",
        "An array of messages is taken, and each request in it answered.",
    ),
    Row(
        "batch.silent",
        MUST,
        ("2025-03-26",),
        "2025-03-26, Transports / Sending Messages",
        "One of notifications and responses only gets a 202 without a body.",
    ),
    Row(
        "batch.no-initialize",
        MUST,
        ("2025-03-26",),
        "2025-03-26, Lifecycle / Initialization",
        "`initialize` is never part of one.",
    ),
    Row(
        "batch.refused",
        SHOULD,
        ("2026-07-28", "2025-11-25", "2025-06-18", "2024-11-05"),
        "2025-06-18, Changelog",
        "Under any other version an array is refused whole.",
    ),
)
