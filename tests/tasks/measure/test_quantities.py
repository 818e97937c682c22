"""Quantities of a population: their priors are those that scenes are drawn from, and become unit normals."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from lenslab.population import find
from lenslab.tasks.measure.quantities import SMOOTH, Quantities, quantities_of, truths_of_chunk

HST = quantities_of("hst")


def test_each_class_has_its_own_numbers():
    own = {block: [HST.quantities[k].key for k in places] for block, places in HST.blocks.items()}
    assert own == {SMOOTH: ["theta_E", "gamma", "e1", "e2", "gamma1", "gamma2"], "cdm": ["log10_f_sub"],
                   "wdm": ["log10_f_sub", "log10_m_hm"], "fdm": ["log10_m22"],
                   "vortex": ["log10_f_vortex", "log10_m_axion"]}
    strings = quantities_of("hst:strings=on")
    assert [strings.quantities[k].key for k in strings.blocks["vortex"]] == [
        "log10_f_vortex", "log10_string_density", "log10_m_axion"]
    assert {item.key for item in quantities_of("deeplense-1").quantities} == {"log10_m_sub", "log10_m_axion"}


def test_normal_scores_of_the_prior_are_normal():
    table = np.concatenate([truths_of_chunk("hst", chunk, 5, "test") for chunk in range(6)])
    scores = HST.scores(torch.from_numpy(table)).numpy()
    for k, item in enumerate(HST.quantities):
        mine = scores[np.isfinite(scores[:, k]), k]
        assert kstest(mine, "norm").pvalue > 1e-4, item.key


def test_values_come_back_from_their_scores():
    table = torch.from_numpy(truths_of_chunk("hst", 0, 0, "test"))
    back = HST.values(HST.scores(table))
    spread = torch.tensor([item.limits[1] - item.limits[0] for item in HST.quantities])
    known = table.isfinite()
    assert torch.equal(known, back.isfinite())
    assert float(((back - table) / spread)[known].abs().max()) < 2e-3


def test_truths_are_those_of_the_scenes():
    population = find("hst")
    drawn, table = population.chunk(2, 0, "test"), truths_of_chunk("hst", 2, 0, "test")
    place = next(k for k, item in enumerate(HST.quantities) if item.key == "log10_m22")
    for rows, scenes in drawn.groups:
        if population.classes[int(drawn.labels[rows[0]])] == "fdm":
            assert table[rows, place] == pytest.approx(np.log10(scenes["substructure.m22"].numpy()))
        else:
            assert np.isnan(table[rows, place]).all()


def test_the_mass_of_published_clumps_is_what_is_drawn():
    """25 masses of the law dn/dm ~ m^-0.9 from 10^6 to 10^10: their mean is (0.1/1.1) m_max to 0.1 %."""
    quantities = quantities_of("deeplense-1")
    place = next(k for k, item in enumerate(quantities.quantities) if item.key == "log10_m_sub")
    table = np.concatenate([truths_of_chunk("deeplense-1", chunk, 1, "test") for chunk in range(10)])
    masses = 10 ** table[np.isfinite(table[:, place]), place]
    a, low, high = 0.1, 1e6, 1e10
    mean = a / (1 + a) * (high ** (1 + a) - low ** (1 + a)) / (high**a - low**a)
    assert masses.mean() == pytest.approx(25 * mean, rel=5 * masses.std() / masses.mean() / len(masses) ** 0.5)


def test_shear_and_ellipticity_turn_with_the_image_and_masses_do_not():
    table = torch.arange(12, dtype=torch.float64)[None]
    turned = HST.turn(table, "D4", np.array([1]))          # a quarter turn: spin 2 changes sign
    assert turned[0].tolist() == [0, 1, -2, -3, -4, -5, *range(6, 12)]


def test_the_density_of_a_prior_is_the_slope_of_its_distribution():
    item = HST.quantities[0]
    x = np.linspace(*item.limits, 5000)
    assert float(np.trapezoid(item.density(x), x)) == pytest.approx(1, abs=5e-3)
    assert item.density(np.array([0.1])) == 0


def test_a_card_brings_them_back_and_a_bad_one_is_refused():
    assert Quantities.of_card(HST.to_card()) == HST
    card = HST.to_card()
    card["quantities"][0]["quantiles"] = [2, 1]
    for bad in (card, None, {"classes": []}, {"classes": ["a", "b"], "quantities": [{"key": "nonsense"}]}):
        with pytest.raises(ValueError, match="measures"):
            Quantities.of_card(bad)
