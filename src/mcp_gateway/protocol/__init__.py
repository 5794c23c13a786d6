"""MCP without I/O: JSON-RPC bytes in, JSON-RPC bytes out, in both protocol eras.

Owns the order of checks, the envelopes, the revisions and what goes with them.
Refuses to know tenants, tokens, HTTP frameworks and Richpanel; what stands behind a token is a `host.Host`.

`exchange` is the way in; `versions` is the table to extend when a revision appears.
"""
