"""`python -m mcp_gateway.cli` is `mcp-gateway`, for children that must use this very interpreter."""

from mcp_gateway.cli.app import main

if __name__ == "__main__":
    main()
