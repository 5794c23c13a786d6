"""HTTP in and out: routes of two or three lines, one renderer of errors, no decisions."""
