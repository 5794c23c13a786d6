"""The admin API: routes of two or three lines."""
