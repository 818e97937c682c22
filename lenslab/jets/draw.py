"""Jets drawn chunk by chunk: each a pure function of seed, split and place, so that any worker makes the same."""

import itertools
import json
from dataclasses import dataclass

import numpy as np

from lenslab.feed.examples import Columns
from lenslab.feed.order import CHUNK
from lenslab.jets import FLAVOURS, SPLITS, detector, events
from lenslab.jets.images import Hits

PARTICLES, DETECTOR = 0, 1         # keep apart what is drawn from one seed
PILEUP_MOST = 200.0


@dataclass(frozen=True)
class Draw:
    """What is drawn: plain words that travel to processes. Kinds of jet take turns, so that any n rows are balanced."""

    seed: int = 0
    split: str = "train"
    pileup: float = 0.0

    def __post_init__(self):
        if not (isinstance(self.seed, int) and 0 <= self.seed < 2**31):
            raise ValueError(f"The seed is {self.seed!r}; give a whole number from 0 to {2**31 - 1}.")
        if self.split not in SPLITS:
            raise ValueError(f"There is no split {str(self.split)[:40]!r}; choose one of {', '.join(SPLITS)}.")
        if not 0 <= self.pileup <= PILEUP_MOST:
            raise ValueError(f"A pile-up of {self.pileup:g} collisions was asked for; give a number from 0 to "
                             f"{PILEUP_MOST:g}.")

    def columns(self, chunk: int) -> Columns:
        """CHUNK jets: hits (counts, places, values), place in FLAVOURS, p_T and mass (GeV) and eta of the generator."""
        rows: dict[int, tuple] = {}
        for label, flavour in enumerate(FLAVOURS):
            key = self.seed, SPLITS.index(self.split), chunk, label
            rng = np.random.default_rng((*key, DETECTOR))
            drawn = events.jets(flavour, (*key, PARTICLES), self.pileup)
            for k, jet in enumerate(itertools.islice(drawn, CHUNK // len(FLAVOURS))):
                rows[k * len(FLAVOURS) + label] = jet, detector.measure(jet.particles, jet.eta, jet.phi, rng)
        found = [rows[k] for k in range(CHUNK)]
        truth = [[jet.pt, jet.mass, jet.eta] for jet, _ in found]
        label = np.arange(CHUNK) % len(FLAVOURS)
        pt, mass, eta = np.array(truth, np.float32).T
        return vars(Hits.of([seen for _, seen in found])) | dict(label=label, pt=pt, mass=mass, eta=eta)

    @property
    def definition(self) -> dict:
        """All that the jets follow from, as JSON has it."""
        constants = {name: value for name, value in vars(detector).items() if name.isupper()}
        made = dict(pythia=events.version(), common=events.COMMON, hard=events.HARD, processes=events.PROCESSES,
                    R=events.R, pt=events.PT, eta=events.ETA, match=events.MATCH, pileup=self.pileup,
                    detector=constants)
        return json.loads(json.dumps(made))
