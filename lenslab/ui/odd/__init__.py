"""The Odd page."""
