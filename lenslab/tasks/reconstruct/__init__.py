"""From one image of a lens its mass, its source and how sure both are, on simulated and on real images."""

from lenslab.tasks.reconstruct.networks import NETWORKS, Network
from lenslab.tasks.reconstruct.record import Forming, Parameter, Progress, Reconstruction
from lenslab.tasks.reconstruct.refined import Settings, reconstruct, starting_network
from lenslab.tasks.reconstruct.task import Config, batches, build, evaluate, loss, predict

__all__ = ["NETWORKS", "Config", "Forming", "Network", "Parameter", "Progress", "Reconstruction", "Settings", "batches",
           "build", "evaluate", "loss", "predict", "reconstruct", "starting_network"]
