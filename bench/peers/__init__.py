"""The benchmark against peers: `make bench`."""
