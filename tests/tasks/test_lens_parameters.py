"""The task lens_parameters: what it is shown, what it learns, and that a classifier which fits takes that over."""

import numpy as np
import torch

from lenslab import checkpoint
from lenslab.fit import smooth_lens
from lenslab.nets.lens_residual import LensResidual
from lenslab.population import find
from lenslab.sets.draw import items
from lenslab.tasks import TASKS, lens_parameters
from lenslab.tasks.lens_view import COORDINATES, LensView

CPU = torch.device("cpu")


def test_it_is_shown_the_same_lenses_without_their_substructure():
    """A smooth lens is the same to the bit, another is not; settings and noise are those of the whole."""
    population = find("deeplense-2-mended")
    whole, bare = (items(population, 0, 0, "validation", bare=bare) for bare in (False, True))
    smooth = whole.labels == population.classes.index("no_sub")
    assert (whole.labels == bare.labels).all() and (whole.seeds == bare.seeds).all()
    same = (whole.image == bare.image).flatten(1).all(1).numpy()
    assert same[smooth].all() and not same[~smooth].any()
    view = LensView("deeplense-2-mended", 0, "validation", smooth=True, truth=True)
    columns = view.columns(0)
    assert np.array_equal(columns["image"], bare.image[:, 0].numpy())
    truth = view.examples(columns).targets[COORDINATES]
    assert truth.shape[1] > 4 and abs(float(truth.mean())) < 0.2 and 0.8 < float(truth.std()) < 1.2


def test_it_learns_to_read_a_lens():
    """The mean of all is 1 spread off; 90 batches bring it well below that, and it knows that it became better."""
    config = lens_parameters.Config(population="seed-64", batch=64, workers=0, reuse=4, validation=240)
    torch.manual_seed(0)
    trained = lens_parameters.build(config)
    model = trained.model
    draw, optimiser = lens_parameters.batches(config, CPU), torch.optim.AdamW(model.parameters(), 2e-3)
    for step in range(90):
        optimiser.zero_grad()
        lens_parameters.loss(model, *draw(step)).backward()
        optimiser.step()
    model.eval()
    found = lens_parameters.evaluate(trained, config)
    assert TASKS["lens_parameters"].module is lens_parameters and found["n"] == 240
    assert list(found["errors"]) == list(smooth_lens("seed-64").names)
    assert found["error"] < 0.7 and found["errors"]["theta_E"] < 0.5
    assert found["error"] < float(model.regressor.error.mean()) < 0.9       # a mean over its last 100 steps


def test_a_classifier_takes_it_over(tmp_path):
    config = lens_parameters.Config(population="seed-64")
    model = lens_parameters.build(config).model
    checkpoint.save(tmp_path / "start.safetensors", model.state_dict(),
                    dict(task="lens_parameters", population="seed-64"))
    other = LensResidual(3, 2.0, lens=smooth_lens("seed-64"), width=8, smoothing=1.0, softening=1.0, scale=1.0)
    before = other.head[-1].weight.clone()
    checkpoint.take_over(other, tmp_path / "start.safetensors")
    image = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(other.eval().regressor(image), model.eval()(image))
    assert torch.equal(other.head[-1].weight, before)
