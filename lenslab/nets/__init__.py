"""Networks: modules that see images in sigmas and know nothing of files, populations or training."""

from lenslab.nets.cnn import CNN
from lenslab.nets.equivariant import Equivariant
from lenslab.nets.lens_residual import LensResidual
from lenslab.nets.lensiformer import Lensiformer
from lenslab.nets.lenspinn import LensPINN
from lenslab.nets.physics_cnn import PhysicsCNN
from lenslab.nets.resnet import ResNet
from lenslab.nets.vit import ViT

# name: (module, its settings): what a page offers for classification
CLASSIFIERS = {
    "cnn": (CNN, {}),
    "cnn_residual": (CNN, {"residual": True}),
    "physics_cnn": (PhysicsCNN, {}),
    "physics_cnn_image": (PhysicsCNN, {"residual": False}),
    "resnet": (ResNet, {}),
    "equivariant": (Equivariant, {}),
    "vit": (ViT, {}),
    "lensiformer": (Lensiformer, {}),
    "lenspinn": (LensPINN, {}),
    "lens_residual": (LensResidual, {}),
}

__all__ = ["CLASSIFIERS", "CNN", "Equivariant", "LensPINN", "LensResidual", "Lensiformer", "PhysicsCNN", "ResNet",
           "ViT"]
