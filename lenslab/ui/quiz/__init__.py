"""The Quiz."""
