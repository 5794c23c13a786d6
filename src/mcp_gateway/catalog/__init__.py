"""Upstream products described as data and compiled into tools: pure, no I/O but reading its own documents at start.

Owns names, schemas, the HTTP binding, the reading of answers and errors, and cursors.
Refuses to know tenants, keys, MCP envelopes and how a request is sent.

`load.load_catalog` is the way in; `richpanel/*.yaml` is what to edit when the API changes.
"""
