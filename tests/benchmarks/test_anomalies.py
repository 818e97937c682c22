"""The table of detectors: lenses whose substructure stays are told of apart."""

import numpy as np

from benchmarks.anomalies import strong_auc, strong_words


def test_weak_substructure_does_not_count_among_the_strong():
    score = np.concatenate([np.linspace(0, 1, 40), np.full(20, 0.5), np.full(12, 2.0)])
    smooth, left = np.arange(72) < 40, np.concatenate([np.zeros(40), np.full(20, 3.0), np.full(12, 9.0)])
    found = strong_auc(score, smooth, left)
    assert found["auc"] == 1 and found["n"] == 12 and strong_words(found).endswith(", 12")
    assert strong_auc(score[:62], smooth[:62], left[:62]) is None and strong_words(None) == ""
