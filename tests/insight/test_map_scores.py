"""What a card says of the maps of its network, and that one from anywhere cannot say what is no score."""

import pytest

from lenslab.insight.map_scores import MapScore, score

GOOD = dict(n=40, chance=dict(share=[0.49, 0.4, 0.5]), occlusion=dict(pointing=[0.8, 0.7, 0.9], share=[0.5, 0.4, 0.6]))


def card(entry: object) -> dict:
    return dict(benchmark=dict(explanations=dict(least=3.0, classes=dict(axion=entry))))


def test_a_score_is_that_of_its_class_and_method():
    assert score(card(GOOD), "axion", "occlusion") == MapScore(40, pointing=0.8, share=0.5, chance=0.49)
    assert score(card(GOOD), "cdm", "occlusion") is None and score(card(GOOD), "axion", "grad_cam") is None


@pytest.mark.parametrize("entry", [
    None, [], "40", GOOD | dict(n=0), GOOD | dict(n=True), GOOD | dict(n=10**400), GOOD | dict(chance=None),
    GOOD | dict(chance=dict(share=[])), GOOD | dict(chance=dict(share=["0.5"])), GOOD | dict(chance=dict(share=[1.5])),
    GOOD | dict(occlusion=dict(pointing=[float("nan")], share=[0.5])), GOOD | dict(occlusion=dict(share=[0.5]))])
def test_what_is_no_score_counts_as_not_measured(entry):
    assert score(card(entry), "axion", "occlusion") is None


@pytest.mark.parametrize("whole", [{}, dict(benchmark=3), dict(benchmark=dict(explanations=[]))])
def test_a_card_without_scores_has_none(whole):
    assert score(whole, "axion", "occlusion") is None
