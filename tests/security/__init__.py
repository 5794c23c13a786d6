"""The security gates: each test takes figures against a bar; small numbers in the suite, full ones in `make security`."""
