"""Released MCP clients driven against a running gateway: `make clients`. No part of the suite, which needs no Node."""
