"""Knows nothing of our domain; could be another project's library."""
