"""Jets of proton collisions at 13 TeV, before any detector, by Pythia 8. The only importer of pythia8mc.

Pythia 8.3 (Bierlich et al. 2022, 2203.11601) with its default tune, Monash 2013 (Skands et al. 2014, 1404.5630):
initial- and final-state radiation, multiple interactions and hadronisation. Jets are anti-k_T (Cacciari, Salam & Soyez
2008, 0802.1189) with R = 0.8, found by FastJet's core (Cacciari, Salam & Soyez 2012, 1111.6097) inside of Pythia.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from lenslab.jets import FLAVOURS
from lenslab.jets.detector import ELECTRON, HADRON, MUON, PHOTON, WINDOW, Particles

R = 0.8
PT = 400.0, 600.0        # GeV, of a jet
ETA = 1.3                # |eta| of its axis
MATCH = 0.4              # of its axis to the parton that it is named after
REACH = 0.75 * WINDOW    # in eta, of the particles that are handed on: all that a window can hold, tower by tower
HARDEST = 900_000_000    # Pythia's largest seed
KINDS = {11: ELECTRON, 22: PHOTON, 13: MUON}
COMMON = ("Beams:eCM = 13000.", "Random:setSeed = on", "Random:seed = 1", "Print:quiet = on")
# p_T of the hard collision, drawn by a power that makes that of jets nearly flat (section 2 of the docs on jets).
HARD = ("PhaseSpace:pTHatMin = 350.", "PhaseSpace:pTHatMax = 750.", "PhaseSpace:bias2Selection = on",
        "PhaseSpace:bias2SelectionPow = 4.5")
PROCESSES = {
    "quark": ("HardQCD:qq2qq = on", "HardQCD:gg2qqbar = on", "HardQCD:qqbar2qqbarNew = on"),
    "gluon": ("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"),
    "top": ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5"),
}
PILEUP = ("SoftQCD:nonDiffractive = on",)    # diffraction adds little that CMS sees, and nine seconds of setting up


@dataclass(frozen=True)
class Jet:
    """One jet: its anti-k_T momentum, and the visible particles of the event round it.

    pt, mass   GeV, of the sum of its particles; eta, phi of that sum
    """

    flavour: str
    pt: float
    eta: float
    phi: float
    mass: float
    particles: Particles


def jets(flavour: str, seed: tuple[int, ...], pileup: float = 0.0) -> Iterator[Jet]:
    """Jets without end, of a kind of FLAVOURS; a pure function of the seed, in any process.

    pileup   mean number of further collisions of the same bunches; jets are found before they are laid over
    """
    pythia = generator(flavour, hard=True)
    pythia.rndm.init(whole(seed))
    if pileup:
        soft, rng = generator("soft", hard=False), np.random.default_rng((*seed, 1))
        soft.rndm.init(whole((*seed, 2)))
    finder = library().SlowJet(-1, R, PT[0], 5.0, 2, 2)       # visible particles, with their own masses
    while True:
        if not pythia.next():
            continue
        finder.analyze(pythia.event)
        found = [jet for jet in (accepted(finder, k) for k in range(finder.sizeJet())) if jet and
                 matched(pythia.event, flavour, jet)]
        if not found:
            continue
        particles = visible(pythia.event)
        for _ in range(rng.poisson(pileup) if pileup else 0):
            soft.next()
            particles = particles.joined(visible(soft.event))
        for pt, eta, phi, mass in found:
            yield Jet(flavour, pt, eta, phi, mass, particles.near(eta, REACH))


def accepted(finder, k: int) -> tuple[float, float, float, float] | None:
    """p_T, eta, phi and mass of the k-th jet, where it is one that is kept."""
    p = finder.p(k)
    pt, eta = finder.pT(k), p.eta()
    return (pt, eta, p.phi(), finder.m(k)) if PT[0] < pt < PT[1] and abs(eta) < ETA else None


def matched(event, flavour: str, jet: tuple[float, float, float, float]) -> bool:
    """Whether a parton of the hard collision, entries 5 and 6, is near; a top counts where it decays."""
    for k in (5, 6):
        parton = event[event[k].iBotCopyId()] if flavour == "top" else event[k]
        away = abs(parton.phi() - jet[2])
        if np.hypot(parton.eta() - jet[1], min(away, 2 * np.pi - away)) < MATCH:
            return True
    return False


def visible(event) -> Particles:
    """All that a detector may see of an event."""
    rows = [(p.pT(), p.eta(), p.phi(), p.e(), p.charge(), KINDS.get(p.idAbs(), HADRON))
            for p in (event[k] for k in range(event.size())) if p.isFinal() and p.isVisible() and abs(p.eta()) < 5]
    return Particles.of_rows(rows)


def whole(seed: tuple[int, ...]) -> int:
    return 1 + int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] % HARDEST)


@cache
def generator(name: str, hard: bool):
    """Pythia for a kind of event, of which there is one in a process: it takes 0.6 s to set up, a fresh seed none."""
    if hard and name not in FLAVOURS:
        raise ValueError(f"There is no kind of jet {name[:40]!r}; choose one of {', '.join(FLAVOURS)}.")
    pythia = library().Pythia("", False)
    for word in (*COMMON, *((*HARD, *PROCESSES[name]) if hard else PILEUP)):
        assert pythia.readString(word), word
    assert pythia.init()
    return pythia


def version() -> str:
    """Of Pythia."""
    return f"{library().Pythia('', False).parm('Pythia:versionNumber'):.3f}"


def library():
    try:
        import pythia8mc
    except ImportError:
        raise ValueError("Simulating jets takes Pythia 8, which is not installed: pip install --only-binary pythia8mc "
                         "-r requirements-jets.txt. The 2,000 jets that lenslab brings need none.") from None
    return pythia8mc
