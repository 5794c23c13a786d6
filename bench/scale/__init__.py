"""The gateway with very many servers, and with very long logs: `make bench-scale`."""
