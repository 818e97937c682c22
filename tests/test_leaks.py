"""Mass is no shortcut: total flux and ring radius alone must not tell the classes (benchmarks/leak_audit.py)."""

import numpy as np
import pytest

from benchmarks import leak_audit
from lenslab.population import find
from lenslab.sets.draw import items


def audited(name, chunks, kinds=None):
    """The audit on some chunks; `kinds` leaves out classes that are slow to render."""
    population, x, labels = find(name), [], []
    for chunk in range(chunks):
        made = items(population, chunk, seed=1)
        x.append(leak_audit.features(made.image[:, 0].double().numpy(), made.variance[:, 0].sqrt().double().numpy()))
        labels.append(made.labels)
    return leak_audit.audit(np.concatenate(x), np.concatenate(labels), list(population.classes))


@pytest.mark.parametrize("name, chunks", [("deeplense-2-mended", 15), ("seed-64", 4)])
def test_mended_populations_do_not_leak(name, chunks):
    """Within three standard errors of the audit's limit; the full audit is the benchmark at n = 5,000."""
    found = audited(name, chunks)
    assert found["worst"] < leak_audit.LIMIT + 3 * found["sigma"], found


def test_the_audit_sees_the_leak_of_the_published_images():
    """DeepLense II adds substructure on top of its mass: the audit must not be blind."""
    found = audited("deeplense-2", 5)
    assert found["macro"] > 0.7, found


def test_the_classifier_finds_a_known_separation():
    """Two normal clouds a distance d apart have AUC Phi(d/sqrt 2); shuffled labels have 0.5."""
    rng = np.random.default_rng(1)
    y = np.arange(4000) % 2 == 0
    x = rng.normal(size=(4000, 2)) + 1.0 * y[:, None] * np.array([1.0, 0.0])
    assert abs(leak_audit.auc(leak_audit.cross_fitted(x, y), y) - 0.7602) < 0.02
    shuffled = rng.permutation(y)
    assert abs(leak_audit.auc(leak_audit.cross_fitted(x, shuffled), shuffled) - 0.5) < 4 * leak_audit.guess_error(y)
