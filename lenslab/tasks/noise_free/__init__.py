"""Noise-free images of a population and the conditions that they obey: what generators learn, and their judge."""
