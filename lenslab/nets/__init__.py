"""Networks: modules that see images in sigmas and know nothing of files, populations or training."""

from lenslab.nets.cnn import CNN
from lenslab.nets.physics_cnn import PhysicsCNN

# name: (module, its settings): what a page offers for classification
CLASSIFIERS = {
    "cnn": (CNN, {}),
    "cnn_residual": (CNN, {"residual": True}),
    "physics_cnn": (PhysicsCNN, {}),
    "physics_cnn_image": (PhysicsCNN, {"residual": False}),
}

__all__ = ["CLASSIFIERS", "CNN", "PhysicsCNN"]
