"""The Jets page."""
