"""Driver programs. Each runs in the Python environment of the library it drives, so they share nothing but `lines`."""
