"""The security gates: readings against bars; few trials in the suite, the full numbers in `make security`."""
