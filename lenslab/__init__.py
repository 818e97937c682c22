"""lenslab: strong gravitational lenses and their dark matter, simulated exactly and looked at by networks."""

__version__ = "0.1.0"
