"""Hosted, multi-tenant MCP servers for Richpanel."""
