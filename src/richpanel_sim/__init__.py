"""A local stand-in for Richpanel's public REST API, written from its documentation alone."""
