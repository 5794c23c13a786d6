"""Logs and metrics; they consume events and decide nothing."""
