"""A judgement: intervals against scipy, curves and bins of answers made by hand, and what a forged card meets."""

import copy
import json

import numpy as np
import pytest
from scipy.stats import binomtest

from lenslab import population
from lenslab.insight import cards, judgement, metrics
from lenslab.insight.judgement import Held, judge

CLASSES = ("smooth", "cdm", "wdm")
HELD = Held("hst", "test", 0)


def answers(n=900, seed=0):
    """Probabilities that favour the truth the more, the stronger the substructure; labels; truths."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    strength = np.where(labels > 0, rng.uniform(0.01, 0.1, n), np.nan)
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), labels] += np.nan_to_num(40 * strength, nan=1.5)
    powers = np.exp(logits)
    truths = {"lens.theta_E": rng.uniform(0.5, 1.8, n), "substructure.f_sub": strength,
              "substructure.slope": np.where(labels > 0, -1.9, np.nan)}
    return powers / powers.sum(1, keepdims=True), labels, truths


@pytest.fixture(scope="module")
def made():
    return judge(*answers()[:2], CLASSES, answers()[2], HELD)


def test_wilson_is_scipys():
    for right, number in ((0, 7), (3, 7), (7, 7), (499, 500)):
        low, high = judgement.wilson(right, number)
        exact = binomtest(right, number).proportion_ci(method="wilson")
        assert low == pytest.approx(exact.low, abs=1e-12) and high == pytest.approx(exact.high, abs=1e-12)


def test_it_is_small_plain_and_sound(made):
    text = json.dumps(made, allow_nan=False)
    assert len(text) < 150_000
    assert cards.sound(json.loads(text), CLASSES) == json.loads(text)


def test_the_curves_have_the_areas_of_the_answers(made):
    probabilities, labels, _ = answers()
    for k, curve in enumerate(made["roc"]):
        assert len(curve["true"]) <= cards.ROC_POINTS + 2
        area = np.trapezoid(curve["true"], curve["false"])
        assert curve["auc"] == pytest.approx(metrics.auc(probabilities[:, k], labels == k), abs=1e-5)
        assert area == pytest.approx(curve["auc"], abs=5e-3)      # chords of 120 points


def test_bins_hold_all_images_and_their_mean_is_the_accuracy(made):
    probabilities, labels, _ = answers()
    curve = next(curve for curve in made["against"] if curve["path"] == "lens.theta_E")
    assert curve["class"] is None and sum(curve["number"]) == 900 and max(curve["number"]) - min(curve["number"]) <= 2
    mean = np.average(curve["accuracy"], weights=curve["number"])
    assert mean == pytest.approx(metrics.accuracy(probabilities, labels), abs=1e-4)
    assert all(low < value < high for value, (low, high) in zip(curve["accuracy"], curve["interval"], strict=True))


def test_strong_substructure_is_found_more_often_and_each_class_has_its_curve(made):
    curves = [curve for curve in made["against"] if curve["path"] == "substructure.f_sub"]
    assert [curve["class"] for curve in curves] == ["cdm", "wdm"]
    for curve in curves:
        assert sum(curve["number"]) == 300
        assert curve["accuracy"][-1] > curve["accuracy"][0] + 0.2 and curve["auc"][-1] > curve["auc"][0]
        for value, (low, high) in zip(curve["auc"], curve["auc_interval"], strict=True):
            assert low <= value <= high
    assert not any(curve["path"] == "substructure.slope" for curve in made["against"])   # it never varies


def test_auc_of_a_class_asks_for_it_against_bare_lenses_alone():
    """Answers that tell cdm from wdm perfectly and from smooth by chance have an AUC of 1/2."""
    labels = np.arange(600) % 3
    table = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0, 0, 1.0]])
    strength = np.where(labels == 1, np.linspace(1, 2, 600), np.nan)
    found, = judge(table[labels], labels, CLASSES, {"substructure.f_sub": strength}, HELD)["against"]
    assert found["auc"] == pytest.approx([0.5] * len(found["auc"]))


def test_the_worst_errors_take_turns_and_name_their_place():
    labels = np.array([0, 0, 0, 1, 1, 2])
    probabilities = np.array([[0.1, 0.9, 0], [0.2, 0.8, 0], [0.9, 0.1, 0], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1],
                              [0.5, 0.1, 0.4]])
    found = judgement.worst(probabilities, labels, index=np.arange(6) + 100)
    assert [(entry["index"], entry["truth"]) for entry in found] == [(100, 0), (101, 0), (103, 1), (105, 2)]
    many = judgement.worst(np.tile([[0.1, 0.9, 0]], (500, 1)), np.repeat([0, 2], 250))
    assert len(many) == cards.WORST and sum(entry["truth"] == 0 for entry in many) == cards.WORST // 2


def test_truths_are_those_of_the_drawn_scenes():
    hst = population.find("hst")
    truths = judgement.truths_of(hst, 150, 3, "test")
    drawn = hst.draw(150, 3, "test")
    for rows, scenes in drawn.groups:
        one = scenes.scene(0)
        assert truths["lens.theta_E"][rows[0]] == one.lens.theta_E
        kind = one.substructure.kind
        f_sub = truths["substructure.f_sub"][rows[0]]
        assert f_sub == one.substructure.f_sub if kind in ("cdm", "wdm") else np.isnan(f_sub)
    assert (truths["source.offset"] <= 0.4).all() and truths["source.offset"].max() > 0.35
    assert (truths["signal_to_noise"] == drawn.truths["signal_to_noise"]).all()


def test_splits_are_those_of_populations():
    assert cards.SPLITS == population.SPLITS


@pytest.mark.parametrize("path, value", [
    (("n",), "900"), (("n",), True), (("n",), 901), (("classes",), ["smooth", "cdm", "fdm"]), (("split",), "all"),
    (("seed",), -1), (("population",), 7), (("confusion",), [[1, 2], [3, 4]]), (("confusion", 0, 0), -1),
    (("roc", 0, "true"), [0.0]), (("roc", 0, "true", 0), float("nan")), (("roc", 1, "auc"), 1.5), (("roc",), {}),
    (("reliability", "interval", 0), [0.1]), (("reliability", "number"), []), (("against", 0, "path"), "x" * 200),
    (("against", 0, "class"), "elsewhere"), (("against", 0, "middle", 0), float("inf")), (("against", 0), None),
    (("worst", 0, "index"), 1e3), (("worst", 0, "truth"), 3), (("worst", 0, "probabilities"), [1.0]),
    (("worst",), "none")])
def test_a_forged_judgement_is_refused_in_a_sentence(made, path, value):
    forged = copy.deepcopy(made)
    part = forged
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(ValueError, match=r"cannot be read \(.+\); judge it anew with .+\.$"):
        cards.sound(forged, CLASSES)


@pytest.mark.parametrize("given", [None, [], "x", 3, {}, {"classes": list(CLASSES)}])
def test_what_is_no_judgement_is_refused(given):
    with pytest.raises(ValueError, match="cannot be read"):
        cards.sound(given, CLASSES)


@pytest.mark.parametrize("metrics", [None, [], "0.9", {}, {"ece": "0.1"}, {"ece": True}, {"ece": [], "intervals": 1}])
def test_a_figure_that_a_card_has_not_as_a_number_is_none(metrics):
    card = {"metrics": metrics}
    assert cards.metric(card, "ece") == (None, None) and cards.in_words(card, "ece") == ""
    assert isinstance(cards.metrics_of(card), dict)


@pytest.mark.parametrize("limits", [None, [0.1], [0.1, "0.2"], {"low": 0.1}])
def test_a_figure_stands_without_an_interval_that_is_none(limits):
    card = {"metrics": {"ece": 0.15, "intervals": {"ece": limits}}}
    assert cards.metric(card, "ece") == (0.15, None) and cards.in_words(card, "ece") == "0.150"
    card["metrics"]["intervals"]["ece"] = [0.1, 0.2]
    assert cards.in_words(card, "ece") == "0.150 (0.100 to 0.200)"
