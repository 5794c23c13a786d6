"""What the specification asks and no test of ours proves, each with its reason."""

from tests.requirements.row import Unproven

LATER = (
    Unproven(
        "Invocations of tools must be rate-limited by the server.",
        "Tools / Security Considerations",
        "The gateway's own limits come with a later issue; upstream's are passed on already.",
    ),
)

DEPARTURES = (
    Unproven(
        "An unknown tool is a protocol error.",
        "Tools / Error Handling",
        "Agents end their run at one, or keep its text from the model; a result lets the model choose another tool.",
    ),
    Unproven(
        "Not even a read should end because its client's connection was lost.",
        "2025-11-25, Transports / Sending Messages",
        "Without sessions nobody could fetch its answer; so a read is let go, and only a write goes on.",
    ),
    Unproven(
        "New servers do not adopt HTTP+SSE.",
        "Streamable HTTP / HTTP+SSE Transport",
        "The contract asks for it (§5), for clients that were given such a URL long ago.",
    ),
)
"""What we do otherwise, on purpose."""

NOT_A_SERVERS = "It binds clients."
NO_OAUTH = (
    "The endpoint offers no OAuth: a secret URL or a bearer token is a custom strategy, which Overview / Auth allows."
)

NOT_OURS = (
    Unproven("Accept has to name both media types.", "Streamable HTTP / Sending Messages", NOT_A_SERVERS),
    Unproven("Clients support JSON and event streams alike.", "Streamable HTTP / Sending Messages", NOT_A_SERVERS),
    Unproven("Clients say who they are in `clientInfo`.", "Overview / _meta", NOT_A_SERVERS),
    Unproven("Clients drop tools with a bad x-mcp-header.", "Streamable HTTP / Schema Extension", NOT_A_SERVERS),
    Unproven("Clients encode values no header can carry.", "Streamable HTTP / Value Encoding", NOT_A_SERVERS),
    Unproven("Clients inspect a 400 before they fall back.", "Streamable HTTP / Backward Compatibility", NOT_A_SERVERS),
    Unproven("Clients remember an origin's era.", "Versioning / Backward Compatibility", NOT_A_SERVERS),
    Unproven("Clients send the agreed version after the handshake.", "2025-11-25, Transports", NOT_A_SERVERS),
    Unproven("Clients disconnect when no version can be agreed on.", "2025-11-25, Lifecycle", NOT_A_SERVERS),
    Unproven(
        "A server without support for older clients refuses requests without the version header.",
        "Streamable HTTP / Protocol Version Header",
        "Older clients are served.",
    ),
    Unproven(
        "A server of the newer era alone names its versions when it refuses `initialize`.",
        "Versioning / Backward Compatibility",
        "`initialize` is answered.",
    ),
    Unproven(
        "An event that primes the client to come back, event ids, `retry`.",
        "2025-11-25, Transports / Resumability",
        "Streams cannot be resumed, which is optional: an event without an id tells a client so.",
    ),
    Unproven(
        "Rules of session ids, and 404 for an ended session.",
        "2025-11-25, Transports / Session Management",
        "No session is ever made, which is optional.",
    ),
    Unproven("Cursors of lists are stable.", "Pagination", "`tools/list` has one page and gives out no cursor."),
    Unproven(
        "Depth and number of subschemas are bounded.",
        "Overview / JSON Schema Usage",
        "Schemas come from the catalog in the package; no caller's schema is ever compiled.",
    ),
    Unproven(
        "Dialects beyond 2020-12 are documented or refused.", "Overview / JSON Schema Usage", "Schemas name no dialect."
    ),
    Unproven(
        "A tool without arguments says so by an empty object schema.",
        "Tools / Tool",
        "Every tool of the catalog has some.",
    ),
    Unproven(
        "`baggage` is of W3C's form.",
        "Overview / _meta",
        "It is neither read nor passed on: what callers put there is not Richpanel's to know.",
    ),
    Unproven(
        "Changes of a list are announced.", "Tools / List Changed Notification", "`listChanged` is not advertised."
    ),
    Unproven(
        "Subscriptions: acknowledgement, ids on each frame, only what was asked for, an ending.",
        "Subscriptions",
        "Nothing can be subscribed to, so the method is not implemented.",
    ),
    Unproven(
        "Multi round-trip requests: protected state, declared capabilities only, no caching.",
        "Multi Round-Trip Requests",
        "No tool asks back; what a client sends for it is ignored.",
    ),
    Unproven("Resources, prompts, completion.", "Server Features", "The server offers tools only."),
    Unproven("Sampling, roots, elicitation.", "Client Features", "No tool asks its client for anything."),
    Unproven("Tasks.", "2025-11-25, Tasks; Extensions / Tasks", "An extension that is not advertised."),
    Unproven("Apps: `ui://` resources of tools.", "Extensions / Apps", "An extension that needs resources."),
    Unproven("Servers over HTTP follow the authorization framework.", "Overview / Auth", NO_OAUTH),
    Unproven("Clients name the resource they want a token for.", "2025-06-18, Authorization", NO_OAUTH),
    Unproven("An authorization server on the same origin.", "2025-03-26, Authorization", NO_OAUTH),
    Unproven("Protected resource metadata.", "Authorization / Authorization Server Discovery", NO_OAUTH),
    Unproven("Scopes in challenges, and 403 for too few of them.", "Authorization / Error Handling", NO_OAUTH),
    Unproven("Access tokens are checked for their audience.", "Authorization / Token Handling", NO_OAUTH),
    Unproven("Tokens travel in the Authorization header only.", "Authorization / Token Requirements", NO_OAUTH),
    Unproven("`offline_access` is not in the resource's metadata.", "Authorization", NO_OAUTH),
    Unproven(
        "Authorization servers: PKCE, metadata, `iss`, redirects, registration, lifetimes.",
        "Authorization; Client Registration; Security Considerations",
        NO_OAUTH,
    ),
    Unproven("Consent, state, cookies and metadata fetches of an OAuth proxy.", "Security Best Practices", NO_OAUTH),
    Unproven("stdio.", "stdio", "The gateway is reached over HTTP only."),
)
