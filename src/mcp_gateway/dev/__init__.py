"""The gateway with all it needs on one machine: for trying it, developing it and testing it, never for production."""
