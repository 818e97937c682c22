"""Detectability: its fast lambda is that of the slow one, its observer's AUC that of a simulated observer."""

import copy
import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from scipy.stats import norm

from lenslab.images import ceiling
from lenslab.images.realise import realise
from lenslab.insight import cards, detectability, metrics
from lenslab.insight.detectability import Grid
from lenslab.population import find
from lenslab.sets.draw import brighter, exposed

CLASSES = ("no_sub", "cdm", "axion")


def chance(observation):
    """A network that knows nothing, and says so by another number each time."""
    found = torch.rand(len(observation), 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.1
    return (found / found.sum(1, keepdim=True)).numpy()


def grid() -> Grid:
    whole = Grid.of("seed-64", 2, 2)
    return replace(whole, strengths={"axion": whole.strengths["axion"]})


@pytest.fixture(scope="module")
def cells():
    return dict(detectability.pieces(grid(), "seed-64", 0, chance, n=3))


def test_a_grid_spans_the_laws_of_its_population():
    found = Grid.of("hst", 3, 4)
    assert pytest.approx(50 * 10 ** (np.arange(4) / 3)) == found.S
    assert found.strengths["cdm"] == ("substructure.f_sub", pytest.approx((0.005, 0.0223607, 0.1)))
    assert found.strengths["fdm"][0] == "substructure.m22" and found.strengths["vortex"][1][-1] == pytest.approx(0.05)
    with pytest.raises(ValueError, match="No population"):
        Grid.of("elsewhere")


def test_the_smooth_lens_is_fixed_by_switches_where_there_are_any():
    assert detectability.variants("seed-64") == {"own": "seed-64"}
    assert detectability.variants("hst:galaxies=on,slope=off")["fixed"] == "hst:galaxies=on,slope=off,multipoles=off"
    assert detectability.variants("hst:slope=off,multipoles=off") == {"own": "hst:slope=off,multipoles=off"}


def test_lambda_is_that_of_the_ceiling(cells):
    """The slow way: every lens at its S and strength, by itself. Both take differences of images in float64."""
    path, values = grid().strengths["axion"]
    made = find("seed-64")
    sort = detectability.alone(made, "fdm", made.dark["axion"] | {"m22": detectability.Law("fixed", values[1],
                                                                                          values[1])})
    slow = []
    for rows, wide in detectability.groups_of(sort, 0, detectability.SEED, "test", 3):
        shift, _, S = exposed(wide, realise(wide), np.full(len(rows), grid().S[1]))
        assert pytest.approx(grid().S[1]) == S
        slow += ceiling.lambdas(brighter(wide, shift)).tolist()
    assert path == "substructure.m22"
    assert cells["axion/1/1"]["lambdas"] == pytest.approx(slow, rel=1e-4)     # kept to five digits


def test_lambda_grows_with_the_signal_and_falls_with_the_mass_of_the_particle(cells):
    at = {key: np.array(values["lambdas"]) for key, values in cells.items()}
    assert (at["axion/0/1"] > at["axion/0/0"]).all() and np.median(at["axion/0/1"]) > np.median(at["axion/1/1"])
    assert (at["bare/1"] == 0).all()


def test_a_population_that_frees_less_than_the_ceiling_leaves_more_of_weak_substructure(cells):
    """Of seed-64's lenses the Einstein radius alone varies, so that less can mimic what the substructure changes."""
    weak = replace(grid(), strengths={"axion": ("substructure.m22", grid().strengths["axion"][1][1:])})
    left = dict(detectability.refits(weak, 0, n=3))
    assert set(left) == {"bare", "axion/0"} and max(left["bare"]) < 0.1
    assert weak.middle == grid().S[1]
    assert (np.array(left["axion/0"]) > 0.99 * np.array(cells["axion/1/1"]["lambdas"])).all()
    assert not dict(detectability.refits(weak, 0, n=3, known=("bare", "axion/0")))


def test_refitted_maps_are_those_of_what_is_left_and_grow_with_S_as_the_ceiling_does(cells):
    """What the fit leaves without substructure, here 3 of 5 sigmas, is taken off: 4, and half of that at half of S."""
    found = detectability.table(grid(), CLASSES, {"own": cells})
    for own in (kind["maps"]["own"] for kind in found["kinds"]):
        own["significance"] = [[1.0, 7.0], [2.0, 14.0]]
    left = {"bare": [3.0] * 3, "axion/0": [5.0] * 3, "axion/1": [2.0] * 3}
    own = detectability.with_refits(found, left)["kinds"][0]["maps"]["own"]
    assert own["left"] == [[2.0, 0.0], [4.0, 0.0]]
    assert own["refitted"] == [[pytest.approx(norm.cdf(2 / 2**0.5), abs=1e-4), 0.5],
                               [pytest.approx(norm.cdf(4 / 2**0.5), abs=1e-4), 0.5]]


def test_the_observers_auc_is_that_of_a_simulated_one():
    """Log likelihood ratios of images with and without a known signal of 1.3 sigma."""
    rng, strength = np.random.default_rng(0), 1.3
    without = strength * rng.normal(size=20000) - strength**2 / 2
    with_it = strength * rng.normal(size=20000) + strength**2 / 2
    entry = dict(answers=[[0.5, 0.3, 0.2]] * 4, lambdas=[strength] * 4)
    found = detectability.cell(entry, entry, 0, 1, CLASSES)
    simulated = metrics.auc(np.r_[without, with_it], np.repeat([False, True], 20000))
    assert found["ceiling"] == pytest.approx(simulated, abs=0.01)
    assert found["auc"] == 0.5 and found["significance"] == strength


def test_noise_differs_from_cell_to_cell_and_lenses_do_not():
    seen = []

    def watch(observation):
        seen.append(observation)
        return chance(observation)

    list(islice(detectability.pieces(replace(grid(), S=(300.0, 300.0)), "seed-64", 0, watch, n=3), 2))
    first, second = seen[0], seen[1]
    step = ((first.image - second.image) / first.variance.sqrt()).flatten()
    assert step.std() == pytest.approx(2**0.5, rel=0.05) and step.mean().abs() < 0.05
    assert first.scenes is None and first.model is None        # a network is told nothing of the truth


def test_maps_travel_in_a_card_and_forged_ones_are_refused(cells):
    found = detectability.table(grid(), CLASSES, {"own": cells})
    assert cards.sound_maps(json.loads(json.dumps(found, allow_nan=False)), CLASSES) == found
    found = detectability.with_refits(found, {"bare": [0.1] * 3, "axion/0": [5.0] * 3, "axion/1": [2.0] * 3})
    assert cards.sound_maps(json.loads(json.dumps(found, allow_nan=False)), CLASSES) == found
    kind = found["kinds"][0]
    assert np.shape(kind["maps"]["own"]["auc"]) == (2, 2) and kind["class"] == "axion"
    for path, value in ((("S",), []), (("kinds", 0, "class"), "x"), (("kinds", 0, "maps"), {}), (("n",), 0.5),
                        (("kinds", 0, "maps", "own", "auc"), [[0.5]]), (("kinds",), None),
                        (("kinds", 0, "maps", "own", "refitted"), [[1.5, 0.5]] * 2),
                        (("kinds", 0, "maps", "own", "left"), [["x", 1.0]] * 2)):
        forged = copy.deepcopy(found)
        part = forged
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = value
        with pytest.raises(ValueError, match="cannot be read"):
            cards.sound_maps(forged, CLASSES)
