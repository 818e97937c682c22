"""Tables of the reconstruction's benchmarks, from rows whose answers are known beforehand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import fitters, perturbers, reconstruct
from lenslab.fit.problem import FitProblem, State
from lenslab.population import find
from lenslab.sets.draw import items
from lenslab.tasks.reconstruct import starting_network
from lenslab.tasks.reconstruct.refined import usual


def test_coverage_of_gaussian_pulls_is_that_of_a_gaussian_and_the_error_is_the_curvature_s():
    """Errors drawn with the very sigma that is told: 68, 95 %, and a ratio of 1; n tells how nearly."""
    rng = np.random.default_rng(0)
    rows = [dict(seconds=1.0, S=100.0, names=["theta_E"], mean=[1 + 0.01 * rng.normal()], std=[0.01], truth=[1.0],
                 sigma=0.01, converged=k % 10 > 0, why="", reduced_chi2=1.0, chi2=k % 4 * 10.0, chi2_of_truth=0.0)
            for k in range(4000)]
    found = reconstruct.measured(rows)
    assert found["ratio"][0] == pytest.approx(1, abs=0.05) and found["ratio"][1] < 1 < found["ratio"][2]
    assert found["flagged"][0] == 0.1 and found["within"][0] == 0.5     # 0 and 10 are within 20, 20 and 30 are not
    for one, two in found["coverage"]["theta_E"]:
        assert one[0] == pytest.approx(0.683, abs=0.02) and two[0] == pytest.approx(0.95, abs=0.01)


def one(significance, place, mass, evidence=0.0):
    return dict(significance=significance, evidence=evidence, place=place, mass=mass, seconds=1.0)


def test_a_halo_is_found_where_it_is_loud_near_and_as_heavy_as_it_is():
    smooth = [one(k / 10, [0.0, 0.0], 1e-3) for k in range(100)]
    said = [one(12, [1.05, 0.0], 1.2e-3), one(12, [1.5, 0.0], 1.2e-3), one(12, [1.0, 0.0], 1e-2),
            one(1, [1.0, 0.0], 1e-3)]
    rows = [dict(left=8.0, x=1.0, y=0.0, within=1e-3, smooth=smooth[k], planted=said[k % 4], correlation=0.5)
            for k in range(100)]
    found = perturbers.measured(rows)
    row = next(row for row in found["bins"] if row["low"] == 6 and row["high"] is None)
    assert found["threshold"] == pytest.approx(9.405)          # of 0 to 9.9 five are above
    assert [row[word][0] for word in ("found", "placed", "seen")] == [0.25, 0.5, 0.75]
    assert row["auc_significance"][0] == pytest.approx(0.75 + 0.25 * 0.105)     # a score of 1 beats ten and ties one
    assert row["correlation"][0] == 0.5


def test_an_answer_counts_as_reached_at_one_percent_more_and_costs_the_limit_otherwise():
    case = SimpleNamespace(chi2=1000.0)
    assert fitters.ended(case, 1009.0, 1.0, 12.0, 300.0)["seconds"] == 12.0
    late = fitters.ended(case, 1011.0, 1.0, 12.0, 300.0)
    assert not late["reached"] and late["seconds"] == 300.0


def test_lenstronomy_s_likelihood_of_our_numbers_is_our_chi2():
    """The very model that the swarm searches, at the truth."""
    population = find(fitters.PLAIN)
    number = fitters.numbers(fitters.PLAIN, 1)[0]
    drawn = items(population, 0, fitters.HELD_OUT_SEED, "test", bare=True).take(slice(number, number + 1))
    lens = usual(starting_network()[1], fitters.SETTINGS)
    truth = lens.of_table(population.paths, drawn.parameters)
    problem = FitProblem(lens, drawn.image, drawn.variance.sqrt(), torch.zeros(1, 0))
    place = fitters.lens_places(problem, truth)
    ours = float(problem.residual(State(place, place[:, :0], place[:, :0])).double().square().sum())
    case = fitters.Case(problem, place, truth[0], truth[0], ours, 1.0, 1.0)
    likelihood, param = fitters.lenstronomy_likelihood(case)
    at = dict(zip(lens.names, truth[0].tolist(), strict=True))
    numbers = param.kwargs2args(
        kwargs_lens=[{k: at[v] for k, v in part.items()} for part in (fitters.LENS, fitters.SHEAR)],
        kwargs_source=[{k: at[v] for k, v in fitters.SOURCE.items()} | dict(R_sersic=np.exp(at["log_R"]),
                                                                          n_sersic=np.exp(at["log_n"]))])
    assert -2 * likelihood.logL(numbers) == pytest.approx(ours, abs=2)      # it solves for the amplitude exactly
