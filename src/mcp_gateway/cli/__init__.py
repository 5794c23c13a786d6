"""The command `mcp-gateway`: run the gateway, and use its admin API from a shell."""
