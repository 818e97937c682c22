"""Events of Pythia, where it is installed; and a sentence where it is not."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenslab.jets import events

ROOT = Path(__file__).parents[2]


def some(flavour: str, seed: tuple[int, ...], n: int) -> list[events.Jet]:
    return list(itertools.islice(events.jets(flavour, seed), n))


@pytest.mark.parametrize("flavour", events.FLAVOURS)
def test_jets_are_what_their_particles_sum_to(flavour):
    """Particles within R of the axis carry the jet's p_T, but for a few at its edge; all are within the cuts."""
    pytest.importorskip("pythia8mc")
    for jet in some(flavour, (3,), 2):
        assert 400 < jet.pt < 600 and abs(jet.eta) < 1.3 and 0 < jet.mass < jet.pt
        seen, away = jet.particles, np.mod(jet.particles.phi - jet.phi + np.pi, 2 * np.pi) - np.pi
        inside = np.hypot(seen.eta - jet.eta, away) < events.R
        px, py = ((seen.pt * wave(seen.phi))[inside].sum() for wave in (np.cos, np.sin))
        assert np.hypot(px, py) == pytest.approx(jet.pt, rel=0.06)


def test_a_seed_says_all_whatever_was_drawn_before():
    """Every chunk re-seeds the one Pythia of its process: what was drawn before must leave no trace, nor a process."""
    pytest.importorskip("pythia8mc")
    some("gluon", (9,), 2)
    here = [(jet.pt, jet.mass) for jet in some("gluon", (1, 2), 3)]
    program = ("import itertools; from lenslab.jets import events\n"
               "print([(jet.pt, jet.mass) for jet in itertools.islice(events.jets('gluon', (1, 2)), 3)])")
    there = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert there.stdout.splitlines()[-1] == str(here)
    assert here != [(jet.pt, jet.mass) for jet in some("gluon", (1, 3), 3)]


def test_pileup_lays_soft_particles_over_a_jet():
    """The particles of the hard event stay as they were; those of 20 collisions come to it: 6 charged ones a unit of
    eta and collision (CMS, 1507.05915: 5.5 at 13 TeV), and as many photons."""
    pytest.importorskip("pythia8mc")
    plain, crowded = some("quark", (5,), 1)[0], next(events.jets("quark", (5,), pileup=20.0))
    assert (plain.pt, plain.mass) == (crowded.pt, crowded.mass)
    more = crowded.particles.at(np.arange(len(plain.particles.pt), len(crowded.particles.pt)))
    collisions = np.random.default_rng((5, 1)).poisson(20.0)
    charged = (more.charge != 0).sum() / (2 * events.REACH) / collisions
    assert 3 < charged < 9 and np.median(more.pt) < 1


def test_without_pythia_a_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    events.generator.cache_clear()
    with pytest.raises(ValueError, match="requirements-jets.txt"):
        next(events.jets("top", (0,)))


def test_an_unknown_flavour_is_refused_in_words():
    with pytest.raises(ValueError, match="choose one of quark, gluon, top"):
        next(events.jets("charm", (0,)))
