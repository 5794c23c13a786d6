"""SQLAlchemy tables only; seen by storage alone."""
