"""Node, npm packages and Python environments that `make setup` does not bring, made under `.tools/` on first use.

For `make clients` and `make conformance`; the suite needs none of it. Standard library only.
"""
