"""Frozen values the layers hand to one another: no I/O, no business rules."""
