"""What the tests of networks share: any network built as the task builds it, and images of the simulator."""

import pytest
import torch

from lenslab.fit import smooth_lens
from lenslab.nets import CLASSIFIERS
from lenslab.population import find
from lenslab.sets.draw import items

CONSTANTS = dict(psf_fwhm=1.9, pixel_scale=0.08, num_pix=64, symmetry="D4", smoothing=1.0, softening=20.0, scale=1.0)


@pytest.fixture(scope="session")
def built():
    """built(name, **changes) -> a network of three classes; the same weights each time."""
    def build(name: str, **changes):
        kind, settings = CLASSIFIERS[name]
        more = {"lens": smooth_lens("seed-64")} if kind.needs_fit else {}
        torch.manual_seed(0)
        return kind(3, **CONSTANTS | more | settings | changes)
    return build


@pytest.fixture(scope="session")
def lenses():
    """24 images of seed-64 in sigmas (24, 1, 64, 64), their labels and their Einstein radii."""
    drawn = items(find("seed-64"), 0, 0)
    theta_E = torch.from_numpy(drawn.parameters[:, find("seed-64").paths.index("lens.theta_E")]).float()
    return ((drawn.image / drawn.variance.sqrt())[:24].float(), torch.as_tensor(drawn.labels)[:24], theta_E[:24])
