"""From one image of a lens its mass, its source and how sure both are, on simulated and on real images."""

from lenslab.tasks.reconstruct.record import Parameter, Reconstruction
from lenslab.tasks.reconstruct.refined import Progress, Settings, reconstruct, starting_network

__all__ = ["Parameter", "Progress", "Reconstruction", "Settings", "reconstruct", "starting_network"]
