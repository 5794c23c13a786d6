"""Verbs of the product; all decisions and all authorisation."""
