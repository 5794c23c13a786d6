"""The MCP endpoint: HTTP around the protocol."""
